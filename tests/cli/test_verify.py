"""``verify --live``: what running processes serve, against what is on disk."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.daemon.followed import server, text
from tests.inprocess import Home
from tests.observed.live.servers import presenting, serving, until_closed
from tests.real.etcd import free_ports


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A directory."""
    return Home(path=tmp_path)


def want(home: Home, **probes: dict[str, Any] | None) -> None:
    """Asks for these servers with these probes."""
    components = {name: server(name, **({"probe": probe} if probe else {})) for name, probe in probes.items()}
    home.write(yaml.safe_dump(yaml.safe_load(text()) | {"components": components}))


@contextmanager
def serving_from_disk(home: Home, name: str) -> Iterator[int]:
    """A process that serves the certificate on disk."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    stem = home.path / "srv/pki" / name
    context.load_cert_chain(stem.with_suffix(".crt"), stem.with_suffix(".key"))

    def play(connection: Any) -> None:  # noqa: ANN401 - a socket
        with context.wrap_socket(connection, server_side=True) as secured:
            until_closed(secured)

    with serving(play) as port:
        yield port


@pytest.mark.parametrize(
    ("states", "code", "sums"),
    [
        (["ok"], 0, "1 ok"),
        (["ok", "stale"], 1, "1 ok, 1 stale"),
        (["stale"], 1, "1 stale"),
        (["ok", "unreachable"], 1, "1 ok, 1 unreachable"),
    ],
)
def test_the_exit_code_says_whether_all_of_them_serve_it(states: list[str], code: int, sums: str, home: Home) -> None:
    """One that serves another certificate, or nothing, is a failure; each is told in a line."""
    want(home, **dict.fromkeys(states))
    assert home.apply().code == 0
    with ExitStack() as stack:
        ports = {
            "ok": stack.enter_context(serving_from_disk(home, "ok")) if "ok" in states else 0,
            "stale": stack.enter_context(serving(presenting(home.path))),
            "unreachable": free_ports("127.0.0.1", 1)[0],
        }
        want(home, **{state: {"address": f"127.0.0.1:{ports[state]}"} for state in states})
        said = home.call("verify", "--live")
        as_json = home.call("verify", "--live", "--format", "json")
    assert (said.code, as_json.code) == (code, code)
    *lines, _, last = said.out.splitlines()
    assert [line.partition(" at ")[0] for line in lines] == [f"component.{state}: {state}" for state in states]
    assert last.endswith(f": {sums}.")
    assert as_json.json["missing"] == []
    assert {address: served["state"] for address, served in as_json.json["served"].items()} == {
        f"component.{state}": state for state in states
    }


def test_what_is_not_there_cannot_be_served(home: Home) -> None:
    """A probe without a certificate on disk is a failure, and nobody is asked."""
    want(home, new={"address": "127.0.0.1:1"})
    said = home.call("verify", "--live", "--format", "json")
    assert (said.code, said.json) == (1, {"served": {}, "missing": ["component.new"]})


def test_without_probes_there_is_nothing_to_ask(home: Home) -> None:
    """It says what to write, and fails nobody's pipeline."""
    want(home, plain=None)
    said = home.call("verify", "--live")
    assert (said.code, said.out) == (
        0,
        "No component has a probe: add `probe: {address: HOST:PORT}` to those that serve TLS.\n",
    )


@pytest.mark.parametrize("more", [("--format", "svg"), ("--format", "html"), ("--at", "+1d"), ("--plan",), ("--every-phase",)])
def test_what_is_served_is_asked_now_and_told_in_words(more: tuple[str, ...], home: Home) -> None:
    """A picture, another time or a plan is not what running processes can answer to."""
    want(home, plain=None)
    said = home.call("verify", "--live", *more)
    assert (said.code, said.out) == (64, "")


def test_it_changes_nothing(home: Home) -> None:
    """No state directory, no file."""
    want(home, plain={"address": "127.0.0.1:1"})
    before = sorted(home.path.rglob("*"))
    home.call("verify", "--live")
    assert sorted(home.path.rglob("*")) == before
