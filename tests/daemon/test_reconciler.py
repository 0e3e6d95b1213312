"""One waking after the other, in this process: real files and passes, a played source and clock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from reconciler.apply.lock import hold
from reconciler.daemon import passing
from reconciler.daemon.attempts import Hold
from reconciler.daemon.conditions import Refused
from reconciler.daemon.memory import Attempts, Memory
from reconciler.daemon.passing import Passed
from reconciler.issuers.local import LocalIssuer
from reconciler.passes import scope
from reconciler.passes.look import View, look
from reconciler.source.revision import SourceError
from reconciler.x509.errors import LintError
from reconciler.x509.keys import PrivateKey
from reconciler.x509.profile import Request
from reconciler.x509.read import Certificate
from tests.builders import NOW
from tests.daemon.followed import Played, server, text
from tests.daemon.scene import INTERVAL, READY, Scene, said
from tests.observed.live.servers import presenting, serving


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Two servers, nothing made yet."""
    return Scene(home=tmp_path, source=Played(a=text("api", "web")))


def test_from_nothing_to_everything_and_then_nothing(scene: Scene) -> None:
    """The first waking makes all of it, the second finds nothing to do; both tell when the next renewal is due."""
    reconciler = scene.start()
    first, second = reconciler.step("start"), reconciler.step("interval")
    assert first.status is not None
    assert second.status is not None
    assert (first.passed.outcome.done, second.passed.outcome.done) == (("ca.main", "component.api", "component.web"), ())
    assert scene.passes == ["success", "noop"]
    for step in (first, second):
        assert (said(step), step.failed, step.again, step.complete, step.refused) == (READY, False, False, True, None)
        assert step.next_why == "renewal"
        assert step.next_at == step.passed.planned.summary.next_renewal if step is second and step.passed.planned else True
    assert second.status == scene.saved()
    told = second.status.reconciler
    assert told is not None
    assert (told.passes, told.next_pass_at, told.next_pass_why) == (2, second.next_at, "renewal")
    assert told.last_pass is not None
    assert (told.last_pass.trigger, told.last_pass.result, told.last_pass.revision) == ("interval", "noop", "a")


def test_without_any_desired_state_there_is_nothing_to_pass_over(scene: Scene) -> None:
    """It says why, and touches nothing."""
    scene.source.commits["a"] = SourceError(reason="Unsigned", message="no")
    step = scene.start().step("start")
    assert (step.status, step.failed, step.refused) == (None, True, Refused(reason="Unsigned", message="no."))
    assert list(scene.home.iterdir()) == []
    assert scene.passes == []


def test_a_pass_that_could_not_look_keeps_what_was_told(scene: Scene) -> None:
    """Somebody's apply holds the lock: the rows stay, the condition names them, and it is tried again in five seconds."""
    reconciler = scene.start()
    before = reconciler.step("start").status
    assert before is not None
    with hold(str(scene.home / "state/lock"), operation="apply", exclusive=True):
        scene.pass_time(60)
        step = reconciler.step("interval")
    assert step.status is not None
    assert said(step) == {"Ready": ("False", "LockHeld")}
    assert (step.status.resources, step.status.summary, step.status.at) == (before.resources, before.summary, before.at)
    assert (step.passed.view, step.failed, step.complete) == (None, True, False)
    assert (step.next_at, step.next_why) == (scene.now + timedelta(seconds=5), "retry")
    assert scene.saved() == step.status
    assert said(reconciler.step("retry")) == READY
    assert scene.passes == ["success", "error", "noop"]


def test_whoever_only_looks_is_waited_for(scene: Scene) -> None:
    """A status by hand holds the lock for a moment: that is no reason to say that something is wrong."""
    reconciler = scene.start()
    reconciler.step("start")
    looking = ExitStack()
    looking.enter_context(hold(str(scene.home / "state/lock"), operation="status", exclusive=False))
    over = threading.Timer(0.2, looking.close)
    over.start()
    step = reconciler.step("interval")
    over.join()
    assert said(step) == READY


def test_a_first_pass_that_could_not_look_has_nothing_to_tell(scene: Scene) -> None:
    """An empty document of the right cluster, with the reason."""
    (scene.home / "state").mkdir(mode=0o700)
    with hold(str(scene.home / "state/lock"), operation="apply", exclusive=True):
        step = scene.start().step("start")
    assert step.status is not None
    assert (step.status.cluster, step.status.resources, said(step)) == ("run", [], {"Ready": ("False", "LockHeld")})


