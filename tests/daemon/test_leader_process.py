"""Several reconcilers with one lease, as processes: one is stopped, another acts, and the first finds that it may not."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.daemon.running import HEAD, Place, Running, running
from tests.vault_server.server import VaultServer, vault_server

#: Seconds: the least that a lock may have.
TTL = 10
LEADS, FOLLOWS = ("True", "HoldsLease"), ("False", "HeldByAnother")
READY = ("True", "ReconciliationSucceeded")
LAUNCHER = (sys.executable, "-m", "tests.daemon.leased")


@dataclass(slots=True, kw_only=True)
class Beside(Place):
    """A machine of several that have the same source and the same files."""

    shared: Path = field(default_factory=Path)

    @property
    def source(self) -> Path:
        """That of all."""
        return self.shared / "source"

    @property
    def root(self) -> Path:
        """That of all."""
        return self.shared / "root"

    @property
    def gate(self) -> Path:
        """While it is there, signatures wait."""
        return self.home / "gate"

    def signed(self) -> list[str]:
        """The addresses for which it got something signed and published."""
        lines = (self.state / "audit.jsonl").read_text(encoding="utf-8").splitlines()
        entries = [json.loads(line) for line in lines]
        return [entry["address"] for entry in entries if entry.get("serial") and entry["operation"] != "abandoned"]

    def leader(self) -> tuple[str, str]:
        """What it says of its part."""
        return self.conditions().get("Leader", ("", ""))

    def settled(self, leader: tuple[str, str]) -> bool:
        """Whether it has nothing to do, and has this part."""
        found = self.conditions()
        return (found.get("Ready"), found.get("Leader")) == (READY, leader)


@dataclass(slots=True)
class Cluster:
    """A server, a source and files."""

    home: Path
    server: VaultServer
    processes: ExitStack

    def machine(self, name: str) -> Beside:
        """A state directory of its own."""
        home = self.home / name
        home.mkdir()
        place = Beside(home=home, shared=self.home, launcher=LAUNCHER)
        place.extra_environment |= {"T": self.server.root_token, "TEST_GATE": str(place.gate)}
        return place

    def start(self, place: Beside) -> Running:
        """The reconciler of a machine."""
        return self.processes.enter_context(running(place, interval="1s"))

    def want(self, *names: str) -> None:
        """The desired state."""
        text = HEAD.replace(
            "stores:",
            "connections:\n"
            f"  main: {{type: vault, addresses: [{self.server.address}], deadline: 1s, auth: {{method: token, tokenEnv: T}}}}\n"
            f"lock: {{connection: main, mount: secret, path: clusters/run/lock, ttl: {TTL}s}}\n"
            "stores:",
        )
        for name in names:
            text += f"  {name}: {{ca: main, usages: [server auth], sans: {{dns: [{name}.test]}}, path: pki/{name}}}\n"
        fresh = self.home / "source/new"
        fresh.parent.mkdir(exist_ok=True)
        fresh.write_text(text, encoding="utf-8")
        fresh.rename(self.home / "source/cluster-pki.yaml")

    def lease(self) -> dict[str, object]:
        """What the secret says."""
        found = self.server.call("GET", "secret/data/clusters/run/lock")["data"]
        assert isinstance(found, dict)
        return found


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """With one server wanted."""
    with vault_server() as server, ExitStack() as processes:
        server.call("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        made = Cluster(tmp_path, server, processes)
        made.want("api")
        yield made


def test_a_reconciler_that_was_stopped_is_replaced_and_writes_nothing_any_more(cluster: Cluster) -> None:
    """Stopped between its signature and its publication, longer than its lease: only the other's certificate is ever seen."""
    a, b = cluster.machine("a"), cluster.machine("b")
    first = cluster.start(a)
    first.wait_for(lambda: a.settled(LEADS))
    second = cluster.start(b)
    second.wait_for(lambda: b.settled(FOLLOWS))
    turn = int(str(cluster.lease()["turn"]))
    # It is in the middle of a step, for longer than a lease lasts: its lease is renewed beside the work, and the other waits.
    a.gate.touch()
    cluster.want("api", "web")
    first.wait_for(a.gate.with_suffix(".waits").exists)
    time.sleep(1.5 * TTL)
    assert (b.leader(), cluster.lease()["turn"]) == (FOLLOWS, turn)
    first.send(signal.SIGSTOP)
    a.gate.unlink()
    second.wait_for(lambda: b.settled(LEADS))
    assert int(str(cluster.lease()["turn"])) > turn
    seen = b.serial("web")
    assert seen
    first.send(signal.SIGCONT)
    first.wait_for(lambda: a.leader() == FOLLOWS)
    first.wait_for(lambda: a.settled(FOLLOWS))
    assert "has taken it. Nothing more is written." in first.logged()
    assert (a.serial("web"), b.plan_is_empty()) == (seen, True)
    assert (a.signed(), b.signed()) == (["ca.main", "component.api"], ["component.web"])
    # The other one ends as it should: the first acts at once, and what it had begun is undone.
    assert second.stop() == 0
    cluster.want("api", "web", "more")
    first.wait_for(lambda: a.settled(LEADS))
    assert a.signed() == ["ca.main", "component.api", "component.more"]
    assert "component.web: an interrupted apply was undone" in first.logged()
    assert a.serial("web") == seen


