"""A desired state in one file: comes back whole, or is refused."""

from __future__ import annotations

import json
import os
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.desired.source import UnusableFileError
from reconciler.source.revision import Revision
from reconciler.source.snapshot import Refusal, Snapshot, decode, digest_of, encode

REVISION: Final = Revision(
    kind="git", id="1" * 40, location="/srv/checkout", path="a/main.yaml", ref="main", signed=True, signer="alice", key="SHA256:x"
)
SNAPSHOT: Final = Snapshot(
    revision=REVISION,
    name="main.yaml",
    files={"main.yaml": b"cluster: demo\n", "parts/a.yaml": b"\xff\x00", os.fsdecode(b"parts/\xff.yaml"): b""},
    prefix="a/",
    refusals={"parts/b.yaml": Refusal(code="CPK002", message="it is a directory", hint="")},
    expansions={"parts/*.yaml": ("parts/a.yaml", "parts/b.yaml")},
)


def test_it_comes_back_whole() -> None:
    """Every byte, also of names that are no UTF-8."""
    assert decode(encode(SNAPSHOT)) == SNAPSHOT


@given(files=st.dictionaries(st.text(), st.binary()), expansions=st.dictionaries(st.text(), st.lists(st.text())))
def test_any_content_comes_back(files: dict[str, bytes], expansions: dict[str, list[str]]) -> None:
    """The same snapshot gives the same bytes."""
    names = {pattern: tuple(found) for pattern, found in expansions.items()}
    snapshot = Snapshot(revision=REVISION, name="x", files=files, expansions=names)
    assert decode(encode(snapshot)) == snapshot
    assert encode(decode(encode(snapshot))) == encode(snapshot)


def reencoded(**changes: object) -> bytes:
    """The document with other members."""
    return json.dumps(json.loads(encode(SNAPSHOT)) | changes).encode()


DAMAGE: Final = {
    "empty": (b"", "it is no snapshot"),
    "cut off": (encode(SNAPSHOT)[:-20], "it is no snapshot"),
    "one byte": (encode(SNAPSHOT).replace(b"main.yaml", b"mein.yaml", 1), "its digest does not fit"),
    "other content": (reencoded(snapshot={}), "its digest does not fit"),
    "a list": (b"[]", "it is no snapshot"),
    "deep": (b"[" * 100_000, "it is no snapshot"),
    "not text": (b"\xff\xfe\xfd", "it is no snapshot"),
    "later version": (reencoded(version=2), "the snapshot has version 2, and this program knows 1"),
}


@pytest.mark.parametrize(("data", "message"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_refused(data: bytes, message: str) -> None:
    """With a plain error that says which."""
    with pytest.raises(ValueError, match=message):
        decode(data)


def test_what_nobody_asked_for() -> None:
    """A snapshot has no other files, and matches other patterns against what it has."""
    with pytest.raises(UnusableFileError, match=r"a/none\.yaml: there is no such file") as caught:
        SNAPSHOT.read("none.yaml")
    assert caught.value.code == "CPK001"
    assert (SNAPSHOT.expand("*.yaml"), SNAPSHOT.expand("parts/a.*")) == (("main.yaml",), ("parts/a.yaml",))


def test_the_digest_tells_names_contents_and_the_main_file() -> None:
    """Order of reading does not matter."""
    one = digest_of("a", {"a": b"1", "b": b"2"})
    assert one == digest_of("a", {"b": b"2", "a": b"1"})
    assert (
        len({one, digest_of("b", {"a": b"1", "b": b"2"}), digest_of("a", {"a": b"2", "b": b"1"}), digest_of("a", {"a": b"1"})})
        == 4
    )
