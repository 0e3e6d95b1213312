"""What endpoints present, as text and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from reconciler.observed.model import Served
from reconciler.render.colour import Palette
from reconciler.render.escape import visible
from reconciler.render.json_text import render_json


class ServedRenderer(Protocol):
    """A format: all results as a string that ends with a newline."""

    def __call__(self, served: Mapping[str, Served], missing: Sequence[str], *, color: bool = False) -> str:
        """Renders.

        Args:
            served: what was presented, by address.
            missing: addresses with a probe that could not be asked for: there is no certificate on disk.
            color: whether escape codes may be used.
        """
        ...


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON document."""

    served: Mapping[str, Served]
    missing: Sequence[str]


def render_served_json(served: Mapping[str, Served], missing: Sequence[str], *, color: bool = False) -> str:
    """``{"served": {…}, "missing": […]}`` on one line."""
    del color  # Every renderer is called alike.
    return render_json(Report(served=served, missing=missing))


def render_served_text(served: Mapping[str, Served], missing: Sequence[str], *, color: bool = False) -> str:
    """One line an endpoint, and the sums below."""
    palette = Palette(enabled=color)
    paint = {"ok": palette.green, "stale": palette.red, "unreachable": palette.yellow}
    lines = []
    for address, result in served.items():
        detail = f": {visible(result.detail)}" if result.detail else ""
        lines.append(f"{visible(address)}: {paint[result.state](result.state)} at {visible(result.endpoint)}{detail}")
    lines += [
        f"{visible(address)}: {palette.red('missing')}: there is no certificate on disk to compare with" for address in missing
    ]
    if not lines:
        return "No component has a probe: add `probe: {address: HOST:PORT}` to those that serve TLS.\n"
    states = [result.state for result in served.values()] + ["missing"] * len(missing)
    sums = ", ".join(f"{states.count(state)} {state}" for state in ("ok", "stale", "unreachable", "missing") if state in states)
    lines += ["", f"{len(states)} endpoint{'' if len(states) == 1 else 's'}: {sums}."]
    return "\n".join(lines) + "\n"


#: By the word of ``--format``.
RENDERERS: Final[Mapping[str, ServedRenderer]] = {"text": render_served_text, "json": render_served_json}
