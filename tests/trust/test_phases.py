"""Every state between two: what holds only when all nodes switch at once is found, what is phased in is not."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from reconciler.observed.model import ObservedState
from reconciler.proof.trials import Prover
from reconciler.proof.twins import Twins
from reconciler.trust.document import VerificationDocument
from reconciler.trust.proofs import Moment, prove_every_phase
from reconciler.x509.facts import CertificateFacts
from tests.trust.scenes import (
    NOW,
    broken,
    failures,
    leaf,
    made,
    pair_of,
    signed_anew,
    small,
    successor,
    with_bundle,
    with_facts,
    with_kubeconfig,
)

SMALL = small()
SOUND = made(SMALL)
OLD = leaf(SOUND, "ca.kubernetes")
NEW = successor(SOUND, "ca.kubernetes")
#: Components of the cluster's CA that serve; all others of it are clients.
SERVERS = frozenset({"apiserver", "kubelet-serving"})


def trusted(state: ObservedState, *cas: CertificateFacts) -> ObservedState:
    """Every trust file of the cluster's CA holds these."""
    for bundle in SMALL.bundles.values():
        if bundle.name == "kubernetes":
            state = with_bundle(state, bundle.address, *cas)
    for address in SMALL.kubeconfigs:
        state = with_kubeconfig(state, address, ca_fingerprints=tuple(ca.fingerprint for ca in cas))
    return state


def signed(state: ObservedState, *, servers: bool) -> ObservedState:
    """All servers, or all clients, have certificates of the new generation."""
    for component in SMALL.components.values():
        if component.ca == "kubernetes" and (component.name in SERVERS) == servers:
            state = signed_anew(state, component.address, NEW)
    return state


def with_new_ca(state: ObservedState) -> ObservedState:
    """The new generation stands where the CA stands."""
    return replace(state, pairs={**state.pairs, "ca.kubernetes": pair_of(NEW, state.pairs["ca.kubernetes"])})


def phases(*states: tuple[str, ObservedState]) -> VerificationDocument:
    """The verification of these states, one after the other."""
    moments = [Moment(label=label, observed=state, at=NOW) for label, state in states]
    return prove_every_phase(SMALL, moments, Prover(Twins()))


def staged() -> Sequence[tuple[str, ObservedState]]:
    """A rotation as it should be: trust both, then clients, then servers, then distrust."""
    stage = trusted(SOUND, OLD, NEW)
    clients = signed(stage, servers=False)
    servers = signed(clients, servers=True)
    return (
        ("now", SOUND),
        ("stage", stage),
        ("clients", clients),
        ("servers", servers),
        ("distrust", trusted(with_new_ca(servers), NEW)),
    )


def test_a_staged_rotation_breaks_nothing_whoever_goes_first() -> None:
    """Trust in both generations comes first and goes last, so that every mixture of nodes and processes gets through."""
    document = phases(*staged())
    assert (failures(document), document.summary.moments) == ({}, 9)


def test_a_rotation_at_once_breaks_every_edge_on_the_way() -> None:
    """Before and after everything gets through; a client that has the new CA meets a server that has not."""
    new = signed(signed(trusted(with_new_ca(SOUND), NEW), servers=False), servers=True)
    document = phases(("now", SOUND), ("then", new))
    assert failures(document) == dict.fromkeys(("E5", "E6", "E7", "E8", "E9", "E10", "E20"), ("Untrusted",))
    assert broken(document, "E20").moments == [
        "from now to then, already new: server certificate",
        "from now to then, already new: client trust or kubeconfig",
    ]


def test_distrust_too_early_is_found_in_the_state_itself() -> None:
    """The old CA is distrusted while servers still have its certificates."""
    stage = trusted(SOUND, OLD, NEW)
    early = trusted(signed(stage, servers=False), NEW)
    assert set(failures(phases(("now", SOUND), ("stage", stage), ("early", early)))) == {
        "E5", "E6", "E7", "E8", "E9", "E10", "E20",
    }  # fmt: skip


def test_servers_before_trust_break_those_clients_that_come_late() -> None:
    """Both are in one change: which node applies first would decide."""
    change = signed(trusted(SOUND, OLD, NEW), servers=True)
    document = phases(("now", SOUND), ("change", change))
    assert set(failures(document)) == {"E5", "E6", "E7", "E8", "E9", "E10", "E20"}
    assert {moment for edge in document.edges if edge.result == "broken" for moment in edge.moments} >= {
        "from now to change, already new: server certificate"
    }


def test_what_fails_already_is_not_blamed_on_the_change() -> None:
    """A node that does not get through now is told once, for now; the change that mends it is not."""
    sick = with_facts(SOUND, "component.kubelet-serving[w-1]", usages=("client auth",))
    document = phases(("now", sick), ("the plan", SOUND))
    assert failures(document) == {"E5": ("UsageMismatch",)}
    assert broken(document, "E5").moments == ["now"]


def test_a_change_that_touches_nothing_has_no_mixtures() -> None:
    """Two equal states are two states."""
    assert phases(("now", SOUND), ("then", SOUND)).summary.moments == 2


def test_a_new_name_of_the_server_comes_before_it_is_dialled() -> None:
    """A kubeconfig that dials what no certificate holds yet, or any more, is found; with both names in between nothing is."""
    names = ("dns:kubernetes.default.svc", "ip:10.96.0.1", "ip:192.0.2.11", "ip:192.0.2.12", "dns:api.demo.internal")

    def dialling(state: ObservedState, url: str) -> ObservedState:
        return with_kubeconfig(state, "kubeconfig.admin[cp-1]", server=url)

    def named(state: ObservedState, *sans: str) -> ObservedState:
        for node in ("cp-1", "cp-2"):
            state = with_facts(state, f"component.apiserver[{node}]", sans=sans)
        return state

    new = "https://api.new.internal:6443"
    at_once = dialling(named(SOUND, *names[:-1], "dns:api.new.internal"), new)
    both = named(SOUND, *names, "dns:api.new.internal")
    assert failures(phases(("now", SOUND), ("then", at_once)))["E9"] == ("HostMismatch",)
    assert failures(phases(("now", SOUND), ("both", both), ("then", dialling(both, new)))) == {}


def test_what_stands_in_one_kubeconfig_is_replaced_as_one() -> None:
    """Its certificate and its CAs never come from two versions of it: another cluster's kubeconfig is one change."""
    moved = signed_anew(SOUND, "component.admin[cp-1]", OLD)
    moved = with_kubeconfig(moved, "kubeconfig.admin[cp-1]", server="https://192.0.2.12:6443")
    assert phases(("now", SOUND), ("then", moved)).summary.moments == 2
