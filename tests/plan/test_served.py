"""What processes present is told in plan and status, while it is about what is on disk."""

from __future__ import annotations

from typing import Final

from reconciler.observed.model import Served
from reconciler.plan.build import make_plan
from reconciler.plan.document import Source
from reconciler.plan.inventory import Inventory
from reconciler.plan.options import Options
from reconciler.plan.served import current
from reconciler.plan.status import status_of
from tests.plan.world import NOW, World, ca, component, digest, settled

API: Final = "component.api"


def result(world: World, state: str, expected: str = "") -> Served:
    """What its endpoint presented."""
    found = {"ok": world.leaf(API).fingerprint, "stale": "ab" * 32, "unreachable": ""}[state]
    return Served(
        state=state,  # type: ignore[arg-type]
        endpoint="192.0.2.1:6443",
        at=NOW,
        presented=found,
        expected=expected or world.leaf(API).fingerprint,
        detail="It presents serial 1f." if state == "stale" else "connection refused" if state == "unreachable" else "",
    )


def told(world: World, served: dict[str, Served]) -> list[tuple[str, str, str]]:
    """Code, severity and summary of what the plan tells."""
    plan = make_plan(
        world.desired,
        world.observed,
        Inventory(cluster="test", records=world.records),
        now=world.now,
        options=Options(),
        source=Source(path="cluster-pki.yaml", sha256=digest("source")),
        tool_version="0",
        served=served,
    )
    assert plan.work == ()
    return [(entry.code, entry.severity, entry.summary) for entry in plan.document.diagnostics]


def test_the_plan_warns_of_a_process_that_serves_something_else() -> None:
    """Stale and unreachable are warnings about their address; ok is silence; none of them changes anything."""
    world = settled(ca(), component())
    assert told(world, {API: result(world, "ok")}) == []
    assert told(world, {API: result(world, "stale")}) == [
        ("served-stale", "warning", "component.api is on disk, and 192.0.2.1:6443 serves another certificate")
    ]
    assert told(world, {API: result(world, "unreachable")}) == [
        ("served-unreachable", "warning", "192.0.2.1:6443 cannot be asked what it serves for component.api")
    ]


def test_what_was_seen_before_a_change_says_nothing() -> None:
    """A result about another certificate than the one on disk is left out, everywhere."""
    world = settled(ca(), component())
    old = result(world, "stale", expected="cd" * 32)
    assert current({API: old, "component.gone": old}, world.pairs) == {}
    assert told(world, {API: old}) == []


def test_status_shows_what_is_served() -> None:
    """Stale is Degraded: the disk is right and nobody serves it."""
    world = settled(ca(), component())
    inventory = Inventory(records=world.records)
    rows = {}
    for state in ("ok", "stale", "unreachable"):
        document = status_of(
            world.desired, world.observed, world.plan().document, inventory, world.now, served={API: result(world, state)}
        )
        rows[state] = next(row for row in document.resources if row.address == API)
    assert {state: (row.served, row.health, row.served_at) for state, row in rows.items()} == {
        "ok": ("ok", "Healthy", NOW),
        "stale": ("stale", "Degraded", NOW),
        "unreachable": ("unreachable", "Healthy", NOW),
    }
    assert rows["stale"].served_detail == "It presents serial 1f."
