"""Everything that can keep a connection from getting through, one at a time: which edges fail, and what is said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from reconciler.observed.model import Absent, ObservedState, Unusable
from reconciler.trust.document import VerificationDocument
from reconciler.x509.facts import CertificateFacts
from reconciler.x509.names import NameConstraints, Subject
from tests.trust.scenes import (
    NOW,
    broken,
    failures,
    fresh,
    leaf,
    lints,
    made,
    pair_of,
    proven,
    signed_anew,
    small,
    successor,
    with_bundle,
    with_facts,
    with_kubeconfig,
    with_leaf,
    with_pair,
    without_kubeconfig,
)

SMALL = small()
SOUND = made(SMALL)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

Change = Callable[[ObservedState], ObservedState]
Failing = dict[str, tuple[str, ...]]


def after(change: Change) -> VerificationDocument:
    """The verification of the small cluster with something changed."""
    return proven(SMALL, change(SOUND))


def facts(address: str, **those: object) -> Change:
    """Another certificate at an address."""
    return lambda state: with_facts(state, address, **those)


def stranger(address: str) -> Change:
    """A certificate of a CA that nobody knows."""
    return lambda state: signed_anew(state, address, successor(state, "ca.kubernetes"))


def trusting(address: str, *cas: str) -> Change:
    """A bundle that holds these CAs."""
    return lambda state: with_bundle(state, address, *(leaf(state, ca) for ca in cas))


def one_authority(name: str, like: str) -> Change:
    """A CA that is another CA: the same key, and everything it signed is signed by that."""

    def change(state: ObservedState) -> ObservedState:
        other = leaf(state, like)
        for component in SMALL.components.values():
            if component.ca == name:
                moved = replace(leaf(state, component.address), fingerprint=fresh(), issuer=other.subject, aki=other.ski)
                state = with_leaf(state, component.address, moved, signed_by=other.spki_sha256)
        for bundle in SMALL.bundles.values():
            if bundle.name == name:
                state = with_bundle(state, bundle.address, other)
        address = f"ca.{name}"
        return replace(state, pairs={**state.pairs, address: pair_of(other, state.pairs[address])})

    return change


SANS_OF_PEER = tuple(san for san in leaf(SOUND, "component.etcd-peer[cp-1]").sans if san != "ip:192.0.2.11")

BREAKS: dict[str, tuple[Change, Failing]] = {
    "nothing": (lambda state: state, {}),
    "names without the endpoint": (
        facts("component.apiserver[cp-1]", sans=("dns:kubernetes.default.svc", "ip:10.96.0.1", "ip:192.0.2.11")),
        dict.fromkeys(("E6", "E9", "E10", "E20"), ("HostMismatch",)),
    ),
    "a common name is not a host name": (
        facts("component.apiserver[cp-1]", sans=("ip:192.0.2.11",), subject=Subject(common_name="api.demo.internal")),
        dict.fromkeys(("E6", "E9", "E10", "E20"), ("HostMismatch",)),
    ),
    "names without the node's address": (
        facts("component.kubelet-serving[w-1]", sans=("dns:w-1",)),
        {"E5": ("HostMismatch",)},
    ),
    "a peer that is only a server": (facts("component.etcd-peer[cp-2]", usages=("server auth",)), {"E2": ("UsageMismatch",)}),
    "an etcd server that is no client": (
        facts("component.etcd-server[cp-1]", usages=("server auth",)),
        {"E3": ("UsageMismatch",)},
    ),
    "a kubelet that is only a client": (
        facts("component.kubelet-serving[w-1]", usages=("client auth",)),
        {"E5": ("UsageMismatch",)},
    ),
    "expired": (
        facts("component.apiserver-etcd-client[cp-1]", not_before=NOW - 2 * DAY, not_after=NOW - MINUTE),
        {"E1": ("Expired",)},
    ),
    "not yet valid": (facts("component.kubelet-client[w-1]", not_before=NOW + MINUTE), {"E6": ("NotYetValid",)}),
    "not back-dated": (facts("component.kubelet-serving[w-1]", not_before=NOW - MINUTE), {"E5": ("ClockSkew",)}),
    "a bundle without the CA": (
        trusting("bundle.kubernetes[w-1]", "ca.front-proxy"),
        dict.fromkeys(("E5", "E10"), ("Untrusted",)),
    ),
    "an etcd bundle with the wrong CA": (
        trusting("bundle.etcd[cp-2]", "ca.kubernetes"),
        dict.fromkeys(("E1", "E2", "E3", "E4"), ("SharedAuthority", "Untrusted")),
    ),
    "a CA too many for etcd": (
        trusting("bundle.etcd[cp-1]", "ca.etcd", "ca.kubernetes"),
        dict.fromkeys(("E1", "E2", "E3", "E4"), ("SharedAuthority",)),
    ),
    "etcd shares the cluster's CA": (
        one_authority("etcd", "ca.kubernetes"),
        dict.fromkeys(("E1", "E2", "E3", "E4"), ("SharedAuthority",)),
    ),
    "the front proxy shares the cluster's CA": (
        one_authority("front-proxy", "ca.kubernetes"),
        dict.fromkeys(("E11", "E13"), ("SharedAuthority",)),
    ),
    "etcd shares the front proxy's CA": (
        one_authority("etcd", "ca.front-proxy"),
        dict.fromkeys(("E1", "E2", "E3", "E4"), ("SharedAuthority",)),
    ),
    "a client of another CA": (stranger("component.kubelet-client[w-1]"), {"E6": ("Untrusted",)}),
    "a server of another CA": (stranger("component.kubelet-serving[w-1]"), {"E5": ("Untrusted",)}),
    "a peer without its address": (
        facts("component.etcd-peer[cp-1]", sans=SANS_OF_PEER),
        {"E2": ("HostMismatch", "PeerSan")},
    ),
    "a peer with another's name alone": (
        facts("component.etcd-peer[cp-1]", sans=("dns:elsewhere",)),
        {"E2": ("HostMismatch", "PeerSan")},
    ),
    "a peer with its name alone": (facts("component.etcd-peer[cp-1]", sans=("dns:cp-1",)), {"E2": ("HostMismatch",)}),
    "a peer without names": (facts("component.etcd-peer[cp-1]", sans=()), {"E2": ("HostMismatch",)}),
    "another front proxy": (
        facts("component.front-proxy-client[cp-1]", subject=Subject(common_name="aggregator")),
        {"E11": ("HeaderName",), "E13": ("HeaderName",)},
    ),
    "a kubelet of another name": (
        facts("component.kubelet-client[w-1]", subject=Subject(common_name="system:node:w-2", organizations=("system:nodes",))),
        {"E6": ("NodeIdentity",)},
    ),
    "a kubelet of no group": (
        facts("component.kubelet-client[w-1]", subject=Subject(common_name="system:node:w-1")),
        {"E6": ("NodeIdentity",)},
    ),
    "another key": (
        lambda state: with_pair(state, "component.apiserver[cp-1]", key=state.pairs["component.apiserver[cp-2]"].key),
        dict.fromkeys(("E6", "E7", "E8", "E9", "E10", "E13", "E20"), ("KeyMismatch",)),
    ),
    "no certificate": (
        lambda state: with_pair(state, "component.kubelet-serving[w-1]", certificate=Absent()),
        {"E5": ("Missing",)},
    ),
    "no key": (lambda state: with_pair(state, "component.kubelet-client[w-1]", key=Absent()), {"E6": ("Missing",)}),
    "a torn certificate": (
        lambda state: with_pair(
            state, "component.kubelet-client[w-1]", certificate=Unusable(problem="truncated", detail="it is cut short")
        ),
        {"E6": ("Unreadable",)},
    ),
    "no bundle": (lambda state: with_bundle(state, "bundle.kubernetes[w-1]"), {"E5": ("Missing",), "E10": ("Missing",)}),
    "no kubeconfig": (lambda state: without_kubeconfig(state, "kubeconfig.scheduler[cp-1]"), {"E8": ("Missing",)}),
    "a kubeconfig without a CA": (
        lambda state: with_kubeconfig(state, "kubeconfig.scheduler[cp-1]", ca_fingerprints=()),
        {"E8": ("Missing",)},
    ),
    "a kubeconfig with an unknown CA": (
        lambda state: with_kubeconfig(state, "kubeconfig.scheduler[cp-1]", ca_fingerprints=(fresh(),)),
        {"E8": ("Untrusted",)},
    ),
    "a kubeconfig for another cluster": (
        lambda state: with_kubeconfig(state, "kubeconfig.scheduler[cp-1]", server="https://192.0.2.99:6443"),
        {"E8": ("HostMismatch",)},
    ),
    "a weak key": (facts("component.kubelet-serving[w-1]", key="rsa-1024"), {"E5": ("WeakKey",)}),
    "a weak signature": (facts("component.kubelet-client[w-1]", signature_hash="sha1"), {"E6": ("WeakKey",)}),
    "a CA that is none": (
        lambda state: with_bundle(
            state, "bundle.kubernetes[w-1]", replace(leaf(state, "ca.kubernetes"), fingerprint=fresh(), is_ca=False)
        ),
        {"E5": ("ChainBroken",), "E10": ("ChainBroken",)},
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_break_fails_the_edges_that_it_concerns_and_no_other(name: str) -> None:
    """Each has its own code, wherever the certificate or the trust file is used."""
    change, failing = BREAKS[name]
    assert failures(after(change)) == failing


KUBELET = "/nodes/w-1/var/lib/kubelet/pki"
PKI = "/nodes/cp-1/etc/kubernetes/pki"
SERVING = f"the certificate of component.kubelet-serving[w-1] ({KUBELET}/kubelet.crt)"
SENTENCES: dict[str, tuple[Change, str, str]] = {
    "a client, by the API server": (
        stranger("component.kubelet-client[w-1]"),
        "E6",
        (
            f"the certificate of component.kubelet-client[w-1] ({KUBELET}/kubelet-client-current.pem) is signed by no CA in "
            f"bundle.kubernetes[cp-1] ({PKI}/ca.crt): the server refuses it, each request with status 401"
        ),
    ),
    "a client, by etcd": (
        stranger("component.apiserver-etcd-client[cp-1]"),
        "E1",
        (
            f"the certificate of component.apiserver-etcd-client[cp-1] ({PKI}/apiserver-etcd-client.crt) is signed by no CA in "
            f"bundle.etcd[cp-1] ({PKI}/etcd/ca.crt): the server refuses it, with a TLS alert"
        ),
    ),
    "a server": (
        trusting("bundle.kubernetes[w-1]", "ca.front-proxy"),
        "E10",
        (
            f"the certificate of component.apiserver[cp-1] ({PKI}/apiserver.crt) is signed by no CA in bundle.kubernetes[w-1] "
            "(/nodes/w-1/etc/kubernetes/pki/ca.crt): the client refuses it"
        ),
    ),
    "a host": (
        facts("component.kubelet-serving[w-1]", sans=("dns:w-1",)),
        "E5",
        (
            f"{SERVING} is not for 192.0.2.21, which component.apiserver-kubelet-client[cp-1] dials, verifying with "
            f"bundle.kubernetes[cp-1] ({PKI}/ca.crt)"
        ),
    ),
    "a file": (
        lambda state: with_pair(state, "component.kubelet-client[w-1]", key=Absent()),
        "E6",
        f"the key of component.kubelet-client[w-1] is missing ({KUBELET}/kubelet-client-current.pem)",
    ),
    "a usage": (
        facts("component.kubelet-serving[w-1]", usages=("client auth",)),
        "E5",
        f"{SERVING} is not for server auth: the client refuses it",
    ),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_problem_is_one_sentence_that_names_the_files(name: str) -> None:
    """Somebody who reads it knows where to look, on which node, and how the refusal shows."""
    change, identity, message = SENTENCES[name]
    assert [problem.message for problem in broken(after(change), identity).problems] == [message]


def test_what_could_not_be_tried_says_so() -> None:
    """Without a certificate there is no handshake; with one that is refused, both versions of TLS refuse it."""
    gone = after(lambda state: with_pair(state, "component.kubelet-serving[w-1]", certificate=Absent()))
    refused = after(stranger("component.kubelet-serving[w-1]"))
    late = after(facts("component.kubelet-serving[w-1]", not_after=NOW - MINUTE))
    shown = [(edge.tls13, edge.tls12) for edge in (broken(each, "E5") for each in (gone, refused, late))]
    assert shown == [("untried", "untried"), ("refused", "refused"), ("ok", "ok")]


def kubernetes_ca(state: ObservedState, *cas: CertificateFacts) -> ObservedState:
    """Every trust file of the cluster's CA holds these certificates; the CA is the last of them."""
    for bundle in SMALL.bundles.values():
        if bundle.name == "kubernetes":
            state = with_bundle(state, bundle.address, *cas)
    state = replace(state, pairs={**state.pairs, "ca.kubernetes": pair_of(cas[-1], state.pairs["ca.kubernetes"])})
    for address in SMALL.kubeconfigs:
        state = with_kubeconfig(state, address, ca_fingerprints=tuple(ca.fingerprint for ca in cas))
    return state


