"""What systemd is told, over real sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from reconciler.daemon.notify import Notifier

PID: Final = 4711


@pytest.fixture(params=["path", "abstract"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket as systemd has it, and what it puts into the environment."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
        ours.settimeout(5)
        ours.bind(path if request.param == "path" else "\0" + path)
        yield ours, path if request.param == "path" else "@" + path


def notifier(**environ: str) -> Notifier:
    """A notifier in this environment, at 12.5 seconds since boot."""
    return Notifier.from_environ(environ, pid=PID, monotonic=lambda: 12.5)


def test_messages(line: tuple[socket.socket, str]) -> None:
    """Each message is one datagram in the form of sd_notify(3); a status stays on its line."""
    ours, address = line
    one = notifier(NOTIFY_SOCKET=address, WATCHDOG_USEC="30000000", WATCHDOG_PID=str(PID))
    one.ready()
    one.status("2 certificates\nREADY=1")
    one.reloading()
    one.watchdog()
    one.stopping()
    assert [ours.recv(4096).decode() for _ in range(5)] == [
        "READY=1",
        "STATUS=2 certificates READY=1",
        "RELOADING=1\nMONOTONIC_USEC=12500000",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(PID)}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "\u0663"}, None),
        ({}, None),
    ],
)
def test_watchdog_interval(environ: dict[str, str], interval: float | None) -> None:
    """Half of what systemd allows, when it is this process that it waits for."""
    assert notifier(NOTIFY_SOCKET="/run/x", **environ).watchdog_interval == interval
    assert notifier(**environ).watchdog_interval is None


def test_no_watchdog_no_ping(line: tuple[socket.socket, str]) -> None:
    """Who is not waited for does not answer."""
    ours, address = line
    one = notifier(NOTIFY_SOCKET=address)
    one.watchdog()
    one.ready()
    assert ours.recv(4096) == b"READY=1"


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "@nobody", "vsock:2:1234", "/a\0b", "@" + "x" * 300])
def test_silent_without_systemd(address: str) -> None:
    """Whatever stands in the environment, nothing is raised."""
    one = notifier(NOTIFY_SOCKET=address)
    one.ready()
    one.status("\ud800")


def test_a_full_socket_holds_nobody_up(line: tuple[socket.socket, str]) -> None:
    """A systemd that does not read stops no pass."""
    ours, address = line
    one = notifier(NOTIFY_SOCKET=address)
    for number in range(2000):
        one.status(str(number))
    assert ours.recv(4096) == b"STATUS=0"
