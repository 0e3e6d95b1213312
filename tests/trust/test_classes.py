"""Many connections are few trials, and each that fails is still named."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.observed.model import Absent
from reconciler.proof.trials import Prover
from reconciler.proof.twins import Twins
from reconciler.trust.proofs import prove_state
from reconciler.trust.trial import Outcome, Trial
from tests.trust.scenes import NOW, SMALL, broken, connections, made, proven, signed_anew, small, successor, with_facts, with_pair

WORKERS = 300
LARGE = small(nodes=SMALL + "".join(f"  - {{name: n-{each}, roles: [worker], addresses: [10.0.{each // 250}.{each % 250 + 1}]}}\n"
                                    for each in range(WORKERS)))  # fmt: skip
FLEET = made(LARGE)


class Counting:
    """Counts the trials that are carried out."""

    def __init__(self) -> None:
        self.trials = 0
        self._prove = Prover(Twins())

    def __call__(self, trial: Trial, signers: Mapping[str, str]) -> Outcome:
        """One more."""
        self.trials += 1
        return self._prove(trial, signers)


def test_a_fleet_takes_no_more_trials_than_three_nodes() -> None:
    """Nodes that cannot differ share their trials; every connection is counted."""
    few, many = Counting(), Counting()
    small_desired = small()
    small_document = prove_state(small_desired, made(small_desired), few, at=NOW)
    document = prove_state(LARGE, FLEET, many, at=NOW)
    assert (many.trials, document.broken) == (few.trials, False)
    assert connections(document)["E6"] == connections(small_document)["E6"] + WORKERS * 2


def test_one_in_a_fleet_that_fails_is_named() -> None:
    """Its class is split off; all others get through as before."""
    document = proven(LARGE, with_facts(FLEET, "component.kubelet-serving[n-17]", sans=("dns:n-17",)))
    edge = broken(document, "E5")
    assert (edge.connections, edge.servers.count, edge.servers.examples, edge.servers.total) == (
        2,
        1,
        ["component.kubelet-serving[n-17]"],
        WORKERS + 3,
    )
    assert document.summary.broken_connections == 2


def test_many_that_fail_alike_are_one_class_with_a_few_names() -> None:
    """Five addresses are named, and the number tells of the rest."""
    state = FLEET
    for each in range(20):
        state = with_pair(state, f"component.kubelet-serving[n-{each}]", certificate=Absent())
    edge = broken(proven(LARGE, state), "E5")
    assert (edge.connections, edge.servers.count, edge.servers.examples) == (
        40,
        20,
        [f"component.kubelet-serving[n-{each}]" for each in range(5)],
    )


def test_what_none_of_ours_signed_is_tried_by_itself() -> None:
    """Two certificates of strangers may differ in everything that cannot be seen: neither vouches for the other."""
    counting = Counting()
    ca = successor(FLEET, "ca.kubernetes")
    state = FLEET
    for node in ("n-1", "n-2"):
        address = f"component.kubelet-serving[{node}]"
        state = with_pair(signed_anew(state, address, ca), address, signed_by="")
    before = Counting()
    prove_state(LARGE, FLEET, before, at=NOW)
    prove_state(LARGE, state, counting, at=NOW)
    assert counting.trials == before.trials + 2
