"""What other threads may show of the reconciler: its last status, whether it lives, whether it is ready.

The loop puts a document here and goes on: that is one assignment. Whoever shows it renders it, once for all who ask.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from reconciler.plan.status_document import StatusDocument
from reconciler.render.status_html import render_status_html
from reconciler.render.statuses import render_status_json

#: A page tells how long something lasts, so it ages; this is how old one may be that is shown again.
_FRESH: Final = timedelta(seconds=5)


class _Edition:
    """One document and what was rendered from it."""

    def __init__(self, document: StatusDocument) -> None:
        self.document: Final = document
        self._lock: Final = threading.Lock()
        self._json: bytes | None = None
        self._page: tuple[datetime, bytes] | None = None

    def json(self, now: datetime) -> bytes:
        with self._lock:
            if self._json is None:
                self._json = render_status_json(self.document, now=now).encode()
            return self._json

    def page(self, now: datetime) -> bytes:
        with self._lock:
            if self._page is None or not timedelta(0) <= now - self._page[0] < _FRESH:
                self._page = (now, render_status_html(self.document, now=now).encode())
            return self._page[1]


class Published:
    """The board between the loop and everybody who looks."""

    def __init__(self, *, monotonic: Callable[[], float]) -> None:
        """Nothing is there yet, and the loop counts as alive from now on.

        Args:
            monotonic: seconds of a clock that nobody sets.
        """
        self._monotonic: Final = monotonic
        self._edition: _Edition | None = None
        self._beat: float = monotonic()
        self._ready = False

    def update(self, document: StatusDocument) -> None:
        """Shows a new status from now on. From the first pass without an error on, the reconciler is ready, and stays so."""
        last = document.reconciler.last_pass if document.reconciler is not None else None
        self._ready = self._ready or (last is not None and last.result != "error")
        self._edition = _Edition(document)

    def beat(self) -> None:
        """The loop lives."""
        self._beat = self._monotonic()

    @property
    def ready(self) -> bool:
        """Whether a pass has come to its end without an error since the start."""
        return self._ready

    @property
    def age(self) -> float:
        """Seconds since the last sign of life."""
        return self._monotonic() - self._beat

    @property
    def document(self) -> StatusDocument | None:
        """The last status; None before the first."""
        edition = self._edition
        return None if edition is None else edition.document

    def json(self, *, now: datetime) -> bytes | None:
        """The last status as JSON; None before the first."""
        edition = self._edition
        return None if edition is None else edition.json(now)

    def page(self, *, now: datetime) -> bytes | None:
        """The last status as a page; None before the first.

        Args:
            now: the time, aware: what has expired since the status was made is shown as expired.
        """
        edition = self._edition
        return None if edition is None else edition.page(now)
