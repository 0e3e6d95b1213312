"""Servers that cannot be asked: one entry for each reason, with everything that waits for it."""

from __future__ import annotations

from typing import Final

from reconciler.observed.model import UNREACHABLE, Absent, ObservedKeypair, ObservedPair, Unusable
from reconciler.plan.document import DiagnosticEntry
from tests.plan.world import World, ca, component, keypair, settled

SEALED: Final = Unusable(problem=UNREACHABLE, detail="connection main: it is sealed; unseal it, or wait")


def denied(path: str) -> Unusable:
    """What a token lacks."""
    return Unusable(problem=UNREACHABLE, detail=f"connection main: permission denied; grant it on path {path}")


def told(world: World) -> list[DiagnosticEntry]:
    """What a plan says, when nothing is to be done."""
    plan = world.plan()
    assert plan.work == ()
    return list(plan.document.diagnostics)


def test_a_keypair_on_a_server_that_is_away_waits_with_everything_else() -> None:
    """It is not lost, and nobody has to mend a key."""
    world = settled(ca(), component(), keypair())
    world.pairs["component.api"] = ObservedPair(certificate=SEALED, key=SEALED)
    world.keypairs["keypair.sa[cp-1]"] = world.keypairs["keypair.sa[cp-2]"] = ObservedKeypair(key=SEALED, public=SEALED)
    (entry,) = told(world)
    assert (entry.code, entry.summary) == (UNREACHABLE, "connection main: it is sealed; unseal it, or wait")
    assert entry.held_back == ["component.api", "keypair.sa[cp-1]", "keypair.sa[cp-2]"]


def test_a_replica_that_is_not_away_waits_for_one_that_is() -> None:
    """No key is made while one that exists may only be out of sight."""
    world = settled(keypair())
    world.keypairs["keypair.sa[cp-1]"] = ObservedKeypair(key=Absent(), public=Absent())
    world.keypairs["keypair.sa[cp-2]"] = ObservedKeypair(key=SEALED, public=SEALED)
    assert [(entry.code, entry.held_back) for entry in told(world)] == [(UNREACHABLE, ["keypair.sa[cp-2]"])]


def test_what_a_token_lacks_is_told_once() -> None:
    """A policy that was forgotten concerns every path; the first stands for all of them."""
    world = settled(ca(), component("api"), component("www"))
    for name in ("api", "www"):
        world.pairs[f"component.{name}"] = ObservedPair(certificate=denied(name), key=denied(name))
    (entry,) = told(world)
    assert entry.summary == "connection main: permission denied; grant it on path api"
    assert entry.held_back == ["component.api", "component.www"]
