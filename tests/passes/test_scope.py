"""What a commit changed, and when it is worth a pass of its own."""

from __future__ import annotations

from typing import Any, Final

import pytest
from msgspec.structs import replace

from reconciler.desired.connected import KubernetesFacts
from reconciler.desired.limits import Guards
from reconciler.desired.model import DesiredState, Revocation
from reconciler.passes import scope
from reconciler.passes.scope import changed, narrowed, urgent_part
from tests.plan.world import bundle, ca, component, crl, keypair, kubeconfig, state

API: Final = "component.api"


def large(count: int = scope.LARGE, **fields: Any) -> DesiredState:  # noqa: ANN401 - any field of the model
    """A desired state of so many components, a kubeconfig and a bundle."""
    return state(
        ca(), component(), *(component("api", f"n{n}") for n in range(count - 1)), bundle(), kubeconfig(), keypair(), **fields
    )


def renamed(desired: DesiredState, *addresses: str) -> DesiredState:
    """The same with other names at some components."""
    components = {a: replace(c, sans=()) if a in addresses else c for a, c in desired.components.items()}
    return replace(desired, components=components)


def test_changed_components_are_found() -> None:
    """New and different ones; what is equal is not."""
    before = large(5)
    after = renamed(before, API)
    after = replace(after, components={**after.components, "component.new": component("new")})
    assert changed(before, after) == frozenset({API, "component.new"})
    assert changed(before, before) == frozenset()


@pytest.mark.parametrize(
    "change",
    [
        {"cas": {}},
        {"keypairs": {}},
        {"prune": True},
        {"suspended": True},
        {"kubernetes": KubernetesFacts(version=(1, 37), endpoint="api:6443")},
        {"guards": Guards(max_destroy=3)},
        {"imports": {API: "/x"}},
        {"adopted": frozenset({API})},
        {"components": {}},
        {"crls": {"crl.main": crl()}},
        {"revocations": (Revocation(component=API, ca="main", serial="ab"),)},
    ],
)
def test_whatever_touches_more_needs_a_look_at_everything(change: dict[str, Any]) -> None:
    """CAs, keypairs, guards, suspension, revocation, and whatever leaves."""
    before = large(5)
    assert changed(before, replace(before, **change)) is None


def test_few_changes_of_many_are_urgent() -> None:
    """Up to five in a large desired state; an absolute guard below that is respected."""
    before = large()
    five = [API, *(f"component.api[n{n}]" for n in range(4))]
    part = urgent_part(before, renamed(before, *five))
    assert part is not None
    assert sorted(part.components) == sorted(five)
    assert urgent_part(before, renamed(before, *five, "component.api[n4]")) is None
    assert urgent_part(before, before) is None
    assert urgent_part(None, before) is None
    assert urgent_part(large(20), renamed(large(20), API)) is None
    guarded = replace(before, guards=Guards(max_changes=1))
    assert urgent_part(guarded, renamed(guarded, API)) is not None
    assert urgent_part(guarded, renamed(guarded, *five[:2])) is None


def test_a_view_holds_what_lives_in_it() -> None:
    """A component with the kubeconfig that embeds it, and the other way round; the CAs; and nothing that would take away."""
    desired = large(3, prune=True, kubernetes=KubernetesFacts(version=(1, 36), endpoint="api:6443"))
    for address in (API, "kubeconfig.admin"):
        part = narrowed(desired, [address])
        assert (sorted(part.components), sorted(part.kubeconfigs), sorted(part.bundles)) == ([API], ["kubeconfig.admin"], [])
        assert part.kubernetes == desired.kubernetes is not None
        assert (list(part.cas), part.keypairs, part.prune, part.removals) == (["main"], {}, False, ())


def test_a_view_holds_the_lists_that_are_asked_for() -> None:
    """So that an apply sees what it has signed, and nothing else."""
    desired = state(ca(), component(), crl(), crl(node="cp-1"))
    part = narrowed(desired, [API, "crl.main[cp-1]"])
    assert (list(part.components), list(part.crls)) == ([API], ["crl.main[cp-1]"])
