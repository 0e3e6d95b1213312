"""Guards: they stop surprises, never renewals, and everything else goes on."""

from __future__ import annotations

from typing import Any, Final

import pytest
from msgspec.structs import replace

from reconciler.desired.limits import Guards
from reconciler.desired.moves import Removal
from tests.plan.world import DAY, World, bundle, ca, changes, codes, component, kubeconfig, settled, state

API: Final = "component.api"


def fleet(size: int, guards: Guards | None = None) -> World:
    """So many certificates that are well."""
    names = [component("api", f"n{number}") for number in range(size)]
    return settled(ca(), *names, guards=guards or Guards())


def rename(world: World, count: int) -> None:
    """The names of so many change in git."""
    for address in list(world.desired.components)[:count]:
        world.want(address, sans=())


@pytest.mark.parametrize(
    ("size", "changed", "trips"),
    [(20, 6, False), (20, 7, True), (10, 5, False), (10, 6, True), (3, 3, False), (100, 30, False), (100, 31, True)],
)
def test_max_changes(size: int, changed: int, trips: bool) -> None:
    """30 % of all certificates, and never so few as five."""
    world = fleet(size)
    rename(world, changed)
    plan = world.plan()
    assert (codes(plan, "error") == ["max-changes"]) is trips
    assert {word for word, _ in changes(plan).values()} == {"blocked" if trips else "reissue"}
    assert len(plan.document.resource_changes) == changed
    assert codes(world.plan(allow_mass_change=True)) == []


def test_an_absolute_number_is_taken_at_its_word() -> None:
    """``maxChanges: 2`` lets two through."""
    world = fleet(4, Guards(max_changes=2))
    rename(world, 2)
    assert codes(world.plan()) == []
    rename(world, 3)
    plan = world.plan()
    assert codes(plan) == ["max-changes"]
    assert plan.document.diagnostics[0].held_back == [f"{API}[n0]", f"{API}[n1]", f"{API}[n2]"]


def test_time_and_creation_do_not_count() -> None:
    """What falls due is renewed and new nodes are served, while the surprise waits."""
    world = fleet(20)
    rename(world, 7)
    for address in list(world.desired.components)[10:]:
        world.want(address, renew_before=364 * DAY)
    added = [component("api", f"n{number}") for number in range(20, 23)]
    world.desired = replace(world.desired, components={**world.desired.components, **{new.address: new for new in added}})
    world.advance(days=2)
    plan = world.plan()
    words = [word for word, _ in changes(plan).values()]
    assert {word: words.count(word) for word in words} == {"blocked": 7, "reissue": 10, "create": 3}
    assert codes(plan) == ["max-changes"]


def test_only_time_never_trips() -> None:
    """All of them due, and all of them expired: the guard is silent."""
    for days in (340, 400):
        world = fleet(20)
        world.advance(days=days)
        plan = world.plan()
        assert (len(plan.work), codes(plan)) == (20, [])


def test_what_is_held_back_takes_nothing_along() -> None:
    """A kubeconfig does not follow a component that stays as it is."""
    things = [component("api", f"n{number}") for number in range(7)]
    world = settled(ca(), *things, kubeconfig(component=f"{API}[n0]"), guards=Guards(max_changes=0))
    world.want(f"{API}[n0]", sans=())
    assert changes(world.plan()) == {f"{API}[n0]": ("blocked", ("SanMismatch",))}


def test_repairs_do_not_count() -> None:
    """They cost no certificate."""
    world = fleet(20)
    for address in world.desired.components:
        world.change_pair(address, certificate=world.pairs[address].certificate)
        world.want(address, outputs=("pem", "der"))
    plan = world.plan()
    assert (len(plan.work), codes(plan)) == (20, [])


def leave(world: World, *kept: str, **fields: object) -> None:
    """Everything but these components, and what rests on the others, leaves the YAML."""
    desired = world.desired
    world.desired = state(
        *desired.cas.values(), *(each for address, each in desired.components.items() if address in kept), **fields
    )


def test_what_left_is_told_and_stays() -> None:
    """Without prune an orphan is a warning with the way out."""
    world = settled(ca(), component(), component("b"))
    leave(world, API)
    plan = world.plan()
    assert (changes(plan), codes(plan, "warning"), plan.work) == ({}, ["Orphaned"], ())


def test_prune_destroys_and_says_what_stays_valid() -> None:
    """The files go; the certificate lives on until it expires, and the plan says so."""
    world = settled(ca(), component(), component("b"))
    leave(world, API, prune=True)
    plan = world.plan()
    assert changes(plan) == {"component.b": ("destroy", ("Orphaned",))}
    assert (plan.document.summary.destroy, codes(plan)) == (1, ["Orphaned"])
    assert "stays valid" in plan.document.diagnostics[0].summary
    entry = plan.document.resource_changes[0].change
    assert (entry.actions, entry.after) == (["delete"], None)
    world.apply()
    assert "component.b" not in world.records


