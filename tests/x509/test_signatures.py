"""Signatures of every kind, and of the wrong key."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ed448, padding, rsa

from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.signatures import verifies
from tests.builders import NOW, YEAR, forge, make_ca, make_key

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pss")])


@pytest.mark.parametrize(
    "algorithm", [KeyAlgorithm.ECDSA_P256, KeyAlgorithm.ECDSA_P384, KeyAlgorithm.RSA_2048, KeyAlgorithm.ED25519]
)
def test_each_algorithm(algorithm: KeyAlgorithm) -> None:
    """The signer's key verifies; another of its kind, and one of another kind, do not."""
    key = make_key("signer", algorithm)
    certificate = make_ca("signer", key=key).certificate.parsed
    assert verifies(certificate, key.public_key)
    assert certificate.issuer == certificate.subject
    assert not verifies(certificate, make_key("other", algorithm).public_key)
    other_kind = KeyAlgorithm.ED25519 if algorithm is not KeyAlgorithm.ED25519 else KeyAlgorithm.ECDSA_P256
    assert not verifies(certificate, make_key("other", other_kind).public_key)


def test_rsa_pss() -> None:
    """Vault and HSMs sign with PSS: it is verified with its own parameters."""
    pss = padding.PSS(padding.MGF1(hashes.SHA384()), 48)
    built = (
        x509.CertificateBuilder(NAME, NAME, RSA.public_key(), 5)
        .not_valid_before(NOW)
        .not_valid_after(NOW + YEAR)
        .sign(RSA, hashes.SHA384(), rsa_padding=pss)
    )
    assert verifies(built, RSA.public_key())
    assert not verifies(built, make_key("other", KeyAlgorithm.RSA_2048).public_key)


def test_keys_that_do_not_sign_certificates() -> None:
    """DSA and Ed448 keys verify nothing of ECDSA's."""
    certificate = forge("x").parsed
    assert not verifies(certificate, dsa.generate_private_key(key_size=1024).public_key())  # noqa: S505
    assert not verifies(certificate, ed448.Ed448PrivateKey.generate().public_key())
