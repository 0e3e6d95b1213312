"""What endpoints present, as text and JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Final

import pytest

from reconciler.observed.model import Served
from reconciler.render.served import RENDERERS

NOW: Final = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
OK: Final = Served(state="ok", endpoint="192.0.2.1:6443", at=NOW, presented="ab", expected="ab")
STALE: Final = Served(
    state="stale", endpoint="[2001:db8::1]:443", at=NOW, presented="cd", expected="ab", detail="It presents serial 1f6a of CN=x."
)
GONE: Final = Served(state="unreachable", endpoint="h:1", at=NOW, expected="ab", detail="h:1: nobody listens there.")
SERVED: Final = {"component.api": OK, "component.web[w-1]": STALE, "component.db": GONE}


def test_one_line_an_endpoint_and_the_sums() -> None:
    """In the order of the desired state; states in the order of what to worry about."""
    assert RENDERERS["text"](SERVED, ["component.new"]) == (
        "component.api: ok at 192.0.2.1:6443\n"
        "component.web[w-1]: stale at [2001:db8::1]:443: It presents serial 1f6a of CN=x.\n"
        "component.db: unreachable at h:1: h:1: nobody listens there.\n"
        "component.new: missing: there is no certificate on disk to compare with\n"
        "\n"
        "4 endpoints: 1 ok, 1 stale, 1 unreachable, 1 missing.\n"
    )


def test_nothing_to_ask_says_what_to_write() -> None:
    """Without a probe nothing was proved, and that is said."""
    assert RENDERERS["text"]({}, []) == ("No component has a probe: add `probe: {address: HOST:PORT}` to those that serve TLS.\n")


@pytest.mark.parametrize(("state", "code"), [(OK, "32"), (STALE, "31"), (GONE, "33")])
def test_colour_is_by_state(state: Served, code: str) -> None:
    """Green, red, yellow; only where it is asked for."""
    coloured = RENDERERS["text"]({"component.api": state}, [], color=True)
    assert f"\x1b[{code}m{state.state}\x1b[0m" in coloured
    assert "\x1b" not in RENDERERS["text"]({"component.api": state}, [])
    assert "\x1b" not in RENDERERS["json"]({"component.api": state}, [], color=True)


def test_what_a_peer_says_moves_no_cursor() -> None:
    """Names in a certificate that somebody else made are shown, not obeyed."""
    nasty = Served(state="stale", endpoint="h:1", at=NOW, detail="of CN=\x1b[2Jx\nfake: ok")
    text = RENDERERS["text"]({"component.api": nasty}, [])
    assert "\x1b" not in text
    assert text.count("\n") == 3


def test_json_holds_everything() -> None:
    """On one line, times in UTC."""
    text = RENDERERS["json"](SERVED, ["component.new"])
    assert text.count("\n") == 1
    document = json.loads(text)
    assert document["missing"] == ["component.new"]
    assert document["served"].keys() == SERVED.keys()
    assert document["served"]["component.api"] == {
        "state": "ok",
        "endpoint": "192.0.2.1:6443",
        "at": "2026-11-20T10:00:00Z",
        "presented": "ab",
        "expected": "ab",
        "detail": "",
    }
