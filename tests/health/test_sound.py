"""What looks odd and is right: clusters of which nothing is said beyond what any shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import msgspec
import pytest

from reconciler.cluster.model import Kubeconfig
from reconciler.health.examine import Limits, examine
from reconciler.observed.model import Absent
from tests.builders import NOW, make_ca, make_key, make_leaf
from tests.health.broken import altered, dated, revocations, scheduler, use_list
from tests.health.drafts import (
    CA,
    CURRENT,
    DAY,
    ETCD,
    FRONT,
    IMPOSTOR,
    PKI,
    STRANGER,
    Draft,
    Machine,
    Row,
    add_kubelet,
    api_server,
    certificates,
    client,
    combined,
    entry,
    key,
    kubeadm,
    kubeconfig,
    kubelet_client,
    member,
    public,
)

INTERMEDIATE: Final = make_ca("issuing", parent=CA)
RENEWED: Final = altered(CA, not_after=NOW + 7300 * DAY, fingerprint="4e" * 32)


def rows(draft: Draft, path: str) -> list[Row]:
    """The uses of a file of cp-1."""
    return [(use.process, use.setting, use.role, use.purpose) for use in draft.machines["cp-1"].files[path].uses]


def behind_an_intermediate(draft: Draft) -> None:
    """The API server presents its intermediate; everybody trusts the root."""
    pair = api_server(ca=INTERMEDIATE)
    draft.put(f"{PKI}/apiserver.crt", certificates(pair, INTERMEDIATE))
    draft.put(f"{PKI}/apiserver.key", key(pair))


def intermediate_as_root(draft: Draft) -> None:
    """Go takes what is in a bundle as a root, self-signed or not."""
    draft.put_pair("front-proxy-ca", INTERMEDIATE)
    draft.put_pair("front-proxy-client", client("front-proxy-client", ca=INTERMEDIATE))


def own_certificate_for_a_name(draft: Draft) -> None:
    """The load balancer's name is answered by --tls-sni-cert-key."""
    draft.put_pair("apiserver", api_server(without=("dns:api.demo.internal",)))
    draft.put_pair("sni", make_leaf(CA, "api.demo.internal", sans=("dns:*.demo.internal",)))
    draft.use(f"{PKI}/sni.crt", ("kube-apiserver", "--tls-sni-cert-key", "certificate", "sni"))
    draft.use(f"{PKI}/sni.key", ("kube-apiserver", "--tls-sni-cert-key", "key", "sni"))


def second_certificate_of_etcd(draft: Draft) -> None:
    """The client's side has a certificate of its own, for clients and for peers."""
    draft.put_pair("etcd/server", member(usages=("server auth",)))
    draft.put_pair("etcd/peer", member(usages=("server auth",), serial=2**100))
    for name, setting, purpose in (("gateway", "client", "client"), ("dialling", "peer-client", "peer")):
        draft.put_pair(f"etcd/{name}", client(name, ca=ETCD))
        draft.use(f"{PKI}/etcd/{name}.crt", ("etcd", f"--{setting}-cert-file", "certificate", purpose))
        draft.use(f"{PKI}/etcd/{name}.key", ("etcd", f"--{setting}-key-file", "key", purpose))


def in_the_middle_of_a_rotation(draft: Draft) -> None:
    """Both CAs are trusted by all, the old one signs from a file of its own."""
    for node, machine in draft.machines.items():
        for path, file in tuple(machine.files.items()):
            if isinstance(file.content, Kubeconfig):
                entries = [msgspec.structs.replace(each, trust=certificates(CA, STRANGER)) for each in file.content.entries]
                draft.put(path, kubeconfig(*entries), on=node)
    draft.put(f"{PKI}/ca-bundle.crt", certificates(CA, STRANGER))
    bundle = [row for row in rows(draft, f"{PKI}/ca.crt") if row[2] == "trust"]
    draft.use(f"{PKI}/ca-bundle.crt", *bundle)
    signs = [row for row in rows(draft, f"{PKI}/ca.crt") if row[2] != "trust"]
    draft.use(f"{PKI}/ca.crt", *signs)


