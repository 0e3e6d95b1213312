"""A rotation keeps every connection, whoever applies, crashes and restarts when; and every barrier is needed for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import pytest

from reconciler.desired.model import DesiredState
from reconciler.plan.rotation import keypair_life, life
from reconciler.plan.rotation.barriers import BARRIERS, BY_HAND, Blocker, Course
from reconciler.plan.rotation.by_hand import by_hand
from reconciler.plan.rotation.kubernetes.step import Step
from reconciler.plan.rotation.kubernetes.steps import kubernetes_steps
from reconciler.plan.rotation.phase import Phase
from tests.plan.rotation.clusters import central
from tests.plan.rotation.exploration import (
    Model,
    clients_first,
    connectable,
    explore,
    issued_for_everybody,
    model_of,
)

CLUSTER: Final = central()
#: Each behaves as another one on its node does, and the second administrator would make its node unlike the others.
ALIKE: Final = frozenset({"admin", "super-admin", "controller-manager"})
FORWARD: Final = {"stage", "clients", "servers", "soak", "distrust"}
#: A keypair has no clients, so that phase is over before it begins.
KEYPAIR: Final = FORWARD - {"clients"}

#: The subject, what git asks for in turn, and how its cluster is narrowed; the phases that are seen, the connections.
CASES: Final[dict[str, tuple[Model, set[str], int]]] = {
    "front-proxy": (model_of(CLUSTER, "ca.front-proxy", 2, 1, 2), FORWARD, 9),
    "sa": (model_of(CLUSTER, "keypair.sa", 2, 1, 2), KEYPAIR, 9),
    "etcd": (model_of(CLUSTER, "ca.etcd", 2, 1), FORWARD, 27),
    "kubernetes": (model_of(CLUSTER, "ca.kubernetes", 2, without=ALIKE | {"kube-proxy"}), FORWARD, 61),
    "kubernetes-and-back": (model_of(CLUSTER, "ca.kubernetes", 2, 1, without=ALIKE, whole=True), FORWARD, 76),
}


@pytest.fixture(autouse=True)
def _restarts_are_in_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a CA's readers have not loaded is told as unready; for a keypair somebody gives his word, once it is true."""
    monkeypatch.setattr(life, "by_hand", lambda *_: ())
    monkeypatch.setattr(keypair_life, "by_hand", lambda address, _, phase: by_hand(address, CLUSTER, phase))


@pytest.mark.parametrize("case", CASES)
def test_every_state_keeps_every_connection(case: str) -> None:
    """In each state everybody believes everybody, nothing is issued too early, clients go first, and the end can be reached."""
    model, phases, connections = CASES[case]
    found = explore(model, (connectable, issued_for_everybody, clients_first))
    assert (found.broken, found.stuck) == ("", ())
    assert found.phases >= {(asked, phase) for asked in range(len(model.asks)) for phase in phases}
    assert len(model.connections) == connections


Barrier = Callable[[Course], Iterator[Blocker]]


def only(phase: Phase, keeps: Callable[[Blocker], bool]) -> Barrier:
    """A barrier that lets through more than it should."""
    barrier = BARRIERS[phase]
    return lambda course: (blocker for blocker in barrier(course) if keeps(blocker))


def is_creation(blocker: Blocker) -> bool:
    """Whether it is that the generation is not there."""
    return blocker.message.startswith("has no generation")


def is_planned(blocker: Blocker) -> bool:
    """Whether it is something on disk, and not in a process."""
    return blocker.by_plan


def is_time(blocker: Blocker) -> bool:
    """Whether it is the soak."""
    return blocker.message.startswith("soaks until")


def is_no_restart(blocker: Blocker) -> bool:
    """Whether it is not that somebody has to restart something."""
    return not blocker.message.startswith(BY_HAND)


def is_nothing(_: Blocker) -> bool:
    """Nothing at all."""
    return False


