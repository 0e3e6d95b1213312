"""Protocols that begin in the clear: what a sound server says leads to TLS, and what others say ends in words."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.observed.model import Served
from tests.observed.live.asking import ask, ok, unreachable
from tests.observed.live.servers import Play, presenting, serving, until_closed

#: What the peers say, in turns: bytes to send, or a function that looks at what came.
Script = tuple[bytes | Callable[[bytes], bool], ...]

GREETING = b"220-mail.example.com\r\n220 ready\r\n"
OFFER = b"250-mail.example.com\r\n250-SIZE 1000\r\n250-starttls\r\n250 HELP\r\n"
LDAP_REQUEST = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"


def said(expected: bytes) -> Callable[[bytes], bool]:
    """Exactly that came."""
    return lambda data: data == expected


SCRIPTS: dict[str, Script] = {
    "smtp": (GREETING, said(b"EHLO [127.0.0.1]\r\n"), OFFER, said(b"STARTTLS\r\n"), b"220 go ahead\r\n"),
    "imap": (b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n", said(b"a1 STARTTLS\r\n"), b"* NOTE x\r\na1 OK begin\r\n"),
    "postgresql": (said(struct.pack("!iHH", 8, 1234, 5679)), b"S"),
    # Lengths as OpenLDAP writes them; Active Directory writes each in four bytes.
    "ldap": (said(LDAP_REQUEST), bytes.fromhex("300c02010178070a010004000400")),
}
LONG_LDAP = bytes.fromhex("308400000010020101788400000007 0a010004000400")


def playing(script: Script, then: Play, mistakes: list[bytes] | None = None) -> Play:
    """Says its part, a few bytes at a time, and goes on with TLS."""

    def play(connection: socket.socket) -> None:
        for part in script:
            if isinstance(part, bytes):
                for start in range(0, len(part), 7):
                    connection.sendall(part[start : start + 7])
                continue
            data = connection.recv(4096)
            if not part(data):
                assert mistakes is not None, data
                mistakes.append(data)
        then(connection)

    return play


@pytest.mark.parametrize("protocol", list(SCRIPTS))
def test_a_sound_server(tmp_path: Path, protocol: str) -> None:
    """After the dialogue of its protocol it presents its certificate."""
    mistakes: list[bytes] = []
    with serving(playing(SCRIPTS[protocol], presenting(tmp_path), mistakes)) as port:
        assert (ask(port, starttls=protocol), mistakes) == (ok(port), [])


def test_smtp_over_ipv6(tmp_path: Path) -> None:
    """Our own address is written as SMTP has it (RFC 5321 section 4.1.3)."""
    mistakes: list[bytes] = []
    script = (GREETING, said(b"EHLO [IPv6:::1]\r\n"), *SCRIPTS["smtp"][2:])
    with serving(playing(script, presenting(tmp_path), mistakes), family=socket.AF_INET6) as port:
        assert (ask(port, host="::1", starttls="smtp"), mistakes) == (ok(port, "[::1]"), [])


def test_ldap_with_long_lengths(tmp_path: Path) -> None:
    """Every length of BER may be written in more bytes than it needs."""
    script = (said(LDAP_REQUEST), LONG_LDAP)
    with serving(playing(script, presenting(tmp_path))) as port:
        assert ask(port, starttls="ldap") == ok(port)


@pytest.mark.parametrize(
    ("protocol", "script", "detail"),
    [
        ("smtp", (b"554 go away\r\n",), "the SMTP server answers '554 go away' where 220 is expected"),
        ("smtp", (GREETING, said(b""), b"250 HELP\r\n"), "the SMTP server does not offer STARTTLS"),
        (
            "smtp",
            (GREETING, said(b""), OFFER, said(b""), b"454 TLS not available\r\n"),
            "the SMTP server answers '454 TLS not available' where 220 is expected",
        ),
        ("smtp", (b"220-again\r\n" * 200,), "the SMTP server's reply does not end"),
        ("smtp", (b"2" * 9000,), "it sends a line without an end"),
        ("smtp", (b"220 half a li",), "it closed the connection in a line"),
        ("imap", (b"* PREAUTH welcome\r\n",), "the IMAP server greets with '* PREAUTH welcome' where OK is expected"),
        ("imap", (b"* OK\r\n", said(b""), b"a1 BAD no\x1b[1m\r\n"), r"the IMAP server answers STARTTLS with 'a1 BAD no\x1b[1m'"),
        ("imap", (b"* OK\r\n", said(b""), b"* 1 EXISTS\r\n" * 200), "the IMAP server does not answer STARTTLS"),
        ("imap", (), "it closed the connection before it said anything"),
        # The end of the line and what is too much travel in one piece of `playing`: in a later one it would be no TLS.
        ("imap", (b"* OK\r\n", said(b""), b"a1 OK .\r\n* more"), "it said more than its protocol asks for before TLS"),
        ("postgresql", (said(b""), b"N"), "the PostgreSQL server does not use TLS; set ssl = on"),
        ("postgresql", (said(b""), b"E"), "it answers b'E' where a PostgreSQL server says S or N"),
        ("postgresql", (said(b""),), "it closed the connection in the middle of an answer"),
        (
            "ldap",
            (said(b""), bytes.fromhex("300c02010178070a013404000400")),
            "the LDAP server answers StartTLS with result code 52",
        ),
        ("ldap", (said(b""), bytes.fromhex("300c02010278070a010004000400")), "its LDAP answer belongs to another request"),
        ("ldap", (said(b""), b"HTTP/1.1 400\r\n\r\n"), "it does not answer as an LDAP server does"),
        ("ldap", (said(b""), bytes.fromhex("3003020101")), "it does not answer as an LDAP server does"),
        ("ldap", (said(b""), bytes.fromhex("30057885ffffff")), "it does not answer as an LDAP server does"),
        ("ldap", (said(b""), bytes.fromhex("3084ffffffff")), "its LDAP answer is longer than any can be"),
        ("ldap", (said(b""), bytes.fromhex("3080")), "its LDAP answer is longer than any can be"),
    ],
)
def test_who_does_not_play_along(protocol: str, script: Script, detail: str) -> None:
    """It is said what came instead, without anything that acts on a terminal."""

    def end(connection: socket.socket) -> None:
        connection.shutdown(socket.SHUT_WR)
        until_closed(connection)

    with serving(playing(script, end, [])) as port:
        assert ask(port, starttls=protocol) == unreachable(port, detail)


def test_no_tls_after_all() -> None:
    """A server that agrees and then goes on in the clear."""

    def go_on(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"220 hello again\r\n")
        until_closed(connection)

    with serving(playing(SCRIPTS["imap"], go_on)) as port:
        seen = ask(port, starttls="imap")
        assert seen == Served(
            state="unreachable",
            endpoint=seen.endpoint,
            at=seen.at,
            expected=seen.expected,
            detail=f"127.0.0.1:{port}: it does not speak TLS.",
        )
