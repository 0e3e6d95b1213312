"""``cluster-pki verify``: proof instead of belief."""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import datetime

from reconciler.cli.argument_types import seconds
from reconciler.cli.clock import moment, wall_clock
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.options import UsageError, add_common
from reconciler.cli.session import open_session, print_result, shared_lock
from reconciler.cli.sources import add_source
from reconciler.passes.look import look
from reconciler.plan.options import Options
from reconciler.render.colour import wants_colour
from reconciler.render.diagnostics_text import render_diagnostics
from reconciler.trust.document import VerificationDocument

#: Formats of what running processes serve; the others are pictures of the graph.
_LIVE_FORMATS = ("text", "json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``verify``."""
    group = parser.add_argument_group("what to verify (default: every connection, with what is on disk)")
    which = group.add_mutually_exclusive_group()
    which.add_argument("--live", action="store_true", help="ask every endpoint with a `probe` which certificate it presents, now")
    which.add_argument("--plan", action="store_true", help="every connection, with what the plan would leave behind")
    which.add_argument(
        "--every-phase",
        action="store_true",
        help="every connection now, after each plan, and while only some nodes and processes have what is new",
    )
    group.add_argument("--at", default=None, metavar="TIME", help="judge dates as of another time: 2027-01-31, +60d")
    group.add_argument(
        "--lock-timeout",
        type=seconds,
        default="10s",
        metavar="DURATION",
        help="how long to wait for an apply or a pass that is at work (default %(default)s)",
    )
    add_source(parser)
    add_common(parser, formats=("text", "json", "svg", "html"))


def run(arguments: argparse.Namespace) -> int:
    """Verifies, prints, and fails when anything does not get through, or is not served as it is on disk."""
    if arguments.live:
        return _live(arguments)
    now = moment(arguments.at, wall_clock())
    document = _prove(arguments, now)
    from reconciler.render.verifications import RENDERERS  # noqa: PLC0415 - `--live` needs none of it

    print_result(RENDERERS[arguments.format](document, color=wants_colour(arguments.color, os.environ, sys.stdout)))
    return ExitCode.ERROR if document.broken else ExitCode.SUCCESS


def _prove(arguments: argparse.Namespace, now: datetime) -> VerificationDocument:
    """What is on disk is tried with its own keys, under the lock; what is planned with twins."""
    from reconciler.passes.forecasting import forecast  # noqa: PLC0415 - `--live` needs none of it
    from reconciler.proof.published import Published  # noqa: PLC0415 - needs what talking TLS needs
    from reconciler.proof.trials import Prover  # noqa: PLC0415
    from reconciler.proof.twins import Twins  # noqa: PLC0415
    from reconciler.trust.proofs import prove_every_phase, prove_state  # noqa: PLC0415

    session = open_session(arguments)
    desired = session.compiled.state
    colour = wants_colour(arguments.color, os.environ, sys.stderr)
    sys.stderr.write(render_diagnostics(session.warnings, session.loaded, color=colour))
    with shared_lock(session, "verify", arguments.lock_timeout):
        view = look(session, now=now, options=Options())
        if not (arguments.plan or arguments.every_phase):
            return prove_state(desired, view.observed, Prover(Published(desired, view.outside.store)), at=now)
    moments = forecast(view)
    if arguments.every_phase:
        return prove_every_phase(desired, moments, Prover(Twins()))
    return prove_state(desired, moments[-1].observed, Prover(Twins()), at=moments[-1].at, scope="plan")


def _live(arguments: argparse.Namespace) -> int:
    if arguments.format not in _LIVE_FORMATS or arguments.at:
        msg = "--live: what processes serve now is told as text or json"
        raise UsageError(msg)
    from reconciler.observed.live.inquiries import inquiries  # noqa: PLC0415 - needs what talking TLS needs
    from reconciler.observed.live.probe import probe_all  # noqa: PLC0415
    from reconciler.render.served import RENDERERS  # noqa: PLC0415

    view = look(open_session(arguments), now=wall_clock(), options=Options())
    desired = view.session.compiled.state
    served = probe_all(inquiries(desired, view.observed), now=wall_clock, monotonic=time.monotonic)
    missing = [each.address for each in desired.components.values() if each.probe is not None and each.address not in served]
    print_result(RENDERERS[arguments.format](served, missing, color=wants_colour(arguments.color, os.environ, sys.stdout)))
    fine = not missing and all(result.state == "ok" for result in served.values())
    return ExitCode.SUCCESS if fine else ExitCode.ERROR
