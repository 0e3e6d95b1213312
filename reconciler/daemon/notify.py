"""Tells systemd how the service is doing: one datagram a message (sd_notify(3), sd_watchdog_enabled(3)).

Without systemd it is silent, and it never raises: who is asked to report must not die of reporting.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, Self

#: systemd accepts 4 KiB and more; a longer status helps nobody in `systemctl status`.
_LONGEST: Final = 1024


class Notifier:
    """The line to systemd."""

    def __init__(self, address: str, *, monotonic: Callable[[], float], watchdog_interval: float | None = None) -> None:
        """Nothing is sent yet.

        Args:
            address: of the socket: a path, or ``@`` and an abstract name; empty for none.
            monotonic: ``CLOCK_MONOTONIC`` in seconds, which systemd compares with its own.
            watchdog_interval: seconds between signs of life; None when nobody waits for them.
        """
        self._address: Final = address if address.startswith(("/", "@")) else ""
        self._monotonic: Final = monotonic
        self.watchdog_interval: Final = watchdog_interval if self._address else None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], *, pid: int, monotonic: Callable[[], float]) -> Self:
        """What systemd asks for in the environment.

        Args:
            environ: for ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID``.
            pid: of this process: a watchdog may be meant for another one.
            monotonic: ``CLOCK_MONOTONIC`` in seconds.
        """
        return cls(environ.get("NOTIFY_SOCKET", ""), monotonic=monotonic, watchdog_interval=_watchdog(environ, pid))

    def ready(self) -> None:
        """The start, or a reload, is over."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``."""
        self._send("STATUS=" + " ".join(text.split()))

    def reloading(self) -> None:
        """A reload begins; ``ready`` ends it. The time tells systemd which of several reloads it is (Type=notify-reload)."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(self._monotonic() * 1_000_000)}")

    def stopping(self) -> None:
        """The end begins."""
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        """It lives. To be sent by the loop that does the work, never by a thread of its own."""
        if self.watchdog_interval is not None:
            self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        data = message.encode("utf-8", "replace")[:_LONGEST]
        # A full or missing socket is systemd's trouble: what would wait for it is the loop.
        with suppress(OSError, ValueError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)
            line.sendto(data, address)


def _watchdog(environ: Mapping[str, str], pid: int) -> float | None:
    """Half of what systemd allows, as sd_watchdog_enabled(3) recommends."""
    text, whose = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        return None
    if whose and whose != str(pid):
        return None
    return int(text) / 2_000_000
