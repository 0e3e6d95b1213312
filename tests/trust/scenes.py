"""Clusters without files: what their plan leaves behind, and what is changed in it to break something."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from msgspec.structs import replace

from reconciler.desired.model import DesiredState
from reconciler.observed.model import (
    Absent,
    Certificates,
    Key,
    KubeconfigFile,
    ObservedBundle,
    ObservedPair,
    ObservedState,
)
from reconciler.plan.build import make_plan
from reconciler.plan.document import Source
from reconciler.plan.foresee import foresee
from reconciler.plan.inventory import Inventory
from reconciler.plan.options import Options
from reconciler.proof.trials import Prover
from reconciler.proof.twins import Twins
from reconciler.trust.document import VerificationDocument, VerifiedEdge
from reconciler.trust.proofs import prove_state
from reconciler.x509.facts import CertificateFacts
from tests.desired.compiling import CENTRAL, kubernetes, state_of

NOW: Final = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NOTHING: Final = ObservedState(pairs={}, bundles={}, kubeconfigs={}, keypairs={})
#: Two control-plane nodes and a worker.
SMALL: Final = (
    "nodes:\n"
    "  - {name: cp-1, roles: [control-plane], addresses: [192.0.2.11]}\n"
    "  - {name: cp-2, roles: [control-plane], addresses: [192.0.2.12]}\n"
    "  - {name: w-1, roles: [worker], addresses: [192.0.2.21]}\n"
)
ENDPOINT: Final = "controlPlaneEndpoint: 'api.demo.internal:6443'"

_count = itertools.count(1)


def small(*, nodes: str = SMALL, more: str = "", stores: str = CENTRAL, node: str | None = None) -> DesiredState:
    """The small cluster, with more sections of YAML."""
    return state_of(kubernetes(ENDPOINT, nodes=nodes, stores=stores) + more, node=node)


def made(desired: DesiredState, *, at: datetime = NOW) -> ObservedState:
    """What is there when everything has been made."""
    plan = make_plan(
        desired,
        NOTHING,
        Inventory(cluster=desired.cluster, records={}),
        now=at,
        options=Options(),
        source=Source(path="cluster-pki.yaml", sha256=""),
        tool_version="0",
    )
    return foresee(desired, NOTHING, plan, now=at)


def leaf(observed: ObservedState, address: str) -> CertificateFacts:
    """The certificate at an address."""
    state = observed.pairs[address].certificate
    assert isinstance(state, Certificates)
    return state.chain[0]


def fresh() -> str:
    """A digest that nothing else has."""
    return hashlib.sha256(f"fresh {next(_count)}".encode()).hexdigest()


def with_facts(observed: ObservedState, address: str, **facts: Any) -> ObservedState:  # noqa: ANN401 - any fact
    """Another certificate at an address, and in the kubeconfigs that hold it: these facts differ."""
    before = leaf(observed, address)
    return with_leaf(observed, address, replace(before, fingerprint=fresh(), **facts))


def with_leaf(observed: ObservedState, address: str, after: CertificateFacts, **fields: Any) -> ObservedState:  # noqa: ANN401
    """Another certificate at an address, with other fields of the pair; the key follows when `key` is not among them."""
    pair = observed.pairs[address]
    assert isinstance(pair.certificate, Certificates)
    assert isinstance(pair.key, Key)
    certificate = replace(pair.certificate, chain=(after, *pair.certificate.chain[1:]))
    key = fields.pop("key", replace(pair.key, facts=replace(pair.key.facts, spki_sha256=after.spki_sha256)))
    changed = replace(pair, certificate=certificate, key=key, **fields)
    kubeconfigs = dict(observed.kubeconfigs)
    for each, state in kubeconfigs.items():
        if isinstance(state, KubeconfigFile) and state.certificate == pair.certificate:
            kubeconfigs[each] = replace(state, certificate=certificate, key=key)
    return replace(observed, pairs={**observed.pairs, address: changed}, kubeconfigs=kubeconfigs)


def with_pair(observed: ObservedState, address: str, **fields: Any) -> ObservedState:  # noqa: ANN401 - any field
    """Something else was found at an address."""
    return replace(observed, pairs={**observed.pairs, address: replace(observed.pairs[address], **fields)})


def with_bundle(observed: ObservedState, address: str, *chain: CertificateFacts) -> ObservedState:
    """Other certificates in a bundle; without any, the file is gone."""
    state = observed.bundles[address].certificates
    assert isinstance(state, Certificates)
    found = ObservedBundle(certificates=replace(state, chain=chain) if chain else Absent())
    return replace(observed, bundles={**observed.bundles, address: found})


def with_kubeconfig(observed: ObservedState, address: str, **fields: Any) -> ObservedState:  # noqa: ANN401 - any field
    """Something else in a kubeconfig."""
    state = observed.kubeconfigs[address]
    assert isinstance(state, KubeconfigFile)
    return replace(observed, kubeconfigs={**observed.kubeconfigs, address: replace(state, **fields)})


def without_kubeconfig(observed: ObservedState, address: str) -> ObservedState:
    """A kubeconfig is gone."""
    return replace(observed, kubeconfigs={**observed.kubeconfigs, address: Absent()})


def successor(observed: ObservedState, ca: str) -> CertificateFacts:
    """Another generation of a root: a key and a name of its own."""
    spki = fresh()
    before = leaf(observed, ca)
    name = replace(before.subject, common_name=f"{before.subject.common_name} g2")
    return replace(before, fingerprint=fresh(), spki_sha256=spki, ski=spki[:40], subject=name, issuer=name)


def signed_anew(observed: ObservedState, address: str, ca: CertificateFacts) -> ObservedState:
    """The certificate at an address comes from another CA, with a new key."""
    spki = fresh()
    after = replace(leaf(observed, address), fingerprint=fresh(), spki_sha256=spki, ski=spki[:40], issuer=ca.subject, aki=ca.ski)
    return with_leaf(observed, address, after, signed_by=ca.spki_sha256)


def proven(desired: DesiredState, observed: ObservedState, *, at: datetime = NOW) -> VerificationDocument:
    """The verification of a state with twins."""
    return prove_state(desired, observed, Prover(Twins()), at=at)


def failures(document: VerificationDocument) -> dict[str, tuple[str, ...]]:
    """The codes of what fails, by edge; of all its classes together, each once."""
    found: dict[str, dict[str, None]] = {}
    for edge in document.edges:
        for problem in edge.problems:
            found.setdefault(edge.id, {})[problem.code] = None
    return {each: tuple(sorted(codes)) for each, codes in found.items()}


def lints(document: VerificationDocument) -> set[tuple[str, str]]:
    """Edge and code of each lint."""
    return {(edge.id, lint.code) for edge in document.edges for lint in edge.lints}


def broken(document: VerificationDocument, identity: str) -> VerifiedEdge:
    """The only class of an edge that fails."""
    (found,) = [edge for edge in document.edges if edge.id == identity and edge.result == "broken"]
    return found


def pair_of(ca: CertificateFacts, like: ObservedPair) -> ObservedPair:
    """A CA's files with this certificate."""
    assert isinstance(like.certificate, Certificates)
    return replace(like, certificate=replace(like.certificate, chain=(ca,)), signed_by=ca.spki_sha256)


def connections(document: VerificationDocument) -> Mapping[str, int]:
    """How many connections each edge stands for."""
    found: dict[str, int] = {}
    for edge in document.edges:
        found[edge.id] = found.get(edge.id, 0) + edge.connections
    return found
