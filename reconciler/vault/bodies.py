"""Bodies of answers: put together and unpacked piece by piece, so that no server makes us hold more than we would."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

#: Bytes of a body, unpacked: as many as Vault itself takes (``max_request_size``).
LARGEST: Final = 32 << 20
#: Bytes of a piece: at most a thousand times as many come out of each.
PIECE: Final = 16 << 10
#: Of ``wbits``: a header of gzip or of zlib, whichever there is.
_ANY_HEADER: Final = 32 + zlib.MAX_WBITS
_PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})


class BodyError(Exception):
    """A body that is too large, or packed in a way that is not known."""


def collect(pieces: Iterable[bytes], encoding: str, largest: int = LARGEST) -> bytes:
    """A whole body.

    Args:
        pieces: of it, as they come.
        encoding: the ``Content-Encoding``. We ask for none, but what stands between may pack all the same.
        largest: bytes, unpacked.

    Raises:
        BodyError: it is too large, is not what its encoding says, or breaks off.
    """
    encoding = encoding.strip().lower()
    if encoding in _PACKED:
        return _unpacked(pieces, largest)
    if encoding not in {"", "identity"}:
        msg = "its answer is packed in a way that was not asked for"
        raise BodyError(msg)
    body = bytearray()
    for piece in pieces:
        body += piece
        _check(body, largest)
    return bytes(body)


def _unpacked(pieces: Iterable[bytes], largest: int) -> bytes:
    body = bytearray()
    unpacking = zlib.decompressobj(_ANY_HEADER)
    try:
        for piece in pieces:
            body += unpacking.decompress(piece, largest + 1 - len(body))
            _check(body, largest)
    except zlib.error:
        msg = "its answer is not packed as it says"
        raise BodyError(msg) from None
    if body and not unpacking.eof:
        msg = "its answer breaks off"
        raise BodyError(msg)
    return bytes(body)


def _check(body: bytearray, largest: int) -> None:
    if len(body) > largest:
        msg = f"its answer is larger than {largest >> 20} MiB"
        raise BodyError(msg)