def renewed_ca_everywhere(draft: Draft) -> None:
    """A certificate of the same key, with later dates: what it signed before goes on."""
    renewed = certificates(RENEWED)
    for node, machine in draft.machines.items():
        for path, file in tuple(machine.files.items()):
            if isinstance(file.content, Kubeconfig):
                entries = [msgspec.structs.replace(each, trust=renewed) for each in file.content.entries]
                draft.put(path, kubeconfig(*entries), on=node)
        draft.put(f"{PKI}/ca.crt", renewed, on=node)


def left_behind_by_rotation(draft: Draft) -> None:
    """What a kubelet had before stays in its directory and ends there."""
    old = "/var/lib/kubelet/pki/kubelet-client-2025-11-23-11-55-00.pem"
    draft.put(old, combined(dated(kubelet_client("cp-1"), begins=NOW - 730 * DAY), mode=0o600))


def etcd_by_names(draft: Draft) -> None:
    """Each member is dialled by a name that it alone has."""
    draft.set("kube-apiserver", "etcd-servers", "https://etcd-a.example.com:2379,https://etcd-b.example.com:2379")
    add_kubelet(draft, "cp-2")
    draft.machines["cp-2"].processes["etcd"] = dict(draft.machines["cp-1"].processes["etcd"])
    draft.machines["cp-2"].processes["etcd"].update(
        dict.fromkeys(("advertise-client-urls", "listen-client-urls"), ("https://192.0.2.12:2379",))
    )
    for node, name in (("cp-1", "etcd-a"), ("cp-2", "etcd-b")):
        sans = (*member(node).certificate.facts.sans, f"dns:{name}.example.com")
        draft.put(f"{PKI}/etcd/server.crt", certificates(altered(member(node), sans=sans, fingerprint=name[-1] * 64)), on=node)
        draft.use(f"{PKI}/etcd/server.crt", ("etcd", "--cert-file", "certificate", "serving"), on=node)


def old_ca_beside_the_new(draft: Draft) -> None:
    """It ends in a month, and nothing that it signed is left."""
    old = altered(STRANGER, not_after=NOW + 20 * DAY)
    draft.put(f"{PKI}/front-proxy-ca.crt", certificates(FRONT, old))


def joined_long_ago(draft: Draft) -> None:
    """The bootstrap kubeconfig is named by the unit, and kubeadm removed it."""
    path = "/etc/kubernetes/bootstrap-kubelet.conf"
    draft.put(path, Absent())
    draft.use(path, ("kubelet", "--bootstrap-kubeconfig", "kubeconfig", "bootstrap"))


def another_clusters_kubeconfig(draft: Draft) -> None:
    """It leads elsewhere: its CA, its names and its server's certificate are not this cluster's business."""
    there = entry("jane", client("jane", ca=STRANGER), trust=(STRANGER,), server="https://kube.example.net:6443")
    draft.put("/root/.kube/config", kubeconfig(there))
    draft.use("/root/.kube/config", ("", "kubeconfig", "kubeconfig", "person"))


def token_keys_in_rotation(draft: Draft) -> None:
    """The new key signs; the old one is still accepted."""
    draft.put(f"{PKI}/sa.key", key(make_key("sa-2")))
    draft.put(f"{PKI}/sa.pub", public(make_key("sa-2"), make_key("sa")))


def proxy_by_its_group(draft: Draft) -> None:
    """kube-proxy is bound by user or by group."""
    path = "/var/lib/kube-proxy/kubeconfig"
    draft.put(path, kubeconfig(entry("proxy", client("kube-proxy-w-1", organizations=("system:node-proxier",)))))
    draft.use(path, ("kube-proxy", "--kubeconfig", "kubeconfig", "api-client"))


def upgraded_without_group(draft: Draft) -> None:
    """From 1.36.1 on kubeadm binds the user."""
    draft.version = "1.36.1"
    draft.put_pair("apiserver-kubelet-client", client("kube-apiserver-kubelet-client"))


