"""PEM files as they are found: whole, torn, edited, pasted."""

from __future__ import annotations

import pytest

from reconciler.x509 import pem
from reconciler.x509.errors import Problem, UnreadableError
from reconciler.x509.pem import Block
from tests.builders import make_ca, make_key

ONE = make_ca("one").certificate
TWO = make_ca("two").certificate
BOTH = ONE.pem + TWO.pem
FIRST, SECOND = Block("CERTIFICATE", ONE.der), Block("CERTIFICATE", TWO.der)


@pytest.mark.parametrize(
    ("data", "blocks"),
    [
        (ONE.pem, (FIRST,)),
        (BOTH, (FIRST, SECOND)),
        (BOTH.replace(b"\n", b"\r\n"), (FIRST, SECOND)),
        (BOTH.rstrip(b"\n"), (FIRST, SECOND)),
        (b"\n\n" + ONE.pem + b"\n \r\n\t\n" + TWO.pem + b"\n\n\n", (FIRST, SECOND)),
        (b"subject=CN = one\nissuer=CN = one\n" + ONE.pem + b"# the second\n" + TWO.pem + b"end of file", (FIRST, SECOND)),
        (b"Certificate:\n    Data:\n        Version: 3 (0x2)\n" + ONE.pem, (FIRST,)),
        (b"CONNECTED(00000003)\n---\nCertificate chain\n" + ONE.pem + b"---\nServer certificate\n", (FIRST,)),
        ("Zürich\n".encode() + ONE.pem, (FIRST,)),
        (ONE.pem.replace(b"-----\n", b"----- \t\n"), (FIRST,)),
        (b"-----BEGIN X-----\nComment: none\n\n" + b"AAAA\n-----END X-----\n", (Block("X", b"\0\0\0"),)),
    ],
    ids=[
        "one",
        "two",
        "crlf",
        "no-last-newline",
        "blank-lines",
        "openssl-text",
        "dump",
        "s_client",
        "utf-8",
        "spaces",
        "headers",
    ],
)
def test_whole_files(data: bytes, blocks: tuple[Block, ...]) -> None:
    """Every block is found, whatever text stands around it."""
    assert pem.split(data) == blocks


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", Problem.EMPTY),
        (b" \r\n\n", Problem.EMPTY),
        (b"hello\n", Problem.NOT_PEM),
        (ONE.der, Problem.NOT_PEM),
        (ONE.pem + TWO.pem[:100], Problem.TRUNCATED),
        (ONE.pem + TWO.pem[:-30], Problem.TRUNCATED),
        (ONE.pem + b"-----BEGIN", Problem.TRUNCATED),
        (ONE.pem + b"--", Problem.TRUNCATED),
        (ONE.pem[40:] + TWO.pem, Problem.TRUNCATED),
        (ONE.pem.replace(b"-----END CERTIFICATE-----\n", b"") + TWO.pem, Problem.TRUNCATED),
        (ONE.pem.replace(b"END CERTIFICATE", b"END PRIVATE KEY"), Problem.TRUNCATED),
        (ONE.pem.rstrip(b"\n") + TWO.pem, Problem.TRUNCATED),
        (ONE.pem[:100] + TWO.pem, Problem.TRUNCATED),
        (b"\xef\xbb\xbf" + ONE.pem, Problem.NOT_PEM),
        (ONE.pem.replace(b"-----BEGIN", b"  -----BEGIN"), Problem.NOT_PEM),
        (ONE.pem + bytes(512), Problem.NOT_PEM),
        (b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", Problem.UNPARSABLE),
        (ONE.pem.replace(b"M", b"*", 1), Problem.UNPARSABLE),
        (ONE.pem.replace(b"\nM", b"\n M", 1), Problem.UNPARSABLE),
        (b"-----BEGIN X-----\nAAB=\n-----END X-----\n", Problem.UNPARSABLE),
        (b"-----BEGIN X-----\nAA==AA==\n-----END X-----\n", Problem.UNPARSABLE),
        (
            b"-----BEGIN X KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END X KEY-----\n",
            Problem.ENCRYPTED,
        ),
    ],
)
def test_broken_files(data: bytes, problem: Problem) -> None:
    """What is broken is an error with its word, and never fewer blocks."""
    with pytest.raises(UnreadableError) as caught:
        pem.split(data)
    assert caught.value.problem == problem


def test_a_bundle_cut_anywhere_is_never_a_shorter_bundle() -> None:
    """Each prefix of a two-certificate bundle is an error, or one of the two whole states."""
    for length in range(len(BOTH)):
        try:
            blocks = pem.split(BOTH[:length])
        except UnreadableError:
            continue
        assert blocks in ((FIRST,), (FIRST, SECOND))
        if blocks == (FIRST,):
            assert length in range(len(ONE.pem) - 1, len(ONE.pem) + 1)


def test_join_is_the_inverse_of_split() -> None:
    """What is written is read back, with lines as RFC 7468 has them."""
    text = pem.join("CERTIFICATE", ONE.der)
    assert pem.split(text) == (FIRST,)
    assert max(map(len, text.splitlines())) == 64


def test_a_block_does_not_show_its_content() -> None:
    """The repr of a block with a key says how long it is."""
    (block,) = pem.split(make_key().pem())
    assert repr(block) == f"Block(PRIVATE KEY, {len(block.der)} bytes)"