def test_an_expired_ca_fails_everything_below_it() -> None:
    """Go looks at the dates of the root, too."""
    expired = replace(leaf(SOUND, "ca.kubernetes"), fingerprint=fresh(), not_after=NOW - MINUTE)
    found = failures(proven(SMALL, kubernetes_ca(SOUND, expired)))
    # A front proxy (E13) does not verify the API server, whose trust in front proxies is another CA's.
    assert found == dict.fromkeys(("E5", "E6", "E7", "E8", "E9", "E10", "E20"), ("Expired",))


def test_a_ca_that_is_not_valid_by_slow_clocks_yet() -> None:
    """A new CA must be back-dated like everything else: it is told apart from one that has expired."""
    young = replace(leaf(SOUND, "ca.kubernetes"), fingerprint=fresh(), not_before=NOW - MINUTE)
    found = failures(proven(SMALL, kubernetes_ca(SOUND, young)))
    assert found == dict.fromkeys(("E5", "E6", "E7", "E8", "E9", "E10", "E20"), ("NotYetValid",))


def test_a_ca_that_was_renewed_with_the_same_key_is_found_beside_the_expired_one() -> None:
    """Both have one name and one key; that one of them is still valid is enough."""
    ca = leaf(SOUND, "ca.kubernetes")
    expired = replace(ca, fingerprint=fresh(), not_after=NOW - MINUTE)
    assert failures(proven(SMALL, kubernetes_ca(SOUND, expired, ca))) == {}