def verified_kubelet(draft: Draft) -> None:
    """A kubelet with a certificate of the cluster's CA under an API server that looks at it."""
    draft.set("kube-apiserver", "kubelet-certificate-authority", f"{PKI}/ca.crt")
    uses = [*rows(draft, f"{PKI}/ca.crt"), ("kube-apiserver", "--kubelet-certificate-authority", "trust", "kubelet-ca")]
    draft.use(f"{PKI}/ca.crt", *uses)
    for node in draft.machines:
        pair = make_leaf(
            CA, f"system:node:{node}", organizations=("system:nodes",), sans=(f"dns:{node}",), serial=2**99 + len(node)
        )
        draft.put("/var/lib/kubelet/pki/kubelet.crt", certificates(pair), on=node)
        draft.put("/var/lib/kubelet/pki/kubelet.key", key(pair), on=node)


SOUND: Final[dict[str, Callable[[Draft], object]]] = {
    function.__name__: function
    for function in (
        behind_an_intermediate,
        intermediate_as_root,
        own_certificate_for_a_name,
        second_certificate_of_etcd,
        in_the_middle_of_a_rotation,
        renewed_ca_everywhere,
        left_behind_by_rotation,
        etcd_by_names,
        old_ca_beside_the_new,
        joined_long_ago,
        another_clusters_kubeconfig,
        token_keys_in_rotation,
        proxy_by_its_group,
        upgraded_without_group,
        verified_kubelet,
    )
} | {
    "no extended usages": lambda draft: draft.put_pair("etcd/server", altered(member(), usages=())),
    "any usage": lambda draft: draft.put_pair("etcd/server", altered(member(), usages=("2.5.29.37.0",))),
    "a wildcard": lambda draft: draft.put_pair(
        "apiserver",
        altered(
            api_server(), sans=(*api_server(without=("dns:api.demo.internal",)).certificate.facts.sans, "dns:*.demo.internal")
        ),
    ),
    "made in one go with its CA, for as many days": lambda draft: draft.put_pair(
        "apiserver", altered(api_server(), not_after=CA.certificate.facts.not_after + timedelta(seconds=40))
    ),
    "a root over SHA-1": lambda draft: draft.put_pair("front-proxy-ca", altered(FRONT, signature_hash="sha1")),
    "a key for root's group": lambda draft: draft.put(f"{PKI}/apiserver.key", key(api_server(), mode=0o640)),
    "a kubelet's that lives for a day": lambda draft: draft.put(
        CURRENT, combined(dated(kubelet_client("cp-1"), begins=NOW - DAY / 2, lasts=DAY))
    ),
    "a fresh list in DER": lambda draft: use_list(draft, revocations()),
    "metrics of etcd on its own machine": lambda draft: draft.set(
        "etcd", "listen-client-urls", "http://127.0.0.1:2381", "https://192.0.2.11:2379"
    ),
    "addresses of IPv6": lambda draft: draft.set("kube-apiserver", "etcd-servers", "https://[::1]:2379"),
    "no address of its own": lambda draft: draft.set("kube-apiserver", "advertise-address", "0.0.0.0"),  # noqa: S104
    "a scheduler that may do everything": lambda draft: scheduler(draft, other_credential="token"),
    "a member of another list of names": lambda draft: draft.set("etcd", "peer-cert-allowed-cn", "cp-1"),
}

USUAL: Final = ("CPK622", "CPK621", "CPK621")


def shown(draft: Draft) -> list[tuple[str, str]]:
    """Severity and code of everything that is found."""
    return [(finding.severity, finding.code) for finding in examine(draft.cluster(), NOW)]


@pytest.mark.parametrize("control_planes", [1, 2])
def test_a_fresh_cluster_of_kubeadm_has_notices_alone(control_planes: int) -> None:
    """Kubelets that are not verified, and that sign for themselves: kubeadm's defaults."""
    usual = [("notice", "CPK622"), *[("notice", "CPK621")] * (control_planes + 1)]
    assert shown(kubeadm(control_planes=control_planes)) == usual


