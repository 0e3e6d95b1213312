"""A CA walks to another generation and back: by phases, by holds, in both layouts, with other keys and names, on odd dates."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.rotation import judges
from tests.rotation.clusters import BACK, ORDER, SOAK, applied, held, leaf, plain, reached
from tests.rotation.story import Story

FIRST = {"main.crt", "main.key"}
BOTH = {"main.g1.crt", "main.g1.key", "main.g2.crt", "main.g2.key", *FIRST}


def ca_files(story: Story) -> set[str]:
    """What stands at the CA's place and beside it."""
    return {file.name for file in (story.path / "store/ca").iterdir() if file.name.startswith("main")}


def copies_of(key: bytes, story: Story) -> list[str]:
    """Every file that holds a key, hidden ones included."""
    return [name for name, content in story.digests().items() if content == key]


def issuer(story: Story, name: str) -> str:
    """Who signed a certificate."""
    return judges.field(story.content(f"store/pki/{name}.crt"), "-issuer").strip().removeprefix("issuer=")


@pytest.mark.parametrize("layout", ["generations", "plain"])
def test_every_hold_stops_before_its_phase_and_its_lifting_goes_on(tmp_path: Path, layout: str) -> None:
    """Nothing is waited for but the hold, so a second plan is empty; one generation is left in the end, the old one is kept."""
    document = plain()
    document["stores"]["files"]["layout"] = layout
    story = applied(tmp_path, document)
    seen = []
    for hold in (*ORDER, None):
        story.ca(generation=2, rotation={**SOAK, **({"hold": hold} if hold else {})})
        story.apply()
        entry = story.rotations()["ca.main"]
        seen.append((hold, entry["phase"], entry["signing_generation"], entry["trusted"]))
        assert story.actions() == {}
    assert seen == [
        ("stage", "stable", 1, [1]),
        ("clients", "stage", 1, [1, 2]),
        ("servers", "clients", 1, [1, 2]),
        ("soak", "servers", 2, [1, 2]),
        ("distrust", "soak", 2, [1, 2]),
        (None, "soak", 2, [1, 2]),
    ]
    story.passes(days=2)
    story.apply()
    assert (story.rotations(), story.actions(), ca_files(story)) == ({}, {}, BOTH)
    assert len(judges.certificates(story.content("store/trust/main.pem"))) == 1


@pytest.mark.parametrize("phase", BACK)
def test_lowering_the_number_goes_back_and_leaves_nothing_of_the_abandoned_generation(tmp_path: Path, phase: str) -> None:
    """One apply after the soak its files are gone, the key from every hidden place too, and a later raise makes a fresh one."""
    story = reached(tmp_path, phase)
    abandoned = story.content("store/ca/main.g2.key")
    first = story.content("store/ca/main.crt" if phase in {"stage", "clients"} else "store/ca/main.g1.crt")
    story.ca(generation=1, rotation=dict(SOAK))
    story.apply()
    story.passes(days=2)
    story.apply()
    assert (story.rotations(), story.actions(), story.content("store/ca/main.crt")) == ({}, {}, first)
    assert copies_of(abandoned, story) == []
    story.ca(generation=2)
    story.apply()
    assert story.content("store/ca/main.g2.key") != abandoned


def test_lowering_after_distrust_is_a_rotation_back_to_the_kept_key(tmp_path: Path) -> None:
    """The old generation comes in through all phases, trusted by all before it signs anything."""
    story = applied(tmp_path)
    first = story.content("store/ca/main.key")
    story.ca(generation=2)
    story.apply()
    story.passes(days=2)
    story.apply()
    story.ca(generation=1, rotation=held("stage"))
    story.apply()
    assert (story.phase(), story.rotations()["ca.main"]["trusted"]) == ("stage", [1, 2])
    story.ca(rotation=dict(SOAK))
    story.apply()
    story.passes(days=2)
    story.apply()
    assert (story.rotations(), story.content("store/ca/main.key")) == ({}, first)


def test_a_retired_key_is_destroyed_everywhere(tmp_path: Path) -> None:
    """Also where the signing pair keeps what it held before; going back then is only warned about."""
    story = applied(tmp_path)
    old = story.content("store/ca/main.key")
    story.ca(generation=2, rotation={**SOAK, "retired": "destroy"})
    story.apply()
    assert copies_of(old, story)
    story.passes(days=2)
    story.apply()
    assert (copies_of(old, story), story.actions()) == ([], {})
    story.ca(generation=1)
    assert [entry["code"] for entry in story.plan().json["diagnostics"]] == ["generation"]


