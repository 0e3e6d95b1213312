"""What plan, apply, status, show and inventory have in common: the desired state that the options name."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from reconciler.apply.lock import hold
from reconciler.cli.sources import session_from
from reconciler.passes.session import Session


def open_session(arguments: argparse.Namespace) -> Session:
    """Reads and expands the desired state, and finds the state directory.

    Raises:
        UsageError, SourceError: there is no desired state that may be acted on.
        InvalidDesiredStateError: with every mistake.
    """
    # Reading thousands of files makes no cycles worth collecting; the collector would walk them again and again.
    gc.disable()
    session = session_from(arguments)
    arguments.resources.callback(session.close)
    return session


@contextmanager
def shared_lock(session: Session, operation: str, timeout: float) -> Iterator[None]:
    """Keeps an apply from moving the picture while it is looked at; without a state directory there is nothing to wait for.

    Raises:
        LockHeldError: an apply is at work.
    """
    if not session.state.exists() or not os.access(session.state.path, os.W_OK):
        yield
        return
    with hold(session.state.lock_path, operation=operation, exclusive=False, timeout=timeout):
        yield


def in_automation() -> bool:
    """Whether hints about the next command would only be noise."""
    return bool(os.environ.get("CLUSTER_PKI_IN_AUTOMATION") or os.environ.get("CI"))


def print_result(text: str) -> None:
    """Writes a result to stdout, ending in a newline."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
