"""Deliveries, wired up: real records, programs and endpoints. What is decided is tested beside the decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconciler.passes.deliver import Delivered, Deliveries
from reconciler.passes.look import View
from reconciler.source.revision import Revision
from tests.builders import NOW
from tests.daemon.followed import server, text
from tests.observed.live.servers import presenting, serving
from tests.passes.sessions import carried, seen, session


@dataclass(slots=True, kw_only=True)
class Scene:
    """A directory in which one server has a hook."""

    home: Path
    revision: str = "a"
    now: datetime = NOW
    beats: int = 0
    slow: float = 0.0
    """Seconds that the hook takes."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of the component."""

    @property
    def log(self) -> list[str]:
        """What the hook wrote, a line each time."""
        path = self.home / "log"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def look(self) -> View:
        """What is there."""
        hook = f'echo "$PKI_ADDRESS $PKI_REASONS" >> {self.home}/log; sleep {self.slow}; test ! -e {self.home}/broken'
        component = server("api", after=[{"exec": ["/bin/sh", "-c", hook]}], **self.more)
        revision = Revision(kind="git", id=self.revision, location="/srv", path="cluster-pki.yaml")
        return seen(session(self.home, text(components={"api": component}), revision=revision))

    def deliveries(self) -> Deliveries:
        """Of whoever comes next."""
        return Deliveries(self.look().session.state, beat=self.beat)

    def beat(self) -> None:
        """It lives."""
        self.beats += 1

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += timedelta(seconds=seconds)

    def make(self) -> Deliveries:
        """Makes everything, with the record of what was there before."""
        view = self.look()
        deliveries = self.deliveries()
        deliveries.note_baseline(view)
        carried(view)
        return deliveries

    def deliver(self, deliveries: Deliveries, *, impatient: bool = False, stopped: bool = False) -> Delivered:
        """Runs what is owed."""
        return deliveries.deliver(
            self.look(),
            reasons={"component.api": ("Missing",)},
            clock=lambda: self.now,
            wait=self.wait,
            stop=lambda: stopped,
            impatient=impatient,
        )


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Nothing made yet."""
    return Scene(home=tmp_path)


def test_what_was_published_is_delivered_once(scene: Scene) -> None:
    """With the reasons of the plan, after a sign of life; whoever comes next owes nothing."""
    done = scene.deliver(scene.make())
    assert [(ran.address, ran.result.status) for ran in done.ran] == [("component.api", "ok")]
    assert (done.hooks, done.failing, done.next_attempt_at, scene.beats > 0) == ((), (), None, True)
    assert scene.deliver(scene.deliveries()).ran == ()
    assert scene.log == ["component.api Missing"]


def test_a_hook_that_takes_long_does_not_look_dead(scene: Scene) -> None:
    """Signs of life go on while it runs: whoever waits for them kills what gives none."""
    scene.slow = 1.2
    scene.deliver(scene.make())
    assert scene.beats >= 4


def test_without_a_record_of_before_nothing_is_owed(scene: Scene) -> None:
    """A hook that is new in the desired state is not run for what was there already."""
    carried(scene.look())
    assert scene.deliver(scene.deliveries()).ran == ()


def test_a_failure_is_kept_and_tried_again_in_time(scene: Scene) -> None:
    """By another process too; a person, or another revision, does not wait for it."""
    (scene.home / "broken").touch()
    done = scene.deliver(scene.make())
    (failing,) = done.failing
    assert (failing.address, failing.state, failing.attempts) == ("component.api", "failing", 1)
    assert done.next_attempt_at == failing.next_attempt_at
    assert done.next_attempt_at is not None
    assert done.next_attempt_at > scene.now
    waiting = scene.deliver(scene.deliveries())
    assert (waiting.ran, waiting.next_attempt_at) == ((), done.next_attempt_at)
    assert len(scene.deliver(scene.deliveries(), impatient=True).ran) == 1
    scene.revision = "b"
    assert len(scene.deliver(scene.deliveries()).ran) == 1
    (scene.home / "broken").unlink()
    scene.wait(3600)
    assert scene.deliver(scene.deliveries()).hooks == ()
    assert scene.log == ["component.api Missing"] * 4


def test_what_is_noted_lies_in_the_state_directory(scene: Scene) -> None:
    """Before anything is published: a crash right after it loses nothing. The same is not written twice."""
    deliveries, view = scene.deliveries(), scene.look()
    deliveries.note_baseline(view)
    record = scene.home / "state/deliveries.json"
    before = record.stat()
    assert list(msgspec.json.decode(record.read_bytes())["owners"]) == ["component.api"]
    deliveries.note_baseline(view)
    assert record.stat() == before


def test_a_stop_leaves_it_owed(scene: Scene) -> None:
    """Nothing is begun, and whoever comes next does it."""
    deliveries = scene.make()
    assert scene.deliver(deliveries, stopped=True).ran == ()
    assert len(scene.deliver(scene.deliveries()).ran) == 1


def test_an_endpoint_is_asked_until_it_agrees(scene: Scene) -> None:
    """One that serves something else is asked for ten seconds; it stays owed, and what was seen is given."""
    with serving(presenting(scene.home)) as port:
        scene.more = {"probe": {"address": f"127.0.0.1:{port}"}}
        done = scene.deliver(scene.make())
    assert [(address, seen.state) for address, seen in done.served.items()] == [("component.api", "stale")]
    (failing,) = done.failing
    assert f"127.0.0.1:{port} presents serial" in failing.detail
    assert timedelta(seconds=10) <= scene.now - NOW <= timedelta(seconds=15)
