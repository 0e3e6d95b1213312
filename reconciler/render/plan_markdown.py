"""A plan as a pull-request comment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from reconciler.plan.document import PlanDocument, ResourceChange
from reconciler.render.boxes import boxes
from reconciler.render.colour import PLAIN
from reconciler.render.durations import instant
from reconciler.render.headline import APART, codes, is_shown, plain_sentence
from reconciler.render.markdown import code, fenced, marker
from reconciler.render.plan_github import is_grave
from reconciler.render.plan_text import DRIFT_NOTE, change_blocks, drift_blocks, held_back_blocks, waiting_blocks
from reconciler.render.totals import NO_CHANGES, NOTHING_DONE, NOTHING_NOW, checked_line, counts_line, verbs_line

#: GitHub refuses bodies above 65,536 characters, and a workflow may want to add a line.
LONGEST: Final = 60_000
#: Room for the table; the rest is for the blocks.
LONGEST_TABLE: Final = 20_000
#: Room for diagnostics.
LONGEST_DIAGNOSTICS: Final = 8_000

_TOLD: Final = frozenset({"repair", "reissue", "rekey", "rotate", "replace"})
_SYMBOL = re.compile(r"^( +)([-+~.])( .*)$", re.DOTALL)
_REPLACEMENT = re.compile(r"^(-/\+|\+/-)( .*)$", re.DOTALL)


def render_markdown(document: PlanDocument, *, now: datetime, color: bool = False, hints: bool = False) -> str:
    """The comment: hidden marker, title, banner, sums, table, details and what comes next.

    It never exceeds `LONGEST` characters: rows and blocks are left out whole, and it says so.

    Args:
        document: the plan.
        now: what "in 11d 4h" counts from; aware.
        color: without meaning here.
        hints: likewise; the next command is always there, because a comment has readers.
    """
    del color, hints  # Every renderer is called alike.
    head = [*_head(document, now), *_diagnostics(document)]
    foot = _foot(document)
    table = _table(document)
    room = LONGEST - sum(len(part) + 2 for part in (*head, *table, *foot)) - 1
    return "\n\n".join([*head, *table, *_details(document, room), *foot]) + "\n"


def as_diff(block: str) -> str:
    """A block as GitHub's diff highlighting wants it: the sign in the first column, ``!`` for a change."""
    return "\n".join(_diff_line(line) for line in block.splitlines())


def _diff_line(line: str) -> str:
    if match := _REPLACEMENT.match(line):
        return f"{match[1][0]}  {match[2]}"
    if match := _SYMBOL.match(line):
        sign = {"~": "!", ".": "-"}.get(match[2], match[2])
        return f"{sign}{match[1]}{match[3]}"
    return line


def _head(document: PlanDocument, now: datetime) -> Iterator[str]:
    shown = [entry for entry in document.resource_changes if is_shown(entry)]
    blocked = any(entry.change.class_ == "blocked" for entry in document.resource_changes)
    errored = document.errored or blocked
    waits = any(entry.change.class_ == "waiting" for entry in document.resource_changes)
    status = "errors" if errored else "changes" if shown else "waiting" if waits else "no changes"
    icon = ":x:" if errored else ":memo:" if shown else ":hourglass:" if waits else ":white_check_mark:"
    yield marker("plan", document.cluster)
    yield f"## {icon} cluster-pki plan for {code(document.cluster)}: {status}"
    revision = f" at {code(document.source.revision[:12])}" if document.source.revision else ""
    yield f"{code(document.source.path)}{revision}, sha256 {code(document.source.sha256[:12])}"
    if banner := _banner(document):
        yield banner
    if shown:
        yield f"**{counts_line(document.summary, PLAIN)}**"
        yield _prose(verbs_line(document, now=now))
    elif errored:
        yield f"**{NOTHING_DONE}**"
        yield _prose(verbs_line(document, now=now))
    elif waits:
        yield f"**{NOTHING_NOW}**"
        yield _prose(verbs_line(document, now=now))
    elif not (document.resource_drift and document.options.get("refresh_only")):
        yield f"**{NO_CHANGES}**"
        yield _prose(checked_line(document.summary, now=now))


def _prose(sentence: str) -> str:
    """A summing line: its only foreign part is an address, and that could hold no markup; a code span makes sure."""
    return code(sentence)