def test_an_apply_by_hand_waits_for_the_lease(cluster: Cluster) -> None:
    """On another machine: 75 with who holds it, since when and the way out; with patience its turn comes. A plan needs none."""
    a, b = cluster.machine("a"), cluster.machine("b")
    first = cluster.start(a)
    first.wait_for(lambda: a.settled(LEADS))
    refused = b.command("apply", "--auto-approve", expect=75)
    assert "Error acquiring the lease" in refused.stderr
    assert f"(pid {first.pid})" in refused.stderr
    assert "Since: " in refused.stderr
    assert "--lock-timeout 20s" in refused.stderr
    assert b.command("plan", "--detailed-exitcode").returncode == 0
    first.send(signal.SIGSTOP)
    cluster.want("api", "web")
    b.command("apply", "--auto-approve", "--lock-timeout", "30s")
    assert b.signed() == ["component.web"]
    assert cluster.lease()["holder"] == ""
    first.send(signal.SIGCONT)
    first.wait_for(lambda: a.settled(LEADS))
    assert a.signed() == ["ca.main", "component.api"]


def test_an_apply_beside_the_reconciler_has_its_lease(cluster: Cluster) -> None:
    """With the same state directory the state lock keeps the two apart; so it does when the reconciler was killed."""
    a, b = cluster.machine("a"), cluster.machine("b")
    first = cluster.start(a)
    first.wait_for(lambda: a.settled(LEADS))
    turn = int(str(cluster.lease()["turn"]))
    a.command("apply", "--auto-approve", "--lock-timeout", "30s")
    assert int(str(cluster.lease()["turn"])) > turn
    first.wait_for_passes(2)
    assert a.settled(LEADS)
    assert b.command("apply", "--auto-approve", expect=75).stdout == ""
    first.process.kill()
    first.process.wait()
    turn = int(str(cluster.lease()["turn"]))
    again = cluster.start(a)
    again.wait_for(lambda: a.status()["reconciler"]["pid"] == again.process.pid and a.settled(LEADS), within=TTL / 2)
    assert int(str(cluster.lease()["turn"])) > turn


def test_a_server_that_is_away_stops_changes_and_nothing_else(cluster: Cluster) -> None:
    """Sealed: nobody knows who acts, so nobody does; the files stay, and it goes on by itself."""
    a = cluster.machine("a")
    first = cluster.start(a)
    first.wait_for(lambda: a.settled(LEADS))
    cluster.server.seal()
    first.wait_for(lambda: a.leader() == ("Unknown", "LeaseUnknown"))
    assert a.conditions()["Ready"] == READY
    cluster.want("api", "web")
    first.wait_for_passes(2)
    assert a.conditions()["Ready"] == ("False", "ChangesPending")
    assert a.signed() == ["ca.main", "component.api"]
    cluster.server.unseal()
    first.wait_for(lambda: a.settled(LEADS))
    assert a.signed() == ["ca.main", "component.api", "component.web"]
    assert first.stop() == 0


def test_one_pass_for_cron_leaves_it_to_whoever_acts(cluster: Cluster) -> None:
    """`run --once` ends with 75 when there is something to do that another one does; with 0 when there is nothing."""
    a, b = cluster.machine("a"), cluster.machine("b")
    first = cluster.start(a)
    first.wait_for(lambda: a.settled(LEADS))
    b.once()
    first.send(signal.SIGSTOP)
    cluster.want("api", "web")
    b.once(expect=75)
    assert b.leader() == FOLLOWS
    first.send(signal.SIGCONT)
