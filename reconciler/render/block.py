"""The attributes of one change as the lines between its braces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from reconciler.plan.document import Change, ReasonEntry
from reconciler.plan.reasons import Reason
from reconciler.render.colour import Palette
from reconciler.render.escape import visible
from reconciler.render.values import KNOWN_AFTER_APPLY, SENSITIVE, changed, hidden, is_secret, paint_symbol, row, whole

#: What a reader asks first stands first; everything else follows by name.
READING_ORDER: Final = (
    "subject", "sans", "usages", "key_usages", "key", "issuer", "chain", "path_length", "name_constraints",
    "not_before", "not_after", "lifetime", "serial", "fingerprint", "spki_sha256", "ski", "component", "server",
    "cas", "certificates", "certificate_authorities", "client_certificate", "number", "revoked", "this_update", "next_update",
    "paths", "outputs", "mode", "owner", "group",
)  # fmt: skip
#: What stays of a creation when there are too many of them to read every line.
COMPACT: Final = frozenset({"subject", "sans", "usages", "key", "issuer", "paths", "not_after"})
#: What says which thing is meant, when nothing about it changes.
IDENTITY: Final = frozenset({"subject", "paths", "not_after"})
#: What is new with every certificate, and tells a reader nothing while it is not known.
FOLLOWS: Final = frozenset({"not_before", "fingerprint", "spki_sha256", "ski"})

_KEEPS_CERTIFICATE = frozenset({Reason.MODE_DRIFT, Reason.OWNER_DRIFT, Reason.OUTPUT_STALE, Reason.BUNDLE_STALE})
_NEEDS_KEY = frozenset({Reason.KEY_MISMATCH, Reason.KEY_POLICY_MISMATCH})
_DEPTH = 1


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """How much to write of a change, and in which colours."""

    colour: Palette = msgspec.field(default_factory=Palette)
    compact: bool = False


def attribute_lines(change: Change, style: Style) -> Iterator[str]:
    """The lines of a change's attributes, names aligned, unchanged ones folded into a comment.

    Args:
        change: what happens to the address.
        style: colours and detail.
    """
    before, after, unknown = _sides(change)
    names = _in_reading_order(before.keys() | after.keys() | unknown)
    differing = [name for name in names if _differs(name, before, after, unknown)]
    # What is held back shows what would change, so that a guard can be judged; but never as if it came to be.
    compares = before and after and differing if change.class_ == "blocked" else change.actions not in (["no-op"], ["forget"])
    if not compares:
        yield from _shown(before or after, names, style)
        return
    compact = style.compact and change.before is None
    told = [name for name in differing if (name in COMPACT or not compact) and not (name in unknown and name in FOLLOWS)]
    forces = _forces(change)
    width = max((len(visible(name)) for name in told), default=0)
    for name in told:
        text = _attribute(name, before, after, unknown, style)
        suffix = f" {style.colour.red(f'# {forces[name]}')}" if name in forces else ""
        symbol = paint_symbol(_symbol(name, before, after, unknown), style.colour)
        yield row(_DEPTH, symbol, f"{visible(name):<{width}} = {text}{suffix}")
    if later := sum(name in unknown and name in FOLLOWS for name in differing):
        yield row(_DEPTH, " ", _known_later(later, style.colour))
    same = sum(_is_set(before.get(name)) and name not in differing for name in names)
    if same and change.after is not None:
        yield row(_DEPTH, " ", hidden(same, "attribute", style.colour))


def reason_lines(change: Change) -> Iterator[str]:
    """Comments with the reasons that no attribute line shows, such as why a file could not be read."""
    before, after, unknown = _sides(change)
    for reason in change.reasons:
        shown = reason.path and _differs(reason.path, before, after, unknown)
        if reason.message and not (shown or _says_nothing_new(reason, change)):
            yield row(_DEPTH, " ", f"# {visible(reason.code)}: {visible(reason.message)}")


def _says_nothing_new(reason: ReasonEntry, change: Change) -> bool:
    return reason.code == Reason.MISSING and change.before is None


def _shown(values: Mapping[str, Any], names: list[str], style: Style) -> Iterator[str]:
    """What is left alone: enough to know it by."""
    known = [name for name in names if _is_set(values.get(name))]
    chosen = [name for name in known if name in IDENTITY]
    width = max((len(name) for name in chosen), default=0)
    for name in chosen:
        value = SENSITIVE if is_secret(name) else _whole(values[name], " ", style)
        yield row(_DEPTH, " ", f"{visible(name):<{width}} = {value}")
    if rest := len(known) - len(chosen):
        yield row(_DEPTH, " ", hidden(rest, "attribute", style.colour))


def _sides(change: Change) -> tuple[Mapping[str, Any], Mapping[str, Any], frozenset[str]]:
    unknown = frozenset(name for name, is_unknown in change.after_unknown.items() if is_unknown)
    return change.before or {}, change.after or {}, unknown


def _known_later(count: int, colour: Palette) -> str:
    return colour.dim(f"# ({count} attribute{'' if count == 1 else 's'} known after apply hidden)")


def _attribute(name: str, before: Mapping[str, Any], after: Mapping[str, Any], unknown: frozenset[str], style: Style) -> str:
    old, new = before.get(name), after.get(name)
    if is_secret(name):
        return SENSITIVE
    arrow = style.colour.yellow("->")
    if name in unknown:
        return f"{_whole(old, ' ', style)} {arrow} {KNOWN_AFTER_APPLY}" if _is_set(old) else KNOWN_AFTER_APPLY
    if not _is_set(old):
        return _whole(new, "+", style)
    if not _is_set(new):
        return f"{_whole(old, '-', style)} {style.colour.dim('-> null')}"
    return changed(old, new, depth=_DEPTH, colour=style.colour)


def _whole(value: object, symbol: str, style: Style) -> str:
    return whole(value, symbol=symbol, depth=_DEPTH, colour=style.colour, one_line=style.compact)


def _symbol(name: str, before: Mapping[str, Any], after: Mapping[str, Any], unknown: frozenset[str]) -> str:
    if not _is_set(before.get(name)):
        return "+"
    return "~" if name in unknown or _is_set(after.get(name)) else "-"


def _differs(name: str, before: Mapping[str, Any], after: Mapping[str, Any], unknown: frozenset[str]) -> bool:
    old, new = before.get(name), after.get(name)
    return name in unknown or (old != new and (_is_set(old) or _is_set(new)))


def _is_set(value: object) -> bool:
    return value is not None and value not in ("", [], {}, ())


def _forces(change: Change) -> dict[str, str]:
    """The cause behind each attribute, for those that ask for more than a repair."""
    if change.class_ not in ("reissue", "rekey", "rotate", "replace"):
        return {}
    causes = [reason for reason in change.reasons if reason.path and reason.code not in _KEEPS_CERTIFICATE]
    if change.class_ in ("rotate", "replace"):
        return {reason.path: "forces replacement" for reason in causes}
    reissue = {reason.path: "forces reissue" for reason in causes}
    # Merged last: of two causes behind one attribute the stronger is told.
    return reissue | {reason.path: "forces new key" for reason in causes if reason.code in _NEEDS_KEY}


def _in_reading_order(names: Iterable[str]) -> list[str]:
    place = {name: index for index, name in enumerate(READING_ORDER)}
    return sorted(names, key=lambda name: (place.get(name, len(place)), name))
