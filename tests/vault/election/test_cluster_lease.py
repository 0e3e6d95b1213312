"""A lease in use: taken, renewed, lost and given back, by processes whose clocks have nothing in common."""

from __future__ import annotations

import pytest

from reconciler.vault.election.cluster_lease import ClusterLease, ForeignLeaseError, Leading, LeaseHeldError, Waiting
from reconciler.vault.election.leadership import LeaseLostError
from reconciler.vault.errors import Kind, VaultError
from tests.vault.election.leases import CALL, PATH, TTL, Fate, World


@pytest.fixture
def world() -> World:
    """An empty engine."""
    return World()


def outcome(lease: ClusterLease) -> str:
    """What a try comes to."""
    standing = lease.attempt()
    return "leads" if isinstance(standing, Leading) else f"waits {standing.free_in:g} s for {standing.content.who}"


def leads(lease: ClusterLease) -> bool:
    """Whether a try succeeds."""
    return outcome(lease) == "leads"


def may(lease: ClusterLease) -> bool:
    """Whether something may be written."""
    try:
        lease.ensure()
    except LeaseLostError:
        return False
    return True


def test_the_first_acts_and_says_who_it_is(world: World) -> None:
    """The second learns who, and how long it takes at most."""
    first, second = world.lease("cp-1"), world.lease("cp-2")
    assert (outcome(first), outcome(second)) == ("leads", "waits 60 s for cp-1 (pid 1)")
    assert world.content() == {
        "kind": "cluster-pki lease",
        "view": "demo",
        "holder": "id-1",
        "host": "cp-1",
        "pid": 1,
        "since": "2026-11-25 12:00:00 UTC",
        "ttl": 60.0,
        "turn": 1,
        "renewed": 0,
    }
    assert (may(first), may(second)) == (True, False)


def test_asking_costs_nothing_while_it_is_fresh(world: World) -> None:
    """After a third of its time a read and a write renew it, and nothing again for another third."""
    lease = world.lease("cp-1")
    lease.attempt()
    world.kv.calls.clear()
    for _ in range(100):
        lease.ensure()
        lease.attempt()
    assert world.kv.calls == []
    for _ in range(30):
        world.time += TTL / 6
        lease.ensure()
    assert world.kv.calls == ["read", "write"] * 15
    assert (world.content()["turn"], world.content()["renewed"]) == (1, 15)


def test_whoever_is_silent_loses_it(world: World) -> None:
    """Not a moment before its whole time is over, as the other has seen it; the new turn is a higher one."""
    first, second = world.lease("cp-1"), world.lease("cp-2")
    first.attempt()
    world.time += 30
    assert outcome(second) == "waits 60 s for cp-1 (pid 1)"
    world.time += 59
    assert outcome(second) == "waits 1 s for cp-1 (pid 1)"
    world.time += 1
    assert outcome(second) == "leads"
    assert world.content()["turn"] == 2
    with pytest.raises(LeaseLostError, match=r"cp-2 \(pid 2\) has taken it\. Nothing more is written\."):
        first.ensure()


def test_a_holder_that_renews_keeps_it(world: World) -> None:
    """However long somebody waits."""
    first, second = world.lease("cp-1"), world.lease("cp-2")
    first.attempt()
    for _ in range(50):
        second.attempt()
        world.time += 21
        first.keep()
        assert isinstance(second.attempt(), Waiting)
    assert first.leads


def test_a_holder_that_was_stopped_writes_nothing_any_more(world: World) -> None:
    """SIGSTOP beyond its time: after that it asks before it writes, and its check-and-set is of an old version."""
    first, second = world.lease("cp-1"), world.lease("cp-2")
    first.attempt()
    second.attempt()
    world.time += TTL
    assert outcome(second) == "leads"
    assert first.leads is False
    before = world.content()
    assert not may(first)
    first.release()
    assert world.content() == before
    assert outcome(first) == "waits 60 s for cp-2 (pid 2)"


def test_a_holder_that_was_stopped_and_missed_by_nobody_goes_on(world: World) -> None:
    """Its check-and-set succeeds: nobody has written in between."""
    lease = world.lease("cp-1")
    lease.attempt()
    world.time += 10 * TTL
    assert lease.leads is False
    lease.ensure()
    assert (lease.leads, world.content()["turn"], world.content()["renewed"]) == (True, 1, 1)


def test_what_was_given_back_is_free_at_once(world: World) -> None:
    """Nobody waits for the time of a holder that ended as it should; a second release changes nothing."""
    first, second = world.lease("cp-1"), world.lease("cp-2")
    first.attempt()
    second.attempt()
    first.release()
    assert (may(first), world.content()["holder"], world.content()["host"]) == (False, "", "")
    assert outcome(second) == "leads"
    before = world.content()
    first.release()
    assert (world.content(), before["turn"]) == (before, 3)


