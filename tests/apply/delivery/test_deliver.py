"""Hooks are run when they are owed: at least once, no oftener than needed, in an order that breaks nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from reconciler.apply.delivery.deliver import BEGUN, PATIENCE
from reconciler.apply.delivery.ledger import Ledger, Obligation
from reconciler.apply.hooks.occasion import HookResult, Occasion
from reconciler.desired.live import HttpHook, SignalHook, SystemdHook
from tests.apply.delivery.scene import BROKEN, DOWN, OK, PROBE, Scene, hook, owner, scene, serial
from tests.plan.world import bundle, ca, kubeconfig, settled

A, B, C = "component.a", "component.b", "component.c"
RELOAD = SystemdHook(unit="nginx.service", action="reload")
MINUTE = timedelta(minutes=1)


def test_a_change_is_delivered_once() -> None:
    """However many files changed; and then never again."""
    world = scene(owner("a", outputs=("pem", "fullchain", "combined")), owner("b"))
    world.renew("a")
    assert [world.deliver() for _ in range(3)] == [["reload-a"], [], []]
    assert world.ledger.owners[A] == Obligation(delivered=world.ledger.owners[A].delivered)


def test_nothing_changes_a_hundred_times() -> None:
    """No hooks, and not one write (U4)."""
    world = scene(owner("a", probe=PROBE), owner("b"))
    world.served[A] = "ok"
    for _ in range(100):
        assert world.deliver() == []
        world.advance(MINUTE)
    assert world.saves == []


def test_what_hooks_are_told() -> None:
    """Paths and facts of what is on disk now, and why it changed."""
    world = scene(owner("a", outputs=("pem", "der")), kubeconfig(component=A))
    world.renew("a")
    world.deliver(reasons={A: ("RenewalDue",)})
    leaf = world.world.leaf(A)
    assert world.occasions == [
        Occasion(
            address=A,
            cluster="test",
            name="a",
            paths={
                "certificate": "/pki/a.crt",
                "key": "/pki/a.key",
                "der": "/pki/a.der",
                "kubeconfig": "/admin.conf",
            },
            serial=leaf.serial,
            fingerprint=leaf.fingerprint,
            not_after=leaf.not_after,
            reasons=("RenewalDue",),
        )
    ]


def test_bundles_and_kubeconfigs_have_hooks_too() -> None:
    """Each is told of its own file."""
    hooks = (hook("x"),)
    world = Scene(world=settled(ca(), owner("a"), bundle(after=hooks), kubeconfig(component=A, after=hooks)))
    world.ledger = Ledger(owners={address: Obligation() for address in (A, "bundle.trust", "kubeconfig.admin")})
    assert world.deliver() == ["reload-a", "x", "x"]
    assert [dict(each.paths) for each in world.occasions[1:]] == [{"bundle": "/pki/trust.crt"}, {"kubeconfig": "/admin.conf"}]
    assert [each.serial for each in world.occasions] == [world.world.leaf(A).serial, "", world.world.leaf(A).serial]


def test_files_that_were_there_without_us() -> None:
    """Taking over, or losing the state, restarts nobody."""
    world = scene(owner("a"), owner("b"))
    world.ledger = Ledger()
    assert (world.deliver(), len(world.saves), world.deliver(), len(world.saves)) == ([], 1, [], 1)


def test_the_first_files_of_all() -> None:
    """What was made by this very apply is owed its hooks."""
    world = Scene(world=settled(ca(), owner("a")))
    world.ledger = Ledger(owners={A: Obligation()})
    assert world.deliver() == ["reload-a"]


def test_a_hook_that_fails() -> None:
    """The hooks after it wait; all of them are run again after a pause (U2)."""
    world = scene(owner("a", after=(hook("one"), hook("two"), hook("three"))))
    world.renew("a")
    world.results["two"] = BROKEN
    (status,) = world.delivery(reasons={A: ("Expired",)}).failing
    assert (status.state, status.hook, status.attempts, status.detail, status.output) == (
        "failing",
        "exec two",
        1,
        "It exited with status 1.",
        "no such thing",
    )
    assert (status.since, status.next_attempt_at) == (world.now, world.now + timedelta(seconds=10))
    world.advance(timedelta(seconds=9))
    before = list(world.saves)
    assert (world.deliver(), world.saves) == ([], before)
    del world.results["two"]
    world.advance(timedelta(seconds=1))
    assert (world.deliver(), world.occasions[-1].reasons) == (["one", "two", "three"], ("Expired",))
    assert world.delivery().failing == ()


def test_pauses_grow() -> None:
    """Ten seconds, twice as long each time."""
    world = scene(owner("a"))
    world.renew("a")
    world.results["reload-a"] = BROKEN
    pauses = []
    for _ in range(4):
        (status,) = world.delivery().failing
        assert status.next_attempt_at is not None
        pauses.append((status.next_attempt_at - world.now).total_seconds())
        world.now = status.next_attempt_at
    assert pauses == [10, 20, 40, 80]


def test_pauses_end_before_the_certificate() -> None:
    """Whatever the count, the next try comes in the first half of what remains of the certificate in use (M11)."""
    world = scene(owner("a", lifetime=timedelta(hours=1), renew_before=timedelta(minutes=4)))
    world.renew("a")
    world.results["reload-a"] = BROKEN
    began = world.now
    for _ in range(20):
        (status,) = world.delivery().failing
        assert status.next_attempt_at is not None
        if status.next_attempt_at >= began + timedelta(minutes=4):
            break
        world.now = status.next_attempt_at
    assert began + timedelta(minutes=3, seconds=55) < world.now < began + timedelta(minutes=4)


@pytest.mark.parametrize("news", ["revision", "content"])
def test_news_end_a_pause(news: str) -> None:
    """Somebody has mended something, perhaps."""
    world = scene(owner("a"))
    world.renew("a")
    world.results["reload-a"] = BROKEN
    for _ in range(3):
        world.deliver()
        world.advance(timedelta(minutes=2))
    since = world.ledger.owners[A].first_owed_at
    world.now -= timedelta(seconds=119)
    assert world.deliver() == []
    if news == "revision":
        world.revision = "r2"
    else:
        world.renew("a")
    (status,) = world.delivery().failing
    assert (status.attempts, status.since == since) == (1, news == "revision")


def test_somebody_asks_for_it_now() -> None:
    """A person at a terminal waits for no pause; a serial group goes on in its order all the same."""
    world = scene(owner("a"), owner("b"), groups=serial("a", "b"))
    world.renew("a", "b")
    world.results["reload-a"] = BROKEN
    for attempts in (1, 2, 3):
        delivered = world.delivery(impatient=True)
        assert [ran.address for ran in delivered.ran] == [A]
        assert [(status.address, status.attempts) for status in delivered.failing] == [(A, attempts), (B, 0)]


def test_another_ones_failure() -> None:
    """It stops nobody who is not in the same serial group."""
    world = scene(owner("a"), owner("b"), owner("c"), groups=serial("c", "b", one_at_a_time=False))
    world.renew("a", "b", "c")
    world.results |= {"reload-a": BROKEN, "reload-b": BROKEN}
    assert world.deliver() == ["reload-a", "reload-b", "reload-c"]


def test_a_serial_group() -> None:
    """Three of a quorum, and the second fails: the third is not touched until it is mended (M5)."""
    world = scene(owner("c"), owner("b"), owner("a"), groups=serial("a", "b", "c"))
    world.renew("a", "b", "c")
    world.results["reload-b"] = BROKEN
    delivered = world.delivery()
    assert [ran.hook for ran in delivered.ran] == ["exec reload-a", "exec reload-b"]
    assert [(status.address, status.state, status.detail) for status in delivered.failing] == [
        (C, "waiting", "It waits for component.b, whose hooks have not succeeded yet."),
        (B, "failing", "It exited with status 1."),
    ]
    # The first has new files meanwhile: with one member down, no other may go down.
    world.renew("a")
    assert world.deliver() == []
    del world.results["reload-b"]
    world.advance(MINUTE)
    assert (world.deliver(), world.delivery().failing) == (["reload-b", "reload-a", "reload-c"], ())


def test_two_members_that_failed() -> None:
    """One waits for the other; when that one works, it waits for the end of its own pause and for nobody."""
    world = scene(owner("a"), owner("b"), groups=serial("a", "b"))
    world.renew("a", "b")
    world.results["reload-a"] = BROKEN
    world.deliver()
    # It failed before it came into the group.
    tried = replace(world.ledger.owners[B], attempts=3, retry_at=world.now + 60 * MINUTE, last_detail="It failed.")
    world.ledger = world.ledger.with_owner(B, tried)
    assert [status.detail for status in world.delivery().failing] == [
        "It exited with status 1.",
        "It waits for component.a, whose hooks have not succeeded yet.",
    ]
    del world.results["reload-a"]
    world.advance(MINUTE)
    delivered = world.delivery()
    assert [ran.address for ran in delivered.ran] == [A]
    assert [(status.address, status.state, status.detail) for status in delivered.failing] == [(B, "failing", "It failed.")]


def test_a_serial_group_has_a_health_gate() -> None:
    """The next member is touched when the one before serves its new certificate, not when its hook has ended."""
    world = scene(owner("a", probe=PROBE), owner("b", probe=PROBE), groups=serial("a", "b"))
    world.renew("a", "b")
    world.served |= {A: "unreachable", B: "stale"}
    assert world.deliver() == ["reload-a"]
    world.served[A] = "ok"
    world.advance(MINUTE)
    world.on_hook = lambda _hook, occasion: world.served.update({occasion.address: "ok"})
    assert (world.deliver(), world.delivery().failing) == (["reload-b"], ())


def test_the_probe_has_to_agree() -> None:
    """A process may take some seconds; they are waited for."""
    world = scene(owner("a", probe=PROBE))
    world.renew("a")
    world.served[A] = "stale"
    world.ok_from_look = 5
    delivered = world.delivery()
    assert (delivered.failing, delivered.served[A].state, world.waits) == ((), "ok", [0.1, 0.2, 0.3, 0.4])


def test_a_probe_that_does_not_agree() -> None:
    """After ten seconds it is tried again later; a process that came up meanwhile is not told again."""
    world = scene(owner("a", probe=PROBE))
    world.renew("a")
    world.served[A] = "unreachable"
    (status,) = world.delivery().failing
    assert (status.state, status.hook, status.detail) == ("failing", "exec reload-a", "127.0.0.1:6443 is unreachable.")
    assert sum(world.waits) == PATIENCE.total_seconds()
    world.advance(MINUTE)
    world.served[A] = "ok"
    assert (world.deliver(), world.delivery().failing) == ([], ())


def test_a_probe_that_agrees_before_the_pause_is_over() -> None:
    """All hooks were run and only the endpoint was behind: once it is seen to serve what is on disk, that is all."""
    world = scene(owner("a", probe=PROBE), owner("b", probe=PROBE), groups=serial("a", "b"))
    world.renew("a", "b")
    world.served |= {A: "unreachable", B: "ok"}
    assert (world.deliver(), world.ledger.owners[A].attempts, world.deliver()) == (["reload-a"], 1, [])
    looks, world.served[A] = world.looks, "ok"
    # In the same moment the next member of the group has its turn; it was not run yet, whatever it serves.
    assert (world.deliver(), world.looks - looks, world.delivery().failing) == (["reload-b"], 1, ())
    assert world.ledger.owners[A] == Obligation(delivered=world.ledger.owners[A].delivered)


@pytest.mark.parametrize("why", ["a hook failed", "other files", "still behind"])
def test_a_pause_that_is_waited_for(why: str) -> None:
    """A hook that failed is owed whatever the endpoint serves; and an answer about other files says nothing."""
    world = scene(owner("a", probe=PROBE))
    old = world.world.leaf(A).fingerprint
    world.renew("a")
    if why == "a hook failed":
        world.results["reload-a"] = BROKEN
    world.served[A] = "unreachable"
    assert world.deliver() == ["reload-a"]
    if why == "other files":
        world.about[A] = old
    if why != "still behind":
        world.served[A] = "ok"
    before = list(world.saves)
    assert (world.deliver(), world.saves, world.ledger.owners[A].attempts) == ([], before, 1)


def test_a_probe_that_takes_its_time() -> None:
    """Looks that take long are not made ten times."""
    world = scene(owner("a", probe=PROBE))
    world.renew("a")
    world.served[A] = "unreachable"
    world.waits = _Passing(world)
    assert (world.deliver(), len(world.waits)) == (["reload-a"], 2)


class _Passing(list[float]):
    """With each wait five seconds pass: the endpoint does not answer."""

    def __init__(self, world: Scene) -> None:
        super().__init__()
        self._world = world

    def append(self, item: float) -> None:
        self._world.advance(timedelta(seconds=5))
        super().append(item)


def test_a_process_that_serves_the_old_one() -> None:
    """Long after delivery: its hooks are owed again, with pauses, until it serves what is on disk (U1)."""
    world = scene(owner("a", probe=PROBE))
    world.served[A] = "stale"
    pauses = []
    for _ in range(3):
        delivered = world.delivery()
        assert [ran.hook for ran in delivered.ran] == ["exec reload-a"]
        (status,) = delivered.failing
        assert (status.state, status.detail) == ("failing", "127.0.0.1:6443 is stale.")
        assert world.deliver() == []
        assert status.next_attempt_at is not None
        pauses.append((status.next_attempt_at - world.now).total_seconds())
        world.now = status.next_attempt_at
    assert pauses == [10, 20, 40]
    world.served[A] = "ok"
    assert (world.deliver(), world.delivery().failing) == ([], ())


def test_a_process_that_does_not_come_back() -> None:
    """One that served the old one and is down since its hook is not forgotten."""
    world = scene(owner("a", probe=PROBE))
    world.served[A] = "stale"
    world.on_hook = lambda *_: world.served.update({A: "unreachable"})
    assert world.deliver() == ["reload-a"]
    world.advance(MINUTE)
    assert world.deliver() == ["reload-a"]


def test_an_answer_about_other_files() -> None:
    """What an endpoint presented before the files changed says nothing."""
    world = scene(owner("a", probe=PROBE))
    world.about[A] = world.world.leaf(A).fingerprint
    world.renew("a")
    world.ledger = Ledger()
    world.served[A] = "stale"
    assert world.deliver() == []


def test_a_stopped_unit() -> None:
    """Who is meant to be down is not started, asked or waited for: it is done (U3)."""
    world = scene(owner("a", after=(RELOAD,), probe=PROBE))
    world.renew("a")
    world.results["systemd reload nginx.service"] = DOWN
    world.served[A] = "unreachable"
    delivered = world.delivery()
    assert (delivered.failing, delivered.served, world.waits, world.deliver()) == ((), {}, [], [])


def test_a_stopped_unit_that_serves() -> None:
    """Somebody serves the old one, and the hook finds nobody to tell: that is told, and tried again with pauses."""
    world = scene(owner("a", after=(RELOAD,), probe=PROBE))
    world.results["systemd reload nginx.service"] = DOWN
    world.served[A] = "stale"
    (status,) = world.delivery().failing
    assert status.detail == "127.0.0.1:6443 is stale. Its hooks found nothing that runs: nginx.service is not running (inactive)."
    assert (world.deliver(), status.next_attempt_at) == ([], world.now + timedelta(seconds=10))


def test_what_several_ask_for() -> None:
    """The same reload is done once, and its failure is everybody's."""
    owners = [
        owner(name, after=(SystemdHook(unit="nginx.service", action="reload", timeout=2 * MINUTE), hook(name))) for name in "ab"
    ]
    world = scene(*owners, owner("c", after=(RELOAD,)))
    world.renew("a", "b", "c")
    assert world.deliver() == ["systemd reload nginx.service", "a", "b"]
    world.renew("a", "b", "c")
    world.results["systemd reload nginx.service"] = BROKEN
    delivered = world.delivery()
    assert ([ran.address for ran in delivered.ran], [status.address for status in delivered.failing]) == ([A], [A, B, C])