def test_a_status_that_cannot_be_written_is_a_failure_and_stops_nothing(scene: Scene) -> None:
    """The certificates are made all the same."""
    (scene.home / "state/status.json").mkdir(parents=True)
    (scene.home / "state").chmod(0o700)
    step = scene.start().step("start")
    assert (step.failed, said(step)) == (True, READY)
    assert (scene.home / "root/srv/pki/web.crt").exists()


def hooked(command: str = "true", **more: object) -> str:
    """One server with a hook."""
    return text(components={"api": server("api", after=[{"exec": ["/bin/sh", "-c", command]}], **more)})


def test_a_hook_that_fails_is_tried_again_in_time(scene: Scene) -> None:
    """The next waking is the hook's; who asked for it now does not wait; a success ends it."""
    scene.source.commits["a"] = hooked(f"test -e {scene.home}/mended")
    reconciler = scene.start()
    step = reconciler.step("start")
    assert said(step) == {"Ready": ("False", "HookFailed"), "HooksFailing": ("True", "HookFailed")}
    assert (step.failed, step.complete, scene.passes) == (True, False, ["error"])
    assert step.next_why == "retry"
    assert step.next_at is not None
    assert scene.now < step.next_at <= scene.now + timedelta(minutes=1)
    waiting = reconciler.step("interval")
    assert waiting.passed.delivered is not None
    assert waiting.passed.delivered.ran == ()
    assert waiting.next_at == step.next_at
    (scene.home / "mended").touch()
    mended = reconciler.step("signal")
    assert (said(mended), mended.complete, mended.next_why) == (READY, True, "renewal")


def test_hooks_that_are_owed_are_told_while_nobody_could_look(scene: Scene) -> None:
    """A pass that meets an apply does not make what is owed disappear."""
    scene.source.commits["a"] = hooked("exit 1")
    reconciler = scene.start()
    owed = reconciler.step("start").status
    with hold(str(scene.home / "state/lock"), operation="apply", exclusive=True):
        step = reconciler.step("interval")
    assert owed is not None
    assert step.status is not None
    assert [(hook.address, hook.state) for hook in owed.hooks] == [("component.api", "failing")]
    assert step.status.hooks == owed.hooks
    assert said(step) == {"Ready": ("False", "LockHeld"), "HooksFailing": ("True", "HookFailed")}
    assert step.status.conditions[1] == next(each for each in owed.conditions if each.type == "HooksFailing")


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """An endpoint that presents a certificate of somebody else."""
    with serving(presenting(tmp_path)) as number:
        yield number


@pytest.mark.parametrize(
    ("hooks", "suspended", "again"),
    [([{"exec": ["/bin/true"]}], False, True), ([], False, False), ([{"exec": ["/bin/true"]}], True, False)],
    ids=["with a hook", "without", "suspended"],
)
def test_what_is_newly_stale_and_has_hooks_is_seen_to_at_once(
    scene: Scene, port: int, *, hooks: list[dict[str, Any]], suspended: bool, again: bool
) -> None:
    """A process that came up with an old certificate is told at once, and once; without a hook there is nobody to tell."""
    component = server("api", after=hooks)
    probed = component | {"probe": {"address": f"127.0.0.1:{port}"}}
    scene.source.commits["a"] = text(components={"api": component})
    scene.source.commits["b"] = text(components={"api": probed}, suspend=suspended)
    reconciler = scene.start()
    reconciler.step("start")
    scene.source.head = "b"
    steps = [reconciler.step("source"), reconciler.step("retry")]
    assert [step.again for step in steps] == [again, False]
    assert [len(step.passed.delivered.ran) for step in steps if step.passed.delivered] == [0, int(again)]
    assert said(steps[1])["ServedStale"] == ("True", "ServesAnotherCertificate")
    assert scene.saved().resources[1].served == "stale"


def test_what_was_served_is_forgotten_with_its_probe(scene: Scene, port: int) -> None:
    """A probe that was taken out of the desired state leaves no condition behind."""
    scene.source.commits |= {
        "a": text(components={"api": server("api", probe={"address": f"127.0.0.1:{port}"})}),
        "b": text("api"),
    }
    reconciler = scene.start()
    assert "ServedStale" in said(reconciler.step("start"))
    scene.source.head = "b"
    assert said(reconciler.step("source")) == READY


