"""Where the parts of a certificate stand: just enough DER (X.690) to cut names and key out without parsing them.

Parsing a public key and writing it again costs more than everything else that is read from a certificate. What is cut here
comes from certificates that ``cryptography`` has parsed, so their structure is known to be sound.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

_VERSION: Final = 0xA0
_LONG_FORM: Final = 0x80
#: AlgorithmIdentifier and BIT STRING header of the keys that we issue, by what they are (RFC 5480, RFC 8410).
_KNOWN_KEYS: Final = {
    (91, bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")): "ecdsa-p256",
    (120, bytes.fromhex("3076301006072a8648ce3d020106052b8104002203620004")): "ecdsa-p384",
    (44, bytes.fromhex("302a300506032b6570032100")): "ed25519",
}


class Parts(NamedTuple):
    """The DER of three fields of a TBSCertificate (RFC 5280 section 4.1)."""

    issuer: bytes
    subject: bytes
    spki: bytes


class Attribute(NamedTuple):
    """One attribute of a Name: what it is, and how its value is encoded."""

    oid: bytes
    """With tag and length."""
    tag: int
    """Of the value's type, such as 12 for UTF8String."""


def parts_of(tbs: bytes) -> Parts:
    """Cuts a TBSCertificate.

    Args:
        tbs: ``tbs_certificate_bytes`` of a certificate that was parsed.
    """
    at = _content(tbs, 0)
    if tbs[at] == _VERSION:
        at = _end(tbs, at)
    at = _end(tbs, at)  # serialNumber
    issuer = _end(tbs, at)  # signature
    validity = _end(tbs, issuer)
    subject = _end(tbs, validity)
    spki = _end(tbs, subject)
    return Parts(issuer=tbs[issuer:validity], subject=tbs[subject:spki], spki=tbs[spki : _end(tbs, spki)])


def attributes_of(name: bytes) -> Iterator[Attribute]:
    """The attributes of a Name (RFC 5280 section 4.1.2.4) in order.

    Args:
        name: one that was parsed.
    """
    for rdn in _values(name, 0):
        for attribute in _values(name, rdn):
            kind, value = _values(name, attribute)
            yield Attribute(oid=name[kind : _end(name, kind)], tag=name[value])


def serial_is_positive(der: bytes) -> bool:
    """Whether a certificate that may be anything has a serial that RFC 5280 section 4.1.2.2 allows; True for no certificate."""
    try:
        at = _content(der, _content(der, 0))
        if der[at] == _VERSION:
            at = _end(der, at)
        serial = der[_content(der, at) : _end(der, at)]
        return not serial or (any(serial) and serial[0] < _LONG_FORM)
    except IndexError:
        return True


def key_type(spki: bytes) -> str | None:
    """A `KeyAlgorithm` value, when the key is of a type without parameters to look at; None for all others."""
    return next((name for (size, head), name in _KNOWN_KEYS.items() if len(spki) == size and spki.startswith(head)), None)


def _values(data: bytes, at: int) -> Iterator[int]:
    """Where each value inside the one at an offset begins."""
    end, at = _end(data, at), _content(data, at)
    while at < end:
        yield at
        at = _end(data, at)


def _content(data: bytes, at: int) -> int:
    """Where the content of the value at an offset begins."""
    first = data[at + 1]
    return at + 2 if first < _LONG_FORM else at + 2 + first - _LONG_FORM


def _end(data: bytes, at: int) -> int:
    """Where the value at an offset ends, and the next one begins."""
    first = data[at + 1]
    if first < _LONG_FORM:
        return at + 2 + first
    begin = at + 2 + first - _LONG_FORM
    return begin + int.from_bytes(data[at + 2 : begin], "big")
