"""A server where one request in twelve goes wrong by chance: stories come to their end, and no certificate is left over."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.vault_server.api import Vault
from tests.vault_server.script import Mean
from tests.vault_server.server import VaultServer, vault_server
from tests.vault_stories.site import Site, in_pki, in_transit, server, site

#: Applies, at most, until nothing is left to be done.
PATIENCE = 25


@pytest.fixture(params=range(4))
def seeded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Site, VaultServer, int]]:
    """A site on such a server, which behaves until it is told not to."""
    with vault_server() as made, site(Vault(made.address, made.root_token, scripted=made), tmp_path) as place:
        yield place, made, request.param


def key_of(data: dict[str, str]) -> str:
    """SHA-256 of the public key of a certificate in KV."""
    key = x509.load_pem_x509_certificate(data["certificate"].encode()).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def converges(place: Site, made: VaultServer, mean: Mean) -> None:
    """Applied again and again it ends in a plan that is empty; every certificate that lives is in use."""
    for _ in range(PATIENCE):
        made.mean = mean
        said = place.call("apply", "--auto-approve")
        made.mean = None
        place.passes(minutes=10)
        if said.code == 0 and place.call("plan", "--detailed-exitcode").code == 0:
            break
    place.settled()


def test_from_nothing_through_a_rotation_to_the_end(seeded: tuple[Site, VaultServer, int]) -> None:
    """CAs of every kind are made, rotated, a certificate revoked and one pruned, while requests go wrong."""
    place, made, seed = seeded
    mount, below, transit = place.pki(), place.pki(), place.vault.mounted("transit")
    fields = {"rotation": {"soak": "1s", "retired": "destroy"}}
    main = in_pki(mount, signVerbatim=True, create=True)
    sub = in_pki(below, role=place.role(below), create=True, parent="main")
    place.write(
        prune=True,
        cas={
            "main": {"path": "ca/main", **fields, **main, "crl": {"path": "ca/main.crl"}},
            "below": {"path": "ca/below", **sub, "crl": {"path": "ca/below.crl"}},
            "transit": {"path": "ca/transit", **fields, **in_transit(transit)},
            "local": {"path": "ca/local", "store": "kv", **fields},
        },
        components={name: server(name, name, store="kv") for name in ("main", "below", "transit", "local")},
        bundles={"all": {"cas": ["main", "transit", "local"], "path": "trust.pem"}},
    )
    mean = Mean(seed, share=0.08)
    converges(place, made, mean)
    for leaf in place.document["components"]:
        place.verifies(f"pki/{leaf}", "trust.pem")
    stolen = place.serial("pki/main")
    place.write(
        cas={"main": {"generation": 2}, "transit": {"generation": 2}, "local": {"generation": 2}},
        components={"below": None},
        revocations=[{"component": "main", "serial": f"{stolen:x}", "reason": "keyCompromise"}],
    )
    converges(place, made, mean)
    for leaf in place.document["components"]:
        place.verifies(f"pki/{leaf}", "trust.pem")
    assert place.serial("pki/main") != stolen
    assert sum(mean.happened.values()) > 5
    used = {key_of(place.secret("pki/main", version=number)) for number in range(1, place.version("pki/main") + 1)}
    assert set(made.live_certificates().values()) == {1}
    assert made.live_certificates().keys() <= used
    assert place.vault.must("LIST", f"{transit}/keys").data["keys"] == ["ca-g2"]
