"""Files that we did not issue: what fits is taken over in silence, what does not is left alone until somebody says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest
from msgspec.structs import replace

from reconciler.observed.model import Absent, Certificates, Key
from reconciler.x509.facts import KeyAlgorithm
from tests.plan.world import (
    CORRUPT,
    DAY,
    SECRET,
    World,
    ca,
    change,
    changes,
    codes,
    component,
    digest,
    key_facts,
    settled,
    steps,
)

API: Final = "component.api"
IMPORT: Final = {API: "/pki/api.crt"}


def adopted() -> World:
    """A PKI that somebody else has made, as we would have."""
    world = settled(ca(), component())
    world.records.clear()
    world.change_pair(API, owned=False)
    return world


def test_what_fits_is_taken_over_in_silence() -> None:
    """No change, no warning."""
    plan = adopted().plan()
    assert (changes(plan), codes(plan), plan.work, plan.unsettled) == ({}, [], (), frozenset())


FOREIGN: Final[dict[str, tuple[Callable[[World], object], tuple[str, ...]]]] = {
    "other names": (lambda w: w.want(API, sans=()), ("SanMismatch",)),
    "another kind of key": (lambda w: w.want(API, key=KeyAlgorithm.RSA_2048), ("KeyPolicyMismatch",)),
    "another CA": (lambda w: w.change_pair(API, signed_by=digest("x")), ("WrongIssuer",)),
    "corrupt": (lambda w: w.change_pair(API, certificate=CORRUPT), ("Unreadable",)),
    "a key alone": (lambda w: w.change_pair(API, certificate=Absent()), ("Missing",)),
    "a certificate alone": (lambda w: w.change_pair(API, key=Absent()), ("Missing",)),
    "no pair": (lambda w: w.change_pair(API, key=Key(facts=key_facts(), meta=SECRET)), ("KeyMismatch",)),
    "due and other names": (steps(lambda w: w.advance(days=340), lambda w: w.want(API, sans=())), ("SanMismatch", "RenewalDue")),
    "expired, of another CA": (
        steps(lambda w: w.advance(days=400), lambda w: w.change_pair(API, signed_by="")),
        ("WrongIssuer", "Expired"),
    ),
}


@pytest.mark.parametrize(("differ", "reasons"), FOREIGN.values(), ids=FOREIGN.keys())
def test_what_does_not_fit_is_foreign(differ: Callable[[World], object], reasons: tuple[str, ...]) -> None:
    """It is not overwritten: an error with the reasons and the way out. With --adopt, or a record, it is like any other."""
    world = adopted()
    differ(world)
    plan = world.plan()
    assert changes(plan) == {API: ("blocked", (*reasons, "Foreign"))}
    (entry,) = plan.document.diagnostics
    assert (entry.severity, entry.code, entry.address, entry.held_back) == ("error", "Foreign", API, [API])
    assert "imports" in entry.detail
    assert "--adopt" in entry.detail
    assert plan.work == ()
    told = world.plan(adopt=True)
    assert (changes(told)[API][1], codes(told)) == (reasons, [])
    world.change_pair(API, owned=True)
    assert changes(world.plan())[API][1] == reasons


AGEING: Final[dict[str, tuple[Callable[[World], object], str]]] = {
    "due": (lambda w: w.advance(days=340), "RenewalDue"),
    "expired": (lambda w: w.advance(days=400), "Expired"),
    "too long": (lambda w: w.want(API, lifetime=90 * DAY), "LifetimeMismatch"),
}


@pytest.mark.parametrize(("differ", "reason"), AGEING.values(), ids=AGEING.keys())
def test_age_makes_a_certificate_of_our_ca_nobody_elses(differ: Callable[[World], object], reason: str) -> None:
    """What our CA has signed for this very name is renewed without a record: a lost state directory stops no renewal."""
    world = adopted()
    differ(world)
    assert changes(world.plan()) == {API: ("reissue", (reason,))}


def test_an_import_is_shown_until_it_is_recorded() -> None:
    """As Terraform has it: `to import`, and nothing else when it fits; inert once tracked."""
    world = adopted()
    world.desired = replace(world.desired, imports=IMPORT)
    plan = world.plan()
    entry = change(plan, API)
    assert (entry.change.actions, entry.change.class_, entry.change.importing) == (["no-op"], "import", {"id": "/pki/api.crt"})
    assert (plan.document.summary.import_, plan.document.summary.change) == (1, 0)
    assert [(work.address, work.importing, work.action.word) for work in plan.work] == [(API, True, "none")]
    assert plan.document.has_changes
    world.records = settled(ca(), component()).records
    assert changes(world.plan()) == {}


def test_an_import_that_does_not_fit_is_brought_in_line() -> None:
    """The difference is shown as a normal change of what is imported."""
    world = adopted()
    world.desired = replace(world.desired, imports=IMPORT)
    world.want(API, sans=())
    plan = world.plan()
    assert changes(plan) == {API: ("reissue", ("SanMismatch",))}
    assert change(plan, API).change.importing == {"id": "/pki/api.crt"}
    assert (plan.document.summary.import_, plan.document.summary.change) == (1, 1)


def test_an_import_without_its_own_key_is_refused() -> None:
    """A certificate and a key that do not belong together are nobody's identity."""
    world = adopted()
    world.desired = replace(world.desired, imports=IMPORT)
    world.change_pair(API, key=Key(facts=key_facts(), meta=SECRET))
    assert changes(world.plan()) == {API: ("blocked", ("KeyMismatch", "Foreign"))}


def test_what_is_adopted_may_be_replaced() -> None:
    """An address under `adopted` is like one of ours, and shows no import while it fits."""
    world = adopted()
    world.desired = replace(world.desired, adopted=frozenset({API}))
    assert changes(world.plan()) == {}
    world.want(API, sans=())
    assert (changes(world.plan()), codes(world.plan())) == ({API: ("reissue", ("SanMismatch",))}, [])


def test_what_outlives_its_ca_and_is_not_ours_stays() -> None:
    """Since kubeadm cuts no certificate to the end of its CA, one that does fits: with or without a record of having seen it."""
    world = adopted()
    world.want(API, lifetime=12 * 365 * DAY)
    found = world.pairs[API].certificate
    assert isinstance(found, Certificates)
    longer = replace(found.chain[0], not_after=found.chain[0].not_before + 11 * 365 * DAY)
    world.change_pair(API, certificate=replace(found, chain=(longer,)))
    assert changes(world.plan()) == {}


def test_a_root_behind_what_is_not_ours_stays() -> None:
    """k3s writes its CA behind each certificate; nobody minds, and the file is left as it is."""
    world = adopted()
    found = world.pairs[API].certificate
    assert isinstance(found, Certificates)
    world.change_pair(API, certificate=replace(found, chain=(*found.chain, world.leaf("ca.main"))))
    assert changes(world.plan()) == {}
