"""What expires first is done first."""

from __future__ import annotations

from datetime import timedelta

from reconciler.daemon.attempts import Life
from reconciler.daemon.urgency import lives, most_urgent_first
from reconciler.plan.build import Work
from reconciler.plan.reasons import Action
from tests.plan.world import DAY, NOW, ca, component, crl, kubeconfig, settled


def work(kind: str, name: str) -> Work:
    """A change of something."""
    return Work(address=f"{kind}.{name}", kind=kind, action=Action.REISSUE, findings=())


def test_missing_and_early_ends_come_first_within_their_kind() -> None:
    """CAs keep their order, and nothing overtakes what it rests on."""
    plan = [
        work("ca", "z"),
        work("ca", "a"),
        *(work("component", name) for name in "abcd"),
        work("bundle", "b"),
        work("bundle", "a"),
    ]
    ends = {"component.a": 30, "component.b": 3, "component.c": 10, "bundle.a": 1}
    known = {address: Life(ends=NOW + timedelta(days=days)) for address, days in ends.items()}
    ordered = [each.address for each in most_urgent_first(plan, known)]
    assert ordered == ["ca.z", "ca.a", "component.d", "component.b", "component.c", "component.a", "bundle.b", "bundle.a"]


def test_lives_are_those_of_the_certificates_found() -> None:
    """A kubeconfig lives as the component in it; what is not there has no end."""
    world = settled(ca(), component(), component("gone"), kubeconfig())
    del world.pairs["component.gone"]
    found = lives(world.desired, world.observed)
    assert found["kubeconfig.admin"] == found["component.api"]
    assert found["component.api"].ends == world.leaf("component.api").not_after
    assert (found["component.gone"].ends, found["component.gone"].used_for) == (None, timedelta(days=335))


def test_a_revocation_list_lives_until_its_next_update() -> None:
    """A retry is never put off beyond it."""
    world = settled(ca(), crl(), crl("main", "gone"))
    del world.crls["crl.main[gone]"]
    found = lives(world.desired, world.observed)
    assert found["crl.main"] == Life(ends=NOW.replace(microsecond=0) + 7 * DAY, used_for=7 * DAY * 2 / 3)
    assert found["crl.main[gone]"].ends is None
