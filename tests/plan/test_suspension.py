"""What is suspended is looked at and told, and never changed."""

from __future__ import annotations

from typing import Any, Final

import pytest
from msgspec.structs import replace

from reconciler.desired.moves import Removal
from reconciler.plan.inventory import Inventory
from reconciler.plan.status import status_of
from reconciler.plan.status_document import ResourceStatus
from tests.plan.world import World, bundle, ca, changes, codes, component, kubeconfig, settled

API: Final = "component.api"
BETA: Final = "component.beta"


def two() -> World:
    """Two components, the kubeconfig that embeds the first, and a bundle."""
    return settled(ca(), component("api"), component("beta"), bundle(), kubeconfig())


def statuses(world: World) -> dict[str, ResourceStatus]:
    """Every row of the status, by address."""
    plan = world.plan().document
    document = status_of(world.desired, world.observed, plan, Inventory(records=world.records), world.now)
    return {row.address: row for row in document.resources}


def test_a_suspended_component_waits_with_its_kubeconfig_and_the_rest_goes_on() -> None:
    """Both are due; one is suspended."""
    world = two()
    world.want(API, suspended=True)
    world.advance(days=340)
    plan = world.plan()
    assert changes(plan) == {API: ("blocked", ("RenewalDue",)), BETA: ("reissue", ("RenewalDue",))}
    assert [work.address for work in plan.work] == [BETA]
    (warning,) = plan.document.diagnostics
    assert (warning.severity, warning.code, warning.held_back) == ("warning", "suspended", [API])
    assert "expires first, on 2027-11-20" in warning.detail


def test_everything_waits_while_all_is_suspended() -> None:
    """Creation, repair, renewal, destruction: nothing is done, and nothing of it is an error."""
    world = two()
    removal: dict[str, Any] = {
        "suspended": True,
        "components": {API: world.desired.components[API], "component.new": component("new")},
        "removals": (Removal(address=BETA, destroy=True),),
    }
    world.desired = replace(world.desired, **removal)
    world.bundles.clear()
    world.advance(days=400)
    plan = world.plan()
    assert plan.work == ()
    assert {word for word, _ in changes(plan).values()} == {"blocked"}
    assert set(changes(plan)) >= {API, BETA, "component.new", "bundle.trust"}
    assert codes(plan, "error") == []
    assert "expired first" in next(entry.detail for entry in plan.document.diagnostics if entry.code == "suspended")


def test_a_suspended_ca_is_not_changed_and_signs_for_others() -> None:
    """Its mode drifted; what it signs is renewed."""
    world = two()
    world.want("ca.main", suspended=True, access=replace(world.desired.cas["main"].access, mode=0o640))
    world.advance(days=340)
    assert changes(world.plan()) == {
        "ca.main": ("blocked", ("ModeDrift",)),
        API: ("reissue", ("RenewalDue",)),
        BETA: ("reissue", ("RenewalDue",)),
        "kubeconfig.admin": ("repair", ("OutputStale",)),
    }


@pytest.mark.parametrize(("days", "health"), [(0, "Suspended"), (340, "Suspended"), (360, "Degraded"), (400, "Degraded")])
def test_status_says_suspended_until_it_is_too_late_for_that(days: int, health: str) -> None:
    """An expired certificate is never fine, whatever somebody decided about it."""
    world = two()
    world.want(API, suspended=True)
    world.advance(days=days)
    row = statuses(world)[API]
    assert (row.health, row.suspended) == (health, True)
    assert statuses(world)[BETA].suspended is False


def test_without_anything_to_do_nothing_is_told() -> None:
    """A suspended component that is fine is no warning."""
    world = two()
    world.want(API, suspended=True)
    assert world.plan().document.diagnostics == []