def test_what_is_not_the_same() -> None:
    """Programs and servers are told whose files changed, so they hear of each; and so does whoever had something to do before."""
    reload, told = SignalHook(pidfile="/x", name="HUP"), HttpHook(url="http://127.0.0.1/")
    world = scene(*(owner(name, after=(hook("copy"), told, reload)) for name in "ab"))
    world.renew("a", "b")
    each = ["copy", "http POST http://127.0.0.1/", "signal HUP /x"]
    assert world.deliver() == [*each, *each]
    servers = scene(*(owner(name, after=(told,)) for name in "ab"))
    servers.renew("a", "b")
    assert servers.deliver() == ["http POST http://127.0.0.1/"] * 2


def test_a_serial_group_shares_nothing() -> None:
    """Each member is told by itself, and its result is nobody else's."""
    world = scene(*(owner(name, after=(RELOAD,)) for name in "abc"), groups=serial("a", "b"))
    world.renew("a", "b", "c")
    assert world.deliver() == ["systemd reload nginx.service"] * 3


def test_who_is_suspended() -> None:
    """It gets no hooks, and is told; afterwards it gets them."""
    world = scene(owner("a"))
    world.renew("a")
    world.world.want(A, suspended=True)
    delivered = world.delivery()
    assert (delivered.ran, [status.state for status in delivered.failing]) == ((), ["waiting"])
    world.world.want(A, suspended=False)
    assert world.deliver() == ["reload-a"]


