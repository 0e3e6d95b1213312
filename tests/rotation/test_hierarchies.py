"""Intermediates: they rotate inside their root, and a root's rotation carries them along."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rotation import judges
from tests.rotation.clusters import BACK, SOAK, applied, held, reached, tiered


def test_an_intermediate_rotates_inside_its_root(tmp_path: Path) -> None:
    """Nobody trusts it directly, so it is over once everything has moved; the trust files never change."""
    story = applied(tmp_path, tiered())
    trust = story.content("store/trust/main.pem")
    for phase in ("stage", "clients"):
        story.ca(generation=2, rotation=held(phase))
        story.apply()
        assert (story.phase(), story.actions()) == (phase, {})
    story.ca(rotation=dict(SOAK))
    story.apply()
    assert (story.rotations(), story.actions(), story.content("store/trust/main.pem")) == ({}, {}, trust)
    assert "main g2" in judges.field(story.content("store/pki/web.crt"), "-issuer")


def test_a_root_carries_its_intermediate_along(tmp_path: Path) -> None:
    """The intermediate's key stays: leaves keep their certificates, only the chains behind them change."""
    story = applied(tmp_path, tiered())
    leaves = {name: judges.certificates(story.content(f"store/pki/{name}.crt")) for name in ("app", "web", "peer")}
    for phase in BACK:
        story.ca("root", generation=2, rotation=held(phase))
        story.apply()
        assert (story.phase("ca.root"), story.actions()) == (phase, {})
    after = {name: judges.certificates(story.content(f"store/pki/{name}.crt")) for name in leaves}
    assert {name: chain[0] for name, chain in after.items()} == {name: chain[0] for name, chain in leaves.items()}
    assert all(after[name][1] != leaves[name][1] for name in leaves)
    story.ca("root", rotation=dict(SOAK))
    story.passes(days=2)
    story.apply()
    assert (story.rotations(), len(judges.certificates(story.content("store/trust/main.pem")))) == ({}, 1)


def test_the_soak_of_a_root_counts_from_the_new_chains(tmp_path: Path) -> None:
    """The leaves are ten days old, but processes have had the chains of the new root for no time at all."""
    story = applied(tmp_path, tiered())
    story.passes(days=10)
    story.ca("root", generation=2)
    story.apply()
    assert (story.phase("ca.root"), len(judges.certificates(story.content("store/trust/main.pem")))) == ("soak", 2)
    story.passes(hours=20)
    story.apply()
    assert story.phase("ca.root") == "soak"
    story.passes(hours=5)
    story.apply()
    assert story.rotations() == {}


@pytest.mark.parametrize("phase", BACK)
@pytest.mark.parametrize("ca", ["root", "main"])
def test_both_go_back(tmp_path: Path, ca: str, phase: str) -> None:
    """By lowering the number, with chains and leaves that verify on the way."""
    if ca == "main" and phase in {"servers", "soak"}:  # it has no soak: then it is a rotation back to the kept key
        story = applied(tmp_path, tiered())
        story.ca(ca, generation=2)
        story.apply()
    else:
        story = reached(tmp_path, phase, tiered(), ca=ca)
    story.ca(ca, generation=1, rotation=dict(SOAK))
    story.apply()
    story.passes(days=2)
    story.apply()
    assert (story.rotations(), story.actions()) == ({}, {})
    assert not (story.path / f"store/ca/{ca}.g2.key").exists()


@pytest.mark.parametrize("phase", BACK)
def test_an_intermediate_waits_for_the_rotation_of_its_root(tmp_path: Path, phase: str) -> None:
    """It does not begin in the middle of it, and begins by itself afterwards."""
    story = reached(tmp_path, phase, tiered(), ca="root")
    story.ca(generation=2)
    story.apply()
    assert (story.phase(), story.blockers()) == ("stable", {"ca.main": "waits for the rotation of ca.root"})
    story.ca("root", rotation=dict(SOAK))
    for _ in range(2):
        story.passes(days=2)
        story.apply()
    assert (story.rotations(), story.actions()) == ({}, {})
    assert "main g2" in judges.field(story.content("store/pki/web.crt"), "-issuer")


def test_a_root_waits_for_the_rotation_of_its_intermediate(tmp_path: Path) -> None:
    """It may be staged, and goes no further before the one below has come to rest."""
    story = reached(tmp_path, "clients", tiered())
    story.ca("root", generation=2)
    story.apply()
    assert (story.phase("ca.root"), story.blockers("ca.root")) == ("stage", {"ca.main": "is in a rotation of its own"})
    story.ca(rotation=dict(SOAK))
    for _ in range(2):
        story.apply()
        story.passes(days=2)
    story.apply()
    assert (story.rotations(), story.actions()) == ({}, {})