def test_name_constraints_of_a_ca_hold() -> None:
    """A server whose name a CA may not certify is refused, though its name is what the client dials."""
    ca = leaf(SOUND, "ca.kubernetes")
    narrow = replace(ca, fingerprint=fresh(), name_constraints=NameConstraints(permitted=("dns:elsewhere.example",)))
    found = failures(proven(SMALL, with_bundle(SOUND, "bundle.kubernetes[w-1]", narrow)))
    assert found == {"E10": ("NameConstraints",)}


def intermediate(state: ObservedState, **those: object) -> tuple[CertificateFacts, CertificateFacts]:
    """A CA between a root of its own and a certificate of the cluster."""
    root = successor(state, "ca.kubernetes")
    spki = fresh()
    name = Subject(common_name="between")
    made_by = replace(
        root,
        fingerprint=fresh(),
        spki_sha256=spki,
        ski=spki[:40],
        subject=name,
        issuer=root.subject,
        aki=root.ski,
        self_signed=False,
    )
    return root, replace(made_by, **those)


@pytest.mark.parametrize(
    ("sent", "trusted", "those", "code"),
    [
        (True, "root", {}, None),
        (False, "root", {}, "Untrusted"),
        # As in Go, what is trusted is an anchor, whoever signed it.
        (False, "between", {}, None),
        (True, "root", {"usages": ("client auth",)}, "UsageMismatch"),
        (True, "root", {"not_after": NOW - MINUTE}, "Expired"),
        (True, "root", {"is_ca": False}, "ChainBroken"),
        (True, "root", {"key_usages": ("crl sign", "digital signature")}, "ChainBroken"),
    ],
)
def test_intermediates(sent: bool, trusted: str, those: dict[str, object], code: str | None) -> None:
    """Whether a server sends what stands between it and the root, and what that is, decides."""
    root, between = intermediate(SOUND, **those)
    state = signed_anew(SOUND, "component.kubelet-serving[w-1]", between)
    pair = state.pairs["component.kubelet-serving[w-1]"]
    chain = (leaf(state, "component.kubelet-serving[w-1]"), *([between] if sent else []))
    state = with_pair(state, "component.kubelet-serving[w-1]", certificate=replace(pair.certificate, chain=chain))
    for node in ("cp-1", "cp-2"):
        anchor = root if trusted == "root" else between
        state = with_bundle(state, f"bundle.kubernetes[{node}]", leaf(state, "ca.kubernetes"), anchor)
    assert failures(proven(SMALL, state)) == ({} if code is None else {"E5": (code,)})


