"""The plan says who will notice a revocation, and what makes it effective where nobody does."""

from __future__ import annotations

from typing import Any, Final

import pytest
from msgspec.structs import replace

from reconciler.desired.model import Revocation
from reconciler.observed.model import Certificates
from reconciler.plan.document import DiagnosticEntry
from reconciler.x509.names import Subject
from tests.plan.world import World, ca, component, crl, kubeconfig, settled

API: Final = "component.api"
CLIENT: Final = ("client auth",)


def told(world: World, code: str = "revocation-effect") -> list[DiagnosticEntry]:
    """The diagnostics with a code."""
    return [entry for entry in world.plan().document.diagnostics if entry.code == code]


def revoked(name: str, *lists: Any, **fields: Any) -> World:  # noqa: ANN401 - any list, any field of the component
    """A CA of this name, and a component of it whose certificate is revoked."""
    world = settled(ca(name, publishes=bool(lists)), component(ca=name, **fields), *lists)
    entry = Revocation(component=API, ca=name, serial=world.leaf(API).serial)
    world.desired = replace(world.desired, revocations=(entry,))
    return world


def detail(world: World, code: str = "revocation-effect") -> str:
    """What is said about the one certificate that is revoked."""
    (entry,) = told(world, code)
    assert (entry.severity, entry.address) == ("warning", API)
    return f"{entry.summary}. {entry.detail}"


def test_etcd_reads_der() -> None:
    """At the next connection, where its flag names the file; and nothing is said of an API server."""
    world = revoked("etcd", crl("etcd"), usages=CLIENT)
    text = detail(world)
    assert text.startswith(f"Serial {world.leaf(API).serial} of {API} is revoked. etcd notices at the next connection when ")
    assert "--client-crl-file (for peers --peer-crl-file) is /ca/etcd.crl.der; connections that stand are not cut." in text
    assert "kube-apiserver" not in text


def test_etcd_does_not_read_pem() -> None:
    """A list without a DER file does not reach it."""
    text = detail(revoked("etcd", crl("etcd", formats=("pem",)), usages=CLIENT))
    assert "and no DER file is published: it will not notice." in text


@pytest.mark.parametrize(
    ("subject", "said", "unsaid"),
    [
        pytest.param(
            Subject(common_name="jane", organizations=("developers", "oncall")),
            [
                "is revoked, and kube-apiserver will not notice",
                "kube-apiserver reads no revocation list.",
                "delete the bindings of user jane and group developers and group oncall, and give the owner another CN.",
                "authentication.kubernetes.io/credential-id is X509SHA256={fingerprint}.",
                "Otherwise the certificate is accepted until it expires on 2027-11-20.",
            ],
            ["system:masters", "Node"],
            id="a person",
        ),
        pytest.param(
            Subject(common_name="kubernetes-super-admin", organizations=("system:masters",)),
            [
                "No authorizer is asked about system:masters, so neither RBAC nor a webhook stops it.",
                "Only a rotation of ca.kubernetes does",
                "an admission policy can refuse its writes, not its reads.",
            ],
            ["X509SHA256", "bindings"],
            id="beyond RBAC",
        ),
        pytest.param(
            Subject(common_name="system:node:w-1", organizations=("system:nodes",)),
            ["delete the Node w-1, or rotate ca.kubernetes", "X509SHA256={fingerprint}"],
            ["bindings"],
            id="a node",
        ),
    ],
)
def test_the_api_server_reads_no_list(subject: Subject, said: list[str], unsaid: list[str]) -> None:
    """What makes it effective instead depends on whom the certificate names."""
    world = revoked("kubernetes", crl("kubernetes"), usages=CLIENT, subject=subject)
    text = detail(world)
    fingerprint = world.leaf(API).fingerprint
    assert [each for each in said if each.format(fingerprint=fingerprint) not in text] == []
    assert [each for each in unsaid if each in text] == []


def test_clients_of_kubeconfigs_are_an_api_servers() -> None:
    """Whatever their CA is called."""
    world = settled(ca(publishes=True), component(usages=CLIENT), kubeconfig(), crl())
    entry = Revocation(component=API, ca="main", serial=world.leaf(API).serial)
    world.desired = replace(world.desired, revocations=(entry,))
    assert "kube-apiserver reads no revocation list." in detail(world)


def test_nobody_checks_servers() -> None:
    """Clients of Kubernetes and etcd load no list: whoever has the key can pose as the server."""
    text = detail(revoked("kubernetes", crl("kubernetes"), usages=("server auth",)))
    assert "check no list for the server they reach: whoever holds the key can pose as it until it expires on 2027-11-20" in text


def test_without_a_list_nobody_learns_of_it() -> None:
    """Said at every plan, while the certificate is alive: git claims something that has no effect."""
    world = revoked("etcd", usages=CLIENT)
    assert "is revoked, and no list says so. Give ca.etcd a list, `cas.etcd.crl: {path: …}`" in detail(
        world, "revocation-unpublished"
    )
    assert told(world) == []
    world.apply()
    assert len(told(world, "revocation-unpublished")) == 1


def test_a_list_on_another_node_is_a_list() -> None:
    """The view of one node does not hold it."""
    world = revoked("etcd", usages=CLIENT)
    world.want("ca.etcd", publishes=True)
    assert told(world, "revocation-unpublished") == []


def test_it_is_said_when_it_is_listed_and_not_again() -> None:
    """The plan after the apply is silent."""
    world = revoked("etcd", crl("etcd"), usages=CLIENT)
    assert len(told(world)) == 1
    world.apply()
    assert told(world) == []


def test_many_revocations_are_told_together() -> None:
    """A mass revocation does not bury the plan."""
    world = settled(ca("etcd", publishes=True), crl("etcd"))
    entries = tuple(Revocation(component=API, ca="etcd", serial=f"{number:x}") for number in range(1, 51))
    world.desired = replace(world.desired, revocations=entries)
    assert len(told(world)) == 21
    assert "30 more certificates of ca.etcd are revoked" in {entry.summary for entry in told(world)}


@pytest.mark.parametrize(("bits", "expected"), [(("cert sign",), 1), (("cert sign", "crl sign"), 0), ((), 0)])
def test_a_ca_without_crl_sign_is_told(bits: tuple[str, ...], expected: int) -> None:
    """Kubeadm's etcd-ca: etcd does not look at the bit, OpenSSL does."""
    world = settled(ca("etcd", publishes=True), crl("etcd"))
    pair = world.pairs["ca.etcd"]
    assert isinstance(pair.certificate, Certificates)
    world.change_leaf("ca.etcd", key_usages=bits)
    assert len(told(world, "crl-sign-missing")) == expected
