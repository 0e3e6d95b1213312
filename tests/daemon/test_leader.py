"""Several reconcilers that see the same files and one lease: passes in this process, with a played server and clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from msgspec.structs import replace

from reconciler.daemon.candidacy import LOOK_AGAIN, Candidacy
from reconciler.daemon.reconciler import Reconciler
from reconciler.issuers.local import LocalIssuer
from reconciler.passes.session import Session
from reconciler.vault.election.cluster_lease import ClusterLease
from reconciler.x509.keys import PrivateKey
from reconciler.x509.profile import Request
from reconciler.x509.read import Certificate
from tests.daemon.followed import Played, text
from tests.daemon.scene import READY, Scene, said
from tests.vault.election.leases import PATH, TTL, World

LEADS = ("True", "HoldsLease")
FOLLOWS = ("False", "HeldByAnother")


@dataclass(slots=True)
class Machine:
    """A reconciler of its own, with a state directory of its own."""

    scene: Scene
    candidacy: Candidacy
    reconciler: Reconciler


@dataclass(slots=True)
class Machines:
    """All of them: one source, the same files, one lease."""

    home: Path
    world: World
    source: Played
    started: list[Machine] = field(default_factory=list)

    def start(self, name: str) -> Machine:
        """One more."""
        home = self.home / name
        home.mkdir()
        scene = Scene(home=home, source=self.source)
        lease = self.world.lease(name)
        candidacy = Candidacy(lambda _session: lease, clock=lambda: self.world.time)
        root = str(self.home / "root")
        machine = Machine(scene, candidacy, scene.start(candidacy=candidacy, root=root))
        self.started.append(machine)
        return machine

    def serial(self, name: str) -> bytes:
        """What stands on disk."""
        return (self.home / f"root/srv/pki/{name}.crt").read_bytes()

    def change(self, *names: str) -> None:
        """A new commit."""
        revision = f"r{len(self.source.commits)}"
        self.source.commits[revision] = text(*names)
        self.source.head = revision


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    """None started yet."""
    (tmp_path / "root").mkdir()
    made = Machines(tmp_path, World(), Played(a=text("api")))
    yield made
    for machine in made.started:
        machine.candidacy.close()


def test_one_acts_and_the_others_look_and_report(machines: Machines) -> None:
    """The second sees what is to be done, says who does it, and leaves it to them."""
    first, second = machines.start("cp-1"), machines.start("cp-2")
    first.candidacy.stand(_session(first))
    looked = second.reconciler.step("start")
    assert said(looked) == {"Ready": ("False", "ChangesPending"), "Leader": FOLLOWS}
    assert looked.status is not None
    leader = next(each for each in looked.status.conditions if each.type == "Leader")
    assert leader.message == "cp-1 (pid 1) acts for demo, since 2026-11-25 12:00:00 UTC (turn 1); this one only looks."
    assert (looked.acts, looked.passed.outcome.done, looked.passed.trouble) == (False, (), None)
    assert not list((machines.home / "root").iterdir())
    assert sorted(path.name for path in (machines.home / "cp-2/state").iterdir()) == [
        "lock",
        "reconciler.json",
        "revision.json",
        "served.json",
        "status.json",
    ]
    done = first.reconciler.step("start")
    assert said(done) == READY | {"Leader": LEADS}
    assert said(second.reconciler.step("interval")) == READY | {"Leader": FOLLOWS}


def _session(machine: Machine) -> Session:
    following = machine.reconciler._following
    following.refresh(whole=True)
    assert following.session is not None
    return following.session


def test_the_next_takes_over_from_one_that_is_silent(machines: Machines) -> None:
    """A look between passes notices it; the first, when it comes back, is told and does nothing."""
    first, second = machines.start("cp-1"), machines.start("cp-2")
    first.reconciler.step("start")
    second.reconciler.step("start")
    before = machines.serial("api")
    machines.change("api", "web")
    moved = []
    for _ in range(6):
        machines.world.time += LOOK_AGAIN
        moved.append(second.candidacy.moved())
    assert moved == [False] * 5 + [True]
    assert said(second.reconciler.step("lease")) == READY | {"Leader": LEADS}
    web = machines.serial("web")
    assert first.candidacy.moved()
    assert said(first.reconciler.step("lease")) == READY | {"Leader": FOLLOWS}
    assert not first.candidacy.moved()
    assert (machines.serial("api"), machines.serial("web")) == (before, web)
    assert (second.scene.audit, first.scene.audit) == (["component.web"], ["ca.main", "component.api"])


def test_one_that_ends_leaves_it_to_the_next_at_once(machines: Machines) -> None:
    """It gives the lease back."""
    first, second = machines.start("cp-1"), machines.start("cp-2")
    first.reconciler.step("start")
    second.reconciler.step("start")
    assert not second.candidacy.moved()
    first.candidacy.close()
    machines.world.time += LOOK_AGAIN
    assert second.candidacy.moved()


def test_an_outage_changes_nothing_and_is_told(machines: Machines) -> None:
    """While it is not known who acts nobody does; what is there stays as it is."""
    first, second = machines.start("cp-1"), machines.start("cp-2")
    first.reconciler.step("start")
    second.reconciler.step("start")
    machines.change("api", "web")
    machines.world.kv.down = True
    assert said(first.reconciler.step("source")) == READY | {"Leader": LEADS}
    machines.change("api", "web", "more")
    machines.world.time += TTL
    for machine in (first, second):
        step = machine.reconciler.step("source")
        assert said(step) == {"Ready": ("False", "ChangesPending"), "Leader": ("Unknown", "LeaseUnknown")}
        assert step.passed.outcome.done == ()
    machines.world.kv.down = False
    machines.world.time += LOOK_AGAIN
    assert first.candidacy.moved()
    assert said(first.reconciler.step("lease")) == READY | {"Leader": LEADS}


def test_a_secret_that_is_no_lease_needs_a_person(machines: Machines) -> None:
    """It is named, it stays as it is, and nothing is changed."""
    machines.world.kv.write(PATH, {"password": "hunter2"}, cas=0)
    machine = machines.start("cp-1")
    step = machine.reconciler.step("start")
    foreign = ("True", "LeaseForeign")
    assert said(step) == {"Ready": ("False", foreign[1]), "Leader": ("Unknown", foreign[1]), "Stalled": foreign}
    assert (step.failed, machines.world.content()) == (True, {"password": "hunter2"})
    assert not list((machines.home / "root").iterdir())


Stopper = Callable[[Callable[[], None]], None]


@pytest.fixture
def while_signing(monkeypatch: pytest.MonkeyPatch) -> Stopper:
    """What happens in the middle of the next signature for a component."""
    happenings: list[Callable[[], None]] = []
    sign = LocalIssuer.sign

    def signing(self: LocalIssuer, request: Request, key: PrivateKey, *, instead: str = "") -> Certificate:
        signed = sign(self, request, key, instead=instead)
        if happenings and request.subject.common_name == "web":
            happenings.pop()()
        return signed

    monkeypatch.setattr(LocalIssuer, "sign", signing)
    return happenings.append


def test_one_that_was_stopped_in_the_middle_publishes_nothing(machines: Machines, while_signing: Stopper) -> None:
    """It signed, slept, and somebody else acted: its certificate is seen by nobody, and its journal is settled when it acts."""
    first, second = machines.start("cp-1"), machines.start("cp-2")
    first.reconciler.step("start")
    second.reconciler.step("start")
    machines.change("api", "web")
    others: list[bytes] = []

    def stopped() -> None:
        machines.world.time += TTL
        assert second.candidacy.moved()
        assert said(second.reconciler.step("lease")) == READY | {"Leader": LEADS}
        others.append(machines.serial("web"))

    while_signing(stopped)
    step = first.reconciler.step("source")
    assert said(step)["Ready"] == ("False", "LeaseLost")
    assert step.passed.trouble is not None
    assert "cp-2 (pid 2) has taken it. Nothing more is written." in step.passed.trouble.message
    assert (step.passed.outcome.done, step.passed.outcome.interrupted, step.next_why) == ((), True, "retry")
    assert [machines.serial("web")] == others
    assert said(first.reconciler.step("retry")) == READY | {"Leader": FOLLOWS}
    assert (second.scene.audit, first.scene.audit) == (["component.web"], ["ca.main", "component.api"])
    second.candidacy.close()
    machines.change("api", "web", "more")
    assert said(first.reconciler.step("lease")) == READY | {"Leader": LEADS}
    assert [machines.serial("web")] == others
    assert first.scene.audit == ["ca.main", "component.api", "component.web", "component.more"]
    assert b'"operation":"abandoned","address":"component.web"' in (machines.home / "cp-1/state/audit.jsonl").read_bytes()
    assert not (machines.home / "cp-1/state/journal").read_bytes()


def test_without_a_lock_there_is_no_leader(tmp_path: Path) -> None:
    """And nothing of it is told."""
    asked: list[Session] = []

    def none(session: Session) -> ClusterLease | None:
        asked.append(session)
        return None

    scene = Scene(home=tmp_path, source=Played(a=text("api")))
    candidacy = Candidacy(none, clock=lambda: 0.0)
    reconciler = scene.start(candidacy=candidacy)
    assert said(reconciler.step("start")) == READY
    assert said(reconciler.step("interval")) == READY
    assert (len(asked), candidacy.moved()) == (1, False)


def test_a_lock_that_is_declared_otherwise_is_another_lease(machines: Machines) -> None:
    """The old one is given back; so it is when the desired state has none any more."""
    machine = machines.start("cp-1")
    session = _session(machine)
    machine.candidacy.stand(session)
    assert machines.world.content()["holder"] == "id-1"
    other = session.compiled.state
    renamed = _with(session, cluster="other")
    assert machine.candidacy.stand(renamed).acts
    assert other.cluster != renamed.compiled.state.cluster
    assert (machines.world.content()["renewed"], len(machines.world.kv.versions)) == (0, 3)


def _with(session: Session, **fields: object) -> Session:
    return replace(session, compiled=replace(session.compiled, state=replace(session.compiled.state, **fields)))