def test_asked_to_stop() -> None:
    """Between two hooks: the owner is owed all of them, at once, and it counts as no attempt."""
    world = scene(owner("a", after=(hook("one"), hook("two"))), owner("b"))
    world.renew("a", "b")
    world.stop_after = 1
    assert world.deliver() == ["one"]
    assert (world.ledger.owners[A].attempts, world.ledger.owners[A].at_hook) == (0, "exec two")
    world.stop_after = 10
    assert world.deliver() == ["one", "two", "reload-b"]


class _KilledError(Exception):
    """The process ends here."""


def test_killed_in_a_hook() -> None:
    """The attempt was noted before: it is made again after its pause, and a loop of crashes gets slower and slower."""
    world = scene(owner("a"))
    world.renew("a")

    def die(*_: object) -> None:
        raise _KilledError

    world.on_hook = die
    pauses = []
    for _ in range(3):
        with pytest.raises(_KilledError):
            world.deliver()
        entry = world.ledger.owners[A]
        assert (entry.last_detail, world.deliver()) == (BEGUN, [])
        assert entry.retry_at is not None
        pauses.append((entry.retry_at - world.now).total_seconds())
        world.now = entry.retry_at
    world.on_hook = lambda *_: None
    assert (pauses, world.deliver(), world.deliver()) == ([10, 20, 40], ["reload-a"], [])


