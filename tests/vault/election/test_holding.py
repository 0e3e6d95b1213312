"""What a lease says and what follows from it, as tables."""

from __future__ import annotations

from typing import Final, Literal

import pytest
from msgspec.structs import replace

from reconciler.vault.election.holding import (
    Foreign,
    Found,
    Free,
    Held,
    Mine,
    Watched,
    after,
    as_data,
    deadline,
    due,
    free_in,
    margin_of,
    read_lease,
    released,
    renewed,
    resolved,
    watch,
)
from reconciler.vault.engines.kv import NoSecret, Secret
from tests.vault.election.leases import NOON, content

HELD: Final = Held(version=7, content=content(turn=3, renewed=4))


def secret(data: dict[str, object], version: int = 7) -> Secret:
    """What was read."""
    return Secret(version=version, data=data, created=NOON, custom={})


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (NoSecret(version=0, state="absent"), Free(version=0, turn=1)),
        (NoSecret(version=7, state="deleted"), Free(version=7, turn=8)),
        (NoSecret(version=7, state="destroyed"), Free(version=7, turn=8)),
        (secret(dict(as_data(HELD.content))), HELD),
        (secret(dict(as_data(released(content(turn=3))))), Free(version=7, turn=8)),
        (secret(dict(as_data(released(content(turn=9))))), Free(version=7, turn=10)),
        (secret({}), Foreign(problem="it is not a lease of this program: Object missing required field `view`")),
        (
            secret({"password": "hunter2"}),
            Foreign(problem="it is not a lease of this program: Object contains unknown field `password`"),
        ),
        (
            secret({**as_data(HELD.content), "kind": "recipe"}),
            Foreign(problem="it is not a lease of this program: Invalid enum value 'recipe' - at `$.kind`"),
        ),
        (
            secret({**as_data(HELD.content), "turn": "three"}),
            Foreign(problem="it is not a lease of this program: Expected `int`, got `str` - at `$.turn`"),
        ),
        (secret(dict(as_data(content(view="prod")))), Foreign(problem="it is the lease of prod, not of demo")),
        (secret(dict(as_data(content(view="")))), Foreign(problem="it is the lease of nothing, not of demo")),
        (
            secret(dict(as_data(content(ttl=0.5)))),
            Foreign(problem="it is held for 0.5 seconds at a time, which no lease is"),
        ),
        (
            secret(dict(as_data(content(ttl=1e9)))),
            Foreign(problem="it is held for 1e+09 seconds at a time, which no lease is"),
        ),
    ],
)
def test_what_a_secret_says(found: Secret | NoSecret, expected: Found) -> None:
    """Nobody's, somebody's, or not ours to touch; the next turn is above every one before it."""
    assert read_lease(found, "demo") == expected


@pytest.mark.parametrize(
    ("seen", "since"),
    [
        (HELD, 10.0),
        (replace(HELD, version=8), 50.0),
        (replace(HELD, content=content(turn=3, renewed=5)), 50.0),
        (replace(HELD, content=content(turn=3, renewed=4, holder="id-2")), 50.0),
    ],
    ids=["nothing new", "a version", "a renewal", "another holder in a secret that was made anew"],
)
def test_every_sign_of_life_begins_the_wait_again(seen: Held, since: float) -> None:
    """Only a holder that shows none loses the lease, after its own time."""
    before = Watched(held=HELD, since=10.0)
    watched = watch(before, seen, 50.0)
    assert watched == Watched(held=seen, since=since)
    assert free_in(watched, 50.0) == since + 60.0 - 50.0


def test_whoever_comes_does_not_know_how_long_a_holder_was_silent() -> None:
    """It waits the whole time from its own first look."""
    assert free_in(watch(None, HELD, 50.0), 50.0) == 60.0
    assert after(Watched(held=HELD, since=0.0)) == Free(version=7, turn=8)


def test_a_holder_stops_before_anybody_can_have_taken_its_place() -> None:
    """It counts from before it asked, renews after a third, and begins nothing when a call could outlast its time."""
    mine = Mine(version=7, content=HELD.content, start=100.0)
    assert (due(mine), deadline(mine, margin_of(60.0, 20.0))) == (120.0, 140.0)
    assert renewed(mine) == content(turn=3, renewed=5)


@pytest.mark.parametrize(("call", "margin"), [(5.0, 5.0), (30.0, 30.0), (45.0, 30.0)])
def test_the_margin_leaves_time_to_work(call: float, margin: float) -> None:
    """At least half of the time, after the renewal is due."""
    assert margin_of(60.0, call) == margin


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (HELD, "as it was"),
        (Held(version=8, content=content(turn=3, renewed=5)), "renewed"),
        (Held(version=8, content=content(turn=4, holder="id-2")), "lost"),
        (Free(version=8, turn=9), "lost"),
        (Foreign(problem="no"), "lost"),
    ],
    ids=["not carried out", "carried out", "taken", "deleted", "overwritten"],
)
def test_what_became_of_a_write_is_read(found: Found, expected: Literal["as it was", "renewed", "lost"]) -> None:
    """What was carried out counts from the first request that may have been it, never from the answer."""
    mine = Mine(version=7, content=HELD.content, start=100.0, pending=120.0)
    assert (
        resolved(mine, found)
        == {
            "as it was": mine,
            "renewed": Mine(version=8, content=content(turn=3, renewed=5), start=120.0),
            "lost": None,
        }[expected]
    )
