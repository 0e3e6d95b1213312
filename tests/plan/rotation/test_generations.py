"""Which generation signs, and which one should."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from reconciler.desired.model import Rotation
from reconciler.plan.build import Plan
from reconciler.plan.foresee import foresee
from reconciler.plan.rotation.generations import Wanted, signing_number, wanted_number
from tests.plan.world import World, bundle, ca, changes, component, settled

MANUAL: Final = Rotation()
RENEW: Final = Rotation(strategy="renew")
STAGED: Final = Rotation(strategy="staged")


@pytest.mark.parametrize(
    ("signing", "beside", "number"),
    [
        pytest.param("", {}, 0, id="nothing-there"),
        pytest.param("", {2: "b"}, 0, id="no-signing-pair"),
        pytest.param("a", {}, 1, id="the-first-stands-nowhere-else"),
        pytest.param("a", {2: "b"}, 1, id="another-key-than-that-beside"),
        pytest.param("a", {2: ""}, 1, id="what-cannot-be-read-matches-nothing"),
        pytest.param("b", {2: "b"}, 2, id="the-second"),
        pytest.param("a", {1: "a", 2: "b"}, 1, id="the-first-again"),
        pytest.param("b", {2: "b", 3: "b"}, 3, id="one-key-twice"),
        pytest.param("x", {1: "a", 2: "b"}, 0, id="a-stranger"),
    ],
)
def test_the_signing_pair_is_told_by_its_key(signing: str, beside: dict[int, str], number: int) -> None:
    """By what stands beside it; the first is what is left, and 0 what nobody knows."""
    assert signing_number(signing, beside) == number


@pytest.mark.parametrize(
    ("declared", "signing", "present", "due", "rotation", "number"),
    [
        pytest.param(1, 0, set(), set(), STAGED, 1, id="nothing-there"),
        pytest.param(1, 1, {1}, set(), MANUAL, 1, id="as-git-says"),
        pytest.param(2, 1, {1}, set(), MANUAL, 2, id="git-raises-it"),
        pytest.param(5, 1, {1}, set(), MANUAL, 5, id="git-skips-some"),
        pytest.param(1, 2, {1, 2}, set(), MANUAL, 1, id="git-goes-back"),
        pytest.param(1, 2, {2}, set(), MANUAL, 2, id="nobody-goes-back-to-what-is-gone"),
        pytest.param(1, 2, {1, 2}, {1}, MANUAL, 2, id="nobody-goes-back-to-what-is-over"),
        pytest.param(1, 0, {2, 3}, set(), MANUAL, 3, id="without-a-signing-pair-the-newest-is-what-is-left"),
        pytest.param(2, 0, {2, 3}, set(), MANUAL, 2, id="without-a-signing-pair-git-says"),
        pytest.param(1, 1, {1}, {1}, MANUAL, 1, id="due-is-only-told"),
        pytest.param(1, 1, {1}, {1}, RENEW, 1, id="due-keeps-its-key"),
        pytest.param(1, 1, {1}, {1}, STAGED, 2, id="due-brings-the-next"),
        pytest.param(1, 1, {1, 2}, {1}, STAGED, 2, id="due-and-under-way"),
        pytest.param(2, 1, {1}, {1}, STAGED, 2, id="git-was-first"),
        pytest.param(1, 2, {1, 2}, {1, 2}, STAGED, 3, id="the-successor-is-due-too"),
        pytest.param(1, 1, {1, 2, 3}, {1, 2, 3}, STAGED, 4, id="a-chain-of-due-ones"),
        pytest.param(1, 3, {3}, {3}, STAGED, 4, id="a-chain-whose-beginning-is-gone"),
        pytest.param(1, 1, {1, 3}, {1, 3}, STAGED, 2, id="the-chain-ends-at-a-gap"),
        pytest.param(3, 2, {1, 2}, {1, 2}, STAGED, 3, id="what-git-asks-for-is-new"),
    ],
)
def test_the_wanted_generation(  # noqa: PLR0917 - a row of the table
    declared: int, signing: int, present: set[int], due: set[int], rotation: Rotation, number: int
) -> None:
    """That of git, unless it is gone or over; and git is told when it is another."""
    wanted = wanted_number(declared, signing, frozenset(present), rotation, due=due.__contains__)
    note = f"generation {number} is in use or under way, git says {declared}: write `generation: {number}`"
    assert wanted == Wanted(number, note if number != declared else "")


def test_an_endless_chain_of_due_ones_ends() -> None:
    """A clock that is far ahead makes everything due: it is not counted to the end of time."""
    assert wanted_number(999_999, 1, frozenset({999_999, 1_000_000}), STAGED, due=lambda _: True).number == 1_000_000


def at_the_second() -> World:
    """A CA whose second generation is all there is, and whose signing pair is gone."""
    world = settled(ca(rotation=Rotation(retired="destroy", soak=timedelta(0))), component(), bundle())
    world.want("ca.main", generation=2)
    while world.apply().work:
        pass
    del world.pairs["ca.main"]
    assert world.generations == {"ca.main": (2,)}
    return world


def carry_out(world: World) -> Plan:
    """Plans and leaves behind what is foreseen; our records stay as they were."""
    plan = world.plan()
    after = foresee(world.desired, world.observed, plan, now=world.now)
    world.pairs, world.bundles, world.generations = dict(after.pairs), dict(after.bundles), dict(after.generations)
    return plan


@pytest.mark.parametrize(
    ("declared", "done"),
    [
        pytest.param(1, {"ca.main": ("repair", ("Missing",))}, id="git-is-behind"),
        pytest.param(2, {"ca.main": ("repair", ("Missing",))}, id="git-says-it"),
        pytest.param(
            3,
            {"ca.main": ("rotate", ("ReissueRequested",)), "bundle.trust": ("repair", ("BundleStale",))},
            id="git-asks-for-the-next",
        ),
    ],
)
def test_a_lost_signing_pair_comes_back(declared: int, done: dict[str, tuple[str, tuple[str, ...]]]) -> None:
    """From beside its place; a generation that nobody asked for is not made, and one that is trusted is made before."""
    world = at_the_second()
    world.want("ca.main", generation=declared)
    assert changes(carry_out(world)) == done
    while carry_out(world).work:
        pass
    assert world.leaf("ca.main").spki_sha256 == world.leaf(f"ca.main@g{max(declared, 2)}").spki_sha256
