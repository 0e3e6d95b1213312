"""A health finding. Data."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

Severity = Literal["error", "warning", "notice"]
#: From the worst to the mildest.
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "notice")


class HealthFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong, or worth knowing, about a cluster's certificates."""

    code: str
    """That of a rule: its page is printed by ``cluster-pki rule``."""
    severity: Severity
    """error: something is broken now or breaks by itself; warning: it will, or opens a hole; notice: worth knowing."""
    node: str
    """Empty for what concerns several."""
    path: str
    """The file it is about, as the node sees it, with ``#user`` behind a kubeconfig's for one entry; empty for none."""
    setting: str = ""
    """Process and setting that make it matter: ``kube-apiserver --client-ca-file``; empty for none."""
    message: str
    """What is wrong: one sentence without a full stop, with what was found and what was expected."""
    breaks: str
    """What breaks because of it, one sentence without a full stop."""
    when: datetime | None = None
    """When it breaks; aware; None for now or for no certain time."""
    mend: str
    """What to do, one sentence without a full stop."""
