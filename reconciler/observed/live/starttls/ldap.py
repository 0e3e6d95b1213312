"""LDAP: the extended operation StartTLS (RFC 4511 section 4.14), in just enough BER (RFC 4511 section 5.1)."""

from __future__ import annotations

from typing import Final

from reconciler.observed.live.connection import Conversation, ConversationError

_OID: Final = b"1.3.6.1.4.1.1466.20037"
_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_ENUMERATED: Final = 0x0A
_EXTENDED_RESPONSE: Final = 0x78
#: LDAPMessage: messageID 1, ExtendedRequest [APPLICATION 23] with requestName [0].
_REQUEST: Final = bytes((_SEQUENCE, len(_OID) + 7, _INTEGER, 1, 1, 0x77, len(_OID) + 2, 0x80, len(_OID))) + _OID
_LONG: Final = 0x80
_MOST_LENGTH_BYTES: Final = 4
_LONGEST: Final = 4096


def start_tls(peer: Conversation) -> None:
    """StartTLS, and the result code of its answer.

    Raises:
        ConversationError: the server refuses, or answers something else.
    """
    peer.send(_REQUEST)
    tag, size = _header(peer)
    if tag != _SEQUENCE:
        msg = "it does not answer as an LDAP server does"
        raise ConversationError(msg)
    code = _result_code(peer.exactly(size))
    if code:
        msg = f"the LDAP server answers StartTLS with result code {code}"
        raise ConversationError(msg)


def _header(peer: Conversation) -> tuple[int, int]:
    """Tag and length of a value; some servers write every length in the long form."""
    tag, first = peer.exactly(2)
    if first < _LONG:
        return tag, first
    count = first - _LONG
    size = int.from_bytes(peer.exactly(count)) if 1 <= count <= _MOST_LENGTH_BYTES else _LONGEST + 1
    if size > _LONGEST:
        msg = "its LDAP answer is longer than any can be"
        raise ConversationError(msg)
    return tag, size


def _result_code(message: bytes) -> int:
    """The resultCode of an LDAPMessage's content: messageID, then ExtendedResponse that begins with it."""
    number, rest = _value(message, _INTEGER)
    response, _ = _value(rest, _EXTENDED_RESPONSE)
    code, _ = _value(response, _ENUMERATED)
    if int.from_bytes(number) != 1:
        msg = "its LDAP answer belongs to another request"
        raise ConversationError(msg)
    return int.from_bytes(code)


def _value(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """The content of the first value, which has to be of that tag, and what follows it."""
    head, size = 2, data[1] if len(data) > 1 else 0
    if size >= _LONG:
        head += size - _LONG
        size = int.from_bytes(data[2:head])
    if data[:1] != bytes((tag,)) or len(data) < head + size:
        msg = "it does not answer as an LDAP server does"
        raise ConversationError(msg)
    return data[head : head + size], data[head + size :]
