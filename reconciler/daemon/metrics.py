"""Metrics for Prometheus, made from the current status at each scrape, and a few counters that the loop feeds.

Times are absolute seconds, so that an alert subtracts ``time()``; a series ends with its address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from reconciler.daemon.gauges import gauges
from reconciler.plan.status_document import StatusDocument

RESULTS: Final = ("success", "error", "noop")
#: Seconds. A look at a few files takes milliseconds, a mass renewal with slow hooks half an hour (as Flux has it).
_BUCKETS: Final = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800)


class _StatusCollector(Collector):
    """The gauges of whatever is the current status."""

    def __init__(self, current: Callable[[], StatusDocument | None], *, version: str, clock: Callable[[], datetime]) -> None:
        self._current: Final = current
        self._version: Final = version
        self._clock: Final = clock

    def collect(self) -> Iterator[Metric]:
        """Called by the registry at each scrape."""
        return gauges(self._current(), version=self._version, now=self._clock())


class Metrics:
    """All metrics of one reconciler, in a registry of their own."""

    def __init__(self, current: Callable[[], StatusDocument | None], *, version: str, clock: Callable[[], datetime]) -> None:
        """Counters start at zero.

        Args:
            current: gives the status that the gauges show; None before the first.
            version: of this program.
            clock: gives the time, aware: what has expired since the status was made is not ready.
        """
        self.registry: Final = CollectorRegistry(auto_describe=False)
        self._passes: Final = Counter(
            "cluster_pki_reconcile", "Passes of the reconciler by result.", ["result"], registry=self.registry
        )
        self._seconds: Final = Histogram(
            "cluster_pki_reconcile_duration_seconds",
            "How long a pass takes: look, plan, apply, report.",
            ["result"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._operations: Final = Counter(
            "cluster_pki_operations",
            "Changes made, by action, first reason and result.",
            ["action", "reason", "result"],
            registry=self.registry,
        )
        # A counter that appears with its first event has no increase that anybody could see.
        for result in RESULTS:
            self._passes.labels(result)
            self._seconds.labels(result)
        self.registry.register(_StatusCollector(current, version=version, clock=clock))
        ProcessCollector(registry=self.registry)

    def observe_pass(self, result: str, seconds: float) -> None:
        """Counts a pass.

        Args:
            result: ``success``, ``error`` or ``noop``.
            seconds: how long it took.
        """
        self._passes.labels(result).inc()
        self._seconds.labels(result).observe(seconds)

    def count_operation(self, action: str, reason: str, result: str) -> None:
        """Counts a change of one address.

        Args:
            action: its class in the plan: ``reissue``, ``repair``, …
            reason: the first of its reasons: ``RenewalDue``, …
            result: ``success``, ``error`` or ``skipped``.
        """
        self._operations.labels(action, reason, result).inc()

    def render(self, accept: str) -> tuple[bytes, str]:
        """All of it as text.

        Args:
            accept: the request's ``Accept`` header: OpenMetrics for whoever asks for it, else Prometheus' own format.

        Returns:
            The text, and its content type.
        """
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type
