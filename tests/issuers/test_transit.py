"""CAs whose keys are in a transit engine: we build what is signed, the key never is here, and openssl agrees."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from reconciler.desired.model import CA
from reconciler.desired.vault import TransitKey
from reconciler.issuers.protocol import Issuer
from reconciler.issuers.transit_keyring import TransitKeyring
from reconciler.vault.engines.transit import Transit
from reconciler.vault.errors import Kind, VaultError
from reconciler.x509.errors import LintError
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.names import NameConstraints
from reconciler.x509.profile import key_usages_of
from tests.builders import make_key
from tests.issuers.bench import DAY, Bench, Killed, new_list, utc_now
from tests.vault.scripted import Scripted


def transit_ca(bench: Bench, mount: str, **changed: object) -> CA:
    """A CA whose key is ``demo-front-gN``."""
    return bench.ca("front", TransitKey(connection="main", mount=mount, name="demo-front"), **changed)  # type: ignore[arg-type]


def keys(bench: Bench, mount: str) -> list[str]:
    """What the mount has."""
    return sorted(bench.client.list(f"{mount}/keys"))


@pytest.mark.parametrize("algorithm", list(KeyAlgorithm))
def test_every_type_of_key(bench: Bench, algorithm: KeyAlgorithm, tmp_path: Path) -> None:
    """Root, leaf and revocation list: made, found again by the certificate, and verified by openssl."""
    mount = bench.vault.mounted("transit")
    ca = transit_ca(bench, mount, key=algorithm)
    keyring = bench.keyring(ca)
    root = keyring.create(ca, 1, bench.asked(ca), None)
    issuer = keyring.open(root, ())
    request = bench.leaf(issuer, organizations=("a", "b"))
    issuer.prepare(request)
    leaf = issuer.sign(request, make_key("component"))
    crl = new_list(issuer, "abcd")
    assert (root.facts.key, leaf.facts.serial) == (algorithm, f"{request.serial:x}")
    assert leaf.facts.key_usages == key_usages_of(request, leaf.facts.key)
    assert (issuer.remote, keys(bench, mount)) == (False, ["demo-front-g1"])
    for name, data in (("root", root.pem), ("leaf", leaf.pem), ("crl", crl.pem)):
        (tmp_path / name).write_bytes(data)
    for command in (
        ["openssl", "verify", "-crl_check", "-CRLfile", "crl", "-CAfile", "root", "leaf"],
        ["openssl", "verify", "-check_ss_sig", "-CAfile", "root", "root"],
    ):
        said = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
        assert said.stdout.endswith(": OK\n"), said.stderr


def test_the_key_cannot_be_exported(bench: Bench) -> None:
    """That is the point of it."""
    mount = bench.vault.mounted("transit")
    ca = transit_ca(bench, mount)
    bench.keyring(ca).create(ca, 1, bench.asked(ca), None)
    told = bench.vault.must("GET", f"{mount}/keys/demo-front-g1").data
    assert (told["exportable"], told["allow_plaintext_backup"]) == (False, False)


@pytest.mark.parametrize("step", [1, 2])
def test_a_run_dies(bench: Bench, step: int) -> None:
    """The key that is there is used: no second one is made, and no second version."""
    mount = bench.vault.mounted("transit")
    ca = transit_ca(bench, mount)
    bench.api.dies_after = step
    with pytest.raises(Killed):
        bench.keyring(ca).create(ca, 1, bench.asked(ca), None)
    bench.api.dies_after = 0
    made = bench.keyring(ca).create(ca, 1, bench.asked(ca), None)
    (held,) = bench.keyring(ca).held()
    assert (held.spki_sha256, held.generation, held.reference) == (made.facts.spki_sha256, 1, "demo-front-g1:1")


def test_two_generations_and_the_end_of_the_first(bench: Bench) -> None:
    """Each certificate finds its own key; destroying one leaves the other, and can be done again."""
    mount = bench.vault.mounted("transit")
    ca = transit_ca(bench, mount)
    keyring = bench.keyring(ca)
    first, second = (keyring.create(ca, number, bench.asked(ca), None) for number in (1, 2))
    assert [each.generation for each in keyring.held()] == [1, 2]
    for each in (first, second):
        assert keyring.open(each, ()).certificate == each
    for _ in range(2):
        keyring.destroy(first)
    assert keys(bench, mount) == ["demo-front-g2"]
    with pytest.raises(VaultError, match="there is no key of CN=front CA") as caught:
        keyring.open(first, ())
    assert (caught.value.kind, caught.value.hint) == (
        Kind.ABSENT,
        "it would be called demo-front-gN; restore it, or rotate the CA",
    )


def test_other_keys_are_left_alone(bench: Bench) -> None:
    """Those of other names, with a number or without."""
    mount = bench.vault.mounted("transit")
    for name in ("demo-front-gx", "demo-front", "demo-frontier-g1"):
        bench.vault.must("POST", f"{mount}/keys/{name}", {"type": "ed25519"})
    assert bench.keyring(transit_ca(bench, mount)).held() == ()


def test_a_key_that_signs_no_certificates() -> None:
    """One of our names that is symmetric, or on another curve."""
    symmetric = {"type": "aes256-gcm96", "latest_version": 1, "keys": {"1": 1700000000}}
    curve = {"type": "ecdsa-p521", "latest_version": 1, "keys": {"1": {"public_key": "PEM"}}}
    names = ("demo-front-g1", "demo-front-g2", "demo-front-g3")
    client = Scripted({"transit/keys": names, "transit/keys/demo-front-g1": symmetric, "transit/keys/demo-front-g2": curve})
    assert TransitKeyring(Transit(client, "transit"), "demo-front", now=utc_now).held() == ()


@pytest.mark.parametrize("text", ["PEM", "AAAA", make_key("x", KeyAlgorithm.ED25519).public_pem().decode()])
@pytest.mark.parametrize("kind", ["ecdsa-p256", "ed25519"])
def test_a_public_key_that_makes_no_sense(kind: str, text: str) -> None:
    """It is told, not used."""
    key = {"type": kind, "latest_version": 1, "keys": {"1": {"public_key": text}}}
    client = Scripted({"transit/keys": ("demo-front-g1",), "transit/keys/demo-front-g1": key})
    with pytest.raises(VaultError, match="a public key of the answer is of no use") as caught:
        TransitKeyring(Transit(client, "transit"), "demo-front", now=utc_now).held()
    assert caught.value.kind is Kind.NONSENSE


def test_a_key_that_was_rotated_there(bench: Bench) -> None:
    """Somebody makes a new version: what signs is the version that the certificate says."""
    mount = bench.vault.mounted("transit")
    ca = transit_ca(bench, mount)
    keyring = bench.keyring(ca)
    root = keyring.create(ca, 1, bench.asked(ca), None)
    bench.vault.must("POST", f"{mount}/keys/demo-front-g1/rotate")
    issuer = keyring.open(root, ())
    assert issuer.sign(bench.leaf(issuer), make_key("component")).facts.aki == root.facts.ski
    assert [(each.reference, each.default) for each in keyring.held()] == [
        ("demo-front-g1:2", True),
        ("demo-front-g1:1", False),
    ]


def test_a_key_of_another_type_is_there(bench: Bench) -> None:
    """It is not used, and not replaced."""
    mount = bench.vault.mounted("transit")
    bench.vault.must("POST", f"{mount}/keys/demo-front-g1", {"type": "ed25519"})
    ca = transit_ca(bench, mount)
    with pytest.raises(LintError, match="is of type ed25519, and ecdsa-p256 is asked for"):
        bench.keyring(ca).create(ca, 1, bench.asked(ca), None)


@pytest.mark.parametrize("above", ["none", "local", "pki"])
def test_a_ca_is_renewed(bench: Bench, above: str) -> None:
    """The same key, name and key identifier; by itself, by a key that we hold, and by a PKI mount."""
    mount = bench.vault.mounted("transit")
    parent: Issuer | None = None
    if above != "none":
        parent = bench.local("above") if above == "local" else bench.issuer(bench.pki(), "above")
    limits = NameConstraints(permitted=("dns:example.com",)) if parent is not None else None
    short = transit_ca(bench, mount, lifetime=20 * DAY, name_constraints=limits)
    ca = transit_ca(bench, mount, lifetime=90 * DAY, name_constraints=limits)
    keyring = bench.keyring(ca)
    old = keyring.create(short, 1, bench.asked(short, parent), parent)
    new = keyring.renew(ca, old, bench.asked_again(ca, old, parent), parent)
    assert (new.facts.ski, new.facts.name_constraints) == (old.facts.ski, limits)
    assert new.parsed.subject.public_bytes() == old.parsed.subject.public_bytes()
    assert new.facts.not_after - old.facts.not_after > 60 * DAY
    assert keyring.open(new, ()).certificate == new


def test_a_run_dies_under_a_ca_that_is_a_server(bench: Bench) -> None:
    """The certificate that the CA above gave is found again: it gives no second one."""
    mount = bench.vault.mounted("transit")
    ca = transit_ca(bench, mount)
    parent = bench.issuer(bench.pki(), "above")
    bench.api.loses, bench.api.calls[:] = "*/sign-intermediate", []
    bench.api.dies_after = 3  # the key, our signature on the request, and the certificate
    with pytest.raises(Killed):
        bench.keyring(ca).create(ca, 1, bench.asked(ca, parent), parent)
    bench.api.dies_after, bench.api.loses = 0, ""
    made = bench.keyring(ca).create(ca, 1, bench.asked(ca, parent), parent)
    assert parent.find(made.facts.spki_sha256, utc_now() - DAY) == (made,)  # type: ignore[attr-defined]


def test_a_server_that_is_gone_while_it_signs(bench: Bench) -> None:
    """Its error comes through whatever builds the certificate."""
    mount = bench.vault.mounted("transit")
    ca = transit_ca(bench, mount)
    issuer = bench.keyring(ca).open(bench.keyring(ca).create(ca, 1, bench.asked(ca), None), ())
    bench.api.drops = "*/sign/*"
    with pytest.raises(VaultError, match="the connection ended"):
        issuer.sign(bench.leaf(issuer), make_key("component"))