def test_the_signature_decides_whatever_names_and_key_identifiers_say() -> None:
    """A certificate that claims the cluster's CA and was signed by another key is not trusted."""
    state = with_pair(SOUND, "component.kubelet-serving[w-1]", signed_by=fresh())
    assert failures(proven(SMALL, state)) == {"E5": ("ChainBroken",)}


LINTS: dict[str, tuple[Change, set[tuple[str, str]]]] = {
    "nothing": (lambda state: state, set()),
    "a certificate without an authority key identifier": (
        facts("component.kubelet-serving[w-1]", aki=""),
        {("E5", "Strict")},
    ),
    "about to end": (
        facts("component.kubelet-serving[w-1]", not_before=NOW - DAY, not_after=NOW + MINUTE),
        {("E5", "ClockSkew")},
    ),
    "a kubelet's serving certificate of another name": (
        facts("component.kubelet-serving[w-1]", subject=Subject(common_name="w-1")),
        {("E5", "NodeIdentity")},
    ),
    "a kubeconfig with another name of the same server": (
        lambda state: with_kubeconfig(state, "kubeconfig.scheduler[cp-1]", server="https://api.demo.internal:6443"),
        {("E8", "ServerUrl")},
    ),
    "a kubeconfig that verifies nothing": (
        lambda state: with_kubeconfig(
            state, "kubeconfig.scheduler[cp-1]", extras=("clusters[0].cluster.insecure-skip-tls-verify", "users[1]")
        ),
        {("E8", "LooseKubeconfig")},
    ),
}


