"""What a check of the desired state found, ready to be shown."""

from __future__ import annotations

import msgspec

from reconciler.desired.diagnostics import Diagnostic, Severity, Text


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """Diagnostics in order, and the text that they point into."""

    diagnostics: tuple[Diagnostic, ...]
    text: Text | None = None
    praise: str = ""
    """What a valid desired state holds, one line."""

    @property
    def errors(self) -> int:
        """How many are errors."""
        return sum(diagnostic.severity is Severity.ERROR for diagnostic in self.diagnostics)

    @property
    def warnings(self) -> int:
        """How many are not."""
        return len(self.diagnostics) - self.errors

    @property
    def valid(self) -> bool:
        """Whether the desired state can be used; warnings do not stand in the way."""
        return self.errors == 0
