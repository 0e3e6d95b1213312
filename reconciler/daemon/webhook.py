"""Delivers events to a URL, in a thread of its own: a receiver that is slow, or gone, never holds up a pass."""

from __future__ import annotations

import base64
import http.client
import logging
import ssl
import threading
from collections import deque
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

from reconciler import __version__
from reconciler.daemon.events import Event

_log: Final = logging.getLogger(__name__)

_TOO_MANY: Final = 429
_REDIRECT: Final = 300
_SERVER_ERROR: Final = 500
#: Seconds before each further try of one event.
_PAUSES: Final = (1.0, 2.0, 4.0, 8.0)


class Webhook:
    """A queue of events and the thread that sends them."""

    def __init__(
        self,
        url: str,
        *,
        capacity: int = 200,
        timeout: float = 10.0,
        pauses: tuple[float, ...] = _PAUSES,
        ca_file: str | None = None,
    ) -> None:
        """Starts the thread.

        Args:
            url: http or https; its path and password may be secrets and are never told.
            capacity: how many events wait at most; then the oldest is dropped.
            timeout: seconds for each exchange of bytes with the receiver.
            pauses: seconds before each further try; their number is that of the tries after the first.
            ca_file: CAs that vouch for the receiver; None for those of the system.

        Raises:
            ValueError: the URL cannot be used.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            msg = "an events webhook is an http:// or https:// URL with a host"
            raise ValueError(msg)
        self._host: Final = parts.hostname
        self._port: Final = parts.port
        self._target: Final = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers: Final = _headers(parts.username, parts.password)
        self._context: Final = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
        self._timeout: Final = timeout
        self._pauses: Final = pauses
        self._waiting: Final[deque[Event]] = deque()
        self._capacity: Final = capacity
        self._changed: Final = threading.Condition()
        self._closing = False
        self._hurry: Final = threading.Event()
        self.dropped = 0
        """Events that found no place, or were not accepted after every try."""
        self.delivered = 0
        self._thread: Final = threading.Thread(target=self._work, name="events", daemon=True)
        self._thread.start()

    def send(self, event: Event) -> None:
        """Takes an event, at once."""
        with self._changed:
            if len(self._waiting) >= self._capacity:
                self._waiting.popleft()
                self._drop("the queue is full")
            self._waiting.append(event)
            self._changed.notify()

    def close(self, timeout: float = 5.0) -> None:
        """Sends what waits, without further pauses, and ends.

        Args:
            timeout: seconds; what is not sent by then is lost.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._hurry.set()
        self._thread.join(timeout)

    def _work(self) -> None:
        while (event := self._next()) is not None:
            if self._deliver(event):
                self.delivered += 1

    def _next(self) -> Event | None:
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            return self._waiting.popleft() if self._waiting else None

    def _deliver(self, event: Event) -> bool:
        """Sends one event, with further tries; whether it arrived."""
        body = msgspec.json.encode(event)
        why = ""
        for pause in (0.0, *self._pauses):
            # At the end nothing is waited for: one try each.
            if pause and self._hurry.wait(pause):
                break
            try:
                status = self._post(body)
            except (OSError, http.client.HTTPException, ValueError) as error:
                why = type(error).__name__
                continue
            # Flux' receivers answer 429 to what they have seen already: it has arrived.
            if status < _REDIRECT or status == _TOO_MANY:
                return True
            why = f"it answered {status}"
            if status < _SERVER_ERROR:
                break
        self._drop(why)
        return False

    def _post(self, body: bytes) -> int:
        """One request: straight to the host of the URL, without a proxy; no redirect is followed."""
        if self._context is not None:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=self._context
            )
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        try:
            connection.request("POST", self._target, body=body, headers=self._headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def _drop(self, why: str) -> None:
        self.dropped += 1
        _log.warning("an event for the webhook at %s is lost: %s (%d so far)", self._host, why, self.dropped)


def _headers(user: str | None, password: str | None) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": f"cluster-pki/{__version__}", "Connection": "close"}
    if user is not None:
        secret = f"{unquote(user)}:{unquote(password or '')}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(secret).decode()
    return headers
