"""What the client relies on in transit: on every server alike."""

from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.vault_server.api import Reply, Vault

TEXT = b"to be signed"


class Transit:
    """A mount of transit."""

    def __init__(self, vault: Vault) -> None:
        """Mounts it."""
        self.vault = vault
        self.path = vault.mounted("transit")

    def post(self, path: str, body: dict[str, object] | None = None) -> Reply:
        """Writes."""
        return self.vault.call("POST", f"{self.path}/{path}", body or {})

    def get(self, path: str) -> Reply:
        """Reads."""
        return self.vault.call("GET", f"{self.path}/{path}")

    def public(self, name: str, version: str = "1") -> str:
        """The public half of a version."""
        keys = self.get(f"keys/{name}").data["keys"]
        assert isinstance(keys, dict)
        return str(keys[version]["public_key"])


@pytest.fixture
def transit(vault: Vault) -> Transit:
    """A mount on each server."""
    return Transit(vault)


def signature(reply: Reply) -> bytes:
    """What was signed, without ``vault:vN:``."""
    assert reply.status == 200, reply.raw
    word, version, encoded = str(reply.data["signature"]).split(":")
    assert (word, version) == ("vault", f"v{reply.data['key_version']}")
    return base64.b64decode(encoded)


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "rsa-2048", "ed25519"])
def test_a_key_says_what_it_is(transit: Transit, kind: str) -> None:
    """Making it answers as reading does, and making it again changes nothing."""
    made, again, read = transit.post("keys/k", {"type": kind}), transit.post("keys/k", {"type": "ed25519"}), transit.get("keys/k")
    assert made.data == again.data == read.data
    names = ("name", "type", "latest_version", "exportable", "deletion_allowed", "supports_signing", "allow_plaintext_backup")
    assert {name: read.data[name] for name in names} == {
        "name": "k",
        "type": kind,
        "latest_version": 1,
        "exportable": False,
        "deletion_allowed": False,
        "supports_signing": True,
        "allow_plaintext_backup": False,
    }
    assert transit.get("export/signing-key/k").status == 400


@pytest.mark.parametrize(
    ("kind", "name", "digest", "algorithm"),
    [
        ("ecdsa-p256", "sha2-256", hashlib.sha256, hashes.SHA256()),
        ("ecdsa-p384", "sha2-384", hashlib.sha384, hashes.SHA384()),
        ("rsa-2048", "sha2-256", hashlib.sha256, hashes.SHA256()),
        ("rsa-3072", "sha2-512", hashlib.sha512, hashes.SHA512()),
    ],
)
def test_digests_are_signed(transit: Transit, kind: str, name: str, digest: object, algorithm: hashes.HashAlgorithm) -> None:
    """In ASN.1, or by PKCS #1 v1.5; the digest's name is a part of the path or a field."""
    assert callable(digest)
    transit.post("keys/k", {"type": kind})
    hashed = base64.b64encode(digest(TEXT).digest()).decode()
    body: dict[str, object] = {
        "input": hashed,
        "prehashed": True,
        "marshaling_algorithm": "asn1",
        "signature_algorithm": "pkcs1v15",
    }
    key = load_pem_public_key(transit.public("k").encode())
    for reply in (transit.post(f"sign/k/{name}", body), transit.post("sign/k", {**body, "hash_algorithm": name})):
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature(reply), TEXT, ec.ECDSA(algorithm))
        else:
            assert isinstance(key, rsa.RSAPublicKey)
            key.verify(signature(reply), TEXT, padding.PKCS1v15(), algorithm)


def test_text_is_signed_by_ed25519(transit: Transit) -> None:
    """Its public half is the bare 32 bytes in Base64."""
    transit.post("keys/k", {"type": "ed25519"})
    key = ed25519.Ed25519PublicKey.from_public_bytes(base64.b64decode(transit.public("k")))
    key.verify(signature(transit.post("sign/k", {"input": base64.b64encode(TEXT).decode()})), TEXT)


