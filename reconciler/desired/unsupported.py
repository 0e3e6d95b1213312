"""What the format knows and this version does not do yet. Delete a row when it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from msgspec import UNSET

from reconciler.desired.diagnostics import Path
from reconciler.desired.presets.fragments import Fragments
from reconciler.desired.report import Report
from reconciler.desired.spec import Document

Places = Callable[[Fragments, Document], Iterator[Path]]


def report_unsupported(fragments: Fragments, document: Document, report: Report) -> None:
    """Reports each kind of thing once, at its first place."""
    for code, message, hint, places in _ROWS:
        at = next(places(fragments, document), None)
        if at is not None:
            report.add(code, message, at=at, hint=hint)


def _revocations(_: Fragments, document: Document) -> Iterator[Path]:
    if document.revocations is not UNSET and document.revocations:
        yield ("revocations", 0)


def _crls(fragments: Fragments, _: Document) -> Iterator[Path]:
    return (("cas", name, "crl") for name, spec in fragments.cas.items() if spec.crl is not UNSET)


#: Code, message, hint, and where it is asked for.
_ROWS: Final[tuple[tuple[str, str, str, Places], ...]] = (
    ("CPK224", "revocation is not carried out by this version", "change the component's `reissue` to replace it", _revocations),
    ("CPK223", "`crl` is not acted on by this version: no revocation list is written", "", _crls),
)