@pytest.mark.parametrize("name", LINTS)
def test_lints_are_told_and_fail_nothing(name: str) -> None:
    """What Go accepts and others do not, or what should be looked at: said, with the connection getting through."""
    change, said = LINTS[name]
    document = after(change)
    assert (failures(document), lints(document)) == ({}, said)


def test_dates_are_judged_at_any_time() -> None:
    """In eleven months everything gets through; in thirteen every leaf has expired."""
    assert proven(SMALL, SOUND, at=NOW + 330 * DAY).broken is False
    assert set(failures(proven(SMALL, SOUND, at=NOW + 390 * DAY)).values()) == {("Expired",)}


def test_constraints_that_come_later_split_what_was_alike() -> None:
    """Two servers of one shape are two as soon as a CA may certify only one of them."""
    ca = leaf(SOUND, "ca.kubernetes")
    narrow = replace(
        ca,
        fingerprint=fresh(),
        name_constraints=NameConstraints(permitted=("ip:192.0.2.21/32", "ip:192.0.2.11/32", "dns:w-1", "dns:cp-1")),
    )
    state = SOUND
    for node in ("cp-1", "cp-2"):
        state = with_bundle(state, f"bundle.kubernetes[{node}]", narrow)
    edge = broken(proven(SMALL, state), "E5")
    assert (edge.servers.examples, [problem.code for problem in edge.problems]) == (
        ["component.kubelet-serving[cp-2]"],
        ["NameConstraints"],
    )
