"""Rotations that nobody runs by hand: a commit asks, the reconciler walks, and waits where it has to."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from unittest import mock

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from reconciler.apply.lock import hold as holding
from reconciler.apply.progress import Outcome
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.passing import Passed
from reconciler.daemon.reconciler import Step, _goes_on
from reconciler.passes import scope
from reconciler.plan.build import Work
from reconciler.plan.reasons import Action
from tests.cli.test_apply_rotation import RENEWED
from tests.daemon.followed import Played, server, text
from tests.daemon.scene import READY, Scene, phase, rotation, said, walk
from tests.desired.compiling import kubernetes
from tests.inprocess import Home
from tests.plan.rotation.clusters import SMALL

HOUR: Final = timedelta(hours=1).total_seconds()


def rotating(home: Path, generation: int, *, extra: bool = False, **rotation_: object) -> str:
    """A server, a client and a bundle with hooks, and a keypair; CA and keypair are asked for at the same generation.

    A hook writes its address down, and fails while there is a file ``broken-ADDRESS``.
    """
    terms = {"soak": "1h", **rotation_}

    def told() -> dict[str, Any]:
        script = f"echo $PKI_ADDRESS >> {home}/told; test ! -e {home}/broken-$PKI_ADDRESS"
        return {"after": [{"exec": ["/bin/sh", "-c", script]}]}

    components = {"api": server("api", **told()), "person": client("person", **told())}
    bundles = {"trust": {"cas": ["main"], "path": "pki/trust.crt", **told()}}
    if extra:
        components |= {"more": server("more"), "guest": client("guest")}
        bundles |= {"extra": {"cas": ["main"], "path": "pki/extra.crt"}}
    return text(
        cas={"main": {"path": "ca/main", "generation": generation, "rotation": dict(terms)}},
        keypairs={"tokens": {"key": "ecdsa-p256", "path": "pki/tokens", "generation": generation, "rotation": dict(terms)}},
        components=components,
        bundles=bundles,
    )


def client(name: str, **more: object) -> dict[str, Any]:
    """A component for client auth alone."""
    return {"ca": "main", "usages": ["client auth"], "path": f"pki/{name}", **more}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """The first generation is in use; ``second`` asks for the next one."""
    source = Played(first=rotating(tmp_path, 1), second=rotating(tmp_path, 2))
    scene = Scene(home=tmp_path, source=source)
    walk(scene.start(), "start")
    (tmp_path / "told").unlink()
    return scene


def told(scene: Scene) -> list[str]:
    """Whose hooks ran, in order."""
    file = scene.home / "told"
    return file.read_text(encoding="utf-8").split() if file.exists() else []


def breaks(scene: Scene, address: str) -> Path:
    """Lets the hooks of an address fail; gives the file to remove for mending them."""
    file = scene.home / f"broken-{address}"
    file.touch()
    return file


def commit(scene: Scene, name: str, document: str) -> None:
    """Puts another desired state in force."""
    scene.source.commits[name] = document
    scene.source.head = name


def held(scene: Scene, name: str = "trust") -> int:
    """How many certificates a bundle holds."""
    return (scene.home / "root/srv/pki" / f"{name}.crt").read_bytes().count(b"BEGIN")


def signer(scene: Scene, name: str) -> str:
    """The subject of the generation that signed a component."""
    return x509.load_pem_x509_certificate((scene.home / "root/srv/pki" / f"{name}.crt").read_bytes()).issuer.rfc4514_string()


def phases(steps: list[Step]) -> list[str]:
    """Where the CA stood after each step."""
    return [phase(step) for step in steps]


def waits(step: Step, address: str = "ca.main") -> dict[str, str]:
    """What a rotation waits for, by address."""
    entry = rotation(step, address)
    return {each.address: each.message for each in entry.waits_for} if entry is not None else {}


def test_a_commit_is_walked_to_the_soak_and_at_its_end_to_the_last_file(scene: Scene) -> None:
    """Each phase in a pass of its own, the next at once; then it sleeps until the soak is over, and nothing old is left."""
    reconciler = scene.start()
    scene.source.head = "second"
    steps = walk(reconciler, "source")
    assert phases(steps) == ["stage", "clients", "soak", "soak"]
    assert [step.passed.outcome.done for step in steps] == [
        ("ca.main", "keypair.tokens", "bundle.trust"),
        ("keypair.tokens", "component.person"),
        ("ca.main", "component.api"),
        (),
    ]
    assert told(scene) == ["bundle.trust", "component.person", "component.api"]
    assert [(step.next_at, step.next_why) for step in steps[:-1]] == [(scene.now, "retry")] * 3
    assert (said(steps[-1]), steps[-1].next_at, steps[-1].next_why) == (READY, scene.now + timedelta(hours=1), "rotation")
    scene.pass_time(HOUR - 1)
    assert phases(walk(reconciler, "interval")) == ["soak"]
    scene.pass_time(1)
    last = walk(reconciler, "rotation")
    assert (phases(last)[-1], phase(last[-1], "keypair.tokens"), said(last[-1])) == ("stable", "stable", READY)
    assert held(scene) == 1
    old = x509.load_pem_x509_certificate((scene.home / "root/srv/ca/main.g1.crt").read_bytes()).fingerprint(SHA256())
    trusted = x509.load_pem_x509_certificate((scene.home / "root/srv/pki/trust.crt").read_bytes()).fingerprint(SHA256())
    assert old != trusted
    assert told(scene)[3:] == ["bundle.trust"]
    assert walk(reconciler, "interval")[0].passed.result == "noop"


def test_its_own_steps_are_no_foreign_changes(scene: Scene) -> None:
    """Nobody is accused of having changed what the walk itself has written."""
    reconciler = scene.start()
    scene.source.head = "second"
    for trigger in ("source", "rotation"):
        walk(reconciler, trigger)
        scene.pass_time(HOUR)
        attempts = reconciler._memory.attempts if reconciler._memory else {}
        assert {address for address, one in attempts.items() if any(made.undone for made in one.made)} == set()


@pytest.mark.parametrize(
    ("address", "where", "issued"),
    [("bundle.trust", "stage", []), ("component.person", "clients", ["component.person"]), ("component.api", "soak", [])],
)
def test_a_hook_that_fails_holds_the_next_phase_until_it_is_mended(
    scene: Scene, address: str, where: str, issued: list[str]
) -> None:
    """It stays where it is however often it looks, the status names who has not been told, and mending is enough."""
    scene.source.commits["second"] = rotating(scene.home, 2, soak="0s")
    reconciler, before = scene.start(), len(scene.audit)
    broken = breaks(scene, address)
    scene.source.head = "second"
    steps = walk(reconciler, "source")
    for trigger in ("interval", "retry", "files"):
        scene.pass_time(60)
        steps += walk(reconciler, trigger)
    assert phases(steps)[-4:] == [where] * 4
    assert waits(steps[-1]) == {address: "is on disk, and its hooks have not been delivered yet"}
    assert scene.saved().rotations == (steps[-1].status.rotations if steps[-1].status else [])
    assert said(steps[-1])["HooksFailing"] == ("True", "HookFailed")
    if issued or where == "stage":
        assert [each for each in scene.audit[before:] if each.startswith("component.")] == issued
    assert held(scene) == 2
    broken.unlink()
    scene.pass_time(15 * 60)
    mended = walk(reconciler, "retry")
    assert (phases(mended)[-1], said(mended[-1]), held(scene)) == ("stable", READY, 1)


@pytest.mark.parametrize("where", ["stage", "clients", "soak"])
def test_a_lower_number_in_git_takes_it_back(scene: Scene, where: str) -> None:
    """From every phase, by a commit: in the end everything is signed by the old generation, and the new one is gone."""
    hold = {"stage": "clients", "clients": "servers", "soak": "distrust"}[where]
    reconciler = scene.start()
    original = signer(scene, "api")
    commit(scene, "held", rotating(scene.home, 2, hold=hold))
    assert phases(walk(reconciler, "source"))[-1] == where
    commit(scene, "back", rotating(scene.home, 1))
    walk(reconciler, "source")
    scene.pass_time(HOUR)
    last = walk(reconciler, "rotation")
    assert (phases(last)[-1], said(last[-1]), held(scene)) == ("stable", READY, 1)
    assert {signer(scene, "api"), signer(scene, "person")} == {original}
    assert not list((scene.home / "root/srv").rglob("*.g2.*"))


def test_going_back_and_forth_is_not_held_for_an_hour(scene: Scene) -> None:
    """What has to go back has to go back now: that another generation signs is no certificate issued again and again."""
    reconciler = scene.start()
    for number, generation in enumerate((2, 1, 2, 1, 2, 1)):
        commit(scene, f"c{number}", rotating(scene.home, generation, soak="0s"))
        scene.pass_time(60)
        last = walk(reconciler, "source")[-1]
        assert (phase(last), phase(last, "keypair.tokens"), said(last), last.passed.holds) == ("stable", "stable", READY, ())


@pytest.mark.parametrize(
    ("hold", "where"), [("stage", "stable"), ("clients", "stage"), ("servers", "clients"), ("soak", "servers")]
)
def test_a_hold_is_kept_told_and_lifted_by_commits(scene: Scene, hold: str, where: str) -> None:
    """It stops before the phase that git names, says that people have to lift it, and goes on by itself when they have."""
    reconciler = scene.start()
    commit(scene, "held", rotating(scene.home, 2, hold=hold))
    step = (*walk(reconciler, "source"), *walk(reconciler, "interval"))[-1]
    assert (phase(step), waits(step)) == (where, {"ca.main": f"is held by `rotation.hold: {hold}`"})
    assert said(step) == READY | {"RotationWaiting": ("True", "HeldByDesiredState")}
    scene.source.commits["lifted"] = rotating(scene.home, 2)
    scene.source.head = "lifted"
    lifted = walk(reconciler, "source")[-1]
    assert (phase(lifted), said(lifted)) == ("soak", READY)


def test_a_second_rotation_while_one_runs_is_refused_and_renewals_go_on(scene: Scene) -> None:
    """Nothing of the first is undone, the condition says that people have to decide, and what falls due is renewed."""
    reconciler = scene.start()
    commit(scene, "held", rotating(scene.home, 2, hold="servers"))
    walk(reconciler, "source")
    commit(scene, "third", rotating(scene.home, 3, hold="servers"))
    step = walk(reconciler, "source")[-1]
    assert (phase(step), said(step)["RotationWaiting"]) == ("clients", ("True", "UnfinishedRotation"))
    assert said(step)["Ready"] == ("False", "PlanErrored")
    before = signer(scene, "api"), signer(scene, "person")
    made = len(scene.audit)
    for _ in range(34):  # in steps that a clock may make
        scene.pass_time(timedelta(days=10).total_seconds())
        step = walk(reconciler, "interval")[-1]
    assert sorted(scene.audit[made:]) == ["component.api", "component.person"]
    assert (phase(step), held(scene)) == ("clients", 2)
    assert (signer(scene, "api"), signer(scene, "person")) == before


@pytest.mark.parametrize(("hold", "where"), [("clients", "stage"), ("servers", "clients"), ("distrust", "soak")])
def test_a_ca_that_is_suspended_stays_where_it_is(scene: Scene, hold: str, where: str) -> None:
    """Nothing further begins and nothing is taken back; without the line it goes on."""
    reconciler = scene.start()
    commit(scene, "held", rotating(scene.home, 2, hold=hold))
    walk(reconciler, "source")
    suspended = yaml.safe_load(rotating(scene.home, 2))
    suspended["cas"]["main"]["suspend"] = True
    commit(scene, "suspended", yaml.safe_dump(suspended))
    walk(reconciler, "source")
    scene.pass_time(2 * HOUR)
    step = walk(reconciler, "interval")[-1]
    assert (phase(step), waits(step), held(scene)) == (where, {"ca.main": "is suspended"}, 2)
    scene.source.commits["lifted"] = rotating(scene.home, 2)
    scene.source.head = "lifted"
    walk(reconciler, "source")
    scene.pass_time(2 * HOUR)
    assert phase(walk(reconciler, "rotation")[-1]) == "stable"


@pytest.mark.parametrize("broken", ["bundle.trust", "component.person", "component.api"])
def test_a_commit_about_something_else_changes_nothing_about_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """In a large desired state, where its few addresses came first: they get what is right at once, and nothing is distrusted."""
    monkeypatch.setattr(scope, "LARGE", 2)
    commit(scene, "now", rotating(scene.home, 2, soak="0s"))
    reconciler = scene.start()
    breaks(scene, broken)
    where = phase(walk(reconciler, "source")[-1])
    made = len(scene.audit)
    commit(scene, "more", rotating(scene.home, 2, soak="0s", extra=True))
    step = walk(reconciler, "source")[-1]
    assert (phase(step), sorted(scene.audit[made:])) == (where, ["component.guest", "component.more"])
    assert (held(scene), held(scene, "extra")) == (2, 2)


@pytest.mark.parametrize("where", ["stage", "clients", "soak"])
def test_a_restart_goes_on_from_what_is_there(scene: Scene, where: str) -> None:
    """Another process, with the memory of the first or without any, finds the same phase and ends the walk."""
    commit(scene, "held", rotating(scene.home, 2, hold={"stage": "clients", "clients": "servers", "soak": "distrust"}[where]))
    walk(scene.start(), "source")
    (scene.home / "state/reconciler.json").unlink()
    resumed = scene.start()
    assert phases(walk(resumed, "start"))[-1] == where
    commit(scene, "lifted", rotating(scene.home, 2))
    walk(resumed, "source")
    scene.pass_time(HOUR)
    assert phase(walk(scene.start(), "start")[-1]) == "stable"


def test_everybody_tells_the_same_of_a_rotation_under_way(tmp_path: Path) -> None:
    """Table, JSON and page by hand, and the metrics: phase, generations, what it waits for, and what git may do."""
    documents = {f"g{number}": rotating(tmp_path, number, hold="servers") for number in (1, 2)}
    scene = Scene(home=tmp_path, source=Played(**documents))
    reconciler, home = scene.start(root=str(tmp_path)), Home(path=tmp_path)
    walk(reconciler, "start")
    scene.source.head = "g2"
    status = walk(reconciler, "source")[-1].status
    assert status is not None
    home.write(documents["g2"])
    with mock.patch("reconciler.cli.status.wall_clock", return_value=scene.now):
        said_of = {form: home.call("status", "--format", form).out for form in ("json", "table", "html")}
    entries = {entry["address"]: entry for entry in json.loads(said_of["json"])["rotations"]}
    assert {address: (each["phase"], each["issues_clients"], each["issues_servers"]) for address, each in entries.items()} == {
        "ca.main": ("clients", 2, 1),
        "keypair.tokens": ("clients", 2, 1),
    }
    held = "is held by `rotation.hold: servers`"
    assert [each["message"] for each in entries["ca.main"]["waits_for"]] == [held]
    for line in (
        "Rotation of ca.main: generation 1 to 2",
        "stage > [clients] > servers > soak > distrust",
        f"waits    ca.main {held}",
        "back     with `generation: 1`: client certificates are reissued by the old generation",
    ):
        assert line in said_of["table"]
    row = "stage &rsaquo; <strong>clients</strong> &rsaquo; servers &rsaquo; soak &rsaquo; distrust"
    assert row in said_of["html"]
    assert f'<ul class="list"><li>{held}</li></ul>' in said_of["html"]
    metrics = Metrics(lambda: status, version="1", clock=lambda: scene.now).render("")[0].decode()
    for address in ("ca.main", "keypair.tokens"):
        for word, value in (("clients", "1.0"), ("stable", "0.0"), ("stage", "0.0")):
            assert f'cluster_pki_rotation_phase{{address="{address}",phase="{word}"}} {value}\n' in metrics
    assert 'cluster_pki_condition{status="True",type="RotationWaiting"} 1.0' in metrics


STORES: Final = """\
stores:
  files: {{type: file, root: "/nodes/{{node}}"}}
  authority: {{type: file, root: /authority}}
