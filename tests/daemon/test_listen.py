"""Where to listen, as a person writes it."""

from __future__ import annotations

import pytest

from reconciler.daemon.listen import is_loopback, parse_listen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9808", ("127.0.0.1", 9808)),
        ("[::1]:9808", ("::1", 9808)),
        ("localhost:0", ("localhost", 0)),
        ("0.0.0.0:65535", ("0.0.0.0", 65535)),  # noqa: S104 - it is only read
        ("off", None),
    ],
)
def test_parsed(text: str, expected: tuple[str, int] | None) -> None:
    """Host and port, or nothing."""
    assert parse_listen(text) == expected


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("9808", "no address with a port"),
        ("127.0.0.1", "no address with a port"),
        ("127.0.0.1:65536", "no address with a port"),
        ("127.0.0.1:-1", "no address with a port"),
        ("127.0.0.1:\u0669", "no address with a port"),
        ("::1:9808", "write"),
        (":9808", "0.0.0.0:9808"),
        ("http://127.0.0.1:9808", "names no address"),
        ("", "no address with a port"),
    ],
)
def test_refused(text: str, hint: str) -> None:
    """What is none says what to write instead."""
    with pytest.raises(ValueError, match=r".") as raised:
        parse_listen(text)
    assert hint in str(raised.value) or "in brackets" in str(raised.value)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("a.localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - it is only read
        ("::", False),
        ("192.0.2.1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("", False),
    ],
)
def test_loopback(host: str, *, expected: bool) -> None:
    """What only this machine can reach."""
    assert is_loopback(host) is expected
