"""Cutting certificates without parsing them."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from reconciler.x509.der import key_type, parts_of, serial_is_positive
from reconciler.x509.facts import KeyAlgorithm
from tests.builders import make_ca, make_key, make_leaf


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_the_parts_are_those_of_the_parser(algorithm: KeyAlgorithm) -> None:
    """Issuer, subject and key are cut where ``cryptography`` finds them, for short and long lengths alike."""
    authority = make_ca("a" * 60)
    for name in ("leaf", "l" * 64):
        certificate = make_leaf(authority, name, key=make_key(name, algorithm)).certificate.parsed
        parts = parts_of(certificate.tbs_certificate_bytes)
        expected = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        assert (parts.issuer, parts.subject) == (certificate.issuer.public_bytes(), certificate.subject.public_bytes())
        assert hashlib.sha256(parts.spki).digest() == hashlib.sha256(expected).digest()
        assert key_type(parts.spki) == (None if algorithm.startswith("rsa-") else algorithm)


def test_a_certificate_without_version() -> None:
    """Version 1 leaves the version out, and everything stands one field earlier."""
    serial, empty = bytes.fromhex("020101"), bytes.fromhex("3000")
    fields = serial + empty + bytes.fromhex("300131") + empty + bytes.fromhex("300132") + bytes.fromhex("300133")
    parts = parts_of(bytes((0x30, len(fields))) + fields)
    assert parts == (bytes.fromhex("300131"), bytes.fromhex("300132"), bytes.fromhex("300133"))


@pytest.mark.parametrize(
    ("der", "positive"),
    [
        ("300a3008a003020102020101", True),
        ("300a3008a003020102020100", False),
        ("300a3008a0030201020201ff", False),
        ("300b3009a00302010202020080", True),
        ("30053003020100", False),
        ("3000", True),
        ("30ff", True),
        ("30823000", True),
        ("", True),
    ],
)
def test_serials_that_are_not_positive(der: str, positive: bool) -> None:
    """Zero and negative numbers are found, with a version before them or not; of what is no certificate nothing is said."""
    assert serial_is_positive(bytes.fromhex(der)) == positive


@given(st.binary(max_size=40))
def test_any_bytes_have_a_serial_or_none(der: bytes) -> None:
    """Nothing raises."""
    assert serial_is_positive(der) in {True, False}
