"""`moved`: a rename costs nothing, unless the path changes too."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from reconciler.desired.model import Component
from reconciler.desired.moves import Move
from tests.plan.world import World, ca, change, changes, codes, component, place, settled, state

NEW: Final = "component.server"


def renamed(*, path: str = "pki/api", node: str | None = None) -> World:
    """A settled world whose component has another name now."""
    world = settled(ca(), component(node=node))
    old = next(iter(world.desired.components.values()))
    new: Component = replace(old, name="server", address=f"{NEW}[{node}]" if node else NEW, place=place(path))
    world.desired = state(ca(), new, moves=(Move(source="component.api", target=NEW),))
    if path == "pki/api" or node:
        world.pairs[new.address] = world.pairs.pop(old.address)
    return world


def test_a_pure_rename_costs_nothing() -> None:
    """It is shown, counted by nobody, and inert afterwards."""
    world = renamed()
    plan = world.plan()
    entry = change(plan, NEW)
    assert (entry.previous_address, entry.change.actions, entry.change.class_) == ("component.api", ["no-op"], "move")
    assert entry.change.before == entry.change.after
    summary = plan.document.summary
    assert (summary.add, summary.change, summary.destroy, summary.move) == (0, 0, 0, 1)
    assert [(work.address, work.previous, work.action.word) for work in plan.work] == [(NEW, "component.api", "none")]
    assert plan.document.has_changes
    world.apply()
    assert (changes(world.plan()), codes(world.plan())) == ({}, [])


def test_a_rename_with_a_difference_is_both() -> None:
    """The change carries its former address."""
    world = renamed()
    world.want(NEW, sans=())
    entry = change(world.plan(), NEW)
    assert (entry.previous_address, entry.change.class_) == ("component.api", "reissue")
    world.apply()
    assert (changes(world.plan()), list(world.records)) == ({}, ["ca.main", NEW])


def test_a_new_path_means_a_new_certificate() -> None:
    """Nothing is there yet; what is left behind is told."""
    world = renamed(path="pki/server")
    plan = world.plan()
    assert changes(plan) == {NEW: ("create", ("Missing",))}
    assert [(entry.severity, entry.code) for entry in plan.document.diagnostics] == [("warning", "moved")]
    assert "/pki/api.crt, /pki/api.key" in plan.document.diagnostics[0].detail


def test_a_name_moves_with_all_its_instances() -> None:
    """Without an index every instance moves and keeps its own."""
    world = renamed(path="pki/api-n1", node="n1")
    entry = change(world.plan(), f"{NEW}[n1]")
    assert (entry.previous_address, entry.change.class_) == ("component.api[n1]", "move")


def test_a_move_of_nothing_is_inert() -> None:
    """It may stay in the file for fresh installs; and it never takes what is still desired."""
    world = settled(ca(), component(), component("b"))
    world.desired = replace(
        world.desired,
        moves=(Move(source="component.api", target="component.b"), Move(source="component.x", target="component.y")),
    )
    assert (changes(world.plan()), codes(world.plan())) == ({}, [])
