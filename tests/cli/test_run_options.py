"""The options of ``run``: defaults, twins, and what they choose before anything runs."""

from __future__ import annotations

import argparse
import logging
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler.cli.commands import parser_for
from reconciler.cli.options import UsageError
from reconciler.cli.run import LISTEN
from reconciler.cli.sources import followed_source
from reconciler.daemon.listen import ListenError, Listening, listening
from reconciler.daemon.service import clock
from reconciler.daemon.teller import Telling
from reconciler.plan.status_document import SourceStatus
from reconciler.source.git import GitSource
from reconciler.source.worktree import WorktreeSource
from tests.daemon.followed import text
from tests.daemon.running import Place, document
from tests.passes.sessions import session
from tests.source.repositories import MAIN, new_repository


def parsed(*arguments: str, **environ: str) -> argparse.Namespace:
    """The options of a command line and an environment."""
    return parser_for(["run"], environ).parse_args(["run", *arguments])


#: Option, text, attribute, value.
OPTIONS: Final[list[tuple[str, str, str, object]]] = [
    ("--git", "/srv/pki", "git", "/srv/pki"),
    ("--path", "clusters/a.yaml", "path", "clusters/a.yaml"),
    ("--ref", "main", "ref", "main"),
    ("--verify-signatures", "/etc/signers", "verify_signatures", "/etc/signers"),
    ("--verify-keyring", "/etc/keyring", "verify_keyring", "/etc/keyring"),
    ("--interval", "90s", "interval", timedelta(seconds=90)),
    ("--listen", "[::1]:1", "listen", "[::1]:1"),
    ("--listen-tls", "status", "listen_tls", "status"),
    ("--listen-client-ca", "trust", "listen_client_ca", "trust"),
    ("--events-webhook", "https://h/x", "events_webhook", "https://h/x"),
    ("--parallelism", "3", "parallelism", 3),
    ("--lock-timeout", "2m", "lock_timeout", 120.0),
]
SWITCHES: Final = ("--worktree", "--allow-rollback", "--once")


@pytest.mark.parametrize(("option", "given", "attribute", "value"), OPTIONS, ids=[option for option, *_ in OPTIONS])
def test_an_option_and_its_twin_mean_the_same(option: str, given: str, attribute: str, value: object) -> None:
    """CLUSTER_PKI_ and its name in capitals."""
    twin = "CLUSTER_PKI_" + option.removeprefix("--").replace("-", "_").upper()
    assert getattr(parsed(option, given), attribute) == value
    assert getattr(parsed(**{twin: given}), attribute) == value


@pytest.mark.parametrize("option", SWITCHES)
def test_a_switch_and_its_twin_mean_the_same(option: str) -> None:
    """Off unless it is asked for."""
    name = option.removeprefix("--").replace("-", "_")
    twin = f"CLUSTER_PKI_{name.upper()}"
    assert [getattr(each, name) for each in (parsed(), parsed(option), parsed(**{twin: "true"}), parsed(**{twin: "0"}))] == [
        False,
        True,
        True,
        False,
    ]


