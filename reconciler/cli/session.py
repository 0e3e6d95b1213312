"""What plan, apply, status, show and inventory have in common: desired, observed and recorded, put together once."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import msgspec

from reconciler import __version__
from reconciler.apply.lock import hold
from reconciler.apply.state import StateDirectory, default_path
from reconciler.desired.compile import Compiled, compile_state
from reconciler.desired.diagnostics import Diagnostic, Path
from reconciler.desired.load import Loaded, load
from reconciler.observed import cache as cached
from reconciler.observed.gather import gather
from reconciler.observed.model import ObservedState
from reconciler.plan.build import Plan, make_plan
from reconciler.plan.document import Source
from reconciler.plan.inventory import Inventory
from reconciler.plan.options import Options
from reconciler.source.directory import DirectorySource


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """The desired state and where its records live."""

    loaded: Loaded
    compiled: Compiled
    state: StateDirectory

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What was found in the desired state without being an error."""
        return self.compiled.diagnostics

    @property
    def source(self) -> Source:
        """Where the desired state came from, for plan documents."""
        return Source(path=self.loaded.name, sha256=self.loaded.sha256)

    def where(self, path: Path) -> str:
        """``cluster-pki.yaml:12`` for a path of the document, empty for what a preset added."""
        span = self.loaded.locate(path) if path else None
        return f"{span.file}:{span.line}" if span else ""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One look at everything."""

    session: Session
    observed: ObservedState
    inventory: Inventory
    plan: Plan
    now: datetime


def open_session(arguments: argparse.Namespace) -> Session:
    """Reads and expands the desired state, and finds the state directory.

    Raises:
        InvalidDesiredStateError: with every mistake.
    """
    # Reading thousands of files makes no cycles worth collecting; the collector would walk them again and again.
    gc.disable()
    loaded = load(DirectorySource(arguments.file))
    root = os.path.abspath(arguments.root) if arguments.root else ""
    compiled = compile_state(loaded, node=arguments.node, root=root)
    if arguments.state_dir:
        path = os.path.abspath(arguments.state_dir)
    else:
        path = default_path(euid=os.geteuid(), environ=os.environ, cluster=compiled.state.cluster, root=root)
    return Session(loaded=loaded, compiled=compiled, state=StateDirectory(path))


def look(session: Session, *, now: datetime, options: Options) -> View:
    """Observes and plans."""
    inventory = session.state.load_inventory(cluster=session.compiled.state.cluster)
    cache = cached.load(session.state.cache_path, version=__version__, now_ns=time.time_ns())
    observed = gather(session.compiled.state, cache=cache)
    if session.state.exists():
        cached.save(cache, session.state.cache_path, version=__version__)
    plan = make_plan(
        session.compiled.state,
        observed,
        inventory,
        now=now,
        options=options,
        source=session.source,
        tool_version=__version__,
    )
    return View(session=session, observed=observed, inventory=inventory, plan=plan, now=now)


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
