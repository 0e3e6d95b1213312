"""A finding about a certificate, wherever it lies: told once, at the place to name first. Decisions."""

from __future__ import annotations

from datetime import datetime

from reconciler.health.context import Copies
from reconciler.health.model import HealthFinding, Severity
from reconciler.health.words import setting_of


def of_certificate(
    code: str,
    severity: Severity,
    copies: Copies,
    message: str,
    *,
    breaks: str,
    mend: str,
    when: datetime | None = None,
) -> HealthFinding:
    """The finding; see `HealthFinding` for its words."""
    return HealthFinding(
        code=code,
        severity=severity,
        node=copies.node,
        path=copies.main.path,
        setting=setting_of(copies.main.uses),
        message=message,
        breaks=breaks,
        when=when,
        mend=mend,
    )
