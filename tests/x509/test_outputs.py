"""Derived files: what is written says what it should to those who read it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from reconciler.x509 import outputs, pem
from reconciler.x509.errors import Problem, UnreadableError
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.keys import PrivateKey, read_key_facts
from reconciler.x509.read import read_certificates
from tests.builders import make_ca, make_key, make_leaf
from tests.x509.judges import run

ROOT = make_ca("root")
LEAF = make_leaf(make_ca("inter", parent=ROOT))
PRINTS = tuple(certificate.facts.fingerprint for certificate in LEAF.chain)
SPKI = LEAF.key.facts.spki_sha256
PASSWORD = b"correct horse"
STORE = outputs.pkcs12(LEAF.chain, LEAF.key, PASSWORD, "kube-apiserver")


@pytest.mark.parametrize(
    ("output", "data", "said"),
    [
        ("fullchain", outputs.fullchain(LEAF.chain), (PRINTS, "")),
        ("combined", outputs.combined(LEAF.chain, LEAF.key), (PRINTS, SPKI)),
        ("der", outputs.der(LEAF.chain), (PRINTS[:1], "")),
        ("pkcs12", STORE, (PRINTS, SPKI)),
        ("pkcs12", outputs.pkcs12(LEAF.chain[:1], LEAF.key, PASSWORD, "é"), (PRINTS[:1], SPKI)),
    ],
)
def test_what_is_written_is_read(output: str, data: bytes, said: tuple[tuple[str, ...], str]) -> None:
    """Fingerprints in order, and the key's SPKI where there is a key."""
    assert outputs.read_derived(output, data, PASSWORD) == said


def test_a_combined_file_comes_apart() -> None:
    """Chain and key are found in a combined file, in either order, EC parameters included."""
    certificates, key = outputs.separate(outputs.combined(LEAF.chain, LEAF.key))
    assert read_certificates(certificates) == LEAF.chain
    assert PrivateKey.from_pem(key).facts == LEAF.key.facts
    parameters = pem.join("EC PARAMETERS", bytes.fromhex("06082a8648ce3d030107"))
    certificates, key = outputs.separate(parameters + LEAF.key.pem() + LEAF.chain_pem)
    assert read_certificates(certificates) == LEAF.chain
    assert read_key_facts(key) == LEAF.key.facts


@pytest.mark.parametrize(
    ("output", "data", "problem"),
    [
        ("fullchain", b"", Problem.EMPTY),
        ("fullchain", outputs.combined(LEAF.chain, LEAF.key), Problem.WRONG_TYPE),
        ("fullchain", LEAF.chain_pem[:-60], Problem.TRUNCATED),
        ("combined", b"", Problem.EMPTY),
        ("combined", LEAF.chain_pem, Problem.WRONG_TYPE),
        ("combined", LEAF.key.pem(), Problem.WRONG_TYPE),
        ("combined", LEAF.chain_pem + LEAF.key.pem() * 2, Problem.WRONG_TYPE),
        ("der", b"", Problem.EMPTY),
        ("der", LEAF.chain_pem, Problem.UNPARSABLE),
        ("pkcs12", b"", Problem.EMPTY),
        ("pkcs12", STORE[:-20], Problem.UNPARSABLE),
        ("pkcs12", LEAF.chain_pem, Problem.UNPARSABLE),
        ("pkcs12", outputs.pkcs12(LEAF.chain, LEAF.key, b"another", "x"), Problem.ENCRYPTED),
    ],
)
def test_what_is_not_what_it_should_be(output: str, data: bytes, problem: Problem) -> None:
    """Each wrong file has its word; a PKCS#12 store with another password is told from a damaged one."""
    with pytest.raises(UnreadableError) as caught:
        outputs.read_derived(output, data, PASSWORD)
    assert caught.value.problem == problem


@pytest.mark.parametrize("algorithm", [KeyAlgorithm.ECDSA_P256, KeyAlgorithm.ECDSA_P384, KeyAlgorithm.RSA_2048])
def test_openssl_reads_the_store(algorithm: KeyAlgorithm, tmp_path: Path) -> None:
    """OpenSSL finds modern algorithms, the chain in order and the same key, without its legacy provider."""
    leaf = make_leaf(ROOT, key=make_key("p12", algorithm))
    path = tmp_path / "store.p12"
    path.write_bytes(outputs.pkcs12([*leaf.chain, ROOT.certificate], leaf.key, PASSWORD, "friend"))
    info = run("openssl", "pkcs12", "-in", str(path), "-passin", f"pass:{PASSWORD.decode()}", "-info", "-nodes")
    assert "MAC: sha256, Iteration" in info.stderr
    assert "PBES2, PBKDF2, AES-256-CBC" in info.stderr
    assert "friendlyName: friend" in info.stdout
    certificates, key = outputs.separate(info.stdout.encode())
    assert read_certificates(certificates) == (leaf.certificate, ROOT.certificate)
    assert read_key_facts(key) == leaf.key.facts


def test_der_is_der(tmp_path: Path) -> None:
    """The DER output is the leaf, as openssl reads it."""
    path = tmp_path / "leaf.der"
    path.write_bytes(outputs.der(LEAF.chain))
    text = subprocess.check_output(
        ["openssl", "x509", "-inform", "DER", "-in", path, "-noout", "-fingerprint", "-sha256"], text=True
    )
    assert text.strip().rpartition("=")[2].replace(":", "").lower() == PRINTS[0]
    assert LEAF.certificate.parsed.public_bytes(Encoding.DER) == LEAF.certificate.der
