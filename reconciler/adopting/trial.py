"""Trying a document out: does it hold together, and what would its plan do to the files as they are? It only reads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import msgspec

from reconciler import __version__
from reconciler.desired.compile import compile_state
from reconciler.desired.diagnostics import Diagnostic, InvalidDesiredStateError, Severity
from reconciler.desired.load import load
from reconciler.desired.source import UnusableFileError
from reconciler.observed.gather import gather
from reconciler.plan.build import make_plan
from reconciler.plan.document import Source
from reconciler.plan.inventory import Inventory
from reconciler.plan.options import Options

NAME: Final = "cluster-pki.yaml"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """An address that a plan would do something about, or may not."""

    address: str
    reasons: tuple[str, ...]
    messages: tuple[str, ...]
    blocked: bool = False
    """Whether it is held back."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    mistakes: tuple[Diagnostic, ...] = ()
    """Errors that keep the document from being used; then nothing was planned."""
    changes: tuple[Change, ...] = ()
    signed_by: Mapping[str, str] = {}
    """By address of a component, the SHA-256 of the public key of the CA that verifiably signed it."""


class _Text:
    """A document in memory, without anything beside it."""

    name = NAME

    def __init__(self, text: str) -> None:
        self._data = text.encode()

    def shown(self, name: str) -> str:
        """How messages call it."""
        return name

    def read(self, name: str) -> bytes:
        """Its bytes."""
        if name != self.name:
            raise UnusableFileError(code="CPK001", message=f"{name}: there is no such file")
        return self._data

    def expand(self, pattern: str) -> tuple[str, ...]:
        """Nothing lies beside it."""
        return (pattern,)


def try_out(text: str, *, name: str, now: datetime) -> Trial:
    """Compiles, observes and plans, without any record of earlier runs."""
    try:
        state = compile_state(load(_Text(text)), node=None, root="").state
    except InvalidDesiredStateError as error:
        return Trial(mistakes=tuple(each for each in error.diagnostics if each.severity is Severity.ERROR))
    observed = gather(state)
    plan = make_plan(
        state,
        observed,
        Inventory(cluster=name),
        now=now,
        options=Options(),
        source=Source(path=NAME, sha256=hashlib.sha256(text.encode()).hexdigest()),
        tool_version=__version__,
    )
    changes = tuple(
        Change(
            address=change.address,
            reasons=tuple(reason.code for reason in change.change.reasons),
            messages=tuple(reason.message for reason in change.change.reasons),
            blocked=change.change.class_ == "blocked",
        )
        for change in plan.document.resource_changes
    )
    return Trial(changes=changes, signed_by={address: pair.signed_by for address, pair in observed.pairs.items()})
