"""The service account key: all public keys first, then the signer everywhere, then the old public key goes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.rotation import judges
from tests.rotation.clusters import ORDER, SOAK, applied, service_accounts
from tests.rotation.story import Story

ADDRESS = "keypair.sa"


def accepted(story: Story) -> int:
    """How many public keys stand in the file; that of the signing key is always among them, first."""
    public = story.content("store/sa/sa.pub")
    signing = judges.openssl("pkey", "-pubout", "-in", str(story.path / "store/sa/sa.key"))
    assert public.decode().startswith(signing)
    return public.count(b"BEGIN PUBLIC KEY")


def test_every_hold_and_the_end(tmp_path: Path) -> None:
    """The signer changes only once both public keys are there, and the old one goes after the soak."""
    story = applied(tmp_path, service_accounts())
    old = story.content("store/sa/sa.key")
    seen = []
    for hold in (*ORDER, None):
        story.write(keypairs={"sa": {"generation": 2, "rotation": {**SOAK, **({"hold": hold} if hold else {})}}})
        story.apply()
        seen.append((hold, story.phase(ADDRESS), accepted(story), story.content("store/sa/sa.key") == old))
        assert story.actions() == {}
    assert seen == [
        ("stage", "stable", 1, True),
        ("clients", "stage", 2, True),
        ("servers", "clients", 2, True),
        ("soak", "servers", 2, False),
        ("distrust", "soak", 2, False),
        (None, "soak", 2, False),
    ]
    story.passes(days=2)
    story.apply()
    assert (story.rotations(), story.actions(), accepted(story)) == ({}, {}, 1)


def test_one_apply_walks_to_the_soak_and_it_counts_from_there(tmp_path: Path) -> None:
    """Two applies, a soak apart, are a whole rotation, there and back; what was abandoned or destroyed is nowhere."""
    story = applied(tmp_path, service_accounts(rotation={**SOAK, "retired": "destroy"}))
    first = story.content("store/sa/sa.key")
    for generation in (2, 3, 2):
        before = story.content("store/sa/sa.key")
        story.write(keypairs={"sa": {"generation": generation}})
        story.apply()
        if generation == 2 and before != first:
            break
        assert (story.phase(ADDRESS), accepted(story), story.content("store/sa/sa.key") != before) == ("soak", 2, True)
        story.passes(hours=25)
        story.apply()
        assert (story.rotations(), story.actions(), accepted(story)) == ({}, {}, 1)
        assert [name for name, content in story.digests().items() if content == before] == []


@pytest.mark.parametrize("hold", ["clients", "servers", "soak", "distrust"])
def test_it_goes_back_from_every_phase(tmp_path: Path, hold: str) -> None:
    """The old key signs again, and nothing of the new one stays."""
    story = applied(tmp_path, service_accounts())
    first = story.content("store/sa/sa.key")
    story.write(keypairs={"sa": {"generation": 2, "rotation": {**SOAK, "hold": hold}}})
    story.apply()
    abandoned = story.content("store/sa/sa.g2.key")
    story.write(keypairs={"sa": {"generation": 1, "rotation": dict(SOAK)}})
    story.apply()
    story.passes(days=2)
    story.apply()
    assert (story.rotations(), story.actions(), story.content("store/sa/sa.key")) == ({}, {}, first)
    assert accepted(story) == 1
    assert not (story.path / "store/sa/sa.g2.key").exists()
    assert abandoned != first


def test_a_second_rotation_is_refused_while_one_runs(tmp_path: Path) -> None:
    """With the reason, and nothing moves."""
    story = applied(tmp_path, service_accounts(generation=1))
    story.write(keypairs={"sa": {"generation": 2, "rotation": {**SOAK, "hold": "servers"}}})
    story.apply()
    before = story.digests()
    story.write(keypairs={"sa": {"generation": 3}})
    story.apply(code=1)
    assert story.digests() == before
    assert "is not finished" in story.rotations()[ADDRESS]["error"]


def test_a_soak_does_not_begin_anew_because_of_a_number_that_was_refused(tmp_path: Path) -> None:
    """Raised by mistake and put back: the record keeps since when both keys are accepted."""
    story = applied(tmp_path, service_accounts(generation=1))
    story.write(keypairs={"sa": {"generation": 2, "rotation": dict(SOAK)}})
    story.apply()
    until = story.rotations()[ADDRESS]["soaks_until"]
    story.passes(hours=12)
    story.write(keypairs={"sa": {"generation": 3}})
    story.apply(code=1)
    story.write(keypairs={"sa": {"generation": 2}})
    assert story.rotations()[ADDRESS]["soaks_until"] == until


@pytest.mark.parametrize("hold", ["clients", "servers", "soak", "distrust"])
def test_the_phase_is_found_again_without_records(tmp_path: Path, hold: str) -> None:
    """It follows from the files alone."""
    story = applied(tmp_path, service_accounts())
    story.write(keypairs={"sa": {"generation": 2, "rotation": {**SOAK, "hold": hold}}})
    story.apply()
    phase, before = story.phase(ADDRESS), story.digests()
    shutil.rmtree(story.path / "state")
    story.apply()
    assert (story.phase(ADDRESS), story.digests() == before) == (phase, True)


@pytest.mark.parametrize("names", [("sa.g1.key", "sa.g1.pub"), ("sa.g1.key",)], ids=["both", "key"])
def test_the_old_key_stays_accepted_when_its_files_are_tidied_up(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Tokens of it are alive for the whole soak: nothing is written until the files are back."""
    story = applied(tmp_path, service_accounts())
    story.write(keypairs={"sa": {"generation": 2, "rotation": dict(SOAK)}})
    story.apply()
    backup = {name: story.content(f"store/sa/{name}") for name in names}
    for name in names:
        (story.path / "store/sa" / name).unlink()
    for _ in range(2):
        story.passes(days=5)
        said = story.apply(code=1)
        assert "generation 1 of keypair.sa is gone" in said.out
        assert accepted(story) == 2
    for name, content in backup.items():
        (story.path / "store/sa" / name).write_bytes(content)
        (story.path / "store/sa" / name).chmod(0o600 if name.endswith("key") else 0o644)
    for _ in range(2):
        story.apply()
        story.passes(days=2)
    assert (story.rotations(), accepted(story)) == ({}, 1)
