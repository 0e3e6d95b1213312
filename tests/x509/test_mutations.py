"""Damage: whatever happened to a file, reading it gives facts or an UnreadableError, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from reconciler.x509 import kubeconfig, outputs, pem
from reconciler.x509.errors import UnreadableError
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.keys import PrivateKey, read_key_facts
from reconciler.x509.names import NameConstraints
from reconciler.x509.read import read_certificates, read_der, read_public_keys
from reconciler.x509.verify import chain_problem
from tests.builders import NOW, make_ca, make_key, make_leaf, raw_key

CA = make_ca(
    "ca", path_length=1, sans=("dns:ca",), name_constraints=NameConstraints(permitted=("dns:example.com", "ip:192.0.2.0/24"))
)
LEAF = make_leaf(CA, organizations=("o",))
EC_DER = raw_key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
RSA_PEM = make_key("mutated", KeyAlgorithm.RSA_2048).pem()
KUBECONFIG = kubeconfig.render(
    server="https://a", ca_pem=CA.certificate.pem, cluster_name="c", user_name="u", certificate=LEAF.chain_pem, key=LEAF.key.pem()
)
STORE = outputs.pkcs12(LEAF.chain, LEAF.key, b"x", "x")


def _judge(der: bytes) -> None:
    chain_problem([read_der(der)], [CA.certificate], at=NOW, usage="server auth")


READERS: dict[str, tuple[Callable[[bytes], object], bytes, int]] = {
    "certificate-der": (_judge, LEAF.certificate.der, 3000),
    "ca-der": (_judge, CA.certificate.der, 3000),
    "bundle": (read_certificates, LEAF.certificate.pem + CA.certificate.pem, 2000),
    "ec-key-der": (lambda der: read_key_facts(pem.join("PRIVATE KEY", der)), EC_DER, 1000),
    "ec-key-in-full": (lambda der: PrivateKey.from_pem(pem.join("PRIVATE KEY", der)), EC_DER, 500),
    "rsa-key-der": (lambda der: read_key_facts(pem.join("PRIVATE KEY", der)), pem.split(RSA_PEM)[0].der, 1000),
    "key-pem": (read_key_facts, LEAF.key.pem(), 1000),
    "public-key": (
        lambda der: read_public_keys(pem.join("PUBLIC KEY", der)),
        raw_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        1000,
    ),
    "kubeconfig": (kubeconfig.parse, KUBECONFIG, 60),
    "pkcs12": (lambda data: outputs.read_derived("pkcs12", data, b"x"), STORE, 60),
}


def mutate(data: bytes, chance: random.Random) -> bytes:
    """One to three of: a flipped bit, another byte, a cut, a repeated piece, zeros as after a power loss."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(changed) or 1)
        match chance.randrange(5):
            case 0 if changed:
                changed[at % len(changed)] ^= 1 << chance.randrange(8)
            case 1 if changed:
                changed[at % len(changed)] = chance.randrange(256)
            case 2:
                del changed[at:]
            case 3:
                changed[at:at] = changed[at : at + chance.randrange(1, 64)]
            case _:
                changed[at : at + 16] = bytes(len(changed[at : at + 16]))
    return bytes(changed)


@pytest.mark.parametrize("kind", READERS)
def test_mutations(kind: str) -> None:
    """No mutation of any file gets through as another kind of error, or as a crash."""
    read, data, count = READERS[kind]
    chance = random.Random(f"{kind}: the same mutations in every run")  # noqa: S311 - damage, not secrets
    refused = 0
    for _ in range(count):
        try:
            read(mutate(data, chance))
        except UnreadableError:
            refused += 1
    assert refused > count // 4


@pytest.mark.parametrize("cut", range(1, 120, 7))
def test_torn_bundles_are_told(cut: int) -> None:
    """A second certificate that is cut short is an error wherever the cut is."""
    with pytest.raises(UnreadableError):
        read_certificates(LEAF.certificate.pem + CA.certificate.pem[:cut])