@pytest.mark.parametrize(
    ("passed", "attempts", "expected"),
    [
        (Passed(), {}, None),
        (Passed(holds=(Hold(address="a", until=NOW + INTERVAL, reason="Backoff", detail=""),)), {}, (300.0, "retry")),
        (Passed(holds=(Hold(address="a", until=NOW - INTERVAL, reason="Flapping", detail=""),)), {}, (1.0, "retry")),
        (Passed(holds=(Hold(address="a", until=NOW, reason="Flapping", detail=""),)), {}, (1.0, "retry")),
        (Passed(), {"a": Attempts(failures=1, retry_at=NOW + timedelta(seconds=20))}, (20.0, "retry")),
        (Passed(trouble=Refused(reason="LockHeld", message="", stalled=False)), {}, (5.0, "retry")),
        (Passed(trouble=Refused(reason="StateUnusable", message="", stalled=True)), {}, None),
    ],
    ids=["nothing", "held", "held until long ago", "held until now", "failed", "somebody is at work", "only a person can help"],
)
def test_the_next_waking(passed: Passed, attempts: dict[str, Attempts], expected: tuple[float, str] | None, scene: Scene) -> None:
    """The earliest thing to do, and never at once: what does not go away by itself must not make the loop spin."""
    at, why = scene.start()._next(passed, Memory(attempts=attempts), NOW)
    assert (((at - NOW).total_seconds(), why) if at else None) == expected


def test_a_renewal_that_may_not_be_done_wakes_nobody(scene: Scene) -> None:
    """Suspended and overdue: it stays so until somebody acts, and the next waking is for what falls due after it."""
    reconciler = scene.start()
    reconciler.step("start")
    scene.source.commits["b"] = text("api", "web", suspend=True)
    scene.source.head = "b"
    for _ in range(3):
        scene.pass_time(timedelta(days=120).total_seconds())
        step = reconciler.step("renewal")
    assert step.next_at is not None
    assert step.next_at > scene.now + timedelta(days=365)
    assert (step.next_why, step.passed.outcome.done) == ("renewal", ())
    assert said(step) == {"Ready": ("False", "ChangesSuspended"), "Suspended": ("True", "SuspendedByDesiredState")}


def test_a_clock_that_jumped_is_looked_at_again_soon(scene: Scene) -> None:
    """Nothing is changed with it; after ten seconds of the same time it is believed, and what is due is renewed."""
    reconciler = scene.start()
    reconciler.step("start")
    scene.now += timedelta(days=350)
    doubted = reconciler.step("renewal")
    assert said(doubted)["ClockUncertain"] == ("True", "ClockWentForward")
    assert reconciler.doubts_the_clock
    assert (doubted.passed.outcome.done, doubted.next_at, doubted.next_why) == ((), scene.now + timedelta(seconds=10), "retry")
    scene.pass_time(10)
    believed = reconciler.step("retry")
    assert (said(believed), believed.passed.outcome.done) == (READY, ("component.api", "component.web"))
    assert not reconciler.doubts_the_clock


REFUSAL: Final = "the role web of pki/run does not allow web.test"