cas:
  kubernetes: {{store: authority, path: kubernetes/ca, generation: {generation}, rotation: {{soak: 1h}}}}
  etcd: {{store: authority, path: etcd/ca}}
  front-proxy: {{store: authority, path: front-proxy/ca}}
"""
CLUSTER: Final = "ca.kubernetes"


def test_without_hooks_it_waits_for_people_and_goes_on_from_what_they_did(tmp_path: Path) -> None:
    """Kubernetes' programs read their files at start: it says which to restart, and does not go back after an apply by hand."""
    documents = {f"g{number}": kubernetes("", nodes=SMALL, stores=STORES.format(generation=number)) for number in (1, 2)}
    scene = Scene(home=tmp_path, source=Played(**documents))
    reconciler = scene.start(root=str(tmp_path))
    walk(reconciler, "start")
    scene.source.head = "g2"
    home = Home(path=tmp_path)
    home.write(documents["g2"])
    seen = []
    steps = walk(reconciler, "source")
    for _ in range(2):
        for trigger in ("interval", "signal", "files"):
            scene.pass_time(300)
            steps += walk(reconciler, trigger)
            seen.append((phase(steps[-1], CLUSTER), said(steps[-1]), steps[-1].passed.result))
        told_to = (
            next(each for each in steps[-1].status.conditions if each.type == "RotationWaiting") if steps[-1].status else None
        )
        assert told_to is not None
        assert "restart kube-controller-manager on cp-1" in told_to.message
        assert told_to.message.endswith("`cluster-pki apply`.")
        with mock.patch("reconciler.cli.apply.wall_clock", return_value=scene.now):
            assert home.apply().code == 0
    waiting = READY | {"RotationWaiting": ("True", "RestartNeeded")}
    assert seen == [("stage", waiting, "noop")] * 3 + [("clients", waiting, "noop")] * 3
    after = walk(reconciler, "files")[-1]
    assert (phase(after, CLUSTER), said(after), after.next_why) == ("soak", READY, "rotation")
    scene.pass_time(HOUR)
    last = walk(reconciler, "rotation")[-1]
    assert (phase(last, CLUSTER), said(last)) == ("stable", READY)


