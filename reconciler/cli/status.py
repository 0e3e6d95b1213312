"""``cluster-pki status``."""

from __future__ import annotations

import argparse
import os
import sys

from reconciler.cli.clock import moment, wall_clock
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.options import add_common
from reconciler.cli.session import View, look, open_session, print_result, shared_lock
from reconciler.plan.options import Options
from reconciler.plan.status import StatusDocument, status_of
from reconciler.render.colour import wants_colour
from reconciler.render.diagnostics_text import render_diagnostics
from reconciler.render.statuses import RENDERERS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``status``."""
    parser.add_argument("--at", default=None, metavar="TIME", help="status as of a later time: 2027-01-31, +60d")
    add_common(parser, formats=("table", "json", "csv"))


def run(arguments: argparse.Namespace) -> int:
    """Prints how every certificate is doing."""
    view = view_of(arguments)
    colour = wants_colour(arguments.color, os.environ, sys.stdout)
    print_result(RENDERERS[arguments.format](status_from(view), now=view.now, color=colour))
    return ExitCode.SUCCESS


def view_of(arguments: argparse.Namespace) -> View:
    """One look, without anything planned beyond what is due; warnings go to stderr."""
    now = moment(arguments.at, wall_clock())
    session = open_session(arguments)
    with shared_lock(session, "status", 0.0):
        view = look(session, now=now, options=Options())
    sys.stderr.write(
        render_diagnostics(session.warnings, session.loaded, color=wants_colour(arguments.color, os.environ, sys.stderr))
    )
    return view


def status_from(view: View) -> StatusDocument:
    """The status document of a look."""
    return status_of(view.session.compiled.state, view.observed, view.plan.document, view.inventory, view.now)
