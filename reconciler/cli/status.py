"""``cluster-pki status``."""

from __future__ import annotations

import argparse
import os
import sys

from msgspec.structs import replace

from reconciler.cli.argument_types import seconds
from reconciler.cli.clock import moment, wall_clock
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.options import add_common
from reconciler.cli.session import open_session, print_result, shared_lock
from reconciler.cli.sources import add_source
from reconciler.passes.look import View, look
from reconciler.passes.reported import load_served, owed_hooks, with_report
from reconciler.plan.options import Options
from reconciler.render.colour import wants_colour
from reconciler.render.diagnostics_text import render_diagnostics
from reconciler.render.statuses import RENDERERS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``status``."""
    parser.add_argument("--at", default=None, metavar="TIME", help="status as of a later time: 2027-01-31, +60d")
    add_lock_timeout(parser)
    add_source(parser)
    add_common(parser, formats=("table", "json", "csv", "html"))


def add_lock_timeout(parser: argparse.ArgumentParser) -> None:
    """Adds the option of commands that look and change nothing: they wait for whoever is at work."""
    parser.add_argument(
        "--lock-timeout",
        type=seconds,
        default="10s",
        metavar="DURATION",
        help="how long to wait for an apply or a pass that is at work (default %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Prints how every certificate is doing."""
    view = view_of(arguments)
    colour = wants_colour(arguments.color, os.environ, sys.stdout)
    document = view.status()
    if not arguments.at:
        document = replace(with_report(document, view.session.state, now=view.now), hooks=owed_hooks(view))
    print_result(RENDERERS[arguments.format](document, now=view.now, color=colour))
    return ExitCode.SUCCESS


def view_of(arguments: argparse.Namespace) -> View:
    """One look, without anything planned beyond what is due; warnings go to stderr."""
    now = moment(arguments.at, wall_clock())
    session = open_session(arguments)
    with shared_lock(session, "status", arguments.lock_timeout):
        view = look(session, now=now, options=Options(confirmed=False), served=load_served(session.state))
    sys.stderr.write(
        render_diagnostics(session.warnings, session.loaded, color=wants_colour(arguments.color, os.environ, sys.stderr))
    )
    return view
