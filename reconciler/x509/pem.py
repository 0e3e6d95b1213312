"""PEM, strictly (RFC 7468): a torn file is an error, never a shorter one.

The parsers of OpenSSL and ``cryptography`` skip a block that lost its end, so a bundle cut by a full disk loads as a valid
bundle with fewer CAs. Here every boundary must have its partner, and every body must be canonical base64.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from typing import Final, NamedTuple

from reconciler.x509.errors import Problem, UnreadableError

_BLOCK: Final = re.compile(
    rb"^-----BEGIN (?P<label>[A-Z0-9][A-Z0-9 ]*)-----[ \t]*\r?\n"
    rb"(?P<body>(?:[^-\n][^\n]*\n|\n)*)"
    rb"-----END (?P<end>[A-Z0-9][A-Z0-9 ]*)-----[ \t]*\r?(?:\n|\Z)",
    re.MULTILINE,
)
_MARKER: Final = re.compile(rb"-----(?:BEGIN|END)")
_HEADERS: Final = re.compile(rb"(?:[A-Za-z0-9-]+:[^\n]*\n(?:[ \t][^\n]*\n)*)+\r?\n")
#: Zero-filled pages after a power loss, or a binary file that happens to hold a block.
_BINARY: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
#: A SEQUENCE of more than 127 bytes, as every certificate, key and list is (X.690 8.1.3.5).
_DER: Final = re.compile(rb"0[\x81-\x84]")


class Block(NamedTuple):
    """One PEM block."""

    label: str
    der: bytes

    def __repr__(self) -> str:
        """Without the content: it may be a key."""
        return f"Block({self.label}, {len(self.der)} bytes)"


def split(data: bytes) -> tuple[Block, ...]:
    """The blocks of a PEM file, in order. Text between them (``subject=``, ``openssl x509 -text``) is skipped.

    Raises:
        UnreadableError: ``empty``, ``not-pem``, ``truncated``, ``encrypted`` (RFC 1421 headers) or ``unparsable``.
    """
    if not data.strip():
        raise UnreadableError(Problem.EMPTY, "the file is empty")
    blocks: list[Block] = []
    end = 0
    for match in _BLOCK.finditer(data):
        _check_text(data[end : match.start()], last=False)
        end = match.end()
        label = match["label"].decode()
        if match["end"] != match["label"]:
            raise UnreadableError(Problem.TRUNCATED, f"a {label} block has no END line of its own")
        blocks.append(Block(label, _decode(match["body"], label)))
    _check_text(data[end:], last=True)
    if not blocks:
        raise UnreadableError(Problem.NOT_PEM, "there is no PEM block in the file")
    return tuple(blocks)


def join(label: str, der: bytes) -> bytes:
    """One block with lines of 64 characters."""
    body = b2a_base64(der, newline=False)
    lines = b"\n".join(body[start : start + 64] for start in range(0, len(body), 64))
    return b"-----BEGIN %b-----\n%b\n-----END %b-----\n" % (label.encode(), lines, label.encode())


def _check_text(text: bytes, *, last: bool) -> None:
    """Refuses boundaries without a partner, and a last line that could be the start of one."""
    if not text.strip(b" \t\r\n"):
        return
    marker = _MARKER.search(text)
    if marker is not None:
        alone = marker.start() == 0 or text[marker.start() - 1 : marker.start()] == b"\n"
        if alone:
            raise UnreadableError(Problem.TRUNCATED, "a BEGIN or END line has no partner, the file is cut short")
        raise UnreadableError(Problem.NOT_PEM, "a BEGIN or END line does not start at the beginning of its line")
    tail = text[text.rfind(b"\n") + 1 :]
    if (last and tail.startswith(b"-")) or text.startswith(b"-----") or b"\n-----" in text:
        raise UnreadableError(Problem.TRUNCATED, "the file ends inside a BEGIN line")
    if _DER.match(text):
        raise UnreadableError(Problem.NOT_PEM, "it is DER, where PEM is read")
    if _BINARY.search(text):
        raise UnreadableError(Problem.NOT_PEM, "there is binary data outside the PEM blocks")


def _decode(body: bytes, label: str) -> bytes:
    headers = _HEADERS.match(body)
    if headers is not None:
        if b"ENCRYPTED" in headers[0]:
            raise UnreadableError(Problem.ENCRYPTED, "the private key is encrypted; remove the passphrase")
        body = body[headers.end() :]
    if b"-----" in body:
        raise UnreadableError(Problem.TRUNCATED, f"a {label} block is cut short, and another begins in its last line")
    packed = body.translate(None, b"\r\n")
    try:
        der = a2b_base64(packed, strict_mode=True)
    except Base64Error:
        raise UnreadableError(Problem.UNPARSABLE, f"the {label} block is not base64") from None
    # Unused bits that are not zero: two texts for one value, so somebody edited it.
    if not der or b2a_base64(der, newline=False) != packed:
        raise UnreadableError(Problem.UNPARSABLE, f"the {label} block is not canonical base64")
    return der