@pytest.mark.parametrize("how", ["deleted", "destroyed", "erased"])
def test_whoever_deletes_the_secret_frees_the_lease(world: World, how: str) -> None:
    """A person says that the holder is gone; one that is not learns it by its next renewal."""
    first, second = world.lease("cp-1"), world.lease("cp-2")
    first.attempt()
    second.attempt()
    if how == "erased":
        world.kv.erase()
    else:
        world.kv.state = "deleted" if how == "deleted" else "destroyed"
    assert outcome(second) == "leads"
    world.time += TTL / 2
    assert not may(first)


@pytest.mark.parametrize(
    "data",
    [{"username": "admin", "password": "hunter2"}, {}, {"kind": "cluster-pki lease", "turn": 1}],
    ids=["a password", "nothing", "half a lease"],
)
def test_what_is_not_ours_is_never_written(world: World, data: dict[str, object]) -> None:
    """The error says where it is and what to do, and not what the secret says."""
    world.kv.write(PATH, data, cas=0)
    lease = world.lease("cp-1")
    for _ in range(3):
        with pytest.raises(ForeignLeaseError) as caught:
            lease.attempt()
        world.time += TTL
    assert (world.kv.versions, may(lease)) == ([data], False)
    assert str(caught.value).startswith(f"connection main, secret/{PATH}: it is not a lease of this program: ")
    assert "hunter2" not in str(caught.value)
    assert not caught.value.retryable


def test_the_lease_of_another_cluster_is_not_ours(world: World) -> None:
    """Two clusters that name the same secret by mistake hear of it, instead of waiting for each other."""
    world.lease("cp-1", view="prod").attempt()
    with pytest.raises(ForeignLeaseError, match="it is the lease of prod, not of demo"):
        world.lease("cp-2").attempt()


def test_a_secret_that_becomes_something_else_ends_the_lease(world: World) -> None:
    """The holder leaves it alone, too."""
    lease = world.lease("cp-1")
    lease.attempt()
    world.kv.write(PATH, {"password": "x"}, cas=1)
    world.time += TTL / 2
    with pytest.raises(LeaseLostError, match="it is not a lease of this program"):
        lease.ensure()
    lease.release()
    assert world.content() == {"password": "x"}


@pytest.mark.parametrize("fate", ["unreachable", "cut before", "cut after"])
def test_a_renewal_without_an_answer_is_looked_up(world: World, fate: Fate) -> None:
    """However it ended, the holder goes on until its deadline, and never counts from later than it asked."""
    lease = world.lease("cp-1")
    lease.attempt()
    world.time = 25
    world.kv.fates = [fate]
    lease.ensure()
    landed = fate == "cut after"
    assert (world.content()["renewed"], lease.leads) == (int(landed), True)
    world.kv.down = True
    end = (25 if landed else 0) + TTL - CALL
    world.time = end - 0.1
    assert may(lease)
    world.time = end
    assert not may(lease)


def test_an_outage_is_outlived_until_the_deadline(world: World) -> None:
    """Then nothing is written any more; when the server is back and nobody took it, it goes on."""
    lease = world.lease("cp-1")
    lease.attempt()
    world.kv.down = True
    world.time = TTL - CALL - 0.1
    lease.ensure()
    world.time = TTL - CALL
    with pytest.raises(LeaseLostError, match=r"it could not be renewed in time: connection main.* it is unreachable"):
        lease.ensure()
    world.kv.down = False
    lease.ensure()
    assert world.content()["turn"] == 1


def test_a_renewal_that_arrives_late_is_not_taken_for_somebody_elses(world: World) -> None:
    """It was cut off, not found, and carried out afterwards: it is ours, from when it was first sent."""
    lease = world.lease("cp-1")
    lease.attempt()
    world.time = 25
    world.kv.fates = ["cut before"]
    lease.keep()
    assert world.content()["renewed"] == 0
    world.kv.write(PATH, {**world.content(), "renewed": 1}, cas=1)
    world.time = 35
    world.kv.fates = ["unreachable"]
    lease.keep()
    assert (world.content()["renewed"], lease.leads) == (1, True)
    world.kv.down = True
    world.time = 25 + TTL - CALL - 0.1
    assert may(lease)
    world.time += 0.1
    assert not may(lease)


@pytest.mark.parametrize("fate", ["cut before", "cut after"])
def test_a_claim_without_an_answer_is_looked_up(world: World, fate: Fate) -> None:
    """By its own random word it knows whether it holds the lease."""
    world.kv.fates = [fate]
    assert outcome(world.lease("cp-1")) == "leads"
    assert world.content()["holder"] == "id-1"


def test_a_claim_that_was_heard_is_not_waited_for(world: World) -> None:
    """The server went away with the answer; when it is back there is nobody to wait for."""
    lease = world.lease("cp-1")
    world.kv.fates = ["cut after", "unreachable"]
    with pytest.raises(VaultError):
        lease.attempt()
    assert not may(lease)
    assert outcome(lease) == "leads"


