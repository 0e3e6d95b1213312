"""Revoked certificates are replaced first, then listed; lists are signed in time, even when nothing is on them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from msgspec.structs import replace

from reconciler.desired.model import Replica, Revocation
from reconciler.desired.moves import Removal
from reconciler.observed.model import Absent, FileMeta, ObservedCrl, RevocationLists, Unusable
from reconciler.plan.build import Plan
from reconciler.plan.inventory import Inventory
from reconciler.plan.status import status_of
from reconciler.plan.status_document import ResourceStatus
from reconciler.x509.facts import CrlEntry, CrlFacts
from tests.plan.world import (
    CORRUPT,
    DAY,
    NOT_OURS_TO_READ,
    NOW,
    YEAR,
    World,
    ca,
    change,
    changes,
    codes,
    component,
    crl,
    kubeconfig,
    place,
    settled,
)

API: Final = "component.api"
BOB: Final = "component.bob"
LIST: Final = "crl.main"
COPY: Final = "crl.main[cp-1]"


def world_of(*more: Any, **fields: Any) -> World:  # noqa: ANN401 - any thing, any field of the desired state
    """A CA with a list and a copy of it, two components, and time enough that nothing was made just now."""
    world = settled(ca(publishes=True), component("api"), component("bob"), crl(), crl(node="cp-1"), *more, **fields)
    world.advance(hours=2)
    return world


def revoke(world: World, serial: str | None = None, **fields: Any) -> str:  # noqa: ANN401 - any field of the model
    """Git says that a certificate is revoked: that of the API unless another serial is given."""
    serial = serial or world.leaf(API).serial
    entry = Revocation(**{"component": API, "ca": "main", "serial": serial} | fields)
    world.desired = replace(world.desired, revocations=(*world.desired.revocations, entry))
    return serial


def listed(world: World, address: str = LIST) -> CrlFacts:
    """The list at an address."""
    (found, *others) = {state.lists for state in world.crls[address].files.values() if isinstance(state, RevocationLists)}
    assert not others
    return found[0]


def change_list(world: World, address: str = LIST, **fields: Any) -> None:  # noqa: ANN401 - any fact
    """Another list stands at an address: a few facts differ."""
    for form, state in world.crls[address].files.items():
        assert isinstance(state, RevocationLists)
        facts = replace(state.lists[0], fingerprint=f"other {fields}", **fields)
        put(world, replace(state, lists=(facts,)), form, address)


def put(world: World, state: Any, form: str = "der", address: str = LIST) -> None:  # noqa: ANN401 - any state of a file
    """Something else stands in one file of a list."""
    seen = world.crls[address]
    world.crls[address] = replace(seen, files={**seen.files, form: state})


def warnings(plan: Plan, code: str) -> list[str]:
    """Summary and detail of the diagnostics with a code, as one text each."""
    return [f"{entry.summary}. {entry.detail}" for entry in plan.document.diagnostics if entry.code == code]


def test_the_first_list_is_empty_and_a_plan_after_it_is_too() -> None:
    """Nothing is revoked, and there is a list at both places that says so."""
    world = world_of()
    assert (listed(world).entries, listed(world).number) == ((), int(NOW.timestamp()))
    assert listed(world, COPY) == listed(world)
    assert changes(world.plan()) == {}


def test_what_git_revokes_is_replaced_first_and_then_listed() -> None:
    """The order of the plan is the order of work: certificate, kubeconfig, lists. After it the plan is empty."""
    world = world_of(kubeconfig())
    serial = revoke(world, reason="keyCompromise")
    plan = world.apply()
    assert changes(plan) == {
        API: ("replace", ("Revoked",)),
        "kubeconfig.admin": ("repair", ("OutputStale",)),
        LIST: ("repair", ("Revoked",)),
        COPY: ("repair", ("Revoked",)),
    }
    assert list(changes(plan)) == [API, "kubeconfig.admin", LIST, COPY]
    at = world.now.replace(microsecond=0)
    assert listed(world).entries == (CrlEntry(serial=serial, at=at, reason="keyCompromise"),)
    assert world.leaf(API).serial != serial
    assert changes(world.plan()) == {}


def test_the_numbers_and_dates_of_a_plan_are_known_only_after_it() -> None:
    """What a list says now, and how many it will name."""
    world = world_of()
    revoke(world)
    entry = change(world.plan(), LIST).change
    assert entry.before == {
        "issuer": "ca.main",
        "paths": ["/ca/main.crl", "/ca/main.crl.der"],
        "number": int(NOW.timestamp()),
        "revoked": 0,
        "this_update": "2026-11-20T10:25:15Z",
        "next_update": "2026-11-27T10:30:15Z",
        "mode": "0644",
    }
    assert entry.after == {"issuer": "ca.main", "paths": ["/ca/main.crl", "/ca/main.crl.der"], "revoked": 1, "mode": "0644"}
    assert entry.after_unknown == {"number": True, "this_update": True, "next_update": True}


def test_git_gives_the_date_and_changes_its_mind_about_the_reason() -> None:
    """A date that git does not give is the day of the first listing, whatever is signed later."""
    world = world_of()
    at = world.now - timedelta(days=3, microseconds=world.now.microsecond)
    revoke(world, at=at)
    bob = revoke(world, world.leaf(BOB).serial, component=BOB)
    world.apply()
    first = world.now.replace(microsecond=0)
    assert {(entry.serial, entry.at) for entry in listed(world).entries if entry.serial == bob} == {(bob, first)}
    assert at in {entry.at for entry in listed(world).entries}
    world.advance(hours=1)
    changed = tuple(replace(each, reason="superseded") for each in world.desired.revocations)
    world.desired = replace(world.desired, revocations=changed)
    assert changes(world.apply()) == {LIST: ("repair", ("Revoked",)), COPY: ("repair", ("Revoked",))}
    assert {(entry.at, entry.reason) for entry in listed(world).entries} == {(at, "superseded"), (first, "superseded")}


def test_a_serial_that_nobody_has_is_listed_alone() -> None:
    """The certificate is elsewhere, or was replaced long ago."""
    world = world_of()
    revoke(world, "abc")
    assert changes(world.apply()) == {LIST: ("repair", ("Revoked",)), COPY: ("repair", ("Revoked",))}
    assert listed(world).serials == {"abc"}


def test_numbers_only_grow() -> None:
    """Twice in one second, and after a list from a clock that was ahead."""
    world = world_of()
    revoke(world, "1")
    world.apply()
    first = listed(world).number
    revoke(world, "2")
    world.apply()
    assert (first, listed(world).number) == (int(world.now.timestamp()), int(world.now.timestamp()) + 1)
    change_list(world, number=2**40)
    revoke(world, "3")
    world.apply()
    assert (listed(world).number, listed(world, COPY).number) == (2**40 + 1, 2**40 + 1)


def test_numbers_grow_when_nobody_can_read_the_last_list() -> None:
    """Within one second of it: our record knows the last number."""
    world = world_of()
    number = listed(world).number
    world.crls = {}
    world.now = NOW
    world.apply()
    assert listed(world).number == (number or 0) + 1


# -- time


@pytest.mark.parametrize(
    ("after", "reasons"),
    [
        pytest.param(timedelta(days=4, hours=15, minutes=59), {}, id="two thirds are not over"),
        pytest.param(
            timedelta(days=4, hours=16), {LIST: ("repair", ("CrlDue",)), COPY: ("repair", ("CrlDue",))}, id="a third is left"
        ),
        pytest.param(timedelta(days=8), {LIST: ("repair", ("CrlDue",)), COPY: ("repair", ("CrlDue",))}, id="it has ended"),
    ],
)
def test_an_empty_list_is_signed_again_in_time(after: timedelta, reasons: dict[str, tuple[str, tuple[str, ...]]]) -> None:
    """A list that ends though nothing was revoked is a total outage for whoever checks it."""
    world = settled(ca(publishes=True), component("api"), crl(), crl(node="cp-1"))
    world.now = NOW.replace(microsecond=0) + after
    assert changes(world.apply()) == reasons
    assert changes(world.plan()) == {}


def test_a_plan_knows_when_the_next_list_is_due() -> None:
    """So that a daemon wakes in time: of the list that stands, and of the one that a plan signs."""
    world = world_of()
    summary = world.plan().document.summary
    assert (summary.next_renewal, summary.next_renewal_address) == (datetime.fromisoformat("2026-11-25T02:30:15Z"), LIST)
    world.advance(days=5)
    summary = world.plan().document.summary
    assert (summary.next_renewal, summary.next_renewal_address) == (datetime.fromisoformat("2026-11-30T04:00:00Z"), LIST)


def test_a_list_that_ends_with_its_ca_is_not_signed_over_and_over() -> None:
    """A new one would last no longer."""
    world = settled(ca(publishes=True, lifetime=3 * DAY, renew_before=DAY), crl())
    assert listed(world).next_update == world.leaf("ca.main").not_after
    world.advance(days=2, hours=20)
    assert LIST not in changes(world.plan())
    assert world.plan().document.summary.next_renewal_address != LIST


@pytest.mark.parametrize(
    ("validity", "reasons"),
    [(30 * DAY, ("CrlDue",)), (DAY, ("CrlDue",)), (8 * DAY, ())],
    ids=["longer: too little of it is left", "shorter: it lives too long", "about the same"],
)
def test_another_validity_is_seen(validity: timedelta, reasons: tuple[str, ...]) -> None:
    """At once where it matters, else at the next signing."""
    world = world_of()
    world.want(LIST, validity=validity)
    assert changes(world.plan()).get(LIST, ("", ()))[1] == reasons


def test_refreshes_do_not_count_for_guards() -> None:
    """No guard turns a clock into an outage."""
    world = world_of(guards=replace(world_of().desired.guards, max_changes=0))
    world.advance(days=6)
    assert (changes(world.plan())[LIST], codes(world.plan(), "error")) == (("repair", ("CrlDue",)), [])


# -- files


@pytest.mark.parametrize(
    ("differ", "expected"),
    [
        pytest.param(lambda world: put(world, Absent()), {LIST: ("repair", ("Missing",))}, id="one format is gone"),
        pytest.param(lambda world: world.crls.pop(LIST), {LIST: ("create", ("Missing",))}, id="all of a place is gone"),
        pytest.param(lambda world: put(world, CORRUPT), {LIST: ("repair", ("Unreadable",))}, id="one format is torn"),
        pytest.param(lambda world: change_list(world, COPY, number=5), {COPY: ("repair", ("OutputStale",))}, id="an old copy"),
        pytest.param(
            lambda world: change_list(world, number=5), {LIST: ("repair", ("OutputStale",))}, id="an old list, the copy is newer"
        ),
        pytest.param(
            lambda world: change_list(world, COPY, signature_hash="sha1"), {COPY: ("repair", ("WeakSignature",))}, id="weak"
        ),
        pytest.param(
            lambda world: change_list(world, COPY, this_update=world.now + DAY),
            {COPY: ("repair", ("NotYetValid",))},
            id="from the future",
        ),
        pytest.param(
            lambda world: change_list(world, COPY, next_update=None), {COPY: ("repair", ("CrlDue",))}, id="without an end"
        ),
        pytest.param(
            lambda world: put(world, replace(world.crls[LIST].files["der"], signers=("",))),
            {LIST: ("repair", ("WrongIssuer",))},
            id="somebody else signed it",
        ),
        pytest.param(
            lambda world: put(world, replace(world.crls[LIST].files["der"], meta=FileMeta(mode=0o666, uid=0, gid=0))),
            {LIST: ("repair", ("ModeDrift",))},
            id="others may write it",
        ),
    ],
)
def test_what_is_wrong_with_one_file_is_mended_from_another(
    differ: Callable[[World], object], expected: dict[str, tuple[str, tuple[str, ...]]]
) -> None:
    """One sound list is left, so none is signed: the number stays, and no CA key is needed."""
    world = world_of()
    number = listed(world).number
    differ(world)
    world.change_pair("ca.main", key=Absent())
    del world.records["ca.main"]
    plan = world.apply()
    assert changes(plan) == expected
    assert plan.lists["main"].reference is not None
    assert (listed(world).number, listed(world, COPY).number) == (number, number)
    assert changes(world.plan()) == {}


def test_what_cannot_be_looked_at_is_left_alone() -> None:
    """Writing would not mend it: an error, and nothing is done there."""
    world = world_of()
    put(world, NOT_OURS_TO_READ)
    assert changes(world.plan()) == {LIST: ("blocked", ("Unreadable",))}
    assert codes(world.plan(), "error") == ["Unreadable"]


@pytest.mark.parametrize(
    ("known", "state", "word"),
    [
        pytest.param("record", Unusable(problem="not-pem", detail="no PEM"), "repair", id="our record knows it"),
        pytest.param("owned", Unusable(problem="not-pem", detail="no PEM"), "repair", id="it stands in our generation"),
        pytest.param("", Unusable(problem="not-pem", detail="no PEM"), "blocked", id="nobody knows it"),
    ],
)
def test_what_is_not_ours_is_not_overwritten(known: str, state: Unusable, word: str) -> None:
    """A file of somebody else at our path is foreign, until a person says otherwise."""
    world = world_of()
    world.crls[LIST] = ObservedCrl(files={"pem": state, "der": state}, owned=known == "owned")
    if known != "record":
        del world.records[LIST]
    assert changes(world.plan())[LIST][0] == word
    assert changes(world.plan(adopt=True))[LIST][0] == "repair"


def test_a_lost_state_directory_changes_nothing() -> None:
    """What is on disk says enough: the plan is empty, and an entry that only our record had stays on the list."""
    world = world_of(prune=True)
    world.desired = replace(world.desired, components={API: world.desired.components[API]})
    gone = world.leaf(BOB).serial
    world.apply()
    world.records, world.revoked = {}, ()
    assert changes(world.plan()) == {}
    revoke(world, "abc")
    world.apply()
    assert listed(world).serials == {gone, "abc"}


def test_git_is_enough_when_every_list_was_lost() -> None:
    """State and files are gone: what git says is listed anew, under a greater number."""
    world = world_of()
    revoke(world, "abc")
    world.apply()
    number = listed(world).number
    world.advance(hours=1)
    world.records, world.revoked = {}, ()
    world.crls = {}
    world.apply()
    assert listed(world).serials == {"abc"}
    assert (listed(world).number or 0) > (number or 0)


def test_what_git_forgets_stays_revoked() -> None:
    """A certificate does not become good again because somebody tidied up a file."""
    world = world_of()
    revoke(world, "abc")
    world.apply()
    world.desired = replace(world.desired, revocations=())
    world.advance(days=6)
    assert changes(world.apply()) == {LIST: ("repair", ("CrlDue",)), COPY: ("repair", ("CrlDue",))}
    assert listed(world).serials == {"abc"}


def test_a_revoked_certificate_that_comes_back_is_replaced() -> None:
    """Old files from a backup: their serial is on the list, whatever git says."""
    world = world_of()
    old = world.pairs[API]
    revoke(world)
    world.apply()
    world.desired = replace(world.desired, revocations=())
    world.pairs[API] = old
    del world.records[API]
    assert changes(world.plan()) == {API: ("replace", ("Revoked",))}


def test_lists_of_another_key_vouch_for_nothing() -> None:
    """Anybody can write a list that names our serials: it is not taken over."""
    world = world_of()
    stranger = RevocationLists(
        lists=(replace(listed(world), entries=(CrlEntry(serial=world.leaf(API).serial, at=NOW),)),),
        signers=("",),
        meta=FileMeta(mode=0o644, uid=0, gid=0),
    )
    put(world, stranger)
    put(world, stranger, "pem")
    assert changes(world.plan()) == {LIST: ("repair", ("WrongIssuer", "WrongIssuer"))}


def test_replace_asks_for_a_new_list_everywhere() -> None:
    """``--replace crl.main[cp-1]``: one list is signed, and every place has it."""
    world = world_of()
    plan = world.apply(replace=(COPY,))
    assert changes(plan) == {LIST: ("repair", ("OutputStale",)), COPY: ("repair", ("ReissueRequested",))}
    assert listed(world) == listed(world, COPY)
    assert changes(world.plan()) == {}


def test_a_target_takes_its_ca_along() -> None:
    """``--target crl.main`` covers the list, its copies and the CA."""
    world = world_of()
    world.advance(days=6)
    assert changes(world.plan(targets=(LIST,))) == {LIST: ("repair", ("CrlDue",)), COPY: ("repair", ("CrlDue",))}


# -- who is in the way


def test_an_entry_is_held_back_while_its_certificate_is_in_use() -> None:
    """Reissue first, then revoke: a suspended component keeps its certificate, so it is not refused, and the plan says so."""
    world = world_of()
    world.want(API, suspended=True)
    serial = revoke(world)
    revoke(world, "abc")
    plan = world.apply()
    assert changes(plan)[API] == ("blocked", ("Revoked",))
    assert listed(world).serials == {"abc"}
    (held,) = warnings(plan, "revocation-held")
    assert held.startswith(f"Serial {serial} is not on the list of ca.main yet: {API} still works with it.")
    assert changes(world.plan()) == {API: ("blocked", ("Revoked",))}
    world.want(API, suspended=False)
    world.apply()
    assert listed(world).serials == {"abc", serial}


def test_a_target_beside_it_holds_an_entry_back() -> None:
    """A plan that does not cover the component does not cut it off."""
    world = world_of()
    revoke(world)
    plan = world.plan(targets=(LIST,))
    assert changes(plan) == {}
    assert len(warnings(plan, "revocation-held")) == 1


def test_an_entry_waits_for_its_replacement() -> None:
    """What apply asks for before it lists a serial."""
    world = world_of()
    serial = revoke(world)
    revoke(world, "abc")
    assert {(each.serial, each.needs) for each in world.plan().lists["main"].entries} == {(serial, API), ("abc", "")}


def test_a_ca_that_cannot_sign_blocks_its_list() -> None:
    """And says why, with the list among what it holds back."""
    world = world_of()
    world.change_pair("ca.main", key=Absent())
    world.advance(days=6)
    plan = world.plan()
    assert changes(plan) == {
        "ca.main": ("blocked", ("Missing",)),
        LIST: ("blocked", ("CrlDue",)),
        COPY: ("blocked", ("CrlDue",)),
    }
    (error,) = [entry for entry in plan.document.diagnostics if entry.severity == "error"]
    assert (error.code, error.held_back) == ("ca-key-missing", [LIST, COPY])


def test_the_list_of_a_suspended_ca_waits() -> None:
    """Looked at and told, never changed."""
    world = world_of()
    world.want("ca.main", suspended=True)
    world.advance(days=6)
    assert changes(world.plan()) == {LIST: ("blocked", ("CrlDue",)), COPY: ("blocked", ("CrlDue",))}


def test_a_ca_is_never_revoked() -> None:
    """Everything below it would be refused at once: that is a rotation, and an error here."""
    world = world_of()
    serial = revoke(world, world.leaf("ca.main").serial)
    plan = world.plan()
    assert (changes(plan), codes(plan)) == ({}, ["revokes-a-ca"])
    assert plan.document.diagnostics[0].summary == f"Serial {serial} is that of ca.main, and is not revoked"


def test_the_copy_of_a_ca_is_the_ca() -> None:
    """Its serial is looked for at every place."""
    replica = Replica(address="ca.main[cp-1]", node="cp-1", place=place("cp-1/main"))
    world = settled(ca(publishes=True, replicas=(replica,)), crl())
    revoke(world, world.leaf("ca.main[cp-1]").serial)
    assert codes(world.plan(), "error") == ["revokes-a-ca"]


@pytest.mark.parametrize(("ahead", "expected"), [(timedelta(minutes=4), []), (timedelta(hours=1), ["revoked-in-the-future"])])
def test_a_revocation_in_the_future_waits(ahead: timedelta, expected: list[str]) -> None:
    """Beyond what a clock may be off it is a mistake."""
    world = world_of()
    revoke(world, at=world.now + ahead)
    plan = world.plan()
    assert codes(plan, "error") == expected
    assert (changes(plan) == {}) == bool(expected)


# -- what leaves


def test_what_is_pruned_alive_is_revoked() -> None:
    """Its files go first, then its serial is listed, with the reason that says why."""
    world = world_of(prune=True)
    serial = world.leaf(BOB).serial
    world.desired = replace(world.desired, components={API: world.desired.components[API]})
    plan = world.apply()
    assert list(changes(plan).items()) == [
        (BOB, ("destroy", ("Orphaned",))),
        (LIST, ("repair", ("Revoked",))),
        (COPY, ("repair", ("Revoked",))),
    ]
    at = world.now.replace(microsecond=0)
    assert listed(world).entries == (CrlEntry(serial=serial, at=at, reason="cessationOfOperation"),)
    assert codes(plan) == ["revocation-effect"]
    assert changes(world.plan()) == {}


def test_what_a_guard_keeps_is_not_revoked() -> None:
    """Too much would go at once: nothing goes, and nothing is refused."""
    world = world_of(prune=True)
    world.desired = replace(world.desired, components={})
    assert {word for word, _ in changes(world.plan()).values()} == {"blocked"}
    assert world.plan().lists["main"].entries == ()


def test_what_is_forgotten_or_renamed_is_not_revoked() -> None:
    """Its files stay, and work."""
    world = world_of(removals=(Removal(address=BOB, destroy=False),))
    world.desired = replace(world.desired, components={API: world.desired.components[API]})
    assert changes(world.plan()) == {BOB: ("forget", ("Orphaned",))}


def test_what_leaves_a_ca_without_a_list_lives_on() -> None:
    """The plan says until when, and the way out; our record keeps it for a list to come."""
    world = settled(ca(), component("api"), component("bob"), prune=True)
    serial = world.leaf(BOB).serial
    world.desired = replace(world.desired, components={API: world.desired.components[API]})
    (text,) = warnings(world.apply(), "Orphaned")
    assert "can use it until 2027-11-20: ca.main has no revocation list. Give it a `crl`" in text
    world.want("ca.main", publishes=True)
    world.desired = replace(world.desired, crls={LIST: crl()})
    world.apply()
    assert listed(world).serials == {serial}


# -- how long


def test_an_entry_is_dropped_once_a_list_after_its_end_has_named_it() -> None:
    """RFC 5280 section 3.3: one list that was issued after the certificate ended still has it, the next one has not."""
    world = world_of()
    serial = revoke(world)
    world.apply()
    world.revoked = tuple(_remember(world, serial))
    world.now = world.leaf(API).not_after + DAY  # the new certificate ends with the old one here
    world.apply()
    assert serial in listed(world).serials
    world.advance(days=6)
    world.apply()
    assert serial not in listed(world).serials
    assert changes(world.plan()) == {}


def _remember(world: World, serial: str) -> Any:  # noqa: ANN401 - what apply keeps
    from reconciler.plan.inventory import Revoked  # noqa: PLC0415 - for this one

    yield Revoked(serial=serial, issuer="ca.main", at=world.now, not_after=NOW + YEAR)


def test_an_entry_of_which_nothing_is_known_stays_long_enough() -> None:
    """As long as any certificate of its CA may live."""
    world = world_of()
    serial = revoke(world, "abc")
    world.apply()
    world.advance(days=3 * 365 - 1)
    world.apply()
    assert serial in listed(world).serials
    world.advance(days=6)
    world.apply()
    assert serial in listed(world).serials
    world.advance(days=6)
    world.apply()
    assert serial not in listed(world).serials


def test_what_has_long_ended_is_not_listed_at_all() -> None:
    """A revocation from long ago, and no list names it any more."""
    world = world_of()
    revoke(world, "abc", at=NOW - 4 * YEAR)
    assert changes(world.plan()) == {}


# -- status


def rows(world: World) -> dict[str, ResourceStatus]:
    """Every row of the status, by address."""
    document = status_of(world.desired, world.observed, world.plan().document, Inventory(records=world.records), world.now)
    return {row.address: row for row in document.resources}


def test_a_list_has_a_row_in_the_status() -> None:
    """Its paths, its dates, its number, and who signed it."""
    world = world_of()
    revoke(world, "abc")
    world.apply()
    row = rows(world)[COPY]
    assert (row.type, row.node, row.sync, row.health, row.issuer) == ("crl", "cp-1", "Synced", "Healthy", "ca.main")
    assert (row.paths.crl_pem, row.paths.crl_der) == ("/cp-1/main.crl", "/cp-1/main.crl.der")
    assert (row.number, row.revoked, row.days_left) == (listed(world).number, 1, 7)
    assert (row.not_before, row.not_after) == (listed(world).this_update, listed(world).next_update)
    assert row.renew_at == datetime.fromisoformat("2026-11-25T04:30:15Z")


@pytest.mark.parametrize(
    ("differ", "sync", "health"),
    [
        (lambda world: world.advance(days=6), "OutOfSync", "Healthy"),
        (lambda world: world.advance(days=8), "OutOfSync", "Degraded"),
        (lambda world: world.crls.pop(LIST), "OutOfSync", "Missing"),
        (lambda world: put(world, CORRUPT), "OutOfSync", "Degraded"),
        (lambda world: put(world, NOT_OURS_TO_READ), "Unknown", "Degraded"),
        (lambda world: change_list(world, next_update=None), "OutOfSync", "Degraded"),
    ],
    ids=["due", "ended", "gone", "torn", "hidden", "without an end"],
)
def test_the_health_of_a_list(differ: Callable[[World], object], sync: str, health: str) -> None:
    """Past nextUpdate it is Degraded: whoever checks it refuses everything."""
    world = world_of()
    differ(world)
    row = rows(world)[LIST]
    assert (row.sync, row.health) == (sync, health)


def test_drift_of_a_list_is_told() -> None:
    """A list that is gone, and one that others may write."""
    world = world_of()
    world.crls.pop(LIST)
    put(world, replace(world.crls[COPY].files["pem"], meta=FileMeta(mode=0o666, uid=0, gid=0)), "pem", COPY)
    drift = world.plan(refresh_only=True).document.resource_drift
    assert [(entry.address, entry.change.actions) for entry in drift] == [(LIST, ["delete"]), (COPY, ["update"])]


def test_a_saved_plan_rests_on_the_lists() -> None:
    """Another list since then makes it stale."""
    world = world_of()
    revoke(world, "abc")
    before = world.plan().document.observed[LIST]
    change_list(world, COPY, number=5)
    assert world.plan().document.observed[LIST] != before
