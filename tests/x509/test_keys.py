"""Private keys: read in every usual form, checked, and never shown."""

from __future__ import annotations

import base64
import copy
import pickle

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from reconciler.x509 import pem
from reconciler.x509.errors import Problem, UnreadableError
from reconciler.x509.facts import KeyAlgorithm, KeyFacts
from reconciler.x509.keys import PrivateKey, describe, read_key_facts
from reconciler.x509.read import read_public_keys
from tests.builders import key_pem, make_ca, make_key, raw_key

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_PARAMETERS = pem.join("EC PARAMETERS", bytes.fromhex("06082a8648ce3d030107"))


@pytest.mark.parametrize("algorithm", [a for a in KeyAlgorithm if a not in {KeyAlgorithm.RSA_3072, KeyAlgorithm.RSA_4096}])
def test_generated_keys_are_what_was_asked_for(algorithm: KeyAlgorithm) -> None:
    """A generated key says its algorithm, differs each time, and survives its own PEM."""
    key = PrivateKey.generate(algorithm)
    assert key.facts.key == algorithm
    assert key.facts != PrivateKey.generate(algorithm).facts
    assert PrivateKey.from_pem(key.pem()).facts == key.facts == read_key_facts(key.pem())
    assert key.pem().startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert read_public_keys(key.public_pem()) == (key.facts.spki_sha256,)


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (key_pem(raw_key()), "ecdsa-p256"),
        (key_pem(raw_key(), PrivateFormat.TraditionalOpenSSL), "ecdsa-p256"),
        (EC_PARAMETERS + key_pem(raw_key(), PrivateFormat.TraditionalOpenSSL), "ecdsa-p256"),
        (key_pem(RSA), "rsa-2048"),
        (key_pem(RSA, PrivateFormat.TraditionalOpenSSL), "rsa-2048"),
        (key_pem(ec.derive_private_key(7, ec.SECP521R1())), "ec-secp521r1"),
    ],
    ids=["pkcs8", "sec1", "parameters", "rsa-pkcs8", "pkcs1", "other-curve"],
)
def test_forms_of_keys(data: bytes, key: str) -> None:
    """PKCS#8, SEC 1 with and without parameters, and PKCS#1 are read, in full and in the fast way alike."""
    facts = read_key_facts(data)
    assert facts.key == key
    assert PrivateKey.from_pem(data).facts == facts


def _mixed_rsa() -> bytes:
    """An RSA key with the modulus of another: valid DER, halves that do not belong together."""
    der = RSA.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    modulus = RSA.public_key().public_numbers().n
    octets = modulus.to_bytes(256, "big")
    return pem.join("RSA PRIVATE KEY", der.replace(octets, (modulus ^ 1 << 700).to_bytes(256, "big")))


def _mixed_ec() -> bytes:
    """An EC key with the public point of another."""
    mine, other = (
        raw_key(name).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint) for name in ("mine", "other")
    )
    der = raw_key("mine").private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return pem.join("PRIVATE KEY", der.replace(mine, other))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", Problem.EMPTY),
        (b"not a key", Problem.NOT_PEM),
        (make_ca().certificate.pem, Problem.WRONG_TYPE),
        (make_key().public_pem(), Problem.WRONG_TYPE),
        (make_key().pem() + make_ca().certificate.pem, Problem.WRONG_TYPE),
        (make_key("a").pem() + make_key("b").pem(), Problem.WRONG_TYPE),
        (EC_PARAMETERS, Problem.WRONG_TYPE),
        (ed448.Ed448PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), Problem.WRONG_TYPE),
        (raw_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x")), Problem.ENCRYPTED),
        (
            raw_key().private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"x")),
            Problem.ENCRYPTED,
        ),
        (make_key().pem()[:-40], Problem.TRUNCATED),
        (pem.join("PRIVATE KEY", b"\x30\x03\x02\x01\x00"), Problem.UNPARSABLE),
        (
            pem.join("EC PRIVATE KEY", raw_key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())[:-5]),
            Problem.UNPARSABLE,
        ),
        (_mixed_rsa(), Problem.UNPARSABLE),
        (_mixed_ec(), Problem.UNPARSABLE),
    ],
)
@pytest.mark.parametrize("reader", [read_key_facts, PrivateKey.from_pem])
def test_what_is_no_key(reader: type[PrivateKey], data: bytes, problem: Problem) -> None:
    """Both readers refuse the same things with the same word."""
    with pytest.raises(UnreadableError) as caught:
        reader(data)  # type: ignore[arg-type]
    assert caught.value.problem == problem


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (make_key().pem(), Problem.WRONG_TYPE),
        (make_key().public_pem() + make_key().pem(), Problem.WRONG_TYPE),
        (pem.join("PUBLIC KEY", b"\x30\x00"), Problem.UNPARSABLE),
    ],
)
def test_what_is_no_public_key(data: bytes, problem: Problem) -> None:
    """A .pub file holds public keys and nothing else."""
    with pytest.raises(UnreadableError) as caught:
        read_public_keys(data)
    assert caught.value.problem == problem


def test_a_key_is_shown_by_its_fingerprint_alone() -> None:
    """Neither repr nor str nor an exception holds the key in any encoding."""
    key = make_key("canary")
    der = raw_key("canary").private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    secret = raw_key("canary").private_numbers().private_value
    shown = f"{key!r} {key} {key.facts}"
    with pytest.raises(UnreadableError) as caught:
        PrivateKey.from_pem(key.pem().replace(b"\nM", b"\nN", 1))
    shown += f"{caught.value} {caught.value!r} {caught.value.__cause__} {caught.value.detail}"
    assert repr(key) == f"<PrivateKey ecdsa-p256 sha256:{key.facts.spki_sha256}>"
    for form in (base64.b64encode(der).decode()[40:72], der.hex()[80:120], f"{secret:x}", str(secret)):
        assert form not in shown


@pytest.mark.parametrize("action", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_key_is_never_copied(action: type[object]) -> None:
    """Copying and pickling raise, so that no cache or process pool takes a key along."""
    with pytest.raises(TypeError, match="never copied or pickled"):
        action(make_key())  # type: ignore[call-arg]


def test_a_key_has_no_dictionary() -> None:
    """Nothing can be hung onto a key, and `vars` shows nothing."""
    assert not hasattr(make_key(), "__dict__")


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        (KeyAlgorithm.ECDSA_P256, hashes.SHA256),
        (KeyAlgorithm.ECDSA_P384, hashes.SHA384),
        (KeyAlgorithm.RSA_2048, hashes.SHA256),
        (KeyAlgorithm.ED25519, None),
    ],
)
def test_the_hash_fits_the_key(algorithm: KeyAlgorithm, digest: type[hashes.HashAlgorithm] | None) -> None:
    """P-384 signs with SHA-384, Ed25519 with what it prescribes, everything else with SHA-256."""
    used = make_ca("hashes", key=make_key("hashes", algorithm)).certificate.parsed.signature_hash_algorithm
    assert type(used) is (digest or type(None))


def test_facts_hold_no_key() -> None:
    """What is said of a key is its public half."""
    key = load_pem_private_key(make_key().pem(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert make_key().facts == KeyFacts(spki_sha256=make_key().facts.spki_sha256, key="ecdsa-p256")


def test_keys_of_other_kinds_are_described() -> None:
    """A foreign file's key is named even when nothing can be done with it."""
    assert describe(dsa.generate_private_key(key_size=1024).public_key()) == "dsa-1024"  # noqa: S505
    assert describe(ed448.Ed448PrivateKey.generate().public_key()) == "ed448"
