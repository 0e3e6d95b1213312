"""What the running process tells systemd and a webhook, and those who ask beside it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler.apply.lock import hold
from tests.daemon.running import Place, Running, document, running
from tests.real.cluster import PROGRAM, environment

READY: Final = ("True", "ReconciliationSucceeded")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Two servers in a repository."""
    place = Place(home=tmp_path, git=True)
    place.write(document("api", "web"))
    return place


class Systemd:
    """The socket of a service manager, and what came through it."""

    def __init__(self, line: socket.socket) -> None:
        """Nothing came yet."""
        self._line = line
        self.messages: list[str] = []

    def has(self, *wanted: str, since: int = 0) -> bool:
        """Whether messages that begin so came in this order."""
        while True:
            try:
                self.messages.append(self._line.recv(4096, socket.MSG_DONTWAIT).decode())
            except BlockingIOError:
                break
        rest = iter(self.messages[since:])
        return all(any(message.startswith(each) for message in rest) for each in wanted)


@pytest.fixture
def systemd(place: Place) -> Iterator[Systemd]:
    """It waits for a sign of life every four seconds."""
    address = f"cluster-pki-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind("\0" + address)
        place.extra_environment = {"NOTIFY_SOCKET": "@" + address, "WATCHDOG_USEC": "4000000"}
        yield Systemd(line)


def test_systemd_is_told_when_it_is_ready_that_it_lives_and_that_it_ends(place: Place, systemd: Systemd) -> None:
    """Ready as soon as it works, whatever it has to tell; a reload begins and ends; the last word is that it stops."""
    place.write("a: [\n")
    with running(place, interval="1s") as one:
        one.wait_for(lambda: systemd.has("STATUS=cluster-pki.yaml:", "WATCHDOG=1", "WATCHDOG=1"))
        # It works, and says what it waits for: systemd must not start it anew for that.
        assert "READY=1" in systemd.messages
        place.write(document("api"))
        one.wait_for(lambda: systemd.has("STATUS=Reconciling (start).", "READY=1", "STATUS=Pass (start, revision"))
        one.wait_for(lambda: systemd.has("STATUS=Pass (interval"))
        seen = len(systemd.messages)
        one.send(signal.SIGHUP)
        reloaded = ("RELOADING=1\nMONOTONIC_USEC=", "STATUS=Reconciling (signal).", "READY=1", "WATCHDOG=1")
        one.wait_for(lambda: systemd.has(*reloaded, since=seen))
        assert one.stop() == 0
    assert systemd.has("STOPPING=1")
    assert systemd.messages[-1] == "STOPPING=1"


@contextmanager
def receiving() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A receiver of events: its URL, and what came."""
    events: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", events
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_webhook_hears_what_happened_and_nothing_twice(place: Place) -> None:
    """The first apply; that a commit is refused; that it was mended. Passes in between, and a restart, are no news."""
    with receiving() as (url, events):

        def told() -> list[tuple[str, str]]:
            return [(event["severity"], event["reason"]) for event in events]

        first = [("info", "ReconciliationSucceeded")]
        with running(place, "--events-webhook", url, interval="1s") as one:
            one.wait_for(lambda: told() == first)
            assert events[0]["message"].startswith("3 created: ca.main, component.api, component.web. Next renewal: ")
            good = events[0]["metadata"]["revision"]
            one.wait_for_passes()
            place.write("a: [\n")
            refused = [*first, ("error", "DesiredStateInvalid")]
            one.wait_for(lambda: told() == refused)
            assert events[1]["message"].startswith("Ready is False: cluster-pki.yaml:2:1: ")
            assert events[1]["metadata"]["revision"] == good
            one.stop()
        with running(place, "--events-webhook", url, interval="1s") as again:
            again.wait_for(lambda: again.passes() >= 2)
            assert told() == refused
            place.write(document("api", "web"))
            again.wait_for(lambda: len(events) > len(refused))
            again.wait_for_passes()
            again.stop()
    assert told() == [*refused, ("info", "ReconciliationSucceeded")]
    assert events[-1]["message"] == "Ready is True: Everything is as the desired state says."


def test_status_waits_for_a_pass_and_says_what_only_the_reconciler_knows(place: Place) -> None:
    """Rows from its own look, conditions from the reconciler; an apply that is at work is waited for, not reported as a lock."""
    with running(place, interval="1h") as one:
        one.wait_for(lambda: place.conditions().get("Ready") == READY)
        with hold(str(place.state / "lock"), operation="apply", exclusive=True):
            asking = subprocess.Popen(
                [*PROGRAM, "status", *place.where, "--format", "json"],
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            # Long enough for it to meet the lock; a slower start makes the test easier, never wrong.
            with pytest.raises(subprocess.TimeoutExpired):
                asking.wait(1.5)
        out, log = asking.communicate(timeout=60)
        assert (asking.returncode, log) == (0, "")
        told = json.loads(out)
        assert [(each["type"], each["status"], each["reason"]) for each in told["conditions"]] == [("Ready", *READY)]
        assert told["reconciler"]["pid"] == one.process.pid
        assert told["source"]["last_applied_revision"] == place.status()["source"]["last_applied_revision"]
        _stop(one)
    gone = json.loads(place.command("status", "--format", "json").stdout)
    assert [(each["type"], each["status"], each["reason"]) for each in gone["conditions"]] == [("Ready", "Unknown", "NotRunning")]
    assert gone["reconciler"] is None
    assert [row["health"] for row in gone["resources"]] == ["Healthy"] * 3


def _stop(one: Running) -> None:
    """It ends in order."""
    assert one.stop() == 0


def test_one_pass_serves_nobody(place: Place) -> None:
    """`--once` is for cron: no port is opened, unless one is asked for."""
    assert "status at" not in place.once().stderr
    assert re.search(r"status at http://127\.0\.0\.1:\d+/", place.once("--listen", "127.0.0.1:0").stderr)
