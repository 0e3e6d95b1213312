"""How every address is doing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import pytest

from reconciler.desired.model import CA, Bundle, Component, DesiredState, Keypair, Kubeconfig, Replica
from reconciler.desired.place import Place
from reconciler.observed.model import (
    Absent,
    Certificates,
    FileMeta,
    Key,
    ObservedBundle,
    ObservedKeypair,
    ObservedPair,
    ObservedState,
    PublicKey,
    Unusable,
)
from reconciler.plan.document import (
    FORMAT_VERSION,
    ActionWord,
    Change,
    ClassWord,
    PlanDocument,
    ReasonEntry,
    ResourceChange,
    Source,
    Summary,
)
from reconciler.plan.health import health_of, sync_of
from reconciler.plan.inventory import Inventory, Record
from reconciler.plan.renewal import renewal_due
from reconciler.plan.status import component_paths, status_of
from reconciler.plan.status_document import FilePaths, ResourceStatus, StatusDocument
from reconciler.x509.facts import CertificateFacts, KeyAlgorithm, KeyFacts
from reconciler.x509.names import Subject

NOW: Final = datetime(2026, 11, 20, 10, 0, 0, 5, tzinfo=UTC)
DAY: Final = timedelta(days=1)
META: Final = FileMeta(mode=0o600, uid=0, gid=0)
CA_SPKI: Final = "ca" * 32


def facts(name: str, *, left: timedelta = 200 * DAY, **fields: Any) -> CertificateFacts:  # noqa: ANN401 - fields of facts
    """Facts of a certificate that began 100 days ago."""
    values: dict[str, Any] = {
        "fingerprint": "f1" * 32,
        "spki_sha256": "5b" * 32,
        "subject": Subject(common_name=name, organizations=("dev", "ops")),
        "issuer": Subject(common_name="kubernetes-ca"),
        "serial": "1f6a",
        "not_before": (NOW - 100 * DAY).replace(microsecond=0),
        "not_after": (NOW + left).replace(microsecond=0),
        "sans": ("dns:a", "ip:192.0.2.1"),
        "usages": ("client auth",),
        "key_usages": ("digital signature",),
        "key": "ecdsa-p256",
        "signature_hash": "sha256",
        "is_ca": False,
        "path_length": None,
        "ski": "51" * 20,
        "aki": "a1" * 20,
        "self_signed": False,
    }
    return CertificateFacts(**{**values, **fields})


def pair(leaf: CertificateFacts, *, signed_by: str = CA_SPKI) -> ObservedPair:
    """Certificate and key as they should be."""
    key = Key(facts=KeyFacts(spki_sha256=leaf.spki_sha256, key=leaf.key), meta=META)
    return ObservedPair(certificate=Certificates(chain=(leaf,), meta=META), key=key, signed_by=signed_by)


def change(class_: ClassWord, *codes: str, actions: list[ActionWord] | None = None) -> Change:
    """What a plan says of an address."""
    reasons = [ReasonEntry(code=code, message="") for code in codes]
    return Change(actions=actions or ["update"], before=None, after=None, reasons=reasons, class_=class_)


def plan(**changes: Change) -> PlanDocument:
    """A plan of these changes by component name."""
    return PlanDocument(
        format_version=FORMAT_VERSION,
        tool_version="0.1.0",
        cluster="demo",
        source=Source(path="cluster-pki.yaml", sha256=""),
        resource_changes=[
            ResourceChange(address=f"component.{name}", type="component", name=name, index=None, change=change)
            for name, change in changes.items()
        ],
        resource_drift=[],
        diagnostics=[],
        summary=Summary(),
        valid_until=NOW,
    )


def component(name: str, *, node: str | None = None, **fields: Any) -> Component:  # noqa: ANN401 - fields of components
    """A component of the one CA."""
    address = f"component.{name}[{node}]" if node else f"component.{name}"
    values: dict[str, Any] = {
        "address": address,
        "name": name,
        "node": node,
        "ca": "kubernetes",
        "subject": Subject(common_name=name),
        "usages": ("client auth",),
        "key": KeyAlgorithm.ECDSA_P256,
        "lifetime": 365 * DAY,
        "renew_before": 30 * DAY,
        "place": Place(store="files", root="/demo", path=f"pki/{name}"),
    }
    return Component(**{**values, **fields})


def ca(name: str = "kubernetes", **fields: Any) -> CA:  # noqa: ANN401 - fields of CAs
    """A CA in a store of its own."""
    values: dict[str, Any] = {
        "address": f"ca.{name}",
        "name": name,
        "place": Place(store="authority", root="/demo/authority", path=f"{name}/ca"),
        "subject": Subject(common_name=f"{name}-ca"),
        "key": KeyAlgorithm.ECDSA_P256,
        "lifetime": 3650 * DAY,
        "renew_before": 365 * DAY,
    }
    return CA(**{**values, **fields})


def state(*components: Component, **fields: Any) -> DesiredState:  # noqa: ANN401 - fields of desired states
    """A desired state around some components."""
    values: dict[str, Any] = {
        "cluster": "demo",
        "cas": {"kubernetes": ca()},
        "keypairs": {},
        "components": {each.address: each for each in components},
        "bundles": {},
        "kubeconfigs": {},
    }
    return DesiredState(**{**values, **fields})


CA_PAIR: Final = pair(facts("kubernetes-ca", left=3000 * DAY, spki_sha256=CA_SPKI, is_ca=True))


def observed(pairs: dict[str, ObservedPair] | None = None, **fields: Any) -> ObservedState:  # noqa: ANN401 - fields of states
    """What was found, the CA besides."""
    values: dict[str, Any] = {"bundles": {}, "kubeconfigs": {}, "keypairs": {}}
    return ObservedState(pairs={"ca.kubernetes": CA_PAIR, **(pairs or {})}, **{**values, **fields})


def row_of(document: StatusDocument, address: str) -> ResourceStatus:
    """One row."""
    return next(row for row in document.resources if row.address == address)


def test_a_healthy_component() -> None:
    """Everything the contract promises, from the certificate that is really there."""
    jane = component("jane")
    leaf = facts("jane")
    document = status_of(state(jane), observed({jane.address: pair(leaf)}), plan(), Inventory(), NOW)
    assert row_of(document, "component.jane") == ResourceStatus(
        address="component.jane",
        type="component",
        sync="Synced",
        health="Healthy",
        paths=FilePaths(certificate="/demo/pki/jane.crt", key="/demo/pki/jane.key"),
        subject="CN=jane, O=dev, O=ops",
        organizations=["dev", "ops"],
        sans=["dns:a", "ip:192.0.2.1"],
        usages=["client auth"],
        key="ecdsa-p256",
        serial="1f6a",
        fingerprint="f1" * 32,
        issuer="ca.kubernetes",
        ski="51" * 20,
        not_before=leaf.not_before,
        not_after=leaf.not_after,
        renew_at=renewal_due("component.jane", leaf, 30 * DAY),
        days_left=199,
        generation=1,
    )


def test_the_order_is_the_plans() -> None:
    """CAs from the root down with their copies, keypairs, components, bundles, kubeconfigs; numbers count as numbers."""
    place = Place(store="files", root="/", path="x")
    copies = (Replica(address="ca.z-root[cp-1]", node="cp-1", place=place),)
    desired = state(
        *(component("a", node=node) for node in ("cp-10", "cp-2")),
        cas={"z-root": ca("z-root", replicas=copies), "a-sub": ca("a-sub", issuer="z-root")},
        keypairs={
            "sa": Keypair(
                address="keypair.sa",
                name="sa",
                key=KeyAlgorithm.RSA_2048,
                replicas=tuple(Replica(address=f"keypair.sa[{node}]", node=node, place=place) for node in ("cp-2", "cp-1")),
            )
        },
        bundles={"bundle.b": Bundle(address="bundle.b", name="b", node=None, cas=("z-root",), place=place)},
    )
    document = status_of(desired, observed(), plan(), Inventory(), NOW)
    assert [row.address for row in document.resources] == [
        "ca.z-root",
        "ca.z-root[cp-1]",
        "ca.a-sub",
        "keypair.sa[cp-1]",
        "keypair.sa[cp-2]",
        "component.a[cp-2]",
        "component.a[cp-10]",
        "bundle.b",
    ]


def test_files_without_certificate() -> None:
    """Keypairs, bundles and kubeconfigs have states and paths too, and no dates."""
    place = Place(store="files", root="/demo", path="pki/x")
    jane = component("jane", place=None, kubeconfig="kubeconfig.jane")
    desired = state(
        jane,
        keypairs={
            "sa": Keypair(
                address="keypair.sa",
                name="sa",
                key=KeyAlgorithm.RSA_2048,
                replicas=(Replica(address="keypair.sa", node=None, place=place),),
            )
        },
        bundles={"bundle.b": Bundle(address="bundle.b", name="b", node="w-1", cas=("kubernetes",), place=place)},
        kubeconfigs={
            "kubeconfig.jane": Kubeconfig(
                address="kubeconfig.jane",
                name="jane",
                node=None,
                component="component.jane",
                cas=("kubernetes",),
                server="https://a",
                cluster_name="demo",
                user_name="jane",
                place=Place(store="files", root="/demo", path="jane.conf"),
            )
        },
    )
    found = observed(
        keypairs={
            "keypair.sa": ObservedKeypair(
                key=Key(facts=KeyFacts(spki_sha256="aa", key="rsa-2048"), meta=META),
                public=PublicKey(spki_sha256="aa", meta=META),
            )
        },
        bundles={"bundle.b": ObservedBundle(certificates=Unusable(problem="permission-denied", detail="no"))},
    )
    document = status_of(desired, found, plan(), Inventory(), NOW)
    assert row_of(document, "keypair.sa") == ResourceStatus(
        address="keypair.sa",
        type="keypair",
        sync="Synced",
        health="Healthy",
        paths=FilePaths(key="/demo/pki/x.key", public_key="/demo/pki/x.pub"),
        key="rsa-2048",
        generation=1,
        phase="stable",
    )
    assert row_of(document, "bundle.b") == ResourceStatus(
        address="bundle.b", type="bundle", node="w-1", sync="Unknown", health="Degraded", paths=FilePaths(bundle="/demo/pki/x")
    )
    assert row_of(document, "component.jane").paths == FilePaths(kubeconfig="/demo/jane.conf")
    assert row_of(document, "kubeconfig.jane").health == "Missing"
    summary = document.summary
    assert (summary.total, summary.healthy, summary.degraded, summary.missing, summary.unknown) == (5, 2, 1, 2, 1)
    assert summary.next_renewal_address == "ca.kubernetes"


@pytest.mark.parametrize(
    ("outputs", "paths"),
    [
        (("pem",), {"certificate": "/demo/pki/a.crt", "key": "/demo/pki/a.key"}),
        (
            ("combined",),
            {"certificate": "/demo/pki/a.pem", "key": "/demo/pki/a.pem", "combined": "/demo/pki/a.pem"},
        ),
        (
            ("pem", "fullchain", "combined", "der", "pkcs12"),
            {
                "certificate": "/demo/pki/a.crt",
                "key": "/demo/pki/a.key",
                "fullchain": "/demo/pki/a.fullchain.crt",
                "combined": "/demo/pki/a.pem",
                "der": "/demo/pki/a.der",
                "pkcs12": "/demo/pki/a.p12",
            },
        ),
    ],
)
def test_paths_by_output(outputs: tuple[Any, ...], paths: dict[str, str]) -> None:
    """Absolute on this machine; a combined file is certificate and key when there is no other."""
    assert msgspec.to_builtins(component_paths(component("a", outputs=outputs), state())) == paths


@pytest.mark.parametrize(
    ("signed_by", "issuer"), [(CA_SPKI, "ca.kubernetes"), ("", "CN=kubernetes-ca"), ("00" * 32, "CN=kubernetes-ca")]
)
def test_the_issuer_is_who_signed(signed_by: str, issuer: str) -> None:
    """An address is only given for a CA whose key really signed; a name alone proves nothing and is shown as a name."""
    jane = component("jane")
    document = status_of(
        state(jane), observed({jane.address: pair(facts("jane"), signed_by=signed_by)}), plan(), Inventory(), NOW
    )
    assert row_of(document, "component.jane").issuer == issuer


def test_a_copy_stands_in_for_a_ca_that_is_elsewhere() -> None:
    """On a node that only holds a copy of the CA, its leaves still name their issuer."""
    copy = Replica(address="ca.kubernetes[cp-2]", node="cp-2", place=Place(store="files", root="/", path="etc/ca"))
    jane = component("jane")
    desired = state(jane, cas={"kubernetes": ca(replicas=(copy,))})
    found = ObservedState(
        pairs={copy.address: CA_PAIR, jane.address: pair(facts("jane"))}, bundles={}, kubeconfigs={}, keypairs={}
    )
    document = status_of(desired, found, plan(), Inventory(), NOW)
    assert row_of(document, "component.jane").issuer == "ca.kubernetes"
    assert row_of(document, "ca.kubernetes").health == "Missing"
    copied = row_of(document, "ca.kubernetes[cp-2]")
    assert (copied.health, copied.node, copied.paths.certificate) == ("Healthy", "cp-2", "/etc/ca.crt")


def test_generations_come_from_what_is_there() -> None:
    """The one that signs counts, not the one that is asked for, and whatever a record says; without a CA, what is asked for."""
    inventory = Inventory(records={"ca.kubernetes": Record(kind="ca", paths=(), generation=2)})
    desired = state(cas={"kubernetes": ca(generation=3)})
    nothing = ObservedState(pairs={}, bundles={}, kubeconfigs={}, keypairs={})
    for found, generation in ((observed(), 1), (nothing, 3)):
        assert row_of(status_of(desired, found, plan(), inventory, NOW), "ca.kubernetes").generation == generation


def test_reasons_are_the_plans() -> None:
    """The same words as in the plan, each once."""
    jane = component("jane")
    changes = plan(jane=change("reissue", "SanMismatch", "RenewalDue", "SanMismatch"))
    row = row_of(status_of(state(jane), observed({jane.address: pair(facts("jane"))}), changes, Inventory(), NOW), jane.address)
    assert (row.sync, row.health, row.reasons) == ("OutOfSync", "Healthy", ["SanMismatch", "RenewalDue"])


@pytest.mark.parametrize(
    ("left", "health"),
    [
        (200 * DAY, "Healthy"),
        (29 * DAY, "Healthy"),
        (10 * DAY, "Healthy"),
        (10 * DAY - timedelta(seconds=1), "Degraded"),
        (timedelta(0), "Degraded"),
        (-timedelta(seconds=1), "Degraded"),
        (-300 * DAY, "Degraded"),
    ],
)
def test_health_follows_the_clock(left: timedelta, health: str) -> None:
    """Due is still Healthy; with less than a third of renewBefore left, or none, it is not, whatever the plan says."""
    now = NOW.replace(microsecond=0)
    leaf = facts("jane", not_after=now + left, not_before=now - 400 * DAY)
    for planned in (None, change("reissue", "RenewalDue"), change("rotate", "IssuerRotated"), change("repair", "ModeDrift")):
        found = health_of(leaf, planned, missing=False, unusable=False, renew_before=30 * DAY, now=now)
        assert found == ("Progressing" if health == "Healthy" and planned and planned.class_ == "rotate" else health)


@pytest.mark.parametrize(
    ("planned", "missing", "unusable", "health"),
    [
        (None, False, False, "Healthy"),
        (change("create", "Missing", actions=["create"]), True, False, "Missing"),
        (change("rekey", "Missing"), True, True, "Missing"),
        (change("rekey", "Unreadable"), False, True, "Degraded"),
        (change("reissue", "WrongIssuer"), False, False, "Degraded"),
        (change("rekey", "KeyMismatch"), False, False, "Degraded"),
        (change("blocked", "Foreign", actions=["no-op"]), False, False, "Degraded"),
        (change("reissue", "SanMismatch"), False, False, "Healthy"),
        (change("reissue", "IssuerRotated"), False, False, "Progressing"),
        (change("blocked", "SanMismatch", actions=["no-op"]), False, False, "Healthy"),
    ],
)
def test_health_by_what_was_found(planned: Change | None, health: str, *, missing: bool, unusable: bool) -> None:
    """The worst of what holds: a missing file, one that cannot be used, a finding that breaks connections."""
    leaf = None if missing else facts("jane")
    found = health_of(leaf, planned, missing=missing, unusable=unusable, renew_before=30 * DAY, now=NOW)
    assert found == health


def test_a_certificate_of_tomorrow_is_not_healthy() -> None:
    """Nobody accepts it today."""
    leaf = facts("jane", not_before=NOW + DAY)
    assert health_of(leaf, None, missing=False, unusable=False, renew_before=DAY, now=NOW) == "Degraded"


@pytest.mark.parametrize(
    ("planned", "problems", "sync"),
    [
        (None, frozenset(), "Synced"),
        (change("reissue", "SanMismatch"), frozenset(), "OutOfSync"),
        (change("blocked", "Missing", actions=["no-op"]), frozenset(), "OutOfSync"),
        (change("import", actions=["no-op"]), frozenset(), "Synced"),
        (change("rekey", "Unreadable"), frozenset({"truncated"}), "OutOfSync"),
        (change("rekey", "Unreadable"), frozenset({"permission-denied"}), "Unknown"),
        (None, frozenset({"io-error"}), "Unknown"),
    ],
)
def test_sync(planned: Change | None, problems: frozenset[str], sync: str) -> None:
    """Out of sync is what the plan would change or may not; what cannot be looked at is unknown."""
    assert sync_of(planned, problems) == sync


def test_a_missing_output_is_missing() -> None:
    """Whoever reads only the PKCS#12 file finds nothing."""
    jane = component("jane", outputs=("pem", "pkcs12"))
    found = msgspec.structs.replace(pair(facts("jane")), outputs={"pkcs12": Absent()})
    row = row_of(status_of(state(jane), observed({jane.address: found}), plan(), Inventory(), NOW), jane.address)
    assert (row.health, row.subject) == ("Missing", "CN=jane, O=dev, O=ops")