@pytest.mark.parametrize("phase", BACK)
def test_a_second_rotation_is_refused_while_one_runs_and_all_else_goes_on(tmp_path: Path, phase: str) -> None:
    """It fails with the reason and moves nothing; newcomers and renewals are served, and afterwards it is let in."""
    story = reached(tmp_path, phase)
    before = story.rotations()["ca.main"]["signing_generation"]
    story.write(components={"late": leaf("late", "server auth")})
    story.ca(generation=3, rotation=dict(SOAK))
    story.apply(code=1)
    entry = story.rotations()["ca.main"]
    assert "between generations 1 and 2 is not finished" in entry["error"]
    assert (entry["signing_generation"], not (story.path / "store/ca/main.g3.key").exists()) == (before, True)
    old = story.content("store/pki/late.crt")
    story.passes(days=25)
    story.apply(code=1)
    assert story.content("store/pki/late.crt") != old
    for generation in (2, 3):
        story.ca(generation=generation)
        story.apply()
        story.passes(days=2)
        story.apply()
    assert (story.rotations(), story.actions(), "g3" in issuer(story, "late")) == ({}, {}, True)


@pytest.mark.parametrize(
    ("phase", "client", "server"),
    [
        ("stage", "CN = main", "CN = main"),
        ("clients", "CN = main g2", "CN = main"),
        ("servers", "CN = main g2", "CN = main g2"),
        ("soak", "CN = main g2", "CN = main g2"),
        ("distrust", "CN = main g2", "CN = main g2"),
    ],
)
def test_who_joins_gets_what_is_right_in_that_phase(tmp_path: Path, phase: str, client: str, server: str) -> None:
    """Its trust file holds what all others hold, and nobody is held back by it."""
    story = reached(tmp_path, phase)
    story.write(
        components={"late": leaf("late", "server auth"), "guest": leaf("guest", "client auth")},
        bundles={"late": {"cas": ["main"], "path": "trust/late.pem"}},
    )
    story.apply()
    assert (issuer(story, "guest"), issuer(story, "late")) == (client, server)
    assert story.content("store/trust/late.pem") == story.content("store/trust/main.pem")
    assert story.phase() == ("stable" if phase == "distrust" else phase)


@pytest.mark.parametrize(("old", "new"), [("rsa-2048", "ecdsa-p256"), ("ecdsa-p384", "rsa-2048"), ("ecdsa-p256", "ed25519")])
def test_another_type_of_key_comes_and_goes_by_rotations_alone(tmp_path: Path, old: str, new: str) -> None:
    """Changing the type without the number changes nothing; with it the new key is of that type, and so is the way back."""
    document = plain()
    document["cas"]["main"]["key"] = old
    story = applied(tmp_path, document)
    story.ca(key=new)
    before = story.digests()
    story.apply()
    assert story.digests() == before
    for generation, kind in ((2, new), (3, old)):
        story.ca(generation=generation, key=kind)
        story.apply()
        story.passes(days=2)
        story.apply()
        shown = judges.field(story.content("store/ca/main.crt"), "-text")
        assert {"rsa": "rsaEncryption", "ecd": "id-ecPublicKey", "ed2": "ED25519"}[kind[:3]] in shown
    assert (story.rotations(), story.actions()) == ({}, {})


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({}, "main g2"),
        ({"subject": {"commonName": "Fixed"}}, "Fixed"),
        ({"rotation": {**SOAK, "numberedNames": False}}, "main"),
        ({"subject": {"commonName": "Fixed"}, "rotation": {**SOAK, "numberedNames": True}}, "Fixed g2"),
    ],
)
def test_later_generations_have_their_number_in_the_name_unless_it_was_written(
    tmp_path: Path, fields: dict[str, Any], name: str
) -> None:
    """Two CAs of one name are told apart by their key identifiers: everything verifies with both in the bundle."""
    document = plain()
    document["cas"]["main"].update(fields)
    story = applied(tmp_path, document)
    story.ca(generation=2)
    story.apply()
    assert judges.field(story.content("store/ca/main.crt"), "-subject").strip() == f"subject=CN = {name}"
    assert len(judges.certificates(story.content("store/trust/main.pem"))) == 2


@pytest.mark.parametrize(
    "start",
    [datetime(2028, 2, 29, 12, tzinfo=UTC), datetime(2049, 12, 31, 23, 50, tzinfo=UTC), datetime(2040, 1, 5, tzinfo=UTC)],
    ids=["leap-day", "over-2050", "ends-in-2050"],
)
def test_odd_dates_and_clocks_that_are_apart(tmp_path: Path, start: datetime) -> None:
    """Leap days, both encodings of time, and verifiers five minutes early or late, in every phase."""
    story = applied(tmp_path, now=start, skew=(-5, 0, 5))
    for phase in ORDER:
        story.ca(generation=2, rotation=held(phase))
        story.apply()
    story.passes(days=2)
    story.apply()
    assert (story.rotations(), story.actions()) == ({}, {})
