"""Bodies, put together within bounds."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import pytest

from reconciler.vault.bodies import BodyError, collect

PACKED = gzip.compress(b"x" * 100)


@pytest.mark.parametrize(
    ("pieces", "encoding", "body"),
    [
        ((), "", b""),
        ((b"a", b"b"), "identity", b"ab"),
        ((b"x" * 100,), "", b"x" * 100),
        ((PACKED[:9], PACKED[9:]), "gzip", b"x" * 100),
        ((zlib.compress(b"ab"),), " Deflate ", b"ab"),
        ((), "gzip", b""),
    ],
)
def test_a_body_is_put_together(pieces: tuple[bytes, ...], encoding: str, body: bytes) -> None:
    """Unpacked where it is packed."""
    assert collect(pieces, encoding, 100) == body


@pytest.mark.parametrize(
    ("pieces", "encoding", "problem"),
    [
        ((b"x" * 101,), "", "larger"),
        ((gzip.compress(b"x" * 101),), "gzip", "larger"),
        ((PACKED[:-9],), "gzip", "breaks off"),
        ((b"plain",), "gzip", "not packed as it says"),
        ((PACKED,), "br", "not asked for"),
        ((PACKED,), "gzip, gzip", "not asked for"),
    ],
)
def test_a_body_that_is_not_taken(pieces: tuple[bytes, ...], encoding: str, problem: str) -> None:
    """Too large, torn, or packed otherwise."""
    with pytest.raises(BodyError, match=problem):
        collect(pieces, encoding, 100)


def test_no_more_is_taken_than_needed_to_know() -> None:
    """A body without an end is left at the first piece that is too much."""

    def without_end() -> Iterator[bytes]:
        yield from (b"x" * 60, b"x" * 60)
        pytest.fail("it was asked for more")

    with pytest.raises(BodyError, match="larger"):
        collect(without_end(), "", 100)
