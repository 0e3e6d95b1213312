"""The transit engine: what is sent to sign, and answers that make no sense."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping

import pytest

from reconciler.vault.engines.transit import SigningKeys, Transit
from reconciler.vault.errors import Kind, VaultError
from tests.vault.scripted import Scripted

KEY: Mapping[str, object] = {
    "type": "ecdsa-p256",
    "latest_version": 2,
    "keys": {"1": {"public_key": "A"}, "2": {"public_key": "B"}},
}
SIGNED: Mapping[str, object] = {"signature": f"vault:v1:{b64encode(b'signature').decode()}"}


def test_a_key() -> None:
    """Its versions, each a key pair; None when there is none."""
    client = Scripted({"transit/keys/a": KEY})
    found = SigningKeys(name="a", kind="ecdsa-p256", latest=2, versions={1: "A", 2: "B"})
    assert (Transit(client, "transit").key("a"), Transit(client, "transit").key("b")) == (found, None)


def test_a_symmetric_key_has_no_public_keys() -> None:
    """Numbers stand where public keys would."""
    client = Scripted({"transit/keys/a": {"type": "aes256-gcm96", "latest_version": 1, "keys": {"1": 1700000000}}})
    assert Transit(client, "transit").key("a") == SigningKeys(name="a", kind="aes256-gcm96", latest=1, versions={})


def test_a_key_is_made_that_stays() -> None:
    """It cannot be exported, and asking twice makes one."""
    client = Scripted({"transit/keys/a": {}})
    Transit(client, "transit").create("a", "ed25519")
    body = {"type": "ed25519", "exportable": False, "allow_plaintext_backup": False}
    assert client.asked == [("POST repeatable", "transit/keys/a", body)]


@pytest.mark.parametrize(
    ("digest", "more"),
    [
        ("none", {}),
        ("sha256", {"hash_algorithm": "sha2-256"}),
        ("sha384", {"hash_algorithm": "sha2-384"}),
    ],
)
def test_what_is_sent_to_sign(digest: str, more: Mapping[str, object]) -> None:
    """A digest and how it was made, for Ed25519 the message; always with the version of the key."""
    client = Scripted({"transit/sign/a": SIGNED})
    if more:
        more = {**more, "prehashed": True, "signature_algorithm": "pkcs1v15", "marshaling_algorithm": "asn1"}
    assert Transit(client, "transit").sign("a", 2, b"data", digest) == b"signature"
    assert client.asked == [("POST repeatable", "transit/sign/a", {"input": "ZGF0YQ==", "key_version": 2, **more})]


def test_a_key_is_deleted() -> None:
    """It has to be allowed first; what is not there needs nothing."""
    client = Scripted({"transit/keys/a": KEY, "transit/keys/a/config": {}})
    Transit(client, "transit").delete("b")
    Transit(client, "transit").delete("a")
    assert client.asked[1:] == [
        ("GET", "transit/keys/a", None),
        ("POST repeatable", "transit/keys/a/config", {"deletion_allowed": True}),
        ("DELETE", "transit/keys/a", None),
    ]


@pytest.mark.parametrize(
    ("path", "answer", "call"),
    [
        pytest.param("keys/a", {**KEY, "type": None}, lambda t: t.key("a"), id="type"),
        pytest.param("keys/a", {**KEY, "latest_version": "2"}, lambda t: t.key("a"), id="version"),
        pytest.param("keys/a", {**KEY, "keys": {"1": {}}}, lambda t: t.key("a"), id="public key"),
        pytest.param("keys/a", {**KEY, "keys": []}, lambda t: t.key("a"), id="versions"),
        pytest.param("sign/a", {}, lambda t: t.sign("a", 1, b"", "none"), id="no signature"),
        pytest.param("sign/a", {"signature": "vault:v1:?"}, lambda t: t.sign("a", 1, b"", "none"), id="no base64"),
    ],
)
def test_answers_that_make_no_sense(path: str, answer: Mapping[str, object], call: Callable[[Transit], object]) -> None:
    """Told with the field and the path."""
    with pytest.raises(VaultError, match=f"connection main, transit/{path}: the answer has no field") as caught:
        call(Transit(Scripted({f"transit/{path}": answer}), "transit"))
    assert caught.value.kind is Kind.NONSENSE


def test_other_errors_go_through() -> None:
    """Only what is not there is nothing."""
    error = VaultError("main", "x", Kind.DENIED, "no")
    with pytest.raises(VaultError) as caught:
        Transit(Scripted({"transit/keys/a": error}), "transit").key("a")
    assert caught.value is error
