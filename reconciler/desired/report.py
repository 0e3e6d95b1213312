"""Where mistakes are collected while a desired state is compiled, each with its place in the file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, Protocol

from reconciler.desired.diagnostics import Diagnostic, Path, Severity, Span
from reconciler.desired.presets.fragments import KINDS
from reconciler.desired.rules import RULES

Setting = Literal["off", "warn", "error"]

_SEVERITIES: Final[dict[Setting, Severity]] = {"warn": Severity.WARNING, "error": Severity.ERROR}
#: Shortest path that names one entry: ``("components", "api")``. A section's heading alone would point at the wrong thing.
_ENTRY_DEPTH: Final = 2


class Locate(Protocol):
    """Finds the place of a value, or of its key, in the files."""

    def __call__(self, path: Path, *, key: bool = False) -> Span | None:
        """None for what nobody wrote."""
        ...


class Report:
    """Collects diagnostics; each code has the severity of its rule, which ``policy.rules`` may change for CPK3xx."""

    def __init__(self, locate: Locate, severities: Mapping[str, Setting] | None = None) -> None:
        self._locate: Final = locate
        self._severities: Final = dict(severities or {})
        self.diagnostics: Final[list[Diagnostic]] = []
        self._said: Final[set[tuple[str, Path]]] = set()

    def add_once(self, code: str, message: str, *, at: Path, hint: str = "", address: str = "") -> None:
        """Adds the first diagnostic of its code at its place: one mistake in a template is not told for every node."""
        if (code, at) not in self._said:
            self._said.add((code, at))
            self.add(code, message, at=at, hint=hint, address=address)

    def add(self, code: str, message: str, *, at: Path = (), hint: str = "", address: str = "", key: bool = False) -> None:
        """Adds a diagnostic.

        Args:
            code: of a rule in the registry.
            message: what is wrong, one sentence without a full stop.
            at: its place in the document, or where it would stand.
            hint: the way out.
            address: what it is about.
            key: whether the key is marked rather than its value.
        """
        rule = RULES[code]
        setting = self._severities.get(code) if rule.adjustable else None
        if setting == "off":
            return
        severity = _SEVERITIES[setting] if setting else rule.severity
        self.diagnostics.append(
            Diagnostic(code=code, message=message, severity=severity, span=self._span(at, key=key), hint=hint, address=address)
        )

    @property
    def failed(self) -> bool:
        """Whether there is any error."""
        return any(diagnostic.severity is Severity.ERROR for diagnostic in self.diagnostics)

    def _span(self, at: Path, *, key: bool) -> Span | None:
        """The value, or its key; of what nobody wrote, the name of its entry; of what a preset added, the preset."""
        if not at:
            return None
        is_entry = len(at) <= _ENTRY_DEPTH and at[0] in KINDS
        if not is_entry and (span := self._locate(at, key=key)):
            return span
        for depth in range(len(at), _ENTRY_DEPTH - 1, -1):
            if span := self._locate(at[:depth], key=isinstance(at[depth - 1], str)):
                return span
        return self._locate(("kubernetes", "preset"))


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """A hint that names the closest known word, else the few that there are; empty when there are none."""
    from difflib import get_close_matches  # noqa: PLC0415 - only mistakes need it

    words = sorted(known)
    if close := get_close_matches(text, words, n=1, cutoff=0.6):
        return f'did you mean "{close[0]}"?'
    few = 6
    if 0 < len(words) <= few:
        return "there is " + ", ".join(f'"{word}"' for word in words)
    return ""