@pytest.fixture
def asked(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that a certificate was asked for, in order, by an issuer that refuses one of them while it is told to."""
    sign, heard = LocalIssuer.sign, list[str]()

    def refusing(self: LocalIssuer, request: Request, key: PrivateKey, *, instead: str = "") -> Certificate:
        heard.append(request.subject.common_name)
        if request.subject.common_name == "web" and not (scene.home / "allowed").exists():
            raise LintError((REFUSAL,), retryable=False)
        return sign(self, request, key, instead=instead)

    monkeypatch.setattr(LocalIssuer, "sign", refusing)
    return heard


def test_what_an_issuer_refused_is_asked_for_once_a_revision(scene: Scene, asked: list[str]) -> None:
    """Ten wakings in ten days ask once, and the status says what was refused; the next revision asks once more."""
    reconciler = scene.start()
    steps = []
    for trigger in ("start", *["interval"] * 9):
        steps.append(reconciler.step(trigger))
        scene.pass_time(timedelta(days=1).total_seconds())
    assert (asked.count("web"), asked.count("api")) == (1, 1)
    assert said(steps[0]) == {"Ready": ("False", "ApplyFailed"), "Stalled": ("True", "Refused")}
    assert said(steps[-1]) == {"Ready": ("False", "Refused"), "Stalled": ("True", "Refused")}
    assert [change.detail for change in scene.changes() if change.outcome == "held"] == [REFUSAL]
    assert (steps[-1].next_why, steps[-1].failed, scene.passes[-1]) == ("renewal", True, "noop")
    scene.source.commits["b"] = text("api", "web", "more")
    scene.source.head = "b"
    for _ in range(10):
        reconciler.step("source")
        scene.pass_time(timedelta(hours=1).total_seconds())
    assert (asked.count("web"), asked.count("api"), asked.count("more")) == (2, 1, 1)


def test_a_restart_does_not_ask_again_and_sighup_does(scene: Scene, asked: list[str]) -> None:
    """A cron job that starts it every minute is no reason to ask; a person who changed the role and says so is one."""
    for _ in range(5):
        scene.start(once=True).step("start")
        scene.pass_time(60)
    assert asked.count("web") == 1
    (scene.home / "allowed").touch()
    reconciler = scene.start()
    assert said(reconciler.step("start"))["Ready"] == ("False", "Refused")
    assert said(reconciler.step("signal")) == READY
    assert asked.count("web") == 2


def test_what_was_put_right_by_hand_falls_due_again(scene: Scene, asked: list[str]) -> None:
    """An apply by hand got the certificate: its renewal under the same desired state is asked for as any other."""
    reconciler = scene.start()
    reconciler.step("start")
    (scene.home / "allowed").touch()
    by_hand = scene.start()
    assert said(by_hand.step("signal")) == READY
    assert said(reconciler.step("interval")) == READY
    made = asked.count("web")
    for _ in range(10):
        scene.pass_time(timedelta(days=34).total_seconds())
        step = reconciler.step("renewal")
    assert (said(step), asked.count("web")) == (READY, made + 1)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The components of each look."""
    seen: list[list[str]] = []

    def looking(session: Any, **options: Any) -> View:  # noqa: ANN401 - handed on as it came
        seen.append(sorted(session.compiled.state.components))
        return look(session, **options)

    monkeypatch.setattr(passing, "look", looking)
    return seen


NAMES: Final = [f"c{number}" for number in range(6)]


@pytest.fixture
def large(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """Six components, in a world where that is many; a hook that tells why it runs at one of them."""
    monkeypatch.setattr(scope, "LARGE", len(NAMES))
    before = yaml.safe_load(text(*NAMES))
    log = scene.home / "log"
    before["components"]["c3"]["after"] = [{"exec": ["/bin/sh", "-c", f'echo "$PKI_REASONS" >> {log}']}]
    changed = yaml.safe_load(yaml.safe_dump(before))
    changed["components"]["c3"]["sans"] = {"dns": ["other.test"]}
    scene.source.commits |= {"a": yaml.safe_dump(before), "b": yaml.safe_dump(changed)}
    return scene


def test_one_changed_line_of_many_is_done_first(large: Scene, looks: list[list[str]]) -> None:
    """That certificate alone, before anything else is looked at; the look at everything then finds nothing to do."""
    reconciler = large.start()
    reconciler.step("start")
    (large.home / "log").unlink()
    made = len(large.audit)
    looks.clear()
    large.source.head = "b"
    step = reconciler.step("source")
    everything = [f"component.{name}" for name in NAMES]
    assert looks == [["component.c3"], everything]
    assert large.audit[made:] == ["component.c3"]
    assert (said(step), step.complete) == (READY, True)
    looks.clear()
    assert reconciler.step("interval").passed.result == "noop"
    assert looks == [everything]


def test_what_was_done_first_is_told_like_everything_else(large: Scene) -> None:
    """In the result, the status and to the hooks: that it came before the rest is nobody's business."""
    reconciler = large.start()
    reconciler.step("start")
    (large.home / "log").unlink()
    large.source.head = "b"
    step = reconciler.step("source")
    assert (step.passed.outcome.done, large.passes) == (("component.c3",), ["success", "success"])
    assert step.status is not None
    assert step.status.reconciler is not None
    assert step.status.reconciler.last_pass is not None
    changes = step.status.reconciler.last_pass.changes
    assert [(change.address, change.class_, change.reasons, change.outcome) for change in changes] == [
        ("component.c3", "reissue", ["SanMismatch"], "done")
    ]
    assert (large.home / "log").read_text(encoding="utf-8") == "SanMismatch\n"


def test_what_fails_in_front_is_told_and_waits(large: Scene) -> None:
    """A disk that refuses it: the look at everything does not try it again at once."""
    reconciler = large.start()
    reconciler.step("start")
    commit = yaml.safe_load(str(large.source.commits["b"]))
    commit["components"]["c3"]["path"] = "blocked/c3"
    (large.home / "root/srv/blocked").write_text("a file where a directory should be", encoding="utf-8")
    large.source.commits["b"] = yaml.safe_dump(commit)
    large.source.head = "b"
    step = reconciler.step("source")
    assert said(step)["Ready"][0] == "False"
    assert step.failed
    assert (step.passed.outcome.done, step.next_why) == ((), "retry")


def test_with_a_clock_in_doubt_nothing_is_done_first(large: Scene, looks: list[list[str]]) -> None:
    """It waits like everything else."""
    reconciler = large.start()
    reconciler.step("start")
    made = len(large.audit)
    looks.clear()
    large.now -= timedelta(hours=1)
    large.source.head = "b"
    step = reconciler.step("source")
    assert said(step)["ClockUncertain"] == ("True", "ClockWentBack")
    assert (len(looks), large.audit[made:]) == (1, [])
