"""Clusters that are broken in one place, by the code of the check that must find it.

Each row changes the draft of a sound cluster; `test_broken` holds that this gives its finding and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from reconciler.cluster.model import Kubeconfig, Unread
from reconciler.observed.model import Absent, RevocationLists, Unusable
from reconciler.x509 import crl
from reconciler.x509.facts import CertificateFacts, CrlFacts, KeyAlgorithm
from tests.builders import NOW, Pair, make_ca, make_key, make_leaf
from tests.health.drafts import (
    CA,
    CURRENT,
    DAY,
    ETCD,
    FRONT,
    IMPOSTOR,
    MANIFESTS,
    PKI,
    STRANGER,
    Draft,
    Row,
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
    meta,
    public,
    self_signed_kubelet,
)

Change = Callable[[Draft], object]
CRL: Final = f"{PKI}/etcd/ca.crl"
EMPTY: Final = Unusable(problem="empty", detail="the file is empty")
LOCAL: Final = "https://192.0.2.11:6443"


def altered(pair: Pair, **facts: object) -> Pair:
    """A pair whose certificate says something else: facts that no maker of ours would sign."""
    certificate = pair.certificate
    changed = msgspec.structs.replace(certificate.facts, **{"fingerprint": "a1" * 32, **facts})
    return Pair(certificate=type(certificate)(der=certificate.der, facts=changed, parsed=certificate.parsed), key=pair.key)


def dated(pair: Pair, *, begins: datetime, lasts: timedelta = 365 * DAY) -> Pair:
    """A pair with other dates than a maker would sign now."""
    return altered(pair, not_before=begins, not_after=begins + lasts)


def revocations(*, issuer: Pair = ETCD, until: datetime = NOW + 7 * DAY, signer: str | None = None) -> RevocationLists:
    """A list that etcd uses."""
    made = crl.build((), number=1, this_update=NOW - 8 * DAY, next_update=until, issuer=issuer.certificate, key=issuer.key)
    lists: tuple[CrlFacts, ...] = (made.facts,)
    return RevocationLists(lists=lists, signers=(issuer.key.facts.spki_sha256 if signer is None else signer,), meta=meta())


def use_list(draft: Draft, found: RevocationLists, encoding: str = "der") -> None:
    """Makes etcd use a list."""
    draft.put(CRL, found, encoding=encoding)
    draft.use(CRL, ("etcd", "--client-crl-file", "crl", "client-crl"))
    draft.machines["cp-1"].files[CRL] = msgspec.structs.replace(draft.machines["cp-1"].files[CRL], encoding=encoding)


def scheduler(draft: Draft, pair: Pair | None = None, **fields: object) -> None:
    """Another scheduler.conf."""
    user = "system:kube-scheduler"
    made = entry(user, pair or client(user), server=LOCAL)
    draft.put_user("scheduler.conf", msgspec.structs.replace(made, **fields))


def everywhere(draft: Draft, authority: Pair, facts: CertificateFacts) -> None:
    """Another certificate of the CA in every copy of it."""
    copy = Pair(certificate=altered(authority, **msgspec.structs.asdict(facts)).certificate, key=authority.key)
    for node, machine in draft.machines.items():
        for path, file in machine.files.items():
            if path.endswith("pki/ca.crt"):
                draft.put(path, certificates(copy), on=node)
            elif isinstance(file.content, Kubeconfig):
                entries = [msgspec.structs.replace(each, trust=certificates(copy)) for each in file.content.entries]
                draft.put(path, kubeconfig(*entries), on=node)


def _dated(authority: Pair, **dates: datetime) -> CertificateFacts:
    return msgspec.structs.replace(authority.certificate.facts, fingerprint="ca" * 32, **dates)


def _sa_of_its_own(draft: Draft) -> None:
    other = make_key("sa-2")
    draft.put(f"{PKI}/sa.key", key(other), on="cp-2")
    draft.put(f"{PKI}/sa.pub", public(other), on="cp-2")


def _signs_with_another(draft: Draft) -> None:
    draft.put_pair("signing", STRANGER)
    draft.use(f"{PKI}/signing.crt", ("kube-controller-manager", "--cluster-signing-cert-file", "signing-certificate", "signing"))
    draft.use(f"{PKI}/signing.key", ("kube-controller-manager", "--cluster-signing-key-file", "signing-key", "signing"))
    draft.use(f"{PKI}/ca.crt", *(row for row in _rows(draft, f"{PKI}/ca.crt") if row[2] != "signing-certificate"))
    draft.use(f"{PKI}/ca.key")


def _rows(draft: Draft, path: str) -> list[Row]:
    return [(use.process, use.setting, use.role, use.purpose) for use in draft.machines["cp-1"].files[path].uses]


def _external_ca(draft: Draft) -> None:
    draft.drop(f"{PKI}/ca.key")
    draft.use(f"{PKI}/ca.crt", *(row for row in _rows(draft, f"{PKI}/ca.crt") if row[2] != "signing-certificate"))


def _old_copy(draft: Draft) -> None:
    old = altered(CA, not_after=NOW + 2000 * DAY, fingerprint="0d" * 32)
    scheduler(draft, trust=certificates(old))


def _shared_etcd_ca(draft: Draft) -> None:
    draft.put_pair("etcd/ca", CA)
    draft.put_pair("apiserver-etcd-client", client("kube-apiserver-etcd-client"))
    draft.put_pair("etcd/server", member(ca=CA))
    draft.put_pair("etcd/peer", member(ca=CA, serial=2**100))


def _shared_front_ca(draft: Draft) -> None:
    draft.put_pair("front-proxy-ca", CA)
    draft.put_pair("front-proxy-client", client("front-proxy-client"))


def _verified_kubelets(draft: Draft) -> None:
    draft.set("kube-apiserver", "kubelet-certificate-authority", f"{PKI}/ca.crt")
    draft.put(
        "/var/lib/kubelet/pki/kubelet.crt", certificates(make_leaf(CA, "system:node:cp-1", sans=("dns:cp-1",), serial=2**100))
    )
    draft.drop("/var/lib/kubelet/pki/kubelet.key")
    draft.drop("/var/lib/kubelet/pki/kubelet.crt", on="w-1")
    draft.drop("/var/lib/kubelet/pki/kubelet.key", on="w-1")
    draft.use(f"{PKI}/ca.crt", *_rows(draft, f"{PKI}/ca.crt"), _KUBELET_CA)


def _self_signed_and_verified(draft: Draft) -> None:
    _verified_kubelets(draft)
    leaf, above = self_signed_kubelet("cp-1")
    draft.put("/var/lib/kubelet/pki/kubelet.crt", certificates(leaf, above))


def _wrong_kubelet_name(draft: Draft) -> None:
    _verified_kubelets(draft)
    draft.put(
        "/var/lib/kubelet/pki/kubelet.crt", certificates(make_leaf(CA, "system:node:cp-1", sans=("dns:old-name",), serial=2**100))
    )


def _a_second_ca(draft: Draft) -> None:
    """Everybody has it but the scheduler."""
    both = (CA, STRANGER)
    draft.put(f"{PKI}/bundle.crt", certificates(*both))
    draft.use(f"{PKI}/bundle.crt", ("kube-controller-manager", "--root-ca-file", "trust", "root-ca"))
    draft.use(f"{PKI}/ca.crt", *(row for row in _rows(draft, f"{PKI}/ca.crt") if row[3] != "root-ca"))
    for node, machine in draft.machines.items():
        for path, file in tuple(machine.files.items()):
            if isinstance(file.content, Kubeconfig) and not path.endswith("scheduler.conf"):
                entries = [msgspec.structs.replace(each, trust=certificates(*both)) for each in file.content.entries]
                draft.put(path, kubeconfig(*entries), on=node)


def _spare_pair(draft: Draft) -> None:
    draft.put(f"{PKI}/spare.pem", certificates(client("spare")))
    draft.put(f"{PKI}/spare-key.pem", key(make_key("other")))


def _one_serial_twice(draft: Draft) -> None:
    proxy = client("front-proxy-client", ca=FRONT)
    draft.put_pair("front-proxy-client", proxy)
    draft.put(f"{PKI}/z.crt", certificates(altered(proxy, fingerprint="b2" * 32)))


def _etcd_trusts_all(draft: Draft) -> None:
    draft.put(f"{PKI}/other.crt", certificates(STRANGER))
    draft.use(f"{PKI}/other.crt", ("etcd", "--trusted-ca-file", "trust", "client-ca"))
    draft.use(f"{PKI}/etcd/ca.crt", *(row for row in _rows(draft, f"{PKI}/etcd/ca.crt") if row[3] != "client-ca"))


def _never_rotated(draft: Draft) -> None:
    draft.set("kubelet", "rotateCertificates", on="w-1")
    draft.put_user("kubelet.conf", entry("default-auth", kubelet_client("w-1")), on="w-1")
    draft.drop(CURRENT, on="w-1")


def _without_crl_sign(draft: Draft) -> None:
    draft.put(f"{PKI}/etcd/ca.crt", certificates(altered(ETCD, key_usages=("cert sign", "digital signature"))))
    use_list(draft, revocations())


_KUBELET_CA: Final = ("kube-apiserver", "--kubelet-certificate-authority", "trust", "kubelet-ca")

#: By code, then by what is broken.
BROKEN: Final[dict[str, dict[str, Change]]] = {
    "CPK601": {
        "a certificate is gone": lambda draft: draft.put(f"{PKI}/front-proxy-client.crt", Absent()),
        "a link leads nowhere": lambda draft: draft.put(f"{PKI}/apiserver.crt", Absent(), link="old/apiserver.crt"),
        "a CA bundle is gone": lambda draft: draft.put(f"{PKI}/etcd/ca.crt", Absent()),
        "a kubeconfig is gone": lambda draft: draft.put("/etc/kubernetes/scheduler.conf", Absent()),
    },
    "CPK602": {
        "an empty file": lambda draft: draft.put(f"{PKI}/apiserver.crt", EMPTY),
        "no permission": lambda draft: draft.put(
            f"{PKI}/apiserver.key", Unusable(problem="permission-denied", detail="permission denied")
        ),
        "data in a kubeconfig": lambda draft: scheduler(draft, certificate=Unusable(problem="not-pem", detail="it is no PEM.")),
        "half of a combined file": lambda draft: draft.put(
            CURRENT, msgspec.structs.replace(combined(kubelet_client("cp-1")), key=EMPTY)
        ),
    },
    "CPK603": {
        "a manifest": lambda draft: setattr(
            draft.machines["cp-1"], "unread", (Unread(path=f"{MANIFESTS}/etcd.yaml", problem="line 3 is no YAML."),)
        )
    },
    "CPK604": {
        "the API server's": lambda draft: draft.put_pair("apiserver", dated(api_server(), begins=NOW - 366 * DAY)),
        "a copy in a kubeconfig": lambda draft: scheduler(draft, dated(client("system:kube-scheduler"), begins=NOW - 366 * DAY)),
        "a file that nobody uses": lambda draft: draft.put(
            f"{PKI}/old.crt", certificates(dated(client("old"), begins=NOW - 366 * DAY))
        ),
        "the CA, in all its copies": lambda draft: everywhere(
            draft, CA, _dated(CA, not_before=NOW - 3650 * DAY, not_after=NOW - DAY)
        ),
        "an old CA beside the new": lambda draft: draft.put(
            f"{PKI}/front-proxy-ca.crt",
            certificates(FRONT, altered(STRANGER, not_before=NOW - 3650 * DAY, not_after=NOW - DAY)),
        ),
    },
    "CPK605": {
        "the API server's": lambda draft: draft.put_pair("apiserver", dated(api_server(), begins=NOW - 355 * DAY)),
        "on its last day": lambda draft: draft.put_pair("apiserver", dated(api_server(), begins=NOW, lasts=DAY / 2)),
        "a kubelet's that should have been rotated": lambda draft: draft.put(
            CURRENT, combined(dated(kubelet_client("w-1"), begins=NOW - 337 * DAY)), on="w-1"
        ),
        "a CA in its last year": lambda draft: everywhere(draft, CA, _dated(CA, not_after=NOW + 364 * DAY)),
        "a CA in its last month": lambda draft: everywhere(draft, CA, _dated(CA, not_after=NOW + 30 * DAY)),
    },
    "CPK606": {
        "etcd's": lambda draft: draft.put_pair("etcd/server", dated(member(), begins=NOW + DAY)),
        "a file that nobody uses": lambda draft: draft.put(
            f"{PKI}/new.crt", certificates(dated(client("new"), begins=NOW + DAY))
        ),
    },
    "CPK607": {
        "twice as long": lambda draft: draft.put_pair("apiserver", altered(api_server(), not_after=NOW + 7300 * DAY)),
    },
    "CPK608": {
        "the key of another": lambda draft: draft.put(f"{PKI}/apiserver.key", key(make_key("other"))),
        "in a kubeconfig": lambda draft: scheduler(draft, key=key(make_key("other"))),
        "in one file": lambda draft: draft.put(
            CURRENT, msgspec.structs.replace(combined(kubelet_client("cp-1")), key=key(make_key("other")))
        ),
        "of the CA": lambda draft: draft.put(f"{PKI}/ca.key", key(make_key("other"))),
        "beside it, used by nobody": _spare_pair,
    },
    "CPK609": {
        "etcd's client from the wrong CA": lambda draft: draft.put_pair(
            "apiserver-etcd-client", client("kube-apiserver-etcd-client")
        ),
        "the API server's from a stranger": lambda draft: draft.put_pair("apiserver", api_server(ca=STRANGER)),
        "a kubeconfig from a CA of the same name": lambda draft: scheduler(draft, client("system:kube-scheduler", ca=IMPOSTOR)),
        "a kubelet's": lambda draft: draft.put(CURRENT, combined(kubelet_client("w-1", ca=STRANGER)), on="w-1"),
        "one that signed itself": lambda draft: draft.put_pair("front-proxy-client", make_ca("front-proxy-client")),
        "a CA that may not sign": lambda draft: draft.put(
            f"{PKI}/front-proxy-ca.crt", certificates(altered(FRONT, key_usages=("digital signature",)))
        ),
        "a CA that is none": lambda draft: draft.put(f"{PKI}/front-proxy-ca.crt", certificates(altered(FRONT, is_ca=False))),
        "a CA for servers alone": lambda draft: draft.put(
            f"{PKI}/front-proxy-ca.crt", certificates(altered(FRONT, usages=("server auth",)))
        ),
        "the CA that the cluster signs with": _signs_with_another,
        "a worker's bundle": lambda draft: draft.put(f"{PKI}/ca.crt", certificates(STRANGER), on="w-1"),
        "a setting that names the wrong bundle": _etcd_trusts_all,
        "a bundle that lost its CA": lambda draft: draft.put_pair("etcd/ca", STRANGER),
    },
    "CPK610": {
        "the address of the Service": lambda draft: draft.put_pair("apiserver", api_server(without=("ip:10.96.0.1",))),
        "the advertised address": lambda draft: draft.put_pair("apiserver", api_server(without=("ip:192.0.2.11",))),
        "the load balancer": lambda draft: draft.put_pair("apiserver", api_server(without=("dns:api.demo.internal",))),
        "the cluster's domain": lambda draft: draft.put_pair(
            "apiserver", api_server(without=("dns:kubernetes.default.svc.cluster.local",))
        ),
        "a short name": lambda draft: draft.put_pair("apiserver", api_server(without=("dns:kubernetes",))),
        "all of them": lambda draft: draft.put_pair("apiserver", altered(api_server(), sans=())),
        "a kubeconfig with another name": lambda draft: scheduler(draft, server_name="kube.example.com"),
        "etcd on its own machine": lambda draft: draft.put_pair("etcd/server", member(without=("ip:127.0.0.1",))),
        "etcd as it advertises itself": lambda draft: draft.put_pair("etcd/server", member(without=("ip:192.0.2.11",))),
        "etcd among its peers": lambda draft: draft.put_pair("etcd/peer", member(without=("ip:192.0.2.11",), serial=2**100)),
        "a kubelet that is verified": _wrong_kubelet_name,
    },
    "CPK611": {
        "the scheduler": lambda draft: scheduler(draft, client("scheduler")),
        "a kubelet without its prefix": lambda draft: draft.put(
            CURRENT, combined(client("w-1", organizations=("system:nodes",))), on="w-1"
        ),
        "a kubelet without its group": lambda draft: draft.put(CURRENT, combined(client("system:node:w-1")), on="w-1"),
        "a kubelet of another name": lambda draft: draft.set("kubelet", "hostname-override", "W-9", on="w-1"),
        "the API server before kubelets": lambda draft: draft.put_pair(
            "apiserver-kubelet-client", client("kube-apiserver-kubelet-client")
        ),
        "the front proxy": lambda draft: draft.put_pair("front-proxy-client", client("aggregator", ca=FRONT)),
        "a peer of etcd": lambda draft: draft.set("etcd", "peer-cert-allowed-cn", "etcd-peers"),
        "the administrator": lambda draft: draft.put_user("admin.conf", entry("kubernetes-admin", client("kubernetes-admin"))),
    },
    "CPK612": {
        "etcd's server that is no client": lambda draft: draft.put_pair("etcd/server", member(usages=("server auth",))),
        "etcd's peer that is no client": lambda draft: draft.put_pair(
            "etcd/peer", member(usages=("server auth",), serial=2**100)
        ),
        "a server's as client": lambda draft: draft.put_pair(
            "apiserver-etcd-client", altered(client("kube-apiserver-etcd-client", ca=ETCD), usages=("server auth",))
        ),
        "a client's as server": lambda draft: draft.put_pair("apiserver", api_server(usages=("client auth",))),
        "in a kubeconfig": lambda draft: scheduler(draft, altered(client("system:kube-scheduler"), usages=("server auth",))),
    },
    "CPK613": {
        "CAs": lambda draft: draft.put_pair("ca", STRANGER, on="cp-2"),
        "front-proxy CAs": lambda draft: draft.put_pair("front-proxy-ca", STRANGER, on="cp-2"),
        "etcd's CAs": lambda draft: draft.put_pair("etcd/ca", STRANGER, on="cp-2"),
        "token keys": _sa_of_its_own,
        "a CA that was renewed on one": lambda draft: draft.put(
            f"{PKI}/front-proxy-ca.crt",
            certificates(altered(FRONT, not_after=NOW + 7300 * DAY)),
            on="cp-2",
        ),
        "a CA that only one has": lambda draft: draft.put(f"{PKI}/front-proxy-ca.crt", certificates(FRONT, STRANGER), on="cp-2"),
    },
    "CPK614": {
        "another CA": lambda draft: scheduler(draft, trust=certificates(STRANGER)),
        "another CA of the same name": lambda draft: scheduler(draft, trust=certificates(IMPOSTOR)),
        "no CA": lambda draft: scheduler(draft, trust=Absent()),
        "an old certificate of the CA": _old_copy,
        "without the new CA": _a_second_ca,
    },
    "CPK615": {
        "a key": lambda draft: draft.put(f"{PKI}/apiserver.key", key(api_server(), mode=0o644)),
        "a key that a group may read": lambda draft: draft.put(f"{PKI}/apiserver.key", key(api_server(), mode=0o640, gid=1000)),
        "a key that root's group may write": lambda draft: draft.put(f"{PKI}/apiserver.key", key(api_server(), mode=0o660)),
        "a kubeconfig": lambda draft: draft.put_user(
            "controller-manager.conf",
            entry("system:kube-controller-manager", client("system:kube-controller-manager"), server=LOCAL),
            mode=0o604,
        ),
        "a combined file": lambda draft: draft.put(CURRENT, combined(kubelet_client("cp-1"), mode=0o644)),
        "a bundle that anybody may write": lambda draft: draft.put(f"{PKI}/etcd/ca.crt", certificates(ETCD, mode=0o666)),
    },
    "CPK616": {
        "SHA-1": lambda draft: draft.put_pair("apiserver", altered(api_server(), signature_hash="sha1")),
        "a small key": lambda draft: draft.put_pair("apiserver", altered(api_server(), key="rsa-1024")),
        "Ed25519 under kubeadm": lambda draft: draft.put_pair(
            "apiserver", api_server(key=make_key("ed25519", KeyAlgorithm.ED25519))
        ),
        "SHA-1, used by nobody": lambda draft: draft.put(
            f"{PKI}/old.crt", certificates(altered(client("old"), signature_hash="sha1"))
        ),
    },
    "CPK617": {
        "counted": lambda draft: draft.put_pair("apiserver", api_server(serial=1)),
        "twice": _one_serial_twice,
    },
    "CPK618": {
        "no identifier of the issuer": lambda draft: draft.put_pair("apiserver", altered(api_server(), aki="")),
        "no identifier of the CA": lambda draft: draft.put(f"{PKI}/front-proxy-ca.crt", certificates(altered(FRONT, ski=""))),
    },
    "CPK619": {
        "a regular file": lambda draft: draft.put(CURRENT, combined(kubelet_client("w-1")), on="w-1", link=""),
        "embedded, and rotating": lambda draft: draft.put_user(
            "kubelet.conf", entry("default-auth", kubelet_client("w-1", serial=2**100)), on="w-1"
        ),
        "embedded, and not rotating": _never_rotated,
        "not rotating": lambda draft: draft.set("kubelet", "rotateCertificates", "false", on="w-1"),
    },
    "CPK620": {"an external CA": _external_ca},
    "CPK621": {"where kubelets are verified": _self_signed_and_verified},
    "CPK622": {},
    "CPK623": {"no names": lambda draft: draft.set("kube-apiserver", "requestheader-allowed-names")},
    "CPK624": {"with etcd": _shared_etcd_ca, "with the front proxy": _shared_front_ca},
    "CPK625": {"a bundle": lambda draft: draft.put(f"{PKI}/ca.crt", certificates(CA, STRANGER))},
    "CPK626": {
        "an administrator": lambda draft: draft.put_user(
            "admin.conf", entry("kubernetes-admin", client("kubernetes-admin", organizations=("system:masters",)))
        )
    },
    "CPK627": {
        "another key": lambda draft: draft.put(f"{PKI}/sa.key", key(make_key("sa-2"))),
        "another list": lambda draft: draft.put(f"{PKI}/sa.pub", public(make_key("sa-2"), make_key("sa-3"))),
    },
    "CPK628": {
        "PEM": lambda draft: use_list(draft, revocations(), "pem"),
        "stale": lambda draft: use_list(draft, revocations(until=NOW - DAY)),
        "of another CA": lambda draft: use_list(draft, revocations(issuer=STRANGER)),
        "of a CA without cRLSign": _without_crl_sign,
    },
    "CPK629": {"a component": lambda draft: scheduler(draft, insecure=True)},
    "CPK630": {
        "clients without TLS": lambda draft: draft.set("etcd", "listen-client-urls", "http://192.0.2.11:2379"),
        "clients without a CA": lambda draft: draft.set("etcd", "trusted-ca-file"),
        "peers without a CA": lambda draft: draft.set("etcd", "peer-trusted-ca-file"),
    },
}


def broken(code: str, name: str) -> Draft:
    """The draft of a row; those about several control-plane nodes have two."""
    draft = kubeadm(control_planes=2 if code == "CPK613" else 1)
    BROKEN[code][name](draft)
    return draft