def test_max_destroy() -> None:
    """More than `maxDestroy` at once is held back; the rest of the plan goes on."""
    world = settled(ca(), component(), component("b"), component("c"))
    leave(world, API, prune=True)
    world.want(API, sans=())
    plan = world.plan()
    assert changes(plan) == {
        API: ("reissue", ("SanMismatch",)),
        "component.b": ("blocked", ("Orphaned",)),
        "component.c": ("blocked", ("Orphaned",)),
    }
    assert codes(plan) == ["max-destroy"]
    assert [work.action.word for work in world.plan(allow_mass_change=True).work] == ["reissue", "destroy", "destroy"]


def test_a_user_and_the_file_it_lives_in_count_once() -> None:
    """They are one thing to whoever removes them, and leave in reverse order."""
    jane = component("jane", place=None, kubeconfig="kubeconfig.jane")
    world = settled(ca(), component(), jane, kubeconfig("jane", component=jane.address))
    leave(world, API, prune=True)
    assert [(work.address, work.action.word) for work in world.plan().work] == [
        ("kubeconfig.jane", "destroy"),
        ("component.jane", "destroy"),
    ]


def test_an_empty_desired_state_destroys_nothing() -> None:
    """More likely a failed read than a wish: an error that lists what it would have meant."""
    world = settled(ca(), component(), bundle())
    world.desired = state(prune=True)
    plan = world.plan(allow_mass_change=True)
    assert (changes(plan), codes(plan), plan.work) == ({}, ["empty-desired-state"], ())
    assert plan.document.diagnostics[0].held_back == ["bundle.trust", "ca.main", API]


def test_nothing_at_all_is_no_error() -> None:
    """Without records there is nothing to lose."""
    assert codes(World(desired=state()).plan()) == []


def test_a_ca_is_not_destroyed_because_it_left() -> None:
    """Its record remembers that; the error names where it was last seen, and the way out."""
    world = settled(ca(), ca("old"), component())
    leave(world, API, prune=True)
    world.desired = replace(world.desired, cas={"main": world.desired.cas["main"]})
    plan = world.plan(allow_mass_change=True)
    assert (changes(plan), codes(plan)) == ({"ca.old": ("blocked", ("Orphaned",))}, ["prevent-destroy"])
    assert "cluster-pki.yaml:12" in plan.document.diagnostics[0].detail
    world.desired = replace(world.desired, removals=(Removal(address="ca.old", destroy=False),))
    plan = world.plan()
    assert (changes(plan), plan.document.summary.forget) == ({"ca.old": ("forget", ("Orphaned",))}, 1)


@pytest.mark.parametrize(("destroy", "word"), [(True, "destroy"), (False, "forget")])
def test_removed_says_what_becomes_of_it(destroy: bool, word: str) -> None:
    """By name, or by all instances of a name; inert when there is nothing."""
    world = settled(ca(), component(), component("b", "n1"))
    removals = (Removal(address="component.b", destroy=destroy), Removal(address="component.never", destroy=True))
    leave(world, API, removals=removals)
    assert changes(world.plan()) == {"component.b[n1]": (word, ("Orphaned",))}
    world.apply()
    assert (changes(world.plan()), codes(world.plan())) == ({}, [])


@pytest.mark.parametrize("fields", [{"prune": True}, {"removals": (Removal(address="component.b", destroy=True),)}])
def test_the_files_of_something_desired_are_never_destroyed(fields: dict[str, Any]) -> None:
    """A rename without `moved` leaves a record of the old name, whose files are those of the new one: it is only forgotten."""
    world = settled(ca(), component(), component("b"))
    renamed = replace(world.desired.components["component.b"], name="c", address="component.c")
    world.desired = state(ca(), component(), renamed, **fields)
    world.pairs["component.c"] = world.pairs.pop("component.b")
    plan = world.plan()
    assert changes(plan) == {"component.b": ("forget", ("Orphaned",))}
    assert plan.document.resource_changes[0].change.reasons[0].message.endswith("its files are those of component.c")


def test_a_view_of_a_node_knows_no_orphans_elsewhere() -> None:
    """Records of other nodes, and of what has no node, are not this view's business."""
    world = settled(ca(), component(), component("b", "n1"), component("b", "n2"))
    leave(world, prune=True, node="n1")
    assert changes(world.plan()) == {"component.b[n1]": ("destroy", ("Orphaned",))}
