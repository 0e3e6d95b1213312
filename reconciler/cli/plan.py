"""``cluster-pki plan``."""

from __future__ import annotations

import argparse
import os
import sys

from reconciler.cli.clock import moment, wall_clock
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.options import UsageError, add_common
from reconciler.cli.planning import add_planning, planning_options
from reconciler.cli.session import in_automation, open_session, print_result, shared_lock
from reconciler.cli.sources import add_source
from reconciler.passes.look import View, look
from reconciler.passes.reported import load_served
from reconciler.plan.saved import encode
from reconciler.render.colour import wants_colour
from reconciler.render.diagnostics_text import render_diagnostics
from reconciler.render.plans import RENDERERS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``plan``."""
    add_planning(parser)
    group = parser.add_argument_group("plan")
    group.add_argument("--out", default=None, metavar="FILE", help="save the plan, for `cluster-pki apply FILE`")
    group.add_argument("--refresh-only", action="store_true", help="only report what changed behind our back")
    group.add_argument("--detailed-exitcode", action="store_true", help="exit 2 when there are changes")
    group.add_argument("--at", default=None, metavar="TIME", help="plan as of a later time: 2027-01-31, +60d")
    add_source(parser)
    add_common(parser, formats=("text", "json", "markdown", "github"))


def run(arguments: argparse.Namespace) -> int:
    """Plans and prints."""
    now = moment(arguments.at, wall_clock())
    if arguments.out and arguments.at:
        msg = "--out and --at: a plan as of another time cannot be applied"
        raise UsageError(msg)
    if arguments.out and not os.path.isdir(os.path.dirname(os.path.abspath(arguments.out))):
        msg = f"--out {arguments.out}: there is no such directory"
        raise UsageError(msg)
    session = open_session(arguments)
    with shared_lock(session, "plan", arguments.lock_timeout):
        view = look(
            session,
            now=now,
            options=planning_options(arguments, refresh_only=arguments.refresh_only),
            served=load_served(session.state),
        )
    document = view.plan.document
    if arguments.out:
        from reconciler.stores.single import write_file  # noqa: PLC0415 - most plans are only looked at

        write_file(os.path.abspath(arguments.out), encode(document), mode=0o600)
    sys.stderr.write(
        render_diagnostics(session.warnings, session.loaded, color=wants_colour(arguments.color, os.environ, sys.stderr))
    )
    print_result(show(view, arguments, hints=not arguments.out and not in_automation() and document.has_changes))
    if arguments.out and arguments.format == "text":
        print_result(saved_note(arguments.out))
    if document.errored:
        return ExitCode.ERROR
    if arguments.detailed_exitcode and (document.has_changes or (arguments.refresh_only and document.resource_drift)):
        return ExitCode.CHANGES
    return ExitCode.SUCCESS


def show(view: View, arguments: argparse.Namespace, *, hints: bool) -> str:
    """The plan in the format that was asked for."""
    return RENDERERS[arguments.format](
        view.plan.document,
        now=view.now,
        color=wants_colour(arguments.color, os.environ, sys.stdout),
        hints=hints,
    )


def saved_note(path: str) -> str:
    """What to do with a saved plan."""
    text = f"\nSaved the plan to: {path}\n"
    if in_automation():
        return text
    return f'{text}\nTo perform exactly these actions, run:\n    cluster-pki apply "{path}"\n'
