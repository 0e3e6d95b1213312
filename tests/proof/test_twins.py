"""Twins say what their originals say, and get through where those do."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from reconciler.proof.trials import UnavailableError
from reconciler.proof.twins import Twins
from reconciler.trust.scene import Party, Trust
from reconciler.x509.facts import CertificateFacts
from reconciler.x509.keys import PrivateKey
from reconciler.x509.names import NameConstraints
from reconciler.x509.read import Certificate, read_der
from tests.builders import NOW, Pair, make_ca, make_leaf

ROOT = make_ca("root", sans=("dns:root",), name_constraints=NameConstraints(permitted=("dns:example.com", "ip:192.0.2.0/24")))
BETWEEN = make_ca("between", parent=ROOT, path_length=0)
LEAF = make_leaf(BETWEEN, "leaf", organizations=("a", "b"), sans=("dns:api.example.com", "ip:192.0.2.7"), usages=("server auth",))
SIGNERS = {
    ROOT.certificate.facts.fingerprint: ROOT.certificate.facts.spki_sha256,
    BETWEEN.certificate.facts.fingerprint: ROOT.certificate.facts.spki_sha256,
}
PARTY = Party(
    address="component.leaf",
    file="/leaf.crt",
    chain=(LEAF.certificate.facts, BETWEEN.certificate.facts),
    signed_by=BETWEEN.certificate.facts.spki_sha256,
)


def trust(*pairs: Pair) -> Trust:
    """A bundle of these."""
    facts = tuple(pair.certificate.facts for pair in pairs)
    return Trust(address="bundle.x", file="/x", fingerprints=frozenset(each.fingerprint for each in facts), anchors=facts)


def comparable(facts: CertificateFacts) -> CertificateFacts:
    """Without what a twin has of its own: key, and all that comes of it."""
    return replace(facts, fingerprint="", spki_sha256="")


def twins_of(party: Party) -> tuple[Certificate, ...]:
    """The chain of twins."""
    return tuple(map(read_der, Twins().credentials(party, SIGNERS).chain))


def test_a_twin_says_what_its_original_says() -> None:
    """Subject, names, usages, CA bits, path length, constraints, dates, serial and key identifiers are the same."""
    assert [comparable(each.facts) for each in twins_of(PARTY)] == [comparable(each) for each in PARTY.chain]


def test_a_twin_has_another_key() -> None:
    """The keys of CAs that exist sign nothing here."""
    originals = {each.spki_sha256 for each in PARTY.chain}
    assert originals.isdisjoint(each.facts.spki_sha256 for each in twins_of(PARTY))


def test_twins_of_one_key_share_one_key() -> None:
    """A CA that was renewed with the same key is trusted as itself: one proof holds one twin of each key."""
    twins = Twins()
    renewed = replace(PARTY.chain[1], fingerprint="another", not_after=NOW + timedelta(days=9))
    first, second = (
        read_der(twins.credentials(replace(PARTY, chain=(each,)), SIGNERS).chain[0]) for each in (PARTY.chain[1], renewed)
    )
    assert first.facts.spki_sha256 == second.facts.spki_sha256


@pytest.mark.parametrize(("signed_by", "result"), [(PARTY.signed_by, 0), ("0" * 64, 2), ("", 2)])
def test_openssl_finds_the_path_of_the_originals(signed_by: str, result: int, tmp_path: Path) -> None:
    """A twin is signed by the twin of who signed its original, and by nobody of ours when that was nobody of ours."""
    twins = Twins()
    credentials = twins.credentials(replace(PARTY, signed_by=signed_by), SIGNERS)
    (tmp_path / "ca.pem").write_bytes(twins.anchors(trust(ROOT), SIGNERS))
    (tmp_path / "leaf.pem").write_bytes(read_der(credentials.chain[0]).pem)
    (tmp_path / "between.pem").write_bytes(read_der(credentials.chain[1]).pem)
    judge = ("openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "api.example.com", "-no-CApath")
    moment = ("-attime", str(int(NOW.timestamp())))
    files = ("-CAfile", str(tmp_path / "ca.pem"), "-untrusted", str(tmp_path / "between.pem"), str(tmp_path / "leaf.pem"))
    assert subprocess.run((*judge, *moment, *files), capture_output=True, check=False).returncode == result


def test_a_ca_of_which_only_a_fingerprint_is_known_has_no_twin() -> None:
    """A kubeconfig may hold it; nothing that we know chains to it."""
    unknown = Trust(address="kubeconfig.x", file="/x", fingerprints=frozenset({"0" * 64}))
    assert Twins().anchors(unknown, {}) == b""


def test_credentials_hold_the_key_of_the_leaf() -> None:
    """OpenSSL would not load another."""
    credentials = Twins().credentials(PARTY, SIGNERS)
    assert isinstance(credentials.key, PrivateKey)
    assert credentials.key.facts.spki_sha256 == read_der(credentials.chain[0]).facts.spki_sha256


def test_names_that_nobody_dials_are_left_out() -> None:
    """A name of another form cannot be made anew, and decides about nothing."""
    odd = replace(LEAF.certificate.facts, sans=("dns:api.example.com", "other:1.2.3"))
    assert twins_of(replace(PARTY, chain=(odd,)))[0].facts.sans == ("dns:api.example.com",)


def test_what_cannot_be_made_anew_could_not_be_tried() -> None:
    """A certificate that nobody would sign today is no reason to end without a word about all others."""
    odd = replace(LEAF.certificate.facts, sans=("dns:b\u00fccher.example",))
    with pytest.raises(UnavailableError, match="cannot be made anew"):
        Twins().credentials(replace(PARTY, chain=(odd,)), SIGNERS)
