"""Two-stage interruption: the first signal lets the step in hand finish, the second ends at once."""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType
from typing import Any, Self

from reconciler.cli.exit_codes import ExitCode

_FIRST = """
Interrupt received. The step in hand is being finished, nothing new is started.
A second interrupt ends at once; the next run then finishes or undoes what was in hand.
"""


class Interruption:
    """While open, takes SIGINT and SIGTERM over."""

    def __init__(self) -> None:
        self._signal: int | None = None
        self._before: dict[int, Any] = {}

    @property
    def exit_code(self) -> ExitCode:
        """130 after SIGINT, 143 after SIGTERM."""
        return ExitCode.TERMINATED if self._signal == signal.SIGTERM else ExitCode.INTERRUPTED

    def requested(self) -> bool:
        """Whether a first signal came."""
        return self._signal is not None

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._signal is not None:
            os._exit(self.exit_code)
        self._signal = number
        os.write(2, _FIRST.encode())  # not sys.stderr: the signal may have come in the middle of its write