def test_while_the_server_is_away_nobody_becomes_the_holder(world: World) -> None:
    """And what was ours is ours again at once when it is back, if nobody took it."""
    first, second = world.lease("cp-1"), world.lease("cp-2")
    first.attempt()
    second.attempt()
    world.kv.down = True
    world.time += 2 * TTL
    for lease in (first, second):
        with pytest.raises(VaultError):
            lease.attempt()
        assert not may(lease)
    world.kv.down = False
    assert outcome(first) == "leads"
    assert outcome(second) == "waits 60 s for cp-1 (pid 1)"


def test_of_several_that_wait_one_wins(world: World) -> None:
    """All see the lease end at the same time; check-and-set lets one of them have it."""
    gone, others = world.lease("gone"), [world.lease(f"cp-{number}") for number in range(5)]
    gone.attempt()
    for lease in others:
        lease.attempt()
    world.time += TTL
    results = [outcome(lease) for lease in others]
    assert results == ["leads", *["waits 60 s for cp-0 (pid 2)"] * 4]


def test_a_failed_renewal_is_not_tried_at_every_step(world: World) -> None:
    """A server that is away is asked now and then, and every time once it is too late."""
    lease = world.lease("cp-1")
    lease.attempt()
    world.kv.down = True
    world.kv.calls.clear()
    world.time = 21
    for _ in range(100):
        lease.ensure()
    assert world.kv.calls == ["read"]
    world.time = 27
    lease.ensure()
    assert world.kv.calls == ["read"] * 2


def test_waiting_for_it_ends_in_time(world: World) -> None:
    """Whoever waits long enough gets it; otherwise it hears who has it, since when, and what to do."""
    first, second = world.lease("cp-1"), world.lease("cp-2")
    first.attempt()
    slept: list[float] = []

    def wait(seconds: float) -> None:
        slept.append(seconds)
        world.time += seconds

    with pytest.raises(LeaseHeldError) as caught:
        second.acquire(timeout=5, wait=wait, stop=lambda: False)
    assert slept == [2, 2, 1]
    assert str(caught.value) == (
        "Another cluster-pki is at work with the same files, perhaps on another machine.\n\n"
        "Lease Info:\n"
        f"  Lease: connection main, secret/{PATH}\n"
        "  Acts:  for demo\n"
        "  Who:   cp-1 (pid 1)\n"
        "  Since: 2026-11-25 12:00:00 UTC\n\n"
        "It gives the lease back when it ends, and has lost it once it is silent for 60 seconds. "
        "Wait for that with --lock-timeout 120s."
    )
    second.acquire(timeout=120, wait=wait, stop=lambda: False)
    assert world.time == pytest.approx(60, abs=2)
    assert may(second)


def test_waiting_goes_on_over_an_outage_and_ends_at_a_stop(world: World) -> None:
    """A server that is away for a while is waited for; one that denies is not."""
    lease = world.lease("cp-1")
    world.kv.down = True

    def wait(seconds: float) -> None:
        world.time += seconds
        world.kv.down = world.time < 10

    lease.acquire(timeout=20, wait=wait, stop=lambda: False)
    assert may(lease)
    other = world.lease("cp-2")
    with pytest.raises(LeaseHeldError):
        other.acquire(timeout=1000, wait=wait, stop=lambda: True)
    world.kv.down = True
    with pytest.raises(VaultError) as caught:
        other.acquire(timeout=1000, wait=wait, stop=lambda: True)
    assert caught.value.kind == Kind.UNREACHABLE


def test_processes_that_exclude_each_other_share_it(world: World) -> None:
    """An apply beside the reconciler of the same state directory has it at once; the reconciler goes on with it afterwards."""
    reconciler, apply, other = world.lease("cp-1"), world.lease("cp-1", identity="id-1"), world.lease("cp-2")
    reconciler.attempt()
    assert (outcome(apply), apply.shared, reconciler.shared) == ("leads", True, False)
    assert (world.content()["turn"], world.content()["pid"]) == (2, 2)
    for _ in range(12):
        world.time += TTL / 6
        apply.keep()
        reconciler.keep()
        assert (may(apply), may(reconciler), leads(other)) == (True, True, False)
    world.time += TTL / 2
    assert (leads(reconciler), leads(other), world.content()["turn"]) == (True, False, 2)
    reconciler.release()
    assert leads(other)


def test_who_was_killed_and_started_again_does_not_wait_for_itself(world: World) -> None:
    """The lock of its state directory says that the one before it is gone."""
    killed, again = world.lease("cp-1"), world.lease("cp-1", identity="id-1")
    killed.attempt()
    assert outcome(again) == "leads"
    assert world.content()["turn"] == 2
