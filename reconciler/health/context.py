"""What every check gets: the cluster, the time, the limits, and all certificates by where they lie. Data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from reconciler.cluster.model import Cluster, File, Kubeconfig, Layout, Node, Role, Use
from reconciler.observed.model import Certificates, CombinedPair, Key
from reconciler.x509.facts import CertificateFacts

#: What kubelet leaves behind when it rotates: the current one is a link to the newest of them.
_ROTATED: Final = re.compile(r"/kubelet-(client|server)-\d{4}-\d{2}-\d{2}-\d{2}-\d{2}-\d{2}\.pem$")
#: The links through which kubelet uses them.
ROTATING: Final = re.compile(r"/kubelet-(client|server)-current\.pem$")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How soon is soon."""

    expiring: timedelta = timedelta(days=30)
    ca_expiring: timedelta = timedelta(days=365)


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Certificates at one place: a file, or an entry of a kubeconfig."""

    node: str
    layout: Layout
    path: str
    """With ``#user`` behind that of a kubeconfig."""
    uses: tuple[Use, ...]
    chain: tuple[CertificateFacts, ...]
    presented: bool
    """Whether the first is somebody's own and the rest intermediates; False for certificates that others are verified by."""

    @property
    def leaf(self) -> CertificateFacts:
        """The first."""
        return self.chain[0]

    @property
    def in_kubeconfig(self) -> bool:
        """Whether it is data in a kubeconfig."""
        return "#" in self.path

    def serves(self, process: str, *purposes: str) -> bool:
        """Whether a process uses it for one of these purposes."""
        return any(use.process == process and use.purpose in purposes for use in self.uses)


