"""Where the parts of a certificate stand: just enough DER (X.690) to cut names and key out without parsing them.

Parsing a public key and writing it again costs more than everything else that is read from a certificate. What is cut here
comes from certificates that ``cryptography`` has parsed, so their structure is known to be sound.
"""

from __future__ import annotations

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


def key_type(spki: bytes) -> str | None:
    """A `KeyAlgorithm` value, when the key is of a type without parameters to look at; None for all others."""
    return next((name for (size, head), name in _KNOWN_KEYS.items() if len(spki) == size and spki.startswith(head)), None)


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
