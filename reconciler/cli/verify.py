"""``cluster-pki verify``: proof instead of belief."""

from __future__ import annotations

import argparse
import os
import sys
import time

from reconciler.cli.clock import wall_clock
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.options import UsageError, add_common
from reconciler.cli.session import open_session, print_result
from reconciler.cli.sources import add_source
from reconciler.passes.look import look
from reconciler.plan.options import Options
from reconciler.render.colour import wants_colour
from reconciler.render.served import RENDERERS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``verify``."""
    parser.add_argument(
        "--live", action="store_true", help="ask every endpoint with a `probe` which certificate it presents, now"
    )
    add_source(parser)
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Asks, prints, and fails when anything is not served as it is on disk."""
    if not arguments.live:
        msg = "say what to verify: --live asks running processes whether they serve what is on disk"
        raise UsageError(msg)
    from reconciler.observed.live.inquiries import inquiries  # noqa: PLC0415 - needs what talking TLS needs
    from reconciler.observed.live.probe import probe_all  # noqa: PLC0415

    view = look(open_session(arguments), now=wall_clock(), options=Options())
    desired = view.session.compiled.state
    served = probe_all(inquiries(desired, view.observed), now=wall_clock, monotonic=time.monotonic)
    missing = [each.address for each in desired.components.values() if each.probe is not None and each.address not in served]
    print_result(RENDERERS[arguments.format](served, missing, color=wants_colour(arguments.color, os.environ, sys.stdout)))
    fine = not missing and all(result.state == "ok" for result in served.values())
    return ExitCode.SUCCESS if fine else ExitCode.ERROR