def test_what_is_not_said_is_hashed_by_sha256_and_signed_in_asn1(transit: Transit) -> None:
    """And RSA by PSS."""
    transit.post("keys/e", {"type": "ecdsa-p384"})
    transit.post("keys/r", {"type": "rsa-2048"})
    body: dict[str, object] = {"input": base64.b64encode(TEXT).decode()}
    curve, other = (load_pem_public_key(transit.public(name).encode()) for name in ("e", "r"))
    assert isinstance(curve, ec.EllipticCurvePublicKey)
    assert isinstance(other, rsa.RSAPublicKey)
    curve.verify(signature(transit.post("sign/e", body)), TEXT, ec.ECDSA(hashes.SHA256()))
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
    other.verify(signature(transit.post("sign/r", body)), TEXT, scheme, hashes.SHA256())


def test_jws_is_another_spelling(transit: Transit) -> None:
    """Both numbers side by side, in URL-safe Base64 without padding."""
    transit.post("keys/k", {"type": "ecdsa-p256"})
    body: dict[str, object] = {"input": base64.b64encode(TEXT).decode(), "marshaling_algorithm": "jws"}
    encoded = str(transit.post("sign/k", body).data["signature"]).split(":")[2]
    raw = base64.urlsafe_b64decode(encoded + "==")
    key = load_pem_public_key(transit.public("k").encode())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    encoded_again = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.verify(encoded_again, TEXT, ec.ECDSA(hashes.SHA256()))


def test_a_new_version_signs_and_the_old_one_still_can(transit: Transit) -> None:
    """By ``key_version``; one that is not there yet is 500."""
    transit.post("keys/k", {"type": "ecdsa-p256"})
    assert transit.post("keys/k/rotate").status == 200
    body: dict[str, object] = {"input": base64.b64encode(TEXT).decode()}
    told = [transit.post("sign/k", {**body, **more}) for more in ({}, {"key_version": 1}, {"key_version": 7})]
    assert [(reply.status, reply.data.get("key_version")) for reply in told] == [(200, 2), (200, 1), (500, None)]
    assert transit.public("k", "1") != transit.public("k", "2")


def test_a_key_is_deleted_only_when_it_may_be(transit: Transit) -> None:
    """By 400 otherwise, and when it is gone."""
    transit.post("keys/k", {"type": "ecdsa-p256"})
    path = f"{transit.path}/keys/k"
    refused = transit.vault.call("DELETE", path)
    assert (refused.status, "deletion is not allowed for this key" in refused.errors[0]) == (400, True)
    assert transit.post("keys/k/config", {"deletion_allowed": True}).data["deletion_allowed"] is True
    assert [transit.vault.call("DELETE", path).status for _ in range(2)] == [204, 400]
    assert transit.get("keys/k").status == 404


def test_keys_are_listed(transit: Transit) -> None:
    """404 when there is none."""
    assert transit.vault.call("LIST", f"{transit.path}/keys").status == 404
    for name in ("b", "a"):
        transit.post(f"keys/{name}", {"type": "ed25519"})
    assert transit.vault.call("LIST", f"{transit.path}/keys").data["keys"] == ["a", "b"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("sign/none", {"input": "eA=="}, 400),
        ("sign/k", {"input": "###"}, 400),
        ("sign/k", {"input": "eA==", "hash_algorithm": "md5"}, 400),
        ("sign/r/sha2-256", {"input": "eA==", "prehashed": True, "signature_algorithm": "pkcs1v15"}, 500),
        ("sign/r", {"input": "eA==", "signature_algorithm": "other"}, 500),
        ("keys/x", {"type": "other"}, 400),
        ("keys/none/config", {"deletion_allowed": True}, 400),
    ],
)
def test_what_makes_no_sense_is_refused(transit: Transit, path: str, body: dict[str, object], status: int) -> None:
    """Not always by 400: some of it looks like a failure of the server."""
    transit.post("keys/k", {"type": "ecdsa-p256"})
    transit.post("keys/r", {"type": "rsa-2048"})
    reply = transit.post(path, body)
    assert (reply.status, len(reply.errors)) == (status, 1)
