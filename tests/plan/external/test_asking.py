"""A component of an external CA: asked for, waited for, published; and what keeps it from each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from msgspec.structs import replace

from reconciler.observed.model import Absent, FileMeta, Key, Unusable
from reconciler.plan.inventory import Inventory
from reconciler.plan.reasons import Action
from reconciler.plan.status import status_of
from tests.plan.external.outside import ADDRESS, answer, bring, issued, outside, publish, request
from tests.plan.world import (
    CORRUPT,
    DAY,
    NOT_OURS_TO_READ,
    World,
    bundle,
    change,
    changes,
    codes,
    component,
    key_facts,
    kubeconfig,
)

FITS: Final = {ADDRESS: ("create", ("Missing", "RequestAnswered"))}


def test_a_missing_certificate_is_asked_for() -> None:
    """What would be created by a CA of ours is a request; the CA itself is as it should be."""
    plan = outside().plan()
    assert changes(plan) == {ADDRESS: ("request", ("Missing",))}
    assert [(work.address, work.action) for work in plan.work] == [(ADDRESS, Action.REQUEST)]
    assert plan.document.has_changes
    assert codes(plan) == []


def test_what_was_asked_for_is_waited_for() -> None:
    """A plan that only waits has nothing to carry out, is no error, and says what people have to do."""
    world = outside()
    request(world)
    plan = world.plan()
    assert changes(plan) == {ADDRESS: ("waiting", ("Missing", "RequestPending"))}
    assert (plan.work, plan.document.has_changes, plan.document.errored) == ((), False, False)
    (told,) = plan.document.diagnostics
    assert (told.severity, told.code, told.address, told.held_back) == ("warning", "RequestPending", ADDRESS, [ADDRESS])
    assert told.summary == "component.api waits for ca.main, whose key is not here"
    assert "/pki/api.next.csr -> /pki/api.next.crt" in told.detail


def test_an_answer_that_fits_is_published_and_leaves_nothing_to_do() -> None:
    """The plan after it is empty: what is published is judged by the checks that judge it from then on."""
    world = outside()
    request(world)
    leaf = answer(world)
    plan = world.plan()
    assert changes(plan) == FITS
    shown = change(plan, ADDRESS).change
    assert shown.after is not None
    assert (shown.after["serial"], shown.after["fingerprint"], shown.after_unknown) == (leaf.serial, leaf.fingerprint, {})
    world.apply()
    assert (world.requests, changes(world.plan())) == ({}, {})


@pytest.mark.parametrize(
    ("differ", "reasons"),
    [
        (lambda world: world.want(ADDRESS, sans=("dns:new.example.com",)), ("SanMismatch",)),
        (lambda world: world.advance(days=350), ("RenewalDue",)),
        (lambda world: world.advance(days=400), ("Expired",)),
        (lambda world: world.change_pair(ADDRESS, key=Absent()), ("Missing",)),
        (lambda world: world.change_pair(ADDRESS, certificate=CORRUPT), ("Unreadable",)),
    ],
    ids=["names", "due", "expired", "key lost", "corrupt"],
)
def test_whatever_needs_a_signature_is_asked_for(differ: Callable[[World], None], reasons: tuple[str, ...]) -> None:
    """With the reasons that every other component has; a fitting request is then waited for, as long as it takes."""
    world = issued()
    assert changes(world.plan()) == {}
    differ(world)
    assert changes(world.plan()) == {ADDRESS: ("request", reasons)}
    request(world)
    assert changes(world.plan()) == {ADDRESS: ("waiting", (*reasons, "RequestPending"))}


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"sans": ("dns:old.example.com",)}, "other names (dns:old.example.com)"),
        ({"sans": ()}, "other names (none)"),
        ({"usages": ("client auth",)}, "other usages (client auth)"),
        ({"is_ca": True}, "other usages (server auth)"),
        ({"key": "rsa-2048"}, "another kind of key (rsa-2048)"),
    ],
)
def test_a_request_for_something_else_is_replaced(facts: dict[str, Any], why: str) -> None:
    """Git has changed since: the old request is of no use, and the reason says in what."""
    world = outside()
    request(world, **facts)
    plan = world.plan()
    assert changes(plan) == {ADDRESS: ("request", ("Missing", "RequestStale"))}
    assert [finding.message for finding in plan.work[0].findings][1:] == [f"its request asks for {why}"]


def test_a_request_that_nobody_needs_is_removed() -> None:
    """Git went back to what is in use: the request goes, key and certificate stay."""
    world = issued()
    request(world, sans=("dns:new.example.com",))
    assert changes(world.plan()) == {ADDRESS: ("repair", ("RequestStale",))}
    world.apply()
    assert (world.requests, changes(world.plan())) == ({}, {})


def test_a_request_stays_until_it_is_answered() -> None:
    """It is the intent itself: one that --replace asked for is waited for by plans that know nothing of that."""
    world = issued()
    assert changes(world.plan(replace=(ADDRESS,))) == {ADDRESS: ("request", ("ReissueRequested",))}
    request(world)
    assert changes(world.plan()) == {ADDRESS: ("waiting", ("RequestPending",))}
    answer(world)
    assert changes(world.plan()) == {ADDRESS: ("reissue", ("RequestAnswered",))}


def _no_request(world: World) -> None:
    world.requests[ADDRESS] = replace(world.requests[ADDRESS], request=Absent())


def _no_key(world: World) -> None:
    world.requests[ADDRESS] = replace(world.requests[ADDRESS], key=Absent())


def _another_key(world: World) -> None:
    found = world.requests[ADDRESS]
    world.requests[ADDRESS] = replace(found, key=Key(facts=key_facts(), meta=FileMeta(mode=0o600, uid=0, gid=0)))


def _torn(world: World) -> None:
    world.requests[ADDRESS] = replace(world.requests[ADDRESS], request=Unusable(problem="truncated", detail="cut short"))


def _torn_key(world: World) -> None:
    world.requests[ADDRESS] = replace(world.requests[ADDRESS], key=Unusable(problem="truncated", detail="cut short"))


HALVES: Final = [_no_request, _no_key, _another_key, _torn, _torn_key]


@pytest.mark.parametrize("damage", HALVES)
def test_half_a_request_is_made_whole(damage: Callable[[World], None]) -> None:
    """Whatever a crash, or somebody, left of it."""
    world = outside()
    request(world)
    damage(world)
    assert changes(world.plan()) == {ADDRESS: ("request", ("Missing", "RequestStale"))}


@pytest.mark.parametrize("damage", HALVES)
def test_half_a_request_that_nobody_needs_is_removed(damage: Callable[[World], None]) -> None:
    """The same where everything is well without it."""
    world = issued()
    request(world)
    damage(world)
    assert changes(world.plan()) == {ADDRESS: ("repair", ("RequestStale",))}


def test_what_is_left_after_publication_is_removed() -> None:
    """A run died after the swap: the answer that stands there is the certificate in use."""
    world = outside()
    request(world)
    answer(world)
    left = world.requests[ADDRESS]
    publish(world)
    for rest in (left, replace(left, request=Absent()), replace(left, request=Absent(), key=Absent())):
        world.requests[ADDRESS] = rest
        assert changes(world.plan()) == {ADDRESS: ("repair", ("RequestStale",))}


def test_a_file_that_cannot_be_read_holds_everything_back() -> None:
    """Nobody knows what is asked already: nothing is asked again before somebody has looked."""
    world = outside()
    request(world)
    world.requests[ADDRESS] = replace(world.requests[ADDRESS], key=NOT_OURS_TO_READ)
    plan = world.plan()
    assert changes(plan) == {ADDRESS: ("blocked", ("Missing", "Unreadable"))}
    assert codes(plan, "error") == ["Unreadable"]


def test_a_certificate_without_a_request_is_an_error() -> None:
    """Somebody put it there for something; nothing is done with it, nor with what is in use."""
    world = issued()
    request(world)
    answer(world)
    world.requests[ADDRESS] = replace(world.requests[ADDRESS], key=Absent(), request=Absent())
    plan = world.plan()
    assert changes(plan) == {ADDRESS: ("blocked", ("AnswerUnfit",))}
    assert "nothing was asked for" in plan.document.diagnostics[0].summary


def test_modes_are_mended_meanwhile() -> None:
    """Who may read a key does not wait for weeks; the files that will change anyway do."""
    world = issued()
    found = world.pairs[ADDRESS].key
    assert isinstance(found, Key)
    world.change_pair(ADDRESS, key=replace(found, meta=FileMeta(mode=0o644, uid=0, gid=0)))
    world.want(ADDRESS, sans=("dns:new.example.com",))
    request(world)
    plan = world.plan()
    assert changes(plan) == {ADDRESS: ("repair", ("SanMismatch", "ModeDrift", "RequestPending"))}
    assert [[finding.reason.value for finding in work.findings] for work in plan.work] == [["ModeDrift"]]


def test_without_the_certificate_of_the_ca_nothing_is_asked() -> None:
    """Nobody could tell whose the answer is; the way out is a file, not a key."""
    world = outside()
    del world.pairs["ca.main"]
    plan = world.plan()
    assert changes(plan) == {"ca.main": ("blocked", ("Missing",)), ADDRESS: ("blocked", ("Missing",))}
    (told,) = plan.document.diagnostics
    assert (told.code, told.detail.partition(".crt")[0]) == ("ca-certificate-missing", "Put it at /ca/main")


def test_a_kubeconfig_waits_for_its_component() -> None:
    """One that embeds, and one that its component lives in; a bundle needs no signature."""
    world = outside(component(), bundle(), kubeconfig())
    assert changes(world.plan()) == {
        ADDRESS: ("request", ("Missing",)),
        "bundle.trust": ("create", ("Missing",)),
        "kubeconfig.admin": ("waiting", ("Missing",)),
    }
    request(world)
    answer(world)
    assert changes(world.plan())["kubeconfig.admin"] == ("create", ("Missing",))


def test_a_due_ca_is_told_to_those_who_keep_it() -> None:
    """Nothing here renews it; a certificate of another key and the old name is not taken for a renewal."""
    world = issued()
    world.advance(days=9.5 * 365)
    plan = world.plan()
    (told,) = [entry for entry in plan.document.diagnostics if entry.address == "ca.main" and entry.code == "RenewalDue"]
    assert told.severity == "warning"
    assert told.detail.startswith("It is an external CA: whoever keeps its key has to renew it.")


def test_a_renewed_ca_changes_nothing_below_it() -> None:
    """Another certificate around the same key: bundles follow, certificates stay."""
    world = issued(component(), bundle())
    world.apply()
    assert changes(world.plan()) == {}
    old = world.leaf("ca.main")
    bring(
        world,
        world.desired.cas["main"],
        key_facts("rsa-2048"),
        spki_sha256=old.spki_sha256,
        ski=old.ski,
        not_after=old.not_after + 365 * DAY,
    )
    assert changes(world.plan()) == {"bundle.trust": ("repair", ("BundleStale",))}


def test_another_ca_in_its_place_stops_everything() -> None:
    """A new key at the old path would break every connection at once: nothing is asked for, and no trust file is touched."""
    world = issued(component(), bundle())
    world.apply()
    record = replace(world.records["bundle.trust"], kind="ca", spki_sha256=world.leaf("ca.main").spki_sha256, generation=1)
    world.records["ca.main"] = record
    bring(world, world.desired.cas["main"], key_facts("rsa-2048"))
    world.change_pair(ADDRESS, signed_by="")
    plan = world.plan()
    assert codes(plan, "error") == ["ca-exchanged"]
    assert {address: found[0] for address, found in changes(plan).items()} == {"ca.main": "blocked"}


@pytest.mark.parametrize(("days", "health"), [(340, "Progressing"), (354, "Progressing"), (356, "Degraded"), (366, "Degraded")])
def test_what_waits_is_progressing_until_it_is_late(days: int, health: str) -> None:
    """Less than a third of `renewBefore` is left, and nobody has signed: a person can still act."""
    world = issued()
    world.advance(days=days)
    request(world)
    plan = world.plan()
    rows = status_of(world.desired, world.observed, plan.document, Inventory(cluster="test"), world.now).resources
    found = {row.address: (row.sync, row.health) for row in rows}
    assert found == {"ca.main": ("Synced", "Healthy"), ADDRESS: ("OutOfSync", health)}


def test_requests_count_for_the_guard_and_answers_do_not() -> None:
    """Whoever has had thirty requests signed has looked at them; thirty changed names were not."""
    names = [f"c{number}" for number in range(10)]
    assert codes(outside(*(component(name) for name in names)).plan()) == []  # creations never count
    world = issued(*(component(name) for name in names))
    for name in names:
        world.want(f"component.{name}", sans=("dns:new.example.com",))
    assert codes(world.plan(), "error") == ["max-changes"]
    for name in names:
        request(world, f"component.{name}")
        answer(world, f"component.{name}")
    plan = world.plan()
    assert codes(plan, "error") == []
    assert {change[0] for change in changes(plan).values()} == {"reissue"}


def test_many_that_wait_are_told_in_one_entry() -> None:
    """One a CA, with the first ten requests by name."""
    world = outside(*(component(f"c{number}") for number in range(12)))
    for address in world.desired.components:
        request(world, address)
    (told,) = world.plan().document.diagnostics
    assert told.summary == "12 certificates wait for ca.main, whose key is not here"
    assert told.detail.count(".next.csr") == 10
    assert "and 2 more, each beside its files" in told.detail
    assert len(told.held_back) == 12
