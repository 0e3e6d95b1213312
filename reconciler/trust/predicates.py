"""What is checked beyond TLS, and what TLS checks by the clock. Each is told with the file that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from reconciler.trust.graph import Check, End
from reconciler.trust.hosts import is_for
from reconciler.trust.scene import Party, Scene, Trouble, Trust
from reconciler.x509.facts import CertificateFacts
from reconciler.x509.profile import BACKDATE, WEAK_HASHES, weak_key

#: kube-apiserver's --requestheader-allowed-names as kubeadm writes it (app/phases/controlplane/manifests.go).
ALLOWED_NAMES: Final = frozenset({"front-proxy-client"})
_NODES: Final = "system:nodes"

Addresses = Mapping[str, tuple[str, ...]]


def slack(facts: CertificateFacts) -> timedelta:
    """How far clocks may be apart: as much as certificates are back-dated, a tenth of a short life."""
    return min(BACKDATE, (facts.not_after - facts.not_before) / 10)


def holds(facts: CertificateFacts, at: datetime) -> bool:
    """Whether a certificate is valid now, and by a clock that is slow."""
    return facts.not_before + slack(facts) <= at <= facts.not_after


def date_trouble(party: Party, at: datetime) -> Trouble | None:
    """The leaf is not valid at this time, or only by some clocks."""
    leaf = party.chain[0]
    if at > leaf.not_after:
        return Trouble(code="Expired", message=f"{_whose(party)} expired at {_moment(leaf.not_after)}")
    if at < leaf.not_before:
        return Trouble(code="NotYetValid", message=f"{_whose(party)} is not valid before {_moment(leaf.not_before)}")
    if not holds(leaf, at):
        message = f"{_whose(party)} is valid only since {_moment(leaf.not_before)}: a clock that is slow refuses it"
        return Trouble(code="ClockSkew", message=message)
    return None


def weakness(party: Party) -> Trouble | None:
    """A key or signature that OpenSSL's security level 2 refuses; a twin would not show it."""
    for facts in party.chain:
        if weak_key(facts.key) or facts.signature_hash in WEAK_HASHES:
            what = f"a key of type {facts.key}" if weak_key(facts.key) else f"a signature with {facts.signature_hash}"
            whose = (
                _whose(party) if facts is party.chain[0] else f"what {party.address} ({party.file}) sends above its certificate"
            )
            return Trouble(code="WeakKey", message=f"{whose} has {what}, which is too weak")
    return None


def ca_trouble(files: str, gone: Iterable[CertificateFacts], at: datetime) -> Trouble:
    """The CA certificates that a connection needs are not valid.

    Args:
        files: where they stand, for people.
        gone: those that are not valid.
        at: the time, aware.
    """
    early = all(facts.not_after >= at for facts in gone)
    names = " and ".join(
        dict.fromkeys(f"{facts.subject} ({_moment(facts.not_before)} to {_moment(facts.not_after)})" for facts in gone)
    )
    code = "NotYetValid" if early else "Expired"
    return Trouble(
        code=code, message=f"a CA certificate in {files} is not valid at {_moment(at)}, or not by every clock: {names}"
    )


def date_lint(party: Party, at: datetime) -> Trouble | None:
    """The leaf ends so soon that a clock which is fast refuses it."""
    leaf = party.chain[0]
    if at <= leaf.not_after < at + slack(leaf):
        return Trouble(
            code="ClockSkew",
            message=f"{_whose(party)} ends at {_moment(leaf.not_after)}: a clock that is fast refuses it already",
        )
    return None


def beyond_tls(checks: Iterable[Check], end: End, party: Party, addresses: Addresses) -> Iterator[Trouble]:
    """What a client's certificate does not satisfy.

    Args:
        checks: of its family.
        end: who connects.
        party: what it presents.
        addresses: of the nodes.
    """
    for check in checks:
        if check in _CLIENT_CHECKS:
            yield from _CLIENT_CHECKS[check](end, party, addresses)


