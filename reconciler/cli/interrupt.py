"""Two-stage interruption: the first signal lets the step in hand finish, the second ends at once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

from reconciler.cli.exit_codes import ExitCode

_FIRST = """
Interrupt received. The step in hand is being finished, nothing new is started.
A second interrupt ends at once; the next run then finishes or undoes what was in hand.
"""


class Interruption:
    """While open, takes SIGINT and SIGTERM over, and SIGHUP where somebody wants it."""

    def __init__(
        self,
        *,
        on_signal: Callable[[], None] | None = None,
        on_hangup: Callable[[], None] | None = None,
        within: float = 0.0,
        announce: bool = True,
    ) -> None:
        """Takes nothing over yet.

        Args:
            on_signal: called at the first SIGINT or SIGTERM, in the handler.
            on_hangup: called at each SIGHUP, in the handler; None leaves SIGHUP as it is.
            announce: whether to tell the person at the terminal what happens now.
            within: end the process so many seconds after the first signal at the latest; 0 for no limit. Ending at any
                instruction is safe: that is what the journal is for.
        """
        self._signal: int | None = None
        self._before: dict[int, Any] = {}
        self._on_signal: Callable[[], None] | None = on_signal
        self._on_hangup: Callable[[], None] | None = on_hangup
        self._within = within
        self._announce = announce

    @property
    def exit_code(self) -> ExitCode:
        """130 after SIGINT, 143 after SIGTERM."""
        return ExitCode.TERMINATED if self._signal == signal.SIGTERM else ExitCode.INTERRUPTED

    def requested(self) -> bool:
        """Whether a first signal came."""
        return self._signal is not None

    def __enter__(self) -> Self:
        handlers: dict[int, Callable[[int, FrameType | None], None]] = {
            signal.SIGINT: self._interrupted,
            signal.SIGTERM: self._interrupted,
        }
        if self._on_hangup is not None:
            handlers[signal.SIGHUP] = self._hung_up
        if self._within:
            handlers[signal.SIGALRM] = self._overdue
        for number, handler in handlers.items():
            self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None) -> None:
        if self._within:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _interrupted(self, number: int, _frame: FrameType | None) -> None:
        if self._signal is not None:
            os._exit(self.exit_code)
        self._signal = number
        if self._within:
            signal.setitimer(signal.ITIMER_REAL, self._within * 0.9)
        if self._announce:
            os.write(2, _FIRST.encode())  # not sys.stderr: the signal may have come in the middle of its write
        if self._on_signal is not None:
            self._on_signal()

    def _hung_up(self, _number: int, _frame: FrameType | None) -> None:
        if self._on_hangup is not None:
            self._on_hangup()

    def _overdue(self, _number: int, _frame: FrameType | None) -> None:
        os._exit(self.exit_code)