class Copies(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate with every place that it lies at: those that are used first, files before kubeconfigs."""

    facts: CertificateFacts
    places: tuple[Held, ...]

    @property
    def main(self) -> Held:
        """The place to name first."""
        return self.places[0]

    @property
    def node(self) -> str:
        """The node that it lies on; empty for several."""
        nodes = {place.node for place in self.places}
        return self.main.node if len(nodes) == 1 else ""

    @property
    def used(self) -> bool:
        """Whether somebody uses it; of a directory of files that is assumed of every one."""
        return any(place.uses or place.layout == "files" for place in self.places)


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """The input of a check."""

    cluster: Cluster
    now: datetime
    limits: Limits
    held: tuple[Held, ...]
    on: Mapping[str, tuple[Held, ...]]
    """The same by node."""
    copies: Mapping[str, Copies]
    """Each certificate once, by fingerprint, in the order of `held`."""
    authorities: tuple[CertificateFacts, ...]
    """Those of them that are CAs."""

    @property
    def certificates(self) -> Iterable[Copies]:
        """Each certificate once."""
        return self.copies.values()

    def files(self) -> Iterator[tuple[Node, File]]:
        """Every file of every node, in order."""
        return ((node, file) for node in self.cluster.nodes for file in node.files.values())

    def at(self, node: Node, process: str, purpose: str, role: Role) -> Iterator[Held]:
        """The certificates that a process uses for a purpose."""
        for held in self.on[node.name]:
            if any((use.process, use.purpose, use.role) == (process, purpose, role) for use in held.uses):
                yield held

    def signs(self, issuer: CertificateFacts, certificate: CertificateFacts) -> bool:
        """Whether a CA signed a certificate: by the signature where it was tried, else by name and key identifiers."""
        named = issuer.subject.common_name == certificate.issuer.common_name  # most are told apart by this alone
        if not named or not issuer.subject.same_as(certificate.issuer):
            return False
        if certificate.self_signed:
            return issuer.spki_sha256 == certificate.spki_sha256
        signers = self.cluster.signers.get(certificate.fingerprint)
        if signers is not None:
            return issuer.spki_sha256 in signers
        return not certificate.aki or not issuer.ski or certificate.aki == issuer.ski

    def issuers(self, certificate: CertificateFacts) -> tuple[CertificateFacts, ...]:
        """The CAs that were read which signed a certificate; none for a root."""
        if certificate.self_signed:
            return ()
        return tuple(authority for authority in self.authorities if self.signs(authority, certificate))


def gather(cluster: Cluster, now: datetime, limits: Limits) -> Context:
    """Looks through a cluster once."""
    held = tuple(
        place
        for node in cluster.nodes
        for file in node.files.values()
        if not is_left_behind(file)
        for place in _places(node, file)
    )
    copies = {each.facts.fingerprint: each for each in _copies(held)}
    on: dict[str, list[Held]] = {node.name: [] for node in cluster.nodes}
    for place in held:
        on[place.node].append(place)
    return Context(
        cluster=cluster,
        now=now,
        limits=limits,
        held=held,
        on={node: tuple(places) for node, places in on.items()},
        copies=copies,
        authorities=tuple(each.facts for each in copies.values() if each.facts.is_ca),
    )


def is_left_behind(file: File) -> bool:
    """Whether kubelet keeps a file only as the past, or as the target of its link."""
    return not file.uses and _ROTATED.search(file.path) is not None


def is_throw_away(context: Context, held: Held) -> bool:
    """Whether kubelet signed its serving certificate itself: the CA above it lies nowhere else."""
    if not held.serves("kubelet", "serving"):
        return False
    top = held.chain[-1]
    places = context.copies[top.fingerprint].places
    return top.self_signed and all((place.node, place.path) == (held.node, held.path) for place in places)


def _places(node: Node, file: File) -> Iterator[Held]:
    content = file.content
    if isinstance(content, CombinedPair):
        content = content.certificate if isinstance(content.certificate, Certificates) else content
    if isinstance(content, Certificates):
        roles = {use.role for use in file.uses}
        if roles == {"token-verification"}:
            return  # only its key counts: the API server looks at nothing else of it
        presented = "certificate" in roles if roles else not content.chain[0].is_ca
        yield _held(node, file.path, file.uses, content, presented=presented)
    elif isinstance(content, Kubeconfig):
        yield from _embedded(node, file, content)


def _embedded(node: Node, file: File, content: Kubeconfig) -> Iterator[Held]:
    """What stands in a kubeconfig itself; each user and each cluster once."""
    users: set[str] = set()
    clusters: set[str] = set()
    for entry in content.entries:
        path = f"{file.path}#{entry.user}"
        if isinstance(entry.certificate, Certificates) and not entry.certificate_path and entry.user not in users:
            users.add(entry.user)
            yield _held(node, path, _as(file.uses, "certificate"), entry.certificate, presented=True)
        if isinstance(entry.trust, Certificates) and not entry.trust_path and entry.cluster not in clusters:
            clusters.add(entry.cluster)
            yield _held(node, path, _as(file.uses, "trust"), entry.trust, presented=False)


def _as(uses: Iterable[Use], role: Role) -> tuple[Use, ...]:
    return tuple(msgspec.structs.replace(use, role=role) for use in uses)


def _held(node: Node, path: str, uses: tuple[Use, ...], found: Certificates, *, presented: bool) -> Held:
    return Held(node=node.name, layout=node.layout, path=path, uses=uses, chain=found.chain, presented=presented)


def _copies(held: Iterable[Held]) -> Iterator[Copies]:
    places: dict[str, list[Held]] = {}
    facts: dict[str, CertificateFacts] = {}
    for place in held:
        for certificate in place.chain:
            facts.setdefault(certificate.fingerprint, certificate)
            known = places.setdefault(certificate.fingerprint, [])
            if place not in known:
                known.append(place)
    for fingerprint, certificate in facts.items():
        ordered = sorted(places[fingerprint], key=lambda place: (not place.uses, place.in_kubeconfig))
        yield Copies(facts=certificate, places=tuple(ordered))


def private_key(file: File) -> Key | None:
    """The key in a file, or the first one that stands in a kubeconfig."""
    content = file.content
    if isinstance(content, Key):
        return content
    if isinstance(content, CombinedPair) and isinstance(content.key, Key):
        return content.key
    if isinstance(content, Kubeconfig):
        return next((entry.key for entry in content.entries if isinstance(entry.key, Key) and not entry.key_path), None)
    return None
