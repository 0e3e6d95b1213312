"""Never two holders, in whatever order calls are carried out and answered: small worlds exhaustively, larger ones by chance."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vault.election.leases import Fate
from tests.vault.election.played import TTL, Play, Played

#: Moments of every order that is tried.
DEPTH: Final = 9


def begun(*names: str) -> Play:
    """Processes that have not asked for anything yet; their clocks have nothing in common."""
    play = Play(actors=[Played(name, offset) for name, offset in zip(names, (0.0, 5e6, -300.0), strict=False)])
    for actor in play.actors:
        actor.run(0.0)
    return play


def moments(play: Play, name: str, times: int) -> None:
    """Some moments of one process."""
    actor = next(each for each in play.actors if each.name == name)
    for _ in range(times):
        play.advance(actor)


def nobody() -> Play:
    """Two that both are about to ask."""
    return begun("a", "b")


def watched() -> Play:
    """One holds it, the other has seen that a moment later."""
    play = begun("a", "b")
    moments(play, "a", 5)
    assert play.holders() == ["a"]
    moments(play, "b", 3)
    return play


def nearly_over() -> Play:
    """The holder is due for a renewal, and whoever waits is about to look again."""
    play = watched()
    play.time = TTL - 3
    return play


def over() -> Play:
    """The holder has been silent too long, without having noticed."""
    play = watched()
    play.time = TTL
    return play


def claimed() -> Play:
    """A claim was carried out and seen by the other, and its answer is under way."""
    play = begun("a", "b")
    moments(play, "a", 4)
    moments(play, "b", 3)
    assert (play.holders(), len(play.kv.versions)) == ([], 1)
    return play


def renewed() -> Play:
    """The same of a renewal."""
    play = nearly_over()
    moments(play, "a", 4)
    moments(play, "b", 3)
    assert len(play.kv.versions) == 2
    return play


def asked() -> Play:
    """A look was sent before the renewal that it will find."""
    play = nearly_over()
    moments(play, "b", 1)
    play.time += 2.0
    moments(play, "a", 4)
    moments(play, "b", 1)
    assert len(play.kv.versions) == 2
    return play


BEGINNINGS: Final = [nobody, watched, nearly_over, over, claimed, renewed, asked]


@pytest.mark.parametrize("beginning", BEGINNINGS, ids=lambda each: each.__name__)
def test_in_no_order_do_two_act_at_a_time(beginning: object) -> None:
    """Every order of so many moments: of either process, or two seconds that pass."""
    assert callable(beginning)
    seen, acted = 0, set[str]()
    waiting = [(beginning(), DEPTH)]
    while waiting:
        play, left = waiting.pop()
        seen += 1
        holders = play.holders()
        assert len(holders) <= 1, (holders, play.time, play.actors)
        acted.update(holders)
        if not left:
            continue
        for index in range(len(play.actors)):
            after = play.copy()
            after.advance(after.actors[index])
            waiting.append((after, left - 1))
        later = play.copy()
        later.time += 2.0
        waiting.append((later, left - 1))
    assert seen == (3 ** (DEPTH + 1) - 1) // 2
    assert acted == {"a", "b"}


FATES: Final[list[Fate]] = ["answered", "answered", "answered", "unreachable", "cut before", "cut after"]
STEPS: Final = st.one_of(
    st.tuples(st.just("go"), st.sampled_from(["a", "b", "c"]), st.sampled_from(FATES)),
    st.tuples(st.just("pass"), st.sampled_from([0.5, 1.0, 2.0, 5.0, 7.0]), st.just("answered")),
)


@settings(max_examples=300)
@given(steps=st.lists(STEPS, max_size=80))
def test_in_no_order_with_faults_do_two_act_at_a_time(steps: list[tuple[str, str | float, Fate]]) -> None:
    """Three processes, writes that are lost or whose answers are, and pauses longer than the lease."""
    play = begun("a", "b", "c")
    turns: list[int] = []
    for kind, what, fate in steps:
        if kind == "pass":
            play.time += float(what)
        else:
            play.advance(next(actor for actor in play.actors if actor.name == what), fate)
        assert len(play.holders()) <= 1
        turns += [int(str(data["turn"])) for data in play.kv.versions[len(turns) :]]
    assert turns == sorted(turns)
    holders = [(data["turn"], data["holder"]) for data in play.kv.versions]
    assert len(set(holders)) == len({turn for turn, _ in holders})
