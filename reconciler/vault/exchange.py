"""One HTTP exchange: what is asked, what comes back, and how it can fail. Data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import quote, urlencode

import msgspec

Method = Literal["GET", "LIST", "POST", "PUT", "PATCH", "DELETE"]

#: May be sent again without doing more than once would (RFC 9110 section 9.2.2; LIST is Vault's own).
_IDEMPOTENT: Final = frozenset({"GET", "LIST", "DELETE"})
_READING: Final = frozenset({"GET", "LIST"})


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A call of the API. Its repr shows neither token nor body."""

    method: Method
    path: str
    """Without ``/v1/``, not quoted; see `check_path`."""
    params: Mapping[str, str] = {}
    body: Mapping[str, object] | None = None
    token: str = ""
    repeatable: bool = False
    """Whether a request that changes something may be sent again after a cut."""

    def __repr__(self) -> str:
        return f"Request({self.method} {self.path})"

    def with_token(self, token: str) -> Request:
        """The same request, sent by somebody."""
        return msgspec.structs.replace(self, token=token)

    @property
    def may_repeat(self) -> bool:
        """Whether it may be sent again when nobody knows whether it was carried out."""
        return self.repeatable or self.method in _IDEMPOTENT

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.method in _READING

    @property
    def target(self) -> str:
        """Path and query of the URL."""
        query = f"?{urlencode(self.params)}" if self.params else ""
        return f"/v1/{quote(self.path, safe='/')}{query}"


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it came. Its repr does not show the body."""

    status: int
    headers: Mapping[str, str] = {}
    """Names in lower case."""
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Response({self.status}, {len(self.body)} bytes)"


class ExchangeError(Exception):
    """No answer came, or none that can be read."""

    def __init__(self, problem: str, *, hint: str = "", sent: bool, fatal: bool = False, nonsense: bool = False) -> None:
        """Takes what is known.

        Args:
            problem: one clause, without secrets.
            hint: the way out, without a full stop.
            sent: whether the server may have read the request, in whole.
            fatal: whether no other address and no other time can help.
            nonsense: whether something was answered that no server of this API says.
        """
        super().__init__(problem)
        self.problem: Final = problem
        self.hint: Final = hint
        self.sent: Final = sent
        self.fatal: Final = fatal
        self.nonsense: Final = nonsense


def check_path(path: str) -> str:
    """A path of the API without slashes at its ends, nor ``/v1/``.

    Raises:
        ValueError: it has empty segments, or ``.`` and ``..``, which would be resolved on the way and lead elsewhere.
    """
    bare = path.strip("/")
    if any(segment in {"", ".", ".."} for segment in bare.split("/")) or not bare.isprintable():
        msg = f"not a path of the API: {path!r}"
        raise ValueError(msg)
    return bare
