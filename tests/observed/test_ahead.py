"""Several processes see what one sees, also when some of them fail."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.desired.model import Component, DesiredState
from reconciler.desired.vault import Auth, Connection
from reconciler.observed import ahead, pairs
from reconciler.observed.ahead import Ahead, processes, shares
from reconciler.observed.cache import Cache
from reconciler.observed.gather import gather
from reconciler.observed.signers import Checks, Question
from tests.builders import make_key, make_leaf
from tests.observed.cluster import API, AUTHORITY, Cluster

# The test runner may have threads of its own; what a child does here takes none of their locks.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

SERVERS = 7


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A few more servers, which count as many; one has the key of another."""
    monkeypatch.setattr(ahead, "WORTH_A_PROCESS", 2)
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    cluster = Cluster(root=tmp_path).write()
    for number in range(SERVERS):
        leaf = make_leaf(AUTHORITY, "api", key=make_key(f"api-{number}"))
        files = {".crt": leaf.certificate.pem, ".key": make_key(f"api-{number // 2 * 2}").pem()}
        cluster.publish(f"pki/api-{number}", files, address=f"component.api[n-{number}]")
    return cluster


def wanted(cluster: Cluster) -> DesiredState:
    """With those servers before and after the client that lives in a kubeconfig."""
    desired = cluster.desired()
    server = desired.components[API]
    addresses = [f"component.api[n-{number}]" for number in range(SERVERS)]
    servers = {
        address: replace(server, address=address, place=cluster.place(f"pki/api-{number}"))
        for number, address in enumerate(addresses)
    }
    ordered = {**dict(list(servers.items())[:3]), **desired.components, **dict(list(servers.items())[3:])}
    return replace(desired, components=ordered)


@pytest.mark.parametrize(
    ("unseen", "cores", "expected"),
    [(0, 8, 1), (-5, 8, 1), (1_499, 8, 1), (1_500, 8, 2), (10_000, 1, 1), (10_000, 2, 2), (100_000, 64, 4)],
)
def test_processes_are_for_what_is_new_and_large(unseen: int, cores: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small state, a known one, or a single core needs no second process."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    assert processes(unseen, cores=cores) == expected


def test_a_process_with_threads_does_not_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that serves metrics looks with one process."""
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    assert processes(10_000, cores=8) == 1


@given(items=st.lists(st.integers()), count=st.integers(1, 6))
def test_everything_is_in_one_share_and_in_order(items: list[int], count: int) -> None:
    """Shares differ by one item at most."""
    parts = shares(items, count)
    sizes = {len(part) for part in parts}
    assert (len(parts), [item for part in parts for item in part]) == (count, items)
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("cores", [2, 3, 4])
def test_several_processes_see_what_one_sees(cores: int, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same state in the same order, and this process looks at its own part only."""
    alone = gather(wanted(cluster), cores=1)
    forks: list[int] = []
    fork = os.fork
    monkeypatch.setattr(os, "fork", lambda: counted(fork(), forks))
    together = gather(wanted(cluster), cores=cores)
    assert together == alone
    assert list(together.pairs) == list(alone.pairs)
    assert len(forks) == cores - 1


def test_what_talks_to_servers_does_not_fork(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes on one connection would read each other's answers."""
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("it forked"))
    main = Connection(name="main", addresses=("https://vault:8200",), auth=Auth(method="token", token_env="TOKEN"))  # noqa: S106
    gather(replace(wanted(cluster), connections={"main": main}), cores=3)


def counted(pid: int, forks: list[int]) -> int:
    """Notes a child."""
    forks.append(pid)
    return pid


def test_what_children_found_is_not_read_again(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their facts and their signature checks are used."""
    expected = gather(wanted(cluster), cores=1)
    parent, asked = os.getpid(), []
    ask = Checks.ask

    def noting(checks: Checks, question: Question) -> None:
        if os.getpid() == parent:
            asked.append(question.address)
        ask(checks, question)

    monkeypatch.setattr(Checks, "ask", noting)
    cache = Cache(now_ns=time.time_ns() + 10**10)
    assert gather(wanted(cluster), cache=cache, cores=2) == expected
    assert [address for address in asked if address.startswith("component.")] == [
        f"component.api[n-{number}]" for number in (0, 1, 2)
    ] + [API]
    assert cache.changed


def test_what_changed_just_now_is_not_kept_whoever_saw_it(cluster: Cluster) -> None:
    """The rule of two seconds holds for what children hand over, too."""
    cache = Cache(now_ns=time.time_ns())
    gather(wanted(cluster), cache=cache, cores=2)
    assert b"pki/api" not in cache.encode()


def die() -> None:
    """As a process ends that the kernel kills for its memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def fail() -> None:
    """An error that nobody expected."""
    raise RuntimeError


def leave() -> None:
    """An orderly end, as of a signal handler."""
    raise SystemExit(0)


@pytest.mark.parametrize("accident", [die, fail, leave])
def test_a_child_that_fails_changes_nothing(
    accident: Callable[[], None], cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its part is looked at here."""
    expected = gather(wanted(cluster), cores=1)
    parent, see = os.getpid(), pairs.Pairs._see_component

    def accidental(self: pairs.Pairs, component: Component) -> None:
        if os.getpid() != parent:
            accident()
        see(self, component)

    monkeypatch.setattr(pairs.Pairs, "_see_component", accidental)
    assert gather(wanted(cluster), cores=2) == expected


def test_without_a_further_process_everything_is_seen_here(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit on processes is no error."""
    expected = gather(wanted(cluster), cores=1)

    def refuse() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert gather(wanted(cluster), cores=2) == expected
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def sleep_long() -> bytes:
    """Longer than anybody waits."""
    time.sleep(60)
    return b""


def test_a_child_that_nobody_waits_for_is_ended() -> None:
    """An interrupted pass leaves neither a process nor a zombie nor a descriptor."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Ahead(sleep_long) as child:
        pid = child._pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