def test_defaults() -> None:
    """Five minutes, on this machine only, the repository around the file, its last commit."""
    options = parsed()
    assert (options.interval, options.parallelism, options.lock_timeout) == (timedelta(minutes=5), 10, 0.0)
    assert (options.listen, options.listen_tls, options.listen_client_ca, options.events_webhook) == (None,) * 4
    assert (options.file, options.git, options.path, options.ref, options.log_format) == (MAIN, None, None, None, "auto")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--interval", "0.5s"), "--interval"),
        (("--interval", "500ms"), "--interval"),
        (("--interval", "soon"), "--interval"),
        (("--parallelism", "0"), "--parallelism"),
        (("--parallelism", "65"), "--parallelism"),
        (("--parallelism", "many"), "--parallelism"),
        (("--lock-timeout", "never"), "--lock-timeout"),
        (("--format", "html"), "--format"),
        (("--work",), "--work"),
    ],
)
def test_what_cannot_be_understood_is_a_usage_error(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 64, and the option is named."""
    with pytest.raises(SystemExit) as stop:
        parsed(*arguments)
    assert stop.value.code == 64
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("CLUSTER_PKI_INTERVAL", "1ms", "CLUSTER_PKI_INTERVAL='1ms'"),
        ("CLUSTER_PKI_LISTEN_TSL", "api", 'did you mean "CLUSTER_PKI_LISTEN_TLS"'),
        ("CLUSTER_PKI_ONCE", "maybe", "neither true nor false"),
    ],
)
def test_a_wrong_variable_stops_it(variable: str, value: str, message: str) -> None:
    """A misspelled variable in a unit file is found at the start, not when a certificate has expired."""
    with pytest.raises(UsageError) as raised:
        parsed(**{variable: value})
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("given", "default", "expected"),
    [
        (None, LISTEN, Listening(host="127.0.0.1", port=9808, asked_for=False)),
        (None, "off", None),
        ("off", LISTEN, None),
        ("127.0.0.1:0", "off", Listening(host="127.0.0.1", port=0, asked_for=True)),
    ],
    ids=["by default", "by default with --once", "off", "asked for"],
)
def test_where_it_listens(given: str | None, default: str, expected: Listening | None) -> None:
    """And whether somebody named the place."""
    assert listening(given, default=default, component=None, client_bundle=None) == expected


ORIGIN: Final = SourceStatus(kind="directory", location="/srv", path=MAIN)


def telling(place: Listening) -> Telling:
    """What tells, at this place."""
    return Telling(clock=clock, origin=ORIGIN, listening=place, webhook=None, environ={})


def test_a_default_place_that_is_taken_is_a_warning(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Two reconcilers for two clusters on one machine: certificates matter more than a page that nobody asked for."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        opened = session(tmp_path, text("api"))
        with caplog.at_level(logging.WARNING), telling(Listening(host="127.0.0.1", port=port, asked_for=False)) as told:
            # Another reconciler may have it, whose lock says so better: only then it is news.
            assert caplog.records == []
            told.known(opened)
        assert [record.getMessage() for record in caplog.records] == [
            f"nothing is served at 127.0.0.1:{port}: Address already in use; choose another place with --listen, or off"
        ]
        with telling(Listening(host="127.0.0.1", port=port)) as told, pytest.raises(ListenError, match="already in use"):
            told.known(opened)


Arrange = Callable[[Path], None]


def plain(home: Path) -> None:
    """A directory."""
    (home / MAIN).write_text(text("api"), encoding="utf-8")


def checkout(home: Path) -> None:
    """A repository, in which the file lies in a directory."""
    new_repository(home).commit({MAIN: text("api")})


@pytest.mark.parametrize(
    ("arrange", "options", "kind", "path", "ref"),
    [
        (plain, ("-f", "{home}/cluster-pki.yaml"), WorktreeSource, MAIN, ""),
        (checkout, ("-f", "{home}/cluster-pki.yaml"), GitSource, MAIN, "HEAD"),
        (checkout, ("-f", "{home}/cluster-pki.yaml", "--ref", "main"), GitSource, MAIN, "main"),
        (checkout, ("-f", "{home}/cluster-pki.yaml", "--worktree"), WorktreeSource, MAIN, ""),
        (checkout, ("--git", "{home}"), GitSource, MAIN, "HEAD"),
        (checkout, ("--git", "{home}", "--path", "a/b.yaml"), GitSource, "a/b.yaml", "HEAD"),
        (checkout, ("--git", "{home}", "--worktree"), WorktreeSource, MAIN, ""),
    ],
    ids=["plain", "in a repository", "with a ref", "as it stands", "git", "git and path", "git as it stands"],
)
def test_what_is_followed(  # noqa: PLR0917 - a table
    arrange: Arrange, options: tuple[str, ...], kind: type, path: str, ref: str, tmp_path: Path
) -> None:
    """The commit wherever there is one, files as they stand elsewhere and when they are asked for; told by its place."""
    arrange(tmp_path)
    source, origin = followed_source(parsed(*(option.format(home=tmp_path) for option in options)))
    assert type(source) is kind
    expected: dict[str, Any] = {"kind": "git" if kind is GitSource else "directory", "location": str(tmp_path)}
    assert origin == SourceStatus(**expected, path=path, ref=ref)
    source.close()


def test_one_pass_over_a_directory_and_over_a_repository(tmp_path: Path) -> None:
    """`run --once` without further words, as a timer starts it: exit 0, and everything is there."""
    for git in (False, True):
        place = Place(home=tmp_path / str(git), git=git)
        place.home.mkdir()
        place.write(document("api"))
        place.once("--listen", "off")
        assert place.serial("api") != ""
