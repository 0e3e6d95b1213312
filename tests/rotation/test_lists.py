"""A CA that publishes revocation lists rotates like any other, and nobody who verifies by them refuses anybody meanwhile."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.rotation import judges
from tests.rotation.clusters import ORDER, SOAK, applied, held, plain, reached, tiered
from tests.rotation.story import Story

LEAVES = ("app", "web", "peer")


def listed() -> dict[str, Any]:
    """The plain cluster, with lists of its CA in both formats, and a copy of them on a node."""
    document = plain()
    document["nodes"] = [{"name": "edge", "roles": ["worker"]}]
    document["stores"]["nodes"] = {"type": "file", "root": "/nodes/{node}"}
    copies = {"forEach": {"roles": ["worker"]}, "store": "nodes", "path": "main.crl"}
    document["cas"]["main"]["crl"] = {"path": "ca/main.crl", "formats": ["pem", "der"], "copies": copies}
    return document


def refused(story: Story, leaves: dict[str, bytes], name: str = "store/ca/main.crl") -> list[str]:
    """The leaves that OpenSSL refuses by the trust file and the lists that are there now."""
    said = []
    for leaf, content in leaves.items():
        file = story.path / f"{leaf}.leaf"
        file.write_bytes(content)
        where = ("-CAfile", str(story.path / "store/trust/main.pem"), "-CRLfile", str(story.path / name))
        at = ("-attime", str(int(story.now.timestamp())))
        done = subprocess.run(
            ["openssl", "verify", "-x509_strict", "-crl_check", *where, *at, str(file)],
            capture_output=True,
            text=True,
            check=False,
        )
        said += [] if done.returncode == 0 else [f"{leaf}: {done.stderr}"]
    return said


def leaves_of(story: Story) -> dict[str, bytes]:
    """Everybody's certificate as it is now."""
    return {name: story.content(f"store/pki/{name}.crt") for name in LEAVES}


@pytest.mark.parametrize("phase", ORDER)
def test_every_phase_is_reached_and_everybody_passes(tmp_path: Path, phase: str) -> None:
    """Also those who have not loaded their new certificate yet: the lists name both generations while both are trusted."""
    story = applied(tmp_path, listed())
    before = leaves_of(story)
    story.ca(generation=2, rotation=held(phase))
    story.apply()
    assert refused(story, leaves_of(story)) == []
    if phase == "distrust":
        story.passes(days=2)
        story.apply()
        assert (story.rotations(), story.actions(), refused(story, leaves_of(story))) == ({}, {}, [])
    else:
        assert (story.phase(), story.actions(), refused(story, before)) == (phase, {}, [])


def test_there_and_back_with_lists_at_two_places(tmp_path: Path) -> None:
    """A copy never lacks the list of a generation, whichever place is looked at first."""
    story = applied(tmp_path, listed())
    for generation in (2, 1, 3):
        story.ca(generation=generation, rotation=dict(SOAK))
        story.apply()
        assert story.phase() == "soak"
        story.passes(days=2)
        story.apply()
        assert (story.rotations(), story.actions()) == ({}, {})
        for name in ("store/ca/main.crl", "nodes/edge/main.crl"):
            assert refused(story, leaves_of(story), name) == []
        for suffix in ("", ".der"):
            assert story.content(f"store/ca/main.crl{suffix}") == story.content(f"nodes/edge/main.crl{suffix}")


@pytest.mark.parametrize("ca", ["main", "root"])
def test_a_hierarchy_in_which_everybody_publishes_lists(tmp_path: Path, ca: str) -> None:
    """The root's name the intermediates, the intermediate's the leaves; each key changes there and back."""
    document = tiered()
    for name in ("root", "main"):
        document["cas"][name]["crl"] = {"path": f"ca/{name}.crl"}
    story = applied(tmp_path, document)
    for generation in (2, 1):
        story.ca(ca, generation=generation, rotation=dict(SOAK))
        for _ in range(2):
            story.apply()
            story.passes(days=2)
        assert (story.rotations(), story.actions()) == ({}, {})


def test_what_leaves_in_the_middle_is_revoked_on_every_list(tmp_path: Path) -> None:
    """A certificate of the old generation that was taken away while it was alive."""
    story = reached(tmp_path, "clients", listed())
    old = leaves_of(story)["web"]
    del story.document["components"]["web"]
    story.document["removed"] = [{"from": "component.web", "destroy": True}]
    story.ca(rotation=dict(SOAK))
    story.apply()
    assert len(refused(story, {"web": old})) == 1


def test_lists_may_come_in_the_middle(tmp_path: Path) -> None:
    """They hold both generations from the beginning."""
    story = reached(tmp_path, "clients")
    story.ca(crl={"path": "ca/main.crl"}, rotation=dict(SOAK))
    before = leaves_of(story)
    story.apply()
    assert (story.phase(), refused(story, before)) == ("soak", [])


def test_what_is_revoked_stays_so_in_every_phase(tmp_path: Path) -> None:
    """The serial stands on the lists of both generations."""
    story = applied(tmp_path, listed())
    old = leaves_of(story)["web"]
    serial = judges.field(old, "-serial").partition("=")[2].strip()
    entry = {"component": "web", "ca": "main", "serial": serial, "reason": "keyCompromise"}
    story.document["revocations"] = [entry]
    story.write()
    story.apply()
    for phase in ORDER[1:]:
        story.ca(generation=2, rotation=held(phase) if phase != "distrust" else dict(SOAK))
        story.apply()
        assert len(refused(story, {"web": old})) == 1
        assert refused(story, leaves_of(story)) == []


@pytest.mark.parametrize("names", [("main.g1.key",), ("main.g1.crt", "main.g1.key")], ids=["key", "both"])
def test_lists_are_renewed_while_the_old_generation_cannot_sign(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Its last list stays, and that of the new one does not end because the old key is gone (puppetserver 2789)."""
    story = reached(tmp_path, "soak", listed())
    before = story.content("store/ca/main.crl")
    for name in names:
        (story.path / "store/ca" / name).unlink()
    story.passes(days=5)
    story.apply(code=0 if len(names) == 1 else 1)
    after = story.content("store/ca/main.crl")
    blocks = [part for part in before.split(b"-----END X509 CRL-----\n") if part]
    assert after.count(b"BEGIN X509 CRL") == 2
    assert [block in after for block in blocks] == [False, True]
    story.passes(days=5)
    assert refused(story, leaves_of(story)) == []