def test_a_pass_that_could_not_look_keeps_what_people_are_waited_for(scene: Scene) -> None:
    """Somebody's apply holds the lock: that a rotation waits for people is neither over nor new."""
    reconciler = scene.start()
    commit(scene, "held", rotating(scene.home, 2, hold="clients"))
    walk(reconciler, "source")
    with holding(str(scene.home / "state/lock"), operation="apply", exclusive=True):
        step = reconciler.step("interval")
    assert said(step) == {"Ready": ("False", "LockHeld"), "RotationWaiting": ("True", "HeldByDesiredState")}


def test_what_follows_a_ca_that_keeps_its_key_follows_at_once(tmp_path: Path) -> None:
    """An intermediate, then the root, is renewed with its key: chains and bundle do not wait for the interval."""
    scene = Scene(home=tmp_path, source=Played(a=RENEWED))
    reconciler = scene.start()
    walk(reconciler, "start")
    done = []
    for _ in range(34):
        scene.pass_time(timedelta(days=10).total_seconds())
        steps = walk(reconciler, "renewal")
        assert said(steps[-1]) == READY
        done += [step.passed.outcome.done for step in steps if step.passed.outcome.done]
    assert done == [("ca.middle",), ("component.api",), ("ca.main", "ca.middle", "bundle.trust"), ("component.api",)]


STAGED: Final = Work(address="ca.main", kind="ca", action=Action.ROTATE, findings=(), task="stage")
RENEWED_LEAF: Final = Work(address="component.api", kind="component", action=Action.REISSUE, findings=())


@pytest.mark.parametrize(
    ("work", "done", "further", "expected"),
    [
        (STAGED, ("ca.main",), True, True),
        (STAGED, ("ca.main",), False, False),
        (STAGED, (), True, False),
        (RENEWED_LEAF, ("component.api",), True, False),
    ],
    ids=["a step", "the same once more", "a step that failed", "no rotation"],
)
def test_when_there_is_more_to_do_at_once(work: Work, done: tuple[str, ...], further: bool, expected: bool) -> None:
    """After a step of a rotation; not after the same work once more, which would come back for ever."""
    assert _goes_on(Passed(work=(work,), outcome=Outcome(done=done)), further=further) is expected