def server_lints(checks: Iterable[Check], end: End, party: Party | None) -> Iterator[Trouble]:
    """What a server's certificate should be, and some clients insist on."""
    if "kubelet-serving" in checks and party is not None and party.chain:
        yield from _node_identity(end, party, "with KEP-4872 the API server refuses the kubelet")


def kubeconfig_lints(trust: Trust, scene: Scene) -> Iterator[Trouble]:
    """What is odd about a kubeconfig, whether it gets through or not."""
    wanted = scene.urls.get(trust.address, "")
    if trust.url != wanted:
        yield Trouble(code="ServerUrl", message=f"{trust.address} ({trust.file}) dials {trust.url or 'nowhere'}, not {wanted}")
    if how := scene.loose.get(trust.address):
        yield Trouble(code="LooseKubeconfig", message=f"{trust.address} ({trust.file}) changes how the server is verified: {how}")


def too_open(apart: Iterable[str], trust: Trust, scene: Scene) -> Iterator[Trouble]:
    """A server accepts the clients of a CA that have no business with it.

    Args:
        apart: names of the CAs.
        trust: by which the server verifies its clients.
        scene: where the CAs stand.
    """
    keys = {anchor.spki_sha256 for anchor in trust.anchors}
    for name in apart:
        if keys & scene.subjects.get(name, frozenset()):
            yield Trouble(
                code="SharedAuthority",
                message=f"every client of ca.{name} is let in: {trust.address} ({trust.file}) trusts it",
            )


def _etcd_peer(end: End, party: Party, addresses: Addresses) -> Iterator[Trouble]:
    """Etcd client/pkg/transport/listener_tls.go checkCertSAN: with IP SANs one must be the remote address; then DNS."""
    sans = party.chain[0].sans
    addresses_in_it = [san for san in sans if san.startswith("ip:")]
    names = [san for san in sans if san.startswith("dns:")]
    remote = addresses.get(end.node or "", ())[:1]
    if not remote or not (addresses_in_it or names):
        return
    if addresses_in_it and not is_for(sans, remote[0]):
        message = f"{_whose(party)} lacks {remote[0]}, from which its peers see it connect"
        yield Trouble(code="PeerSan", message=message)
    elif not addresses_in_it and not is_for(sans, end.node or ""):
        names_it = f"{_whose(party)} has DNS names alone, and none of them is {end.node}"
        message = f"{names_it}: its peers refuse it unless one resolves to {remote[0]}"
        yield Trouble(code="PeerSan", message=message)


def _requestheader(end: End, party: Party, addresses: Addresses) -> Iterator[Trouble]:
    del end, addresses
    name = party.chain[0].subject.common_name
    if name not in ALLOWED_NAMES:
        wanted = ", ".join(sorted(ALLOWED_NAMES))
        yield Trouble(
            code="HeaderName",
            message=f'{_whose(party)} has the common name "{name}", --requestheader-allowed-names lets {wanted} pass',
        )


def _kubelet(end: End, party: Party, addresses: Addresses) -> Iterator[Trouble]:
    del addresses
    yield from _node_identity(end, party, "the API server takes it for another user than the kubelet")


def _node_identity(end: End, party: Party, so: str) -> Iterator[Trouble]:
    """CN and O by which the Node authorizer knows a kubelet (k8s.io/kubernetes plugin/pkg/auth/authorizer/node)."""
    subject = party.chain[0].subject
    if end.node and (subject.common_name != f"system:node:{end.node}" or _NODES not in subject.organizations):
        message = f"{_whose(party)} is for {subject}, not for CN=system:node:{end.node}, O={_NODES}: {so}"
        yield Trouble(code="NodeIdentity", message=message)


_CLIENT_CHECKS: Final[Mapping[Check, Callable[[End, Party, Addresses], Iterator[Trouble]]]] = {
    "etcd-peer-san": _etcd_peer,
    "requestheader-name": _requestheader,
    "kubelet-client": _kubelet,
}


def _whose(party: Party) -> str:
    return f"the certificate of {party.address} ({party.file})"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
