"""Asks endpoints which certificate they present, one or many at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from reconciler.desired.live import Probe
from reconciler.observed.live.connection import ConversationError
from reconciler.observed.live.deadline import after
from reconciler.observed.live.failures import explain
from reconciler.observed.live.handshake import ClientUnusableError, presented
from reconciler.observed.live.inquiries import Inquiry
from reconciler.observed.model import Served
from reconciler.x509.errors import UnreadableError
from reconciler.x509.read import read_der

#: Endpoints that do not answer cost their timeout each; a pass shall not wait for hundreds of them.
WITHIN: Final = timedelta(seconds=60)


_FAILURES: Final = (OSError, ConversationError, ValueError)


def probe(
    target: Probe, *, expected: str, client: tuple[str, str] | None, now: datetime, monotonic: Callable[[], float]
) -> Served:
    """Asks one endpoint.

    Args:
        target: how to ask; the whole of it takes no longer than its timeout.
        expected: SHA-256 fingerprint of the certificate on disk, hex.
        client: paths of the certificate and key that are presented when the server asks for them; None for none.
        now: the time, aware.
        monotonic: a clock in seconds that is never set.

    Returns:
        What it presents. It raises for nothing that a peer or a network can do.
    """
    deadline, note = after(target.timeout, monotonic), ""
    seen = Served(state="unreachable", endpoint=target.endpoint, at=now, expected=expected)
    try:
        try:
            der = presented(target, client=client, deadline=deadline)
        except ClientUnusableError as problem:
            # Who asks for no client certificate, or speaks TLS 1.3, shows his own all the same.
            client, note = None, f" The client certificate cannot be presented: {problem}."
            der = presented(target, client=None, deadline=deadline)
    except _FAILURES as error:
        return replace(seen, detail=explain(error, target, has_client=client is not None) + note)
    if not der:
        return replace(seen, detail=f"{target.endpoint}: it presents no certificate.")
    fingerprint = hashlib.sha256(der).hexdigest()
    if fingerprint == expected:
        return replace(seen, state="ok", presented=fingerprint)
    return replace(seen, state="stale", presented=fingerprint, detail=_in_words(der, target.endpoint, now))


def _in_words(der: bytes, endpoint: str, now: datetime) -> str:
    """Which certificate is presented instead: names in it come from somebody else, and are shown as they are."""
    try:
        facts = read_der(der).facts
    except UnreadableError:
        return f"{endpoint} presents a certificate that cannot be parsed."
    verb = "expired" if facts.not_after < now else "expires"
    return f"{endpoint} presents serial {facts.serial} of {facts.issuer}, which {verb} on {facts.not_after:%Y-%m-%d}."


def probe_all(
    asked: Mapping[str, Inquiry],
    *,
    now: Callable[[], datetime],
    monotonic: Callable[[], float],
    stop: Callable[[], bool] = lambda: False,
    workers: int = 8,
    within: timedelta = WITHIN,
) -> dict[str, Served]:
    """Asks many endpoints, some at a time.

    Args:
        asked: the endpoints, by address.
        now: the time, aware.
        monotonic: a clock in seconds that is never set.
        stop: whether we are asked to stop: what has not begun by then does not begin.
        workers: how many are asked at a time.
        within: likewise, what has not begun after so long. Each that has begun takes its timeout at most.

    Returns:
        What was seen, by address, in the order of `asked`; without those that were not asked.
    """
    deadline = after(within, monotonic)

    def ask(inquiry: Inquiry) -> Served | None:
        if stop() or monotonic() >= deadline.end:
            return None
        return probe(inquiry.probe, expected=inquiry.expected, client=inquiry.client, now=now(), monotonic=monotonic)

    if not asked:
        return {}
    with ThreadPoolExecutor(min(workers, len(asked)), "probe") as pool:
        results = dict(zip(asked, pool.map(ask, asked.values()), strict=True))
    return {address: served for address, served in results.items() if served is not None}
