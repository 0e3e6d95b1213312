"""What went wrong, in words: every error that may reach a user, with its way out and its exit code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from typing import Final

from reconciler.apply.lock import LockHeldError
from reconciler.cli.exit_codes import ExitCode
from reconciler.daemon.listen import ListenError
from reconciler.desired.diagnostics import InvalidDesiredStateError
from reconciler.plan.options import InvalidOptionError
from reconciler.plan.saved import StalePlanError
from reconciler.render.colour import wants_colour
from reconciler.render.diagnostics_text import render_diagnostics
from reconciler.source.revision import SourceError
from reconciler.stores.errors import StoreError
from reconciler.vault.election.cluster_lease import ForeignLeaseError, LeaseHeldError
from reconciler.vault.election.leadership import LeaseLostError
from reconciler.vault.errors import VaultError

DEBUG = 2
#: What somebody else has.
_HELD: Final[dict[type[Exception], str]] = {LockHeldError: "state lock", LeaseHeldError: "lease"}


def explain(error: Exception, *, color: str, environ: Mapping[str, str], verbose: int) -> tuple[str, ExitCode]:
    """The message for stderr and the exit code.

    Args:
        error: what ended the command.
        color: the value of ``--color``.
        environ: for NO_COLOR and its kin.
        verbose: how often ``-v`` was given; twice shows where an unexpected error arose.
    """
    match error:
        case InvalidDesiredStateError():
            coloured = wants_colour(color, environ, sys.stderr)
            return render_diagnostics(error.diagnostics, error.loaded, color=coloured), ExitCode.ERROR
        case LockHeldError() | LeaseHeldError():
            return f"Error: Error acquiring the {_HELD[type(error)]}\n\n{error}\n", ExitCode.LOCKED
        case InvalidOptionError():
            return f"Error: {error}\n", ExitCode.USAGE
        case ListenError():
            return f"cluster-pki: error: {error}\n", ExitCode.USAGE
        case SourceError():
            hint = f"\n\nTo mend it: {error.hint}." if error.hint else ""
            return f"Error: {error.message} ({error.reason}){hint}\n", ExitCode.ERROR
        case StalePlanError():
            return f"Error: {error.summary}\n\n{error.detail}\n", ExitCode.ERROR
        case StoreError() | VaultError():
            return f"Error: {error.advice}\n", ExitCode.ERROR
        case ForeignLeaseError() | LeaseLostError() | OSError():
            return f"Error: {error}\n", ExitCode.ERROR
    detail = (
        f"Error: unexpected {type(error).__name__}: {error}\n\n"
        "This is a defect of cluster-pki; nothing was left half done that the next run does not finish.\n"
    )
    if verbose >= DEBUG:
        return detail + "".join(traceback.format_exception(error)), ExitCode.ERROR
    return f"{detail}Run again with -vv to see where it arose.\n", ExitCode.ERROR
