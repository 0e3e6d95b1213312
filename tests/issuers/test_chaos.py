"""A server that misbehaves by chance: whatever happens, no key has two living certificates, and no CA is made twice."""

from __future__ import annotations

from collections import Counter

import pytest

from reconciler.issuers.keyrings import Keyring
from reconciler.vault.engines.pki import Pki
from reconciler.vault.errors import VaultError
from reconciler.x509.errors import LintError
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.keys import PrivateKey
from reconciler.x509.read import Certificate
from tests.issuers.bench import DAY, Bench, pki_key
from tests.vault_server.api import Vault
from tests.vault_server.script import Mean
from tests.vault_server.server import vault_server

TRIES = 12


def made(bench: Bench, keyring: Keyring, mount: str) -> Certificate:
    """A CA under another one, tried until it is there."""
    ca = bench.ca("sub", pki_key(mount), lifetime=90 * DAY)
    parent = bench.local("above")
    for _ in range(TRIES):
        try:
            return keyring.create(ca, 1, bench.asked(ca, parent), parent)
        except (VaultError, LintError):
            continue
    raise AssertionError


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_made_or_signed_twice(seed: int) -> None:
    """Every certificate that we got is the only one of its key; one that was lost is the only one, too."""
    with vault_server() as server:
        bench = Bench(Vault(server.address, server.root_token, scripted=server))
        mount = bench.pki()
        server.mean = Mean(seed)
        keyring = bench.keyring(bench.ca("sub", pki_key(mount), lifetime=90 * DAY), api=bench.client)
        certificate = made(bench, keyring, mount)
        outcome: Counter[str] = Counter()
        for _ in range(12):
            key = PrivateKey.generate(KeyAlgorithm.ECDSA_P256)
            try:
                issuer = keyring.open(certificate, ())
                issuer.sign(bench.leaf(issuer, lifetime=DAY), key)
                outcome["signed"] += 1
            except VaultError as error:
                outcome[error.kind] += 1
        server.mean = None
        pki = Pki(bench.client, mount)
        assert [each.name for each in pki.issuers()] == ["demo-sub-g1"]
        assert [each.name for each in pki.mount_keys()] == ["demo-sub-g1"]
        assert max(server.live_certificates().values()) == 1
        assert outcome["signed"] >= 6
        bench.client.close()
