"""What happens to an address, in the comment lines that people and tools scan for.

The sentences up to the closing parenthesis are Terraform's interface: tfcmt, Atlantis and many scripts match them at line
ends. So nothing is ever appended to them; causes stand on lines of their own, ``(moved from …)`` and ``(imported from …)``
directly below the headline, where tfcmt looks for them.
"""

from __future__ import annotations

from typing import Final, Literal

from reconciler.plan.document import ResourceChange
from reconciler.plan.reasons import Reason
from reconciler.render.colour import Palette
from reconciler.render.escape import quoted, visible
from reconciler.render.values import paint_symbol

Symbol = Literal["  +", "  ~", "-/+", "+/-", "  -", "  .", "   "]

#: What waits for somebody has a section of its own, as what is held back.
APART: Final = frozenset({"blocked", "waiting"})

_SYMBOLS: Final[dict[tuple[str, ...], Symbol]] = {
    ("create",): "  +",
    ("update",): "  ~",
    ("delete", "create"): "-/+",
    ("create", "delete"): "+/-",
    ("delete",): "  -",
    ("forget",): "  .",
}
#: What each symbol stands for, in the order of the legend.
LEGEND: Final[dict[Symbol, str]] = {
    "  +": "create",
    "  ~": "update in-place (current -> planned)",
    "  -": "destroy",
    "-/+": "destroy and then create replacement",
    "+/-": "create replacement and then destroy",
    "  .": "forget",
}


def symbol_of(entry: ResourceChange) -> Symbol:
    """The three columns in front of a block: blank for what does not happen, also when only for being held back."""
    if entry.change.class_ == "blocked":
        return "   "
    return _SYMBOLS.get(tuple(entry.change.actions), "   ")


def painted(symbol: Symbol, colour: Palette) -> str:
    """A symbol, each sign of it in its colour."""
    return "".join(paint_symbol(sign, colour) for sign in symbol)


def is_shown(entry: ResourceChange) -> bool:
    """Whether a change has a block among the planned actions; what is held back has a section of its own."""
    change = entry.change
    if change.class_ in APART:
        return False
    return change.actions != ["no-op"] or entry.previous_address is not None or change.importing is not None


def planned_headline(entry: ResourceChange, colour: Palette) -> str:
    """The comment lines above the block of a planned change."""
    change, address = entry.change, visible(entry.address)
    previous = None if entry.previous_address is None else visible(entry.previous_address)
    if previous is not None and change.actions == ["no-op"]:
        lines = [f"{colour.bold(f'  # {previous}')} has moved to {colour.bold(address)}"]
    else:
        lines = [f"{colour.bold(f'  # {address}')} {_sentence(entry, colour)}"]
        lines += [f"  # (moved from {previous})"] if previous is not None else []
    if change.importing is not None:
        lines.append(f"  # (imported from {quoted(change.importing.get('id', ''))})")
    if change.reasons:
        lines.append(f"  # ({change.class_}: {', '.join(codes(entry))})")
    return "\n".join(lines)


def drift_headline(entry: ResourceChange, colour: Palette) -> str:
    """The comment line above something that changed behind our back."""
    gone = entry.change.after is None
    lines = [f"{colour.bold(f'  # {visible(entry.address)}')} {'has been deleted' if gone else 'has changed'}"]
    if entry.change.reasons:
        lines.append(f"  # ({', '.join(codes(entry))})")
    return "\n".join(lines)


def held_back_headline(entry: ResourceChange, colour: Palette) -> str:
    """The comment line above something that should change and may not."""
    lines = [f"{colour.bold(f'  # {visible(entry.address)}')} is {colour.red('held back')}"]
    if entry.change.reasons:
        lines.append(f"  # (blocked: {', '.join(codes(entry))})")
    return "\n".join(lines)


def waiting_headline(entry: ResourceChange, colour: Palette) -> str:
    """The comment line above something that somebody outside has been asked for."""
    lines = [f"{colour.bold(f'  # {visible(entry.address)}')} is {colour.yellow('waited for')}"]
    if entry.change.reasons:
        lines.append(f"  # (waiting: {', '.join(codes(entry))})")
    return "\n".join(lines)


def codes(entry: ResourceChange) -> list[str]:
    """The reasons of a change by their words, each once, in order."""
    return list(dict.fromkeys(visible(reason.code) for reason in entry.change.reasons))


def plain_sentence(entry: ResourceChange) -> str:
    """What happens, without colour: ``will be updated in-place``."""
    if entry.change.class_ == "blocked":
        return "is held back"
    if entry.change.class_ == "waiting":
        return "is waited for"
    if entry.change.actions == ["no-op"] and entry.previous_address is not None:
        return f"has moved from {visible(entry.previous_address)}"
    return _sentence(entry, Palette())


def _sentence(entry: ResourceChange, colour: Palette) -> str:
    match entry.change.actions:
        case ["create"]:
            return "will be created"
        case ["update"] if entry.change.class_ == "request":
            return "will be requested from its external CA"
        case ["update"]:
            return "will be updated in-place"
        case ["delete", "create"] | ["create", "delete"]:
            requested = [reason.code for reason in entry.change.reasons] == [Reason.REISSUE_REQUESTED]
            return (
                f"will be {_alarming('replaced', colour)}, as requested"
                if requested
                else f"must be {_alarming('replaced', colour)}"
            )
        case ["delete"]:
            return f"will be {_alarming('destroyed', colour)}"
        case ["forget"]:
            return "will no longer be managed by cluster-pki, but will not be destroyed"
        case _:
            return "will be imported"


def _alarming(word: str, colour: Palette) -> str:
    return colour.bold(colour.red(word))
