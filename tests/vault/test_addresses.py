"""Which address is asked, and where a redirect may lead."""

from __future__ import annotations

import pytest

from reconciler.vault.addresses import Origin, in_order, is_loopback, origin_of, redirected

ONE = Origin("https", "vault-1.internal", 8200)
TWO = Origin("https", "vault-2.internal", 8200)
SIX = Origin("https", "2001:db8::1", 443)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://vault-1.internal:8200", ONE),
        ("https://VAULT-1.internal:8200/", ONE),
        ("https://[2001:db8::1]", SIX),
        ("http://127.0.0.1:8200", Origin("http", "127.0.0.1", 8200)),
        ("http://localhost", Origin("http", "localhost", 80)),
        ("http://vault-1.internal:8200", None),
        ("https://", None),
        ("https://user@vault-1.internal", None),
        ("https://vault-1.internal:port", None),
        ("https://[2001:db8::1", None),
        ("vault-1.internal:8200", None),
        ("unix:///run/vault.sock", None),
    ],
)
def test_what_a_token_may_be_sent_to(url: str, origin: Origin | None) -> None:
    """HTTPS, and HTTP on this machine."""
    if origin is not None:
        assert origin_of(url) == origin
        return
    with pytest.raises(ValueError, match=r".+"):
        origin_of(url)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("localhost.evil.example", False),
        ("10.0.0.1", False),
    ],
)
def test_what_is_this_machine(host: str, loopback: bool) -> None:
    """By address or by its one name."""
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("failed", "order"),
    [
        ({}, (ONE, TWO)),
        ({ONE: 990.0}, (TWO, ONE)),
        ({TWO: 990.0}, (ONE, TWO)),
        ({ONE: 970.0}, (ONE, TWO)),
        ({ONE: 999.0, TWO: 998.0}, (ONE, TWO)),
    ],
)
def test_who_is_asked_first(failed: dict[Origin, float], order: tuple[Origin, ...]) -> None:
    """As declared, but who failed lately is asked last."""
    assert in_order((ONE, TWO), failed, 1000.0) == order


@pytest.mark.parametrize(
    ("location", "goal"),
    [
        ("https://vault-2.internal:8200/v1/a%20b?list=true", TWO),
        ("https://vault-2.internal:8200/v1/a b", TWO),
        ("//vault-2.internal:8200/v1/a%20b", TWO),
        ("/v1/a%20b", ONE),
        ("https://vault-2.internal:8200/v1/b", None),
        ("https://vault-2.internal/v1/a%20b", None),
        ("http://vault-2.internal:8200/v1/a%20b", None),
        ("https://evil.example/v1/a%20b", None),
        ("", None),
    ],
)
def test_where_a_redirect_may_lead(location: str, goal: Origin | None) -> None:
    """The same path on an address of the connection."""
    if goal is not None:
        assert redirected(location, ONE, "/v1/a%20b", (ONE, TWO)) == goal
        return
    with pytest.raises(ValueError, match=r".+"):
        redirected(location, ONE, "/v1/a%20b", (ONE, TWO))


def test_an_origin_reads_as_a_url() -> None:
    """Brackets around IPv6."""
    assert (str(ONE), str(SIX)) == ("https://vault-1.internal:8200", "https://[2001:db8::1]:443")
