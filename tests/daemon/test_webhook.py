"""Delivery of events, to a real receiver that misbehaves."""

from __future__ import annotations

import base64
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest

from reconciler.daemon.events import Event, InvolvedObject
from reconciler.daemon.webhook import Webhook
from tests.render.page_stories import NOW

FAST: Final = (0.01, 0.01)


def event(message: str = "hello") -> Event:
    """An event."""
    about = InvolvedObject(kind="Cluster", namespace="demo", name="demo")
    return Event(involved_object=about, severity="info", timestamp=NOW, message=message, reason="Told", metadata={})


class Receiver:
    """Answers with what was ordered, then with 200; keeps what came."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.bodies: list[str] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.url = ""
        self.hold = threading.Event()
        self.hold.set()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Keeps a request and answers it."""
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        self.hold.wait(10)
        self.bodies.append(body["message"])
        self.requests.append((handler.path, dict(handler.headers)))
        status = self.statuses.pop(0) if self.statuses else 200
        handler.send_response(status)
        if 300 <= status < 400:
            handler.send_header("Location", self.url + "/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()


@contextmanager
def receiving(*statuses: int) -> Iterator[Receiver]:
    """A receiver on a port of its own."""
    receiver = Receiver(*statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.answer(self)

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - fields of any type
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()


def test_delivers_in_order() -> None:
    """As JSON, by POST, with the path, query and password of the URL."""
    with receiving() as receiver:
        webhook = Webhook(receiver.url.replace("//", "//me:s%40crt@") + "/hooks/1?a=b")
        for number in range(3):
            webhook.send(event(str(number)))
        webhook.close()
    path, headers = receiver.requests[0]
    assert (receiver.bodies, webhook.delivered, webhook.dropped) == (["0", "1", "2"], 3, 0)
    assert (path, headers["Content-Type"]) == ("/hooks/1?a=b", "application/json")
    assert headers["Authorization"] == "Basic " + base64.b64encode(b"me:s@crt").decode()


@pytest.mark.parametrize(
    ("statuses", "bodies", "outcome"),
    [
        ((200,), 1, (1, 0)),
        ((503, 500), 3, (1, 0)),
        ((500, 500, 500), 3, (0, 1)),
        ((429,), 1, (1, 0)),
        ((400,), 1, (0, 1)),
        ((302,), 1, (0, 1)),
    ],
)
def test_tries_again_where_it_helps(statuses: tuple[int, ...], bodies: int, outcome: tuple[int, int]) -> None:
    """A server's trouble is tried again; a duplicate has arrived; a refusal and a redirect are final."""
    with receiving(*statuses) as receiver:
        webhook = Webhook(receiver.url, pauses=FAST)
        webhook.send(event())
        deadline = time.monotonic() + 10
        while not webhook.delivered + webhook.dropped and time.monotonic() < deadline:
            time.sleep(0.01)
        webhook.close()
    assert (len(receiver.bodies), (webhook.delivered, webhook.dropped)) == (bodies, outcome)
    assert {path for path, _ in receiver.requests} == {"/"}


def test_a_slow_receiver_holds_nobody_up() -> None:
    """The oldest are dropped, and counted."""
    with receiving() as receiver:
        receiver.hold.clear()
        webhook = Webhook(receiver.url, capacity=3)
        for number in range(100):
            webhook.send(event(str(number)))
        receiver.hold.set()
        webhook.close()
    assert receiver.bodies[-3:] == ["97", "98", "99"]
    assert len(receiver.bodies) + webhook.dropped == 100


def test_nobody_there() -> None:
    """A receiver that is gone costs an event and nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    webhook = Webhook(f"http://127.0.0.1:{port}/", pauses=FAST)
    webhook.send(event())
    webhook.close()
    assert (webhook.delivered, webhook.dropped) == (0, 1)


def test_an_end_is_bounded() -> None:
    """A receiver that says nothing does not hold up the end."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        webhook = Webhook(f"http://127.0.0.1:{mute.getsockname()[1]}/", timeout=1.0)
        webhook.send(event())
        webhook.close(timeout=0.05)
        assert webhook.delivered == 0
        webhook._thread.join(10)
    assert not webhook._thread.is_alive()


def test_no_secret_of_the_url_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Paths of webhooks are passwords."""
    with receiving(400) as receiver, caplog.at_level(logging.DEBUG):
        webhook = Webhook(receiver.url.replace("//", "//user:hunter2@") + "/T000/s3cret")
        webhook.send(event())
        webhook.close()
    assert "it answered 400" in caplog.text
    assert [word for word in ("hunter2", "s3cret") if word in caplog.text] == []


@pytest.mark.parametrize("url", ["ftp://host/", "http://", "host/path", "", "file:///etc/passwd"])
def test_refuses_what_is_no_url(url: str) -> None:
    """A mistake is found at the start."""
    with pytest.raises(ValueError, match="https://"):
        Webhook(url)
