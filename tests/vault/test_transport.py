"""One exchange, as its caller sees it."""

from __future__ import annotations

import threading
from typing import Final

import pytest

from reconciler.vault.addresses import origin_of
from reconciler.vault.exchange import ExchangeError, Request, Response
from reconciler.vault.transport import Transport, _perform
from reconciler.vault.wire import Exchange
from tests.vault.hostile import Received, closing, http, serving
from tests.vault.scene import connection

READ: Final = Request(method="GET", path="a")
WRITE: Final = Request(method="POST", path="a", body={})


def failure(transport: Transport, request: Request, url: str, within: float = 5.0) -> ExchangeError:
    """How an exchange fails."""
    with pytest.raises(ExchangeError) as caught:
        transport.exchange(request, origin_of(url), connect_within=within, within=within)
    return caught.value


def test_whether_a_request_may_have_arrived() -> None:
    """Not where nobody listens, nor without time; where somebody has read it, yes."""
    with serving(lambda _: closing()) as server:
        transport = Transport(connection(server.url))
        assert [
            failure(transport, WRITE, "http://127.0.0.1:1").sent,
            failure(transport, WRITE, server.url, within=0.0).sent,
            failure(transport, WRITE, server.url).sent,
        ] == [False, False, True]
        assert server.lines == ["POST /v1/a"]
        transport.close()


def test_an_interrupt_ends_the_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is interrupted while waiting leaves nothing behind that still goes on."""
    begun, kept = threading.Event(), list[Exchange]()

    def script(_received: Received) -> bytes:
        begun.set()
        threading.Event().wait(0.3)
        return http(200, {"data": {}})

    def interrupted(exchange: Exchange, *_: object) -> None:
        kept.append(exchange)
        exchange.start()
        begun.wait(5)
        raise KeyboardInterrupt

    monkeypatch.setattr("reconciler.vault.transport._await", interrupted)
    with serving(script) as server:
        transport = Transport(connection(server.url))
        with pytest.raises(KeyboardInterrupt):
            transport.exchange(WRITE, origin_of(server.url), connect_within=5, within=5)
        assert kept[0].over.wait(0.2)
        assert isinstance(kept[0].outcome, Exception)
        transport.close()


def test_what_was_given_up_before_it_was_sent_is_not_sent_later() -> None:
    """A thread that comes late, as after a slow look-up of a name, finds itself cut off."""
    with serving(lambda _: http(200, {"data": {}})) as server:
        transport = Transport(connection(server.url))
        session = transport._current()
        prepared = transport._prepared(session, WRITE, origin_of(server.url))
        begun = threading.Event()

        def late() -> Response:
            begun.wait(5)
            return _perform(session, prepared, (5, 5))

        exchange = Exchange(late, fresh=True)
        exchange.start()
        assert exchange.cut(unless_sent=True)
        begun.set()
        exchange.join(5)
        assert (server.requests, exchange.sent, isinstance(exchange.outcome, Exception)) == ([], False, True)
        transport.close()
