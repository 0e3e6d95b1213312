"""``cluster-pki inventory``: the certificate spreadsheet."""

from __future__ import annotations

import argparse

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.options import add_common
from reconciler.cli.session import print_result
from reconciler.cli.sources import add_source
from reconciler.cli.status import add_lock_timeout, view_of
from reconciler.render.inventories import RENDERERS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``inventory``."""
    parser.add_argument("--at", default=None, metavar="TIME", help="days left as of a later time: 2027-01-31, +60d")
    add_lock_timeout(parser)
    add_source(parser)
    add_common(parser, formats=("csv", "json", "html"))


def run(arguments: argparse.Namespace) -> int:
    """Prints one row a certificate."""
    view = view_of(arguments)
    print_result(RENDERERS[arguments.format](view.status(), now=view.now))
    return ExitCode.SUCCESS