@pytest.mark.parametrize("name", SOUND)
def test_what_is_right_is_not_told(name: str) -> None:
    """A check that cries at what works is one that nobody reads."""
    draft = kubeadm()
    SOUND[name](draft)
    beyond = [each for each in shown(draft) if each[1] not in USUAL]
    assert beyond == []


def test_a_worker_alone() -> None:
    """Its files say nothing about a control plane that was not read."""
    draft = kubeadm()
    del draft.machines["cp-1"]
    assert shown(draft) == [("notice", "CPK621")]


def test_a_directory_of_files() -> None:
    """Nobody names them, so that each counts: what has ended is an error."""
    ended = dated(make_leaf(STRANGER, "gateway"), begins=NOW - 366 * DAY)
    files = Machine(layout="files")
    draft = Draft(machines={"localhost": files})
    draft.put("/ca.crt", certificates(STRANGER), on="localhost")
    draft.put("/gateway.crt", certificates(ended), on="localhost")
    draft.put("/gateway.key", key(ended), on="localhost")
    assert shown(draft) == [("error", "CPK604")]


def test_a_cluster_without_files() -> None:
    """Nothing there, nothing to say."""
    assert examine(Draft(machines={"localhost": Machine(layout="files")}).cluster(), NOW) == ()


@pytest.mark.parametrize(
    ("limits", "found"),
    [
        (Limits(), []),
        (Limits(expiring=timedelta(days=400)), ["error"] * 9),
        (Limits(ca_expiring=timedelta(days=3650)), ["warning"] * 3),
    ],
    ids=["the usual", "leaves", "CAs"],
)
def test_the_limits_are_the_callers(limits: Limits, found: list[str]) -> None:
    """How soon is soon can be asked for; what a kubelet rotates keeps its own measure."""
    soon = [each.severity for each in examine(kubeadm().cluster(), NOW, limits) if each.code == "CPK605"]
    assert soon == found


def test_signatures_count_for_more_than_names() -> None:
    """A CA of the same name, without identifiers, is told apart by who signed what."""
    draft = kubeadm()
    forged = altered(client("system:kube-scheduler", ca=IMPOSTOR), aki="", fingerprint="c3" * 32)
    scheduler(draft, certificate=certificates(forged), key=key(forged))
    cluster = draft.cluster()
    signers = {forged.certificate.facts.fingerprint: (IMPOSTOR.key.facts.spki_sha256,)}
    by_name = {finding.code for finding in examine(cluster, NOW)}
    by_signature = {finding.code for finding in examine(msgspec.structs.replace(cluster, signers=signers), NOW)}
    assert (by_signature - by_name, by_name - by_signature) == ({"CPK609"}, set())


def test_the_order_does_not_depend_on_that_of_the_nodes() -> None:
    """The same cluster gives the same findings, the gravest first."""
    draft = kubeadm(control_planes=2)
    draft.put_pair("ca", STRANGER, on="cp-2")
    draft.put_pair("apiserver", dated(api_server(), begins=NOW - 366 * DAY))
    cluster = draft.cluster()
    turned = msgspec.structs.replace(cluster, nodes=tuple(reversed(cluster.nodes)))
    found = [(each.severity, each.code, each.node, each.path) for each in examine(cluster, NOW)]
    assert found == [(each.severity, each.code, each.node, each.path) for each in examine(turned, NOW)]
    assert [each[0] for each in found] == sorted((each[0] for each in found), key=["error", "warning", "notice"].index)


def test_findings_hold_no_more_than_words() -> None:
    """Every field of a finding is text or a time: nothing that could carry a key."""
    draft = kubeadm()
    draft.put(f"{PKI}/apiserver.key", key(make_key("other"), mode=0o644))
    kinds = {type(value).__name__ for each in examine(draft.cluster(), NOW) for value in msgspec.structs.astuple(each)}
    assert kinds <= {"str", "datetime", "NoneType"}