@pytest.mark.parametrize("dies_at", [1, 2, 3, 4])
def test_killed_at_any_save(dies_at: int) -> None:
    """Whatever was on disk by then, every hook is run at least once, and no hook is run that was not noted."""
    world = scene(owner("a"), owner("b"))
    world.renew("a", "b")
    done: list[str] = []
    world.on_hook = lambda _hook, occasion: done.append(occasion.address)

    class Dying(list[Ledger]):
        def append(self, item: Ledger) -> None:
            if len(self) + 1 == dies_at:
                raise _KilledError
            super().append(item)

    world.saves = Dying()
    with pytest.raises(_KilledError):
        world.deliver()
    assert len(done) == dies_at // 2
    world.saves = []
    world.advance(MINUTE)
    world.deliver()
    assert (set(done), len(done) <= 3, world.deliver()) == ({A, B}, True, [])


def test_a_view_of_one_node() -> None:
    """What is owed on other nodes is not forgotten."""
    world = scene(owner("a"), node="cp-1")
    elsewhere = Obligation(delivered="1", owed="2", attempts=1)
    world.ledger = world.ledger.with_owner("component.x[cp-2]", elsewhere)
    world.renew("a")
    assert (world.deliver(), world.ledger.owners["component.x[cp-2]"]) == (["reload-a"], elsewhere)


@pytest.mark.parametrize("result", [OK, BROKEN, DOWN])
def test_results_are_handed_on(result: HookResult) -> None:
    """For the log and for events."""
    world = scene(owner("a"))
    world.renew("a")
    world.results["reload-a"] = result
    assert [(ran.address, ran.hook, ran.result) for ran in world.delivery().ran] == [(A, "exec reload-a", result)]
