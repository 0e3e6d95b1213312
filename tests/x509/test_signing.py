"""Keys that are elsewhere: they sign what they are sent, and what comes back is verified before it is used."""

from __future__ import annotations

import copy
import subprocess
from pathlib import Path
from typing import cast

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from reconciler.x509.build import issue, renewed, self_signed
from reconciler.x509.crl import build
from reconciler.x509.csr import signing_request
from reconciler.x509.errors import LintError
from reconciler.x509.facts import CrlEntry, KeyAlgorithm
from reconciler.x509.keys import PrivateKey
from reconciler.x509.names import Subject
from reconciler.x509.profile import Request
from reconciler.x509.signing import RemoteKey, SigningKey
from tests.builders import NOW, YEAR, make_key

Sent = list[tuple[bytes, str]]
ROOT = Request(subject=Subject(common_name="root"), is_ca=True, not_before=NOW, not_after=NOW + YEAR, serial=7)
LEAF = Request(
    subject=Subject(common_name="leaf"),
    sans=("dns:a.example",),
    usages=("server auth",),
    not_before=NOW,
    not_after=NOW + YEAR,
    serial=8,
)


def remote(key: PrivateKey, sent: Sent | None = None) -> RemoteKey:
    """A key as if it were elsewhere; `sent` gets what it is asked to sign."""
    raw = load_pem_private_key(key.pem(), None)

    def sign(data: bytes, digest: str) -> bytes:
        if sent is not None:
            sent.append((data, digest))
        chosen = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384()}.get(digest)
        if isinstance(raw, ec.EllipticCurvePrivateKey) and chosen:
            return raw.sign(data, ec.ECDSA(chosen))
        if isinstance(raw, rsa.RSAPrivateKey) and chosen:
            return raw.sign(data, padding.PKCS1v15(), chosen)
        assert isinstance(raw, ed25519.Ed25519PrivateKey)
        return raw.sign(data)

    return RemoteKey(key.public_key, sign)


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_everything_can_be_signed_elsewhere(algorithm: KeyAlgorithm, tmp_path: Path) -> None:
    """Root, renewed root, leaf, revocation list and signing request of a key that never is here; openssl agrees."""
    key = make_key("remote", algorithm)
    sent: Sent = []
    away: SigningKey = remote(key, sent)
    root = self_signed(ROOT, away)
    again = renewed(root, ROOT, away.public_key, None, away)
    leaf = issue(LEAF, make_key("leaf").public_key, root, away)
    crl = build([CrlEntry(serial="8", at=NOW)], number=1, this_update=NOW, next_update=NOW + YEAR, issuer=root, key=away)
    csr = signing_request(ROOT, away)
    digest = {"ecdsa-p384": "sha384", "ed25519": "none"}.get(algorithm.value, "sha256")
    assert [each for _, each in sent] == [digest] * 5
    assert (root.facts.signature_hash, root.facts.self_signed, again.facts.ski) == (digest, True, root.facts.ski)
    assert csr.spki_sha256 == key.facts.spki_sha256 == away.facts.spki_sha256
    for name, data in (("root", root.pem), ("leaf", leaf.pem), ("crl", crl.pem)):
        (tmp_path / name).write_bytes(data)
    moment = str(int(NOW.timestamp()) + 60)
    verify = ["openssl", "verify", "-attime", moment, "-CAfile", "root", "leaf"]
    assert subprocess.run(verify, cwd=tmp_path, check=False, capture_output=True).returncode == 0
    checked = subprocess.run(
        ["openssl", "crl", "-in", "crl", "-CAfile", "root", "-noout"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert "verify OK" in checked.stderr


@pytest.mark.parametrize("algorithm", [KeyAlgorithm.ECDSA_P256, KeyAlgorithm.RSA_2048, KeyAlgorithm.ED25519])
def test_a_signature_of_another_key_is_never_used(algorithm: KeyAlgorithm) -> None:
    """Somebody rotated the key, or answers in its stead: told, whatever is signed."""
    liar = RemoteKey(make_key("claimed", algorithm).public_key, remote(make_key("other", algorithm))._key._sign)
    with pytest.raises(LintError, match="not one of the CA's key"):
        self_signed(ROOT, liar)


def test_what_the_other_side_raises_goes_through() -> None:
    """The error of a server is not hidden by the library between."""

    def broken(_data: bytes, _digest: str) -> bytes:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        self_signed(ROOT, RemoteKey(make_key().public_key, broken))


@pytest.mark.parametrize("algorithm", [KeyAlgorithm.ECDSA_P256, KeyAlgorithm.RSA_2048, KeyAlgorithm.ED25519])
def test_the_private_key_is_not_here(algorithm: KeyAlgorithm) -> None:
    """The stand-in gives its public half, and refuses everything that a private key is for but signing."""
    key = remote(make_key("remote", algorithm))._key
    assert key.public_key() == make_key("remote", algorithm).public_key
    for refused in (key.private_bytes, copy.copy, copy.deepcopy):
        with pytest.raises(UnsupportedAlgorithm, match="elsewhere"):
            refused(*(() if refused == key.private_bytes else (key,)))
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        assert key.key_size in {256, 2048}
    if isinstance(key, rsa.RSAPrivateKey):
        with pytest.raises(UnsupportedAlgorithm):
            key.sign(b"", padding.PSS(padding.MGF1(hashes.SHA256()), 20), hashes.SHA256())


def test_keys_that_certificates_are_not_signed_with() -> None:
    """Another type is told when it is found, not when it has to sign."""
    public = cast("CertificateIssuerPublicKeyTypes", ed448.Ed448PrivateKey.generate().public_key())
    with pytest.raises(UnsupportedAlgorithm, match="not signed with ed448 keys"):
        RemoteKey(public, lambda _data, _digest: b"")


def test_what_is_shown_of_it() -> None:
    """The type, and the digest of the public key."""
    key = make_key()
    assert repr(remote(key)) == f"<RemoteKey ecdsa-p256 sha256:{key.facts.spki_sha256}>"
