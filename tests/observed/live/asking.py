"""A probe of a loopback endpoint, as the reconciler asks it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from reconciler.desired.live import Probe
from reconciler.observed.live.probe import probe
from reconciler.observed.model import Served
from tests.observed.live.servers import SERVER

NOW: Final = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
FINGERPRINT: Final = SERVER.certificate.facts.fingerprint


def target(port: int, **fields: Any) -> Probe:  # noqa: ANN401 - any field of a probe
    """An endpoint on this machine."""
    defaults: dict[str, Any] = {"host": "127.0.0.1", "port": port, "timeout": timedelta(seconds=20)}
    return Probe(**defaults | fields)


def ask(
    port: int,
    *,
    expected: str = FINGERPRINT,
    client: tuple[str, str] | None = None,
    now: datetime = NOW,
    **fields: Any,  # noqa: ANN401 - any field of a probe
) -> Served:
    """What it presents."""
    return probe(target(port, **fields), expected=expected, client=client, now=now, monotonic=time.monotonic)


def unreachable(port: int, detail: str) -> Served:
    """An endpoint of which no certificate was seen."""
    endpoint = f"127.0.0.1:{port}"
    return Served(state="unreachable", endpoint=endpoint, at=NOW, expected=FINGERPRINT, detail=f"{endpoint}: {detail}.")


def ok(port: int, host: str = "127.0.0.1") -> Served:
    """An endpoint that presents what is on disk."""
    return Served(state="ok", endpoint=f"{host}:{port}", at=NOW, presented=FINGERPRINT, expected=FINGERPRINT)
