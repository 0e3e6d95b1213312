"""Signing requests that no honest program makes, put together byte by byte and signed with their own key."""

from __future__ import annotations

from typing import Final

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from reconciler.x509 import pem
from reconciler.x509.asked import read_asked
from reconciler.x509.errors import UnreadableError

_KEY: Final = ec.derive_private_key(7, ec.SECP256R1())
_ECDSA_SHA256: Final = bytes.fromhex("300a06082a8648ce3d040302")
_COMMON_NAME: Final = bytes.fromhex("0603550403")
_ORGANIZATION: Final = bytes.fromhex("060355040a")
_EXTENSIONS: Final = bytes.fromhex("06092a864886f70d01090e")
_SANS: Final = bytes.fromhex("0603551d11")
_SEQUENCE, _SET, _UTF8, _PRINTABLE, _T61, _BMP = 0x30, 0x31, 0x0C, 0x13, 0x14, 0x1E


def value(tag: int, *content: bytes) -> bytes:
    """One DER value."""
    data = b"".join(content)
    size = bytes(
        [len(data)] if len(data) < 0x80 else [0x81, len(data)] if len(data) < 0x100 else [0x82, *divmod(len(data), 0x100)]
    )
    return bytes([tag]) + size + data


def attribute(text: bytes, tag: int = _UTF8, kind: bytes = _COMMON_NAME) -> bytes:
    """A relative distinguished name with one attribute."""
    return value(_SET, value(_SEQUENCE, kind, value(tag, text)))


def request(*subject: bytes, attributes: bytes = b"") -> bytes:
    """A request in PEM."""
    key = _KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    info = value(_SEQUENCE, value(2, b"\0"), value(_SEQUENCE, *subject), key, value(0xA0, attributes))
    signature = value(3, b"\0", _KEY.sign(info, ec.ECDSA(hashes.SHA256())))
    return pem.join("CERTIFICATE REQUEST", value(_SEQUENCE, info, _ECDSA_SHA256, signature))


def wish(name: bytes) -> bytes:
    """The attribute that asks for a DNS name."""
    extension = value(_SEQUENCE, _SANS, value(4, value(_SEQUENCE, value(0x82, name))))
    return value(_SEQUENCE, _EXTENSIONS, value(_SET, value(_SEQUENCE, extension)))


def refusal(data: bytes) -> str:
    """Why a request is not read."""
    with pytest.raises(UnreadableError) as caught:
        read_asked(data)
    return caught.value.detail


@pytest.mark.parametrize("tag", [_UTF8, _PRINTABLE])
def test_what_is_made_here_is_read_when_it_is_sound(tag: int) -> None:
    """Otherwise nothing below would say anything."""
    found = read_asked(request(attribute(b"jane", tag), attribute(b"dev", kind=_ORGANIZATION), attributes=wish(b"a.test")))
    assert (found.subject.common_name, found.subject.organizations, found.sans) == ("jane", ("dev",), ("dns:a.test",))


@pytest.mark.parametrize(
    "subject",
    [
        attribute(b"jane\xff"),
        attribute(b"jan\xe9", _T61),
        attribute(b"jan", _BMP),
        attribute(b"\0jane", 0x03),
        attribute(b"\x01", 0x02),
        value(_SET) + attribute(b"jane"),
    ],
)
def test_subjects_that_are_no_text_cannot_be_parsed(subject: bytes) -> None:
    """The library looks at them late, and at some with a TypeError."""
    assert refusal(request(subject)).startswith("the signing request cannot be parsed")


@pytest.mark.parametrize("kind", [_COMMON_NAME, _ORGANIZATION])
@pytest.mark.parametrize(
    ("tag", "text"),
    [(_T61, b"jane"), (_BMP, "jane".encode("utf-16-be")), (0x1C, "jane".encode("utf-32-be")), (0x16, b"jane"), (0x04, b"jane")],
)
def test_names_are_texts_that_everybody_reads_alike(kind: bytes, tag: int, text: bytes) -> None:
    """A user or group in a TeletexString, BMPString, UniversalString, IA5String or OCTET STRING is another one elsewhere."""
    assert refusal(request(attribute(text, tag, kind))).startswith(f"a name in its subject has the ASN.1 type {tag}: ")


def test_wishes_are_told_once() -> None:
    """We would read the first and show it for approval; Vault, which gets the request as it is, reads both."""
    said = refusal(request(attribute(b"jane"), attributes=wish(b"a.test") + wish(b"admin.test")))
    assert said == "the signing request holds one attribute twice"
