"""A token goes to the addresses of its connection, and to nobody else, whatever a server says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reconciler.vault.errors import Kind
from tests.vault.hostile import Hostile, Received, http, serving
from tests.vault.scene import TOKEN, Vault, client_of, connection, failing

DATA = http(200, {"data": {"value": 1}})


def redirecting(status: int, to: Callable[[], str]) -> Callable[[Received], bytes]:
    """Sends everybody to somebody else; says its own 404 to logins as there are none."""
    return lambda received: http(status, b"", Location=f"{to()}{received.target}")


@pytest.mark.parametrize("status", [307, 308])
def test_a_standby_sends_to_the_active_node(status: int) -> None:
    """Reads and writes arrive there whole, with the token, when it is one of the addresses."""
    with serving(Vault(a=DATA)) as active, serving(redirecting(status, lambda: active.url)) as standby:
        with client_of(connection(standby.url, active.url)) as client:
            assert client.read("a", {"version": "3"}).data == {"value": 1}
            assert client.write("a", {"sent": "body"}).data == {"value": 1}
        assert [each.line for each in active.requests] == [
            "POST /v1/auth/approle/login",
            "GET /v1/a?version=3",
            "POST /v1/a",
            "POST /v1/auth/token/revoke-self",
        ]
        assert (active.requests[2].json, active.requests[2].token) == ({"sent": "body"}, TOKEN)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "where",
    [
        pytest.param("{other}/v1/a", id="another port"),
        pytest.param("http://localhost:{port}/v1/a", id="another name for the same"),
        pytest.param("https://127.0.0.1:{port}/v1/a", id="another scheme"),
        pytest.param("//{host}/v1/a", id="without a scheme"),
        pytest.param("http://{home}@{host}/v1/a", id="with a user"),
        pytest.param("http://{host}\\@{home}/v1/a", id="with a backslash"),
        pytest.param("/v1/sys/raw/a", id="another path"),
        pytest.param("/v1/a/../b", id="dots"),
        pytest.param("file:///v1/a", id="a file"),
        pytest.param("", id="to nowhere"),
        pytest.param("http://[::1", id="broken"),
    ],
)
def test_a_redirect_elsewhere_is_an_error_and_nothing_is_sent_there(status: int, where: str) -> None:
    """Neither token nor request arrive, and nobody connects at all."""
    other: Hostile
    with serving(Vault(a=DATA)) as other:
        script = Vault()
        with serving(script) as server, client_of(connection(server.url)) as client:
            home, host = server.url.removeprefix("http://"), other.url.removeprefix("http://")
            script.say("a", http(status, b"", Location=where.format(other=other.url, port=other.port, home=home, host=host)))
            calls: tuple[Callable[[], object], ...] = (lambda: client.read("a"), lambda: client.write("a", {"secret": "body"}))
            for call in calls:
                with failing() as found:
                    call()
                assert (found[0].kind, found[0].retryable) == (Kind.CONFIGURATION, False)
            assert server.lines == ["POST /v1/auth/approle/login", "GET /v1/a", "POST /v1/a"]
        assert other.connections == 0


@pytest.mark.parametrize("status", [307, 308])
def test_a_circle_of_redirects_ends(status: int) -> None:
    """After two hops, with what to check."""
    one: Hostile
    two: Hostile
    with serving(redirecting(status, lambda: two.url)) as one, serving(redirecting(status, lambda: one.url)) as two:
        with client_of(connection(one.url, two.url)) as client, failing() as found:
            client.read("a")
        assert (found[0].kind, "circle" in str(found[0])) == (Kind.CONFIGURATION, True)
        assert len(one.requests) + len(two.requests) == 3
