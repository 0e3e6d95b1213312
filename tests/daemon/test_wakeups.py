"""Reasons to wake: none is lost, and a signal handler may give one."""

from __future__ import annotations

import os
import signal
import threading
import time

from reconciler.daemon.wakeups import Wakeups


def test_a_reason_ends_the_wait_and_is_given_once() -> None:
    """Reasons that came while nobody waited are there at the next wait, each once."""
    wakeups = Wakeups()
    wakeups.wake("files")
    wakeups.wake("source")
    wakeups.wake("files")
    assert wakeups.wait(60) == {"files", "source"}
    assert wakeups.wait(0) == frozenset()
    wakeups.close()


def test_another_thread_wakes_it() -> None:
    """A wait of a minute ends at once."""
    wakeups = Wakeups()
    started = time.monotonic()
    threading.Timer(0.05, wakeups.wake, ["source"]).start()
    assert wakeups.wait(60) == {"source"}
    assert time.monotonic() - started < 30
    wakeups.close()


def test_a_signal_handler_wakes_it() -> None:
    """The handler runs in the thread that waits, in the middle of its wait."""
    wakeups = Wakeups()
    before = signal.signal(signal.SIGUSR1, lambda *_: wakeups.wake("signal"))
    try:
        threading.Timer(0.05, os.kill, [os.getpid(), signal.SIGUSR1]).start()
        assert wakeups.wait(60) == {"signal"}
    finally:
        signal.signal(signal.SIGUSR1, before)
        wakeups.close()