@pytest.mark.parametrize(
    ("case", "phase", "keeps"),
    [
        pytest.param("etcd", Phase.STAGE, is_creation, id="etcd-stage-outputs"),
        pytest.param("etcd", Phase.STAGE, is_planned, id="etcd-stage-unready"),
        pytest.param("etcd", Phase.SERVERS, is_nothing, id="etcd-servers"),
        pytest.param("etcd", Phase.SOAK, is_time, id="etcd-soak-unready"),
        pytest.param("front-proxy", Phase.STAGE, is_creation, id="front-proxy-stage-outputs"),
        pytest.param("front-proxy", Phase.STAGE, is_planned, id="front-proxy-stage-unready"),
        pytest.param("kubernetes-and-back", Phase.STAGE, is_creation, id="kubernetes-stage-outputs"),
        pytest.param("kubernetes-and-back", Phase.STAGE, is_planned, id="kubernetes-stage-unready"),
        pytest.param("kubernetes-and-back", Phase.SERVERS, is_nothing, id="kubernetes-servers"),
        pytest.param("kubernetes-and-back", Phase.SOAK, is_time, id="kubernetes-soak-unready"),
        pytest.param("sa", Phase.STAGE, is_creation, id="sa-stage-outputs"),
        pytest.param("sa", Phase.STAGE, is_no_restart, id="sa-stage-restarts"),
        pytest.param("sa", Phase.SERVERS, is_nothing, id="sa-servers"),
        pytest.param("sa", Phase.SOAK, is_no_restart, id="sa-soak-restarts"),
    ],
)
def test_without_a_protection_a_connection_breaks(
    monkeypatch: pytest.MonkeyPatch, case: str, phase: Phase, keeps: Callable[[Blocker], bool]
) -> None:
    """Each of them is needed: the exploration finds who does not believe whom any more."""
    monkeypatch.setitem(BARRIERS, phase, only(phase, keeps))
    assert "does not trust" in explore(CASES[case][0], (connectable,), deep=True).broken


@pytest.mark.parametrize("keeps", [is_nothing, is_planned])
def test_without_the_barrier_behind_the_clients_servers_overtake_them(
    monkeypatch: pytest.MonkeyPatch, keeps: Callable[[Blocker], bool]
) -> None:
    """It is policy that clients go first, on disk and in their processes; connections hold without it."""
    monkeypatch.setitem(BARRIERS, Phase.CLIENTS, only(Phase.CLIENTS, keeps))
    model = model_of(CLUSTER, "ca.etcd", 2)
    assert "has moved before" in explore(model, (clients_first,)).broken
    assert explore(model, (connectable,)).broken == ""


def read_at_start(desired: DesiredState, ca: str) -> frozenset[str]:
    """Whatever a program of the cluster loads only when it is restarted; a kubeconfig with what is in it."""
    told = {output for phase in Phase for step in kubernetes_steps(desired, ca, phase) for output in step.outputs * is_cold(step)}
    inside = {desired.kubeconfigs[address].component for address in told if address in desired.kubeconfigs}
    return frozenset(told | inside)


def is_cold(step: Step) -> bool:
    """Whether somebody has to restart a program."""
    return step.action == "restart"


def by_word(monkeypatch: pytest.MonkeyPatch, version: str, ca: str) -> Model:
    """A cluster without hooks: programs are restarted by people, who say so when all of it is done."""
    desired = central(version)
    monkeypatch.setattr(life, "by_hand", lambda address, _, phase: by_hand(address, desired, phase))
    return model_of(desired, f"ca.{ca}", 2, cold=read_at_start(desired, ca), whole=True, without=ALIKE)


@pytest.mark.parametrize("version", ["1.28", "1.36"])
@pytest.mark.parametrize("ca", ["front-proxy", "etcd", "kubernetes"])
def test_the_word_of_people_is_enough_where_there_are_no_hooks(monkeypatch: pytest.MonkeyPatch, version: str, ca: str) -> None:
    """What has to be restarted by hand is asked for before each step that needs it."""
    found = explore(by_word(monkeypatch, version, ca), (connectable, issued_for_everybody, clients_first))
    assert (found.broken, found.stuck) == ("", ())


@pytest.mark.parametrize(
    ("version", "ca", "phase"),
    [("1.36", "etcd", Phase.STAGE), ("1.36", "kubernetes", Phase.STAGE), ("1.28", "kubernetes", Phase.SOAK)],
)
def test_without_asking_people_a_connection_breaks(monkeypatch: pytest.MonkeyPatch, version: str, ca: str, phase: Phase) -> None:
    """Nobody restarts anything without being asked."""
    monkeypatch.setitem(BARRIERS, phase, only(phase, is_no_restart))
    assert "does not trust" in explore(by_word(monkeypatch, version, ca), (connectable,), deep=True).broken
