"""The reconciler and a CA whose key is somebody else's: it asks once, waits without trying, and publishes at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from reconciler.daemon.managed import managed_paths
from tests.daemon.followed import Played, server, text
from tests.daemon.running import Place, running
from tests.daemon.scene import READY, Scene, said
from tests.outside_ca import OutsideCA, outside_ca
from tests.plan.external.outside import outside as world_outside

EXTERNAL: Final[dict[str, Any]] = {"cas": {"main": {"path": "ca/main", "issuer": {"external": {}}}}}
WAITS: Final = {"Ready": ("True", "RequestPending"), "ExternalCAWaiting": ("True", "RequestPending")}


def document(home: Path) -> str:
    """One server below that CA, whose hook leaves a trace."""
    hook = {"exec": ["/bin/sh", "-c", f"echo told >> {home}/told"]}
    return text(components={"api": server("api", after=[hook])}, **EXTERNAL)


def bring(root: Path, outside: OutsideCA) -> None:
    """The certificate of the CA, in its place."""
    place = root / "srv/ca/main.crt"
    place.parent.mkdir(parents=True)
    place.write_bytes(outside.certificate.read_bytes())


def answer(scene: Scene, outside: OutsideCA, *options: str) -> None:
    """The CA signs what it was asked; the clocks of both are one."""
    stem = scene.home / "root/srv/pki"
    outside.sign(stem / "api.next.csr", stem / "api.next.crt", *options)
    scene.now = max(scene.now, datetime.now(UTC) + timedelta(seconds=1))


@pytest.fixture
def outside(tmp_path: Path) -> OutsideCA:
    """The CA."""
    return outside_ca(tmp_path / "elsewhere")


@pytest.fixture
def scene(tmp_path: Path, outside: OutsideCA) -> Scene:
    """Nothing asked yet; by the real time, which is that of `openssl`."""
    bring(tmp_path / "root", outside)
    return Scene(home=tmp_path, source=Played(a=document(tmp_path)), now=datetime.now(UTC))


def test_it_asks_once_and_then_waits(scene: Scene) -> None:
    """What waits is told, and nothing of it is a failure: no retry, no backoff, not a byte changes."""
    reconciler = scene.start()
    first = reconciler.step("start")
    assert first.passed.outcome.done == ("component.api",)
    request = scene.home / "root/srv/pki/api.next.csr"
    before = request.read_bytes()
    for trigger in ("interval", "signal"):
        step = reconciler.step(trigger)
        assert (said(step), step.failed, step.again, step.passed.outcome.done) == (WAITS, False, False, ())
        assert step.passed.holds == ()
        assert step.next_why != "retry"
    assert request.read_bytes() == before
    assert scene.passes == ["success", "noop", "noop"]
    row = next(row for row in scene.saved().resources if row.address == "component.api")
    assert (row.sync, row.health) == ("OutOfSync", "Progressing")
    assert not (scene.home / "told").exists()


def test_what_comes_back_is_published_and_told(scene: Scene, outside: OutsideCA) -> None:
    """Hooks run once, for the certificate; then all is as it should be."""
    reconciler = scene.start()
    reconciler.step("start")
    answer(scene, outside)
    step = reconciler.step("files")
    assert (step.passed.outcome.done, said(step)) == (("component.api",), READY)
    assert (scene.home / "told").read_text(encoding="utf-8") == "told\n"
    assert sorted(path.name for path in (scene.home / "root/srv/pki").iterdir() if not path.name.startswith(".")) == [
        "api.crt",
        "api.key",
    ]
    assert said(reconciler.step("interval")) == READY


def test_a_wrong_answer_is_told_and_not_tried_again_and_again(scene: Scene, outside: OutsideCA) -> None:
    """It stays an error until somebody puts another one there."""
    reconciler = scene.start()
    reconciler.step("start")
    answer(scene, outside, "-copy_extensions", "none")
    for trigger in ("files", "interval"):
        step = reconciler.step(trigger)
        assert said(step)["Ready"] == ("False", "PlanErrored")
        assert (step.again, step.passed.outcome.done, step.passed.holds) == (False, (), ())
    answer(scene, outside)
    assert said(reconciler.step("files")) == READY


def test_a_certificate_in_use_keeps_it_ready_while_its_successor_is_asked_for(scene: Scene, outside: OutsideCA) -> None:
    """Everything works: that somebody else has something to do is a condition of its own."""
    reconciler = scene.start()
    reconciler.step("start")
    answer(scene, outside)
    reconciler.step("files")
    component = server("api", sans={"dns": ["api.test", "more.test"]})
    scene.source.commits["b"] = text(components={"api": component}, **EXTERNAL)
    scene.source.head = "b"
    reconciler.step("source")
    step = reconciler.step("interval")
    assert (said(step), step.complete) == (WAITS, True)


def test_a_certificate_that_has_ended_is_a_failure_although_its_successor_is_asked_for(scene: Scene, outside: OutsideCA) -> None:
    """Nobody has signed in time: what rests on it is down, whoever has to act."""
    reconciler = scene.start()
    reconciler.step("start")
    answer(scene, outside)
    reconciler.step("files")
    scene.pass_time(timedelta(days=366).total_seconds())
    for trigger in ("interval", "retry", "retry"):  # a clock that goes on by a year is looked at twice
        step = reconciler.step(trigger)
        scene.pass_time(60)
    assert said(step)["Ready"] == ("False", "RequestPending")
    assert step.failed


def test_answers_are_watched_for() -> None:
    """With the files that are published, and only where anybody outside is asked."""
    assert "/pki/api.next.crt" in managed_paths(world_outside().desired)


def test_a_running_reconciler_publishes_without_waiting_for_the_interval(tmp_path: Path, outside: OutsideCA) -> None:
    """The file appears, and the certificate is in use."""
    place = Place(home=tmp_path)
    bring(place.root, outside)
    place.write(document(tmp_path))
    pki = place.root / "srv/pki"
    with running(place, interval="1h") as one:
        one.wait_for(lambda: place.conditions() == WAITS)
        outside.sign(pki / "api.next.csr", pki / "api.next.crt")
        one.wait_for(lambda: place.conditions() == READY)
        one.wait_for((tmp_path / "told").exists)
        assert one.stop() == 0
    assert place.plan_is_empty()
