"""The audit log for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.render.escape import visible


def render_audit(entries: Iterable[Mapping[str, object]], *, broken_at: int | None) -> str:
    """One line an entry, and whether the log is whole.

    Args:
        entries: the log's entries as they stand in it.
        broken_at: the sequence number at which the chain breaks; None when it is whole.
    """
    lines = [_line(entry) for entry in entries]
    if broken_at is None:
        lines.append(f"\n{len(lines)} entries; the chain of hashes is whole.")
    else:
        lines.append(f"\nThe chain of hashes breaks at entry {broken_at}: the log was changed there by something else.")
    return "\n".join(lines) + "\n"


def _line(entry: Mapping[str, object]) -> str:
    reasons = entry.get("reasons")
    because = f" ({', '.join(map(str, reasons))})" if isinstance(reasons, list) and reasons else ""
    serial = f" serial={entry['serial']}" if entry.get("serial") else ""
    note = f" {entry['note']}" if entry.get("note") else ""
    words = " ".join(str(entry.get(name, "")) for name in ("at", "actor", "operation", "address"))
    return visible(f"{words}{because}{serial}{note}")