def _banner(document: PlanDocument) -> str:
    grave = [entry for entry in document.resource_changes if is_grave(entry) and is_shown(entry)]
    destroyed = sum("delete" in entry.change.actions for entry in grave)
    authorities = sum(entry.type == "ca" for entry in grave)
    parts = [f"{destroyed} to destroy or replace"] if destroyed else []
    parts += [f"{authorities} change{'' if authorities == 1 else 's'} of a certificate authority"] if authorities else []
    return f"> [!CAUTION]\n> Read with care: {' and '.join(parts)}." if parts else ""


def _table(document: PlanDocument) -> list[str]:
    entries = [entry for entry in document.resource_changes if is_shown(entry) or entry.change.class_ in APART]
    if not entries:
        return []
    lines = ["| Address | Action | Reasons | Expiry |", "| --- | --- | --- | --- |"]
    size = 0
    for number, entry in enumerate(entries):
        line = _row(entry)
        size += len(line) + 1
        if size > LONGEST_TABLE:
            lines.append(f"| … | and {len(entries) - number} more | | |")
            break
        lines.append(line)
    return ["\n".join(lines)]


def _row(entry: ResourceChange) -> str:
    change = entry.change
    reasons = ", ".join(code(reason) for reason in codes(entry))
    before, after = _expiry(change.before), _expiry(change.after)
    if change.after_unknown.get("not_after"):
        after = "known after apply"
    elif change.class_ == "destroy":
        after = "gone"
    expiry = f"{before} → {after}" if before and after and before != after else before or after
    action = _action(entry)
    return f"| {code(entry.address)} | {action} | {reasons} | {expiry} |".replace("  ", " ")


def _action(entry: ResourceChange) -> str:
    sentence = plain_sentence(entry)
    if entry.previous_address is not None and entry.change.actions == ["no-op"]:
        return f"has moved from {code(entry.previous_address)}"
    # "Updated in-place" and "replaced" leave open what that means for the key and the certificate.
    return f"{sentence} ({entry.change.class_})" if entry.change.class_ in _TOLD else sentence


def _expiry(attributes: dict[str, Any] | None) -> str:
    value = (attributes or {}).get("not_after")
    return code(str(value)[:10]) if value else ""


def _diagnostics(document: PlanDocument) -> list[str]:
    if not document.diagnostics:
        return []
    parts: list[str] = []
    for number, text in enumerate(boxes(document.diagnostics, PLAIN)):
        if sum(len(part) + 1 for part in parts) + len(text) > LONGEST_DIAGNOSTICS:
            parts.append(f"… and {len(document.diagnostics) - number} more diagnostics")
            break
        parts.append(text)
    return [fenced("\n".join(parts), language="text")]


def _details(document: PlanDocument, room: int) -> list[str]:
    sections = (
        (f"Note: {DRIFT_NOTE}", drift_blocks(document, PLAIN)),
        ("Show the plan", change_blocks(document, PLAIN)),
        ("Show what is held back", held_back_blocks(document, PLAIN)),
        ("Show what an external CA was asked for", waiting_blocks(document, PLAIN)),
    )
    details: list[str] = []
    for title, blocks in sections:
        if not blocks:
            continue
        text = _folded(title, [as_diff(block) for block in blocks], room)
        room -= len(text) + 2
        details.append(text)
    return details


def _folded(title: str, blocks: list[str], room: int) -> str:
    """As many whole blocks as fit, in a section that opens on a click."""
    frame = 200  # What stands around the blocks, and the note about those that are left out.
    kept: list[str] = []
    size = frame
    for block in blocks:
        size += len(block) + 2
        if size > room:
            break
        kept.append(block)
    left_out = len(blocks) - len(kept)
    note = f"\n\n{left_out} of {len(blocks)} are left out here; `cluster-pki plan` shows them all." if left_out else ""
    body = fenced("\n\n".join(kept), language="diff") if kept else ""
    return f"<details><summary>{title}</summary>\n\n{body}{note}\n\n</details>"


def _foot(document: PlanDocument) -> list[str]:
    valid = f"Valid until {code(instant(document.valid_until))}."
    if not any(is_shown(entry) for entry in document.resource_changes):
        return [valid]
    return [f"{valid} To carry it out: {code('cluster-pki apply')}, or {code('cluster-pki apply FILE')} with the saved plan."]
