"""Signing requests for people and programs: what each asks for, and what was said to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from reconciler.plan.status_document import ResourceStatus
from reconciler.render.durations import instant
from reconciler.render.escape import visible
from reconciler.render.states import state

_HEADER: Final = ("NAME", "APPROVAL", "USER", "GROUPS", "CA", "KEY", "STATE", "EXPIRES")
#: A longer list of groups would push everything else off the screen; `requests show` has it whole.
_WIDEST_GROUPS: Final = 32


class RequestRow(msgspec.Struct, frozen=True, kw_only=True):
    """One request."""

    name: str
    approval: str
    reason: str = ""
    ca: str
    user: str
    groups: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    usages: tuple[str, ...] = ()
    key: str
    spki_sha256: str
    lifetime: str
    renew_before: str
    file: str
    digest: str
    """Of the file, which is what an approval can name."""
    signer: str = ""
    violations: tuple[str, ...] = ()
    """What policy has against it: code and message each."""
    certificate: ResourceStatus | None = None
    """What has been signed for it; None unless it is approved."""


def render_json(rows: Sequence[RequestRow]) -> str:
    """All of it, as a list."""
    return msgspec.json.format(msgspec.json.encode(list(rows)), indent=2).decode()


def render_table(rows: Sequence[RequestRow]) -> str:
    """One row a request, by name."""
    from tabulate import tabulate  # noqa: PLC0415 - costs as much to import as the rest of this package

    if not rows:
        return "There are no requests. `cluster-pki requests new NAME` makes one.\n"
    table = tabulate([_cells(row) for row in rows], headers=_HEADER, tablefmt="plain", disable_numparse=True)
    return "\n".join([*(line.rstrip() for line in table.splitlines()), "", _sums(rows), ""])


def render_request(row: RequestRow) -> str:
    """One request, as its reviewer reads it."""
    facts = list(_facts(row))
    width = max(len(label) for label, _ in facts)
    lines = [f"request.{visible(row.name)}"]
    for label, values in facts:
        heads = (f"{label}:", *[""] * (len(values) - 1))
        lines += [f"  {head:<{width + 1}} {visible(value)}" for head, value in zip(heads, values, strict=True)]
    return "\n".join(lines) + "\n"


def _cells(row: RequestRow) -> tuple[str, ...]:
    groups = visible(", ".join(row.groups))
    found = row.certificate
    return (
        visible(row.name),
        row.approval,
        visible(row.user),
        groups if len(groups) <= _WIDEST_GROUPS else f"{groups[: _WIDEST_GROUPS - 1]}…",
        row.ca,
        row.key,
        "" if found is None else state(found),
        _end(found.not_after if found is not None else None),
    )


def _facts(row: RequestRow) -> Iterator[tuple[str, list[str]]]:
    yield "Approval", [f"{row.approval}: {row.reason}" if row.reason else row.approval]
    yield "User", [row.user or "(none)"]
    yield "Groups", list(row.groups) or ["(none)"]
    yield "Names", list(row.names) or ["(none)"]
    yield "Usages", list(row.usages) or ["(none)"]
    yield "Key", [f"{row.key}, SHA-256 {row.spki_sha256}"]
    yield "Proof", ["the request is signed with this key"]
    yield "CA", [f"ca.{row.ca}" if row.ca else "(none)"]
    if row.lifetime:
        yield "Lifetime", [f"{row.lifetime}, signed again {row.renew_before} before its end while approved"]
    yield "File", [row.file, row.digest]
    if row.signer:
        yield "Signer", [row.signer]
    yield "Policy", list(row.violations) or ["allows all of it"]
    if row.certificate is not None:
        yield "State", [state(row.certificate)]
        if row.certificate.serial:
            yield "Serial", [row.certificate.serial]
            yield "Valid until", [_end(row.certificate.not_after)]
        if row.certificate.paths.certificate:
            yield "Certificate", [row.certificate.paths.certificate]


def _end(moment: datetime | None) -> str:
    return "" if moment is None else instant(moment)


def _sums(rows: Sequence[RequestRow]) -> str:
    counts = ((word, sum(row.approval == word for row in rows)) for word in ("pending", "approved", "denied"))
    return f"{len(rows)} request{'' if len(rows) == 1 else 's'}: {', '.join(f'{count} {word}' for word, count in counts)}."
