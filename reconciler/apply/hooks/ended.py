"""How a program ended, and what it said, made fit to be kept and shown. Decisions."""

from __future__ import annotations

import re
import signal
import unicodedata
from datetime import timedelta
from typing import Final, Literal

import msgspec

from reconciler.apply.hooks.occasion import HookResult
from reconciler.apply.hooks.redaction import without_keys
from reconciler.desired.durations import format_duration

#: So much of what was said is kept, in bytes of UTF-8: its end, where an error stands.
KEPT: Final = 4096

#: ECMA-48 section 5.4: control sequences; and operating system commands up to their terminator.
_SEQUENCE: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


Stopped = Literal["", "timeout", "stop"]


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a program."""

    status: int
    """As the standard library has it: an exit status, or the negative number of a signal."""
    output: bytes
    """The end of standard output and standard error, as they came."""
    cut: bool
    """Whether there was more before it."""
    stopped: Stopped = ""
    """Why we ended it; empty when it ended by itself."""

    def __repr__(self) -> str:
        """Without the output: it was not looked at yet."""
        return f"Ended({self.status}, {len(self.output)} bytes, {self.stopped!r})"


def result_of(ended: Ended, *, timeout: timedelta, known: frozenset[str] = frozenset()) -> HookResult:
    """What a run means for the hook.

    Args:
        ended: the run.
        timeout: how long it was given.
        known: keys of which no part may be shown, from `own_keys`.
    """
    output = readable(ended.output, cut=ended.cut, known=known)
    if ended.stopped == "timeout":
        detail = f"it did not end within {format_duration(timeout)} and was killed; make it quicker, or raise its timeout"
    elif ended.stopped == "stop":
        detail = "it was ended because the reconciler stops; it is run again"
    elif ended.status < 0:
        detail = f"it was killed by {_signal_name(-ended.status)}"
        if -ended.status == signal.SIGKILL:
            detail += "; the kernel's log says whether memory ran out"
    elif ended.status:
        detail = f"it exited with status {ended.status}"
    else:
        return HookResult(status="ok", output=output)
    return HookResult(status="failed", detail=detail, output=output)


def readable(data: bytes, *, cut: bool, known: frozenset[str] = frozenset()) -> str:
    """Text of unknown origin as lines that neither act on a terminal nor hold a private key.

    Args:
        data: what was printed.
        cut: whether its beginning is missing; the line that is cut goes, too.
        known: keys of which no part may be shown, from `own_keys`.
    """
    if cut:
        data = data[data.find(b"\n") + 1 :]
    text = _SEQUENCE.sub("", data.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n"))
    text = "".join(char for char in text if char in "\n\t" or unicodedata.category(char) not in _INVISIBLE)
    return without_keys(text, known).strip().encode()[-KEPT:].decode(errors="ignore")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
