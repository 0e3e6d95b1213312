"""Who signed a certificate is found by its signature, whatever the certificate says about itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from msgspec.structs import replace

from reconciler.desired.model import DesiredState
from reconciler.observed import signers
from reconciler.observed.cache import Cache
from reconciler.observed.gather import gather
from reconciler.observed.signers import Answer, Checks, Question, answer, in_order_of_claim, recall_signer
from reconciler.x509.read import Certificate
from tests.builders import ca_extensions, forge, make_ca, make_leaf, raw_key
from tests.observed.cluster import API, AUTHORITY, OTHER, SERVER, Cluster

STRANGER = make_ca("stranger-ca")
ISSUERS = (AUTHORITY.certificate, OTHER.certificate)


def claiming(ca: Certificate, *, name: str, signer: str) -> Certificate:
    """A certificate with the key identifier of one CA, the issuer name of another and the signature of a third."""
    identifier = x509.AuthorityKeyIdentifier(bytes.fromhex(ca.facts.ski), None, None)
    key = raw_key("api").public_key()
    return forge("api", issuer=name, signer=raw_key(signer), public_key=key, extensions=((identifier, False),))


def signed_by(cluster: Cluster, address: str, desired: DesiredState | None = None) -> str:
    """What a pass says about an address."""
    return gather(desired or cluster.desired()).pairs[address].signed_by


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """Everything in its place."""
    return Cluster(root=tmp_path).write()


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [
        (SERVER.certificate, AUTHORITY.key.facts.spki_sha256),
        (make_leaf(OTHER, "api").certificate, OTHER.key.facts.spki_sha256),
        (claiming(OTHER.certificate, name="kubernetes-ca", signer="kubernetes-ca"), AUTHORITY.key.facts.spki_sha256),
        (claiming(AUTHORITY.certificate, name="kubernetes-ca", signer="stranger-ca"), ""),
        (make_leaf(STRANGER, "api").certificate, ""),
        (forge("api"), ""),
    ],
    ids=["own", "another-of-ours", "wrong-identifier", "lying-identifier-and-name", "stranger", "self-signed"],
)
def test_the_signature_decides(certificate: Certificate, expected: str, cluster: Cluster) -> None:
    """Names and key identifiers can be copied by anybody; a signature cannot."""
    cluster.put("pki/api.crt", certificate.pem)
    assert signed_by(cluster, API) == expected


def test_a_root_that_did_not_sign_itself_is_signed_by_nobody(cluster: Cluster) -> None:
    """A certificate that only looks like a root."""
    fake = forge("kubernetes-ca", signer=raw_key("stranger-ca"), public_key=raw_key("kubernetes-ca").public_key())
    cluster.put("authority/kubernetes.crt", fake.pem)
    assert signed_by(cluster, "ca.kubernetes") == ""


def test_an_intermediate_is_signed_by_its_parent_and_signs_its_leaves(cluster: Cluster) -> None:
    """Also when the parent comes after it."""
    middle = make_ca("middle-ca", parent=AUTHORITY)
    cluster.put("authority/etcd.crt", middle.certificate.pem)
    cluster.put("pki/api.crt", make_leaf(middle, "api").chain_pem)
    desired = cluster.desired()
    cas = {"etcd": replace(desired.cas["etcd"], issuer="kubernetes"), "kubernetes": desired.cas["kubernetes"]}
    components = {API: replace(desired.components[API], ca="etcd")}
    desired = replace(desired, cas=cas, components=components)
    assert (signed_by(cluster, "ca.etcd", desired), signed_by(cluster, API, desired)) == (
        AUTHORITY.key.facts.spki_sha256,
        middle.key.facts.spki_sha256,
    )


def test_without_a_readable_ca_nobody_signed(cluster: Cluster) -> None:
    """It cannot be known, so it is not claimed."""
    for name in ("authority/kubernetes.crt", "pki/ca.crt"):
        cluster.path(name).unlink()
    assert signed_by(cluster, API) == ""


def test_a_copy_stands_in_for_a_ca_that_is_gone(cluster: Cluster) -> None:
    """The certificate of a CA says as much wherever it lies."""
    cluster.path("authority/kubernetes.crt").unlink()
    assert signed_by(cluster, API) == AUTHORITY.key.facts.spki_sha256


def test_issuers_are_tried_in_the_order_of_their_claims() -> None:
    """The CA that should have signed, the one with the key identifier, the one with the name, the others."""
    named = forge("named-ca", extensions=ca_extensions())
    facts = claiming(OTHER.certificate, name="named-ca", signer="x").facts
    everybody = (STRANGER.certificate, named, OTHER.certificate, AUTHORITY.certificate)
    own = AUTHORITY.key.facts.spki_sha256
    assert in_order_of_claim(facts, own, everybody) == (
        AUTHORITY.certificate,
        OTHER.certificate,
        named,
        STRANGER.certificate,
    )


def test_an_answer_names_those_that_were_tried_in_vain() -> None:
    """So that nobody tries them again."""
    backwards = (OTHER.certificate, AUTHORITY.certificate)
    fingerprint = SERVER.certificate.facts.fingerprint
    stranger = make_leaf(STRANGER, "api").certificate
    assert [answer(Question("a", SERVER.certificate, backwards)), answer(Question("b", stranger, ISSUERS))] == [
        Answer("a", fingerprint, AUTHORITY.certificate, (OTHER.certificate,)),
        Answer("b", stranger.facts.fingerprint, None, ISSUERS),
    ]


@pytest.mark.parametrize("cores", [1, 2, 64])
@pytest.mark.parametrize("batch", [7, 2048])
def test_every_question_is_answered_once(cores: int, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In batches or at the end, in one thread or in two."""
    monkeypatch.setattr(signers, "_BATCH", batch)
    monkeypatch.setattr(signers, "_WORTH_A_THREAD", 2)
    certificates = (SERVER.certificate, make_leaf(STRANGER, "api").certificate)
    questions = [Question(f"{number}", certificates[number % 2], ISSUERS) for number in range(20)]
    checks = Checks(cores=cores)
    for question in questions:
        checks.ask(question)
        assert len(checks._open) < batch
    assert {found.address: found for found in checks.answers()} == {found.address: found for found in map(answer, questions)}


def test_what_is_known_is_recalled_and_what_is_not_is_not_guessed() -> None:
    """A signer counts only when all before it are known not to be it."""
    cache = Cache(now_ns=0)
    fingerprint = SERVER.certificate.facts.fingerprint
    unknown = recall_signer(cache, fingerprint, ISSUERS)
    recorded = _knowing(AUTHORITY.certificate, signed=True)
    denied = _knowing(OTHER.certificate, signed=False)
    assert (
        unknown,
        recall_signer(recorded, fingerprint, ISSUERS),
        recall_signer(recorded, fingerprint, ISSUERS[::-1]),
        recall_signer(denied, fingerprint, ISSUERS[1:]),
    ) == (None, AUTHORITY.key.facts.spki_sha256, None, "")


def _knowing(issuer: Certificate, *, signed: bool) -> Cache:
    """A cache that has learned one thing in its last pass."""
    learned, cache = Cache(now_ns=0), Cache(now_ns=0)
    learned.remember_verdict(SERVER.certificate.facts.fingerprint, issuer.facts.fingerprint, signed=signed)
    cache.decode(learned.encode())
    return cache
