"""Judging an answer: what the server did, or the error that says what is to be done about it. Data and decisions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

import msgspec

from reconciler.vault.errors import Kind, VaultError
from reconciler.vault.exchange import Request, Response
from reconciler.vault.patience import retry_after
from reconciler.vault.texts import lines, one_line

OK: Final = 200
NO_CONTENT: Final = 204
_DONE: Final = frozenset({OK, 201, 202, NO_CONTENT})
_BAD_REQUEST: Final = 400
_NOT_FOUND: Final = 404
_PERFORMANCE_STANDBY: Final = 473
_SERVER_ERROR: Final = 500

#: What KV says when ``cas`` does not match: <https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2>.
_CHECK_AND_SET: Final = "check-and-set parameter did not match"
#: For seconds, after KV v1 became v2.
_UPGRADING: Final = "upgrading from non-versioned to versioned data"
#: What stands in a 404 when no engine is mounted there; when there is nothing at a path of an engine, its errors are empty.
_NO_ENGINE: Final = ("no handler for route", "route entry not found", "unsupported path")


#: Headers by which an answer says where it ends.
_DELIMITED: Final = frozenset({"content-length", "transfer-encoding"})


class Verdict(NamedTuple):
    """What a status means."""

    kind: Kind
    problem: str
    hint: str = ""


#: <https://developer.hashicorp.com/vault/api-docs#http-status-codes>, its page on ``sys/health`` for 429, 472, 473 and 501, and
#: the one on eventual consistency for 412.
_VERDICTS: Final[Mapping[int, Verdict]] = {
    **dict.fromkeys(
        (300, 301, 302, 303, 305, 307, 308),
        Verdict(Kind.CONFIGURATION, "it redirects", "give the address where Vault itself answers"),
    ),
    400: Verdict(Kind.REFUSED, "it refuses the request"),
    401: Verdict(Kind.DENIED, "something in front of the server asks for credentials"),
    403: Verdict(Kind.DENIED, "permission denied"),
    404: Verdict(Kind.ABSENT, "there is nothing"),
    405: Verdict(Kind.REFUSED, "there is no such operation at this path", "check the mount and its type"),
    412: Verdict(Kind.BUSY, "this node has not yet seen an earlier write"),
    429: Verdict(Kind.BUSY, "it asks for fewer requests"),
    472: Verdict(Kind.SEALED, "it is a disaster recovery secondary", "name the addresses of the primary cluster"),
    473: Verdict(Kind.SEALED, "it is a performance standby, and passes nothing on"),
    501: Verdict(Kind.SEALED, "it is not initialized", "initialize and unseal it"),
    503: Verdict(Kind.SEALED, "it is sealed or in maintenance", "unseal it, or wait"),
}
_REFUSED: Final = Verdict(Kind.REFUSED, "it refuses the request")
_FAILED: Final = Verdict(Kind.UNREACHABLE, "it failed to answer")
_STRANGE: Final = Verdict(Kind.NONSENSE, "it answers with a status that this API does not have")

#: Not a status but a text: which node leads is not settled. Nothing was carried out.
_NO_LEADER: Final = "active cluster node not found"

#: Answers that are about the node, not about the request: another node may do better.
_OF_THE_NODE: Final = frozenset({472, _PERFORMANCE_STANDBY, 501, 503})

#: With these the server, or one in front of it, may have carried the request out all the same.
_OPEN_ENDED: Final = frozenset({408, *range(500, 600)} - {501, 503})


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the server answered. Its repr never shows data."""

    data: Mapping[str, object] = {}
    """The ``data`` object, that of ``auth`` for logins; empty when there is none."""
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Answer({len(self.data)} fields, {len(self.warnings)} warnings)"


def judge(response: Response, request: Request, connection: str, secrets: Collection[str] = ()) -> Answer:
    """The answer of a request that was carried out.

    Args:
        response: as it came.
        request: that it answers.
        connection: for errors.
        secrets: what must not appear in texts.

    Raises:
        VaultError: everything else; ABSENT for a 404 of this API.
    """
    accepted = response.status in _DONE or (response.status == _PERFORMANCE_STANDBY and request.reads)
    document = _document(response.body)
    if accepted and document is not None:
        data = _carried(document)
        if isinstance(data, dict) or (data is None and not request.reads):
            return Answer(data=data or {}, warnings=lines(document.get("warnings"), secrets))
    if accepted and response.status != _PERFORMANCE_STANDBY:
        if response.status == NO_CONTENT or (response.headers.get("content-length") == "0" and not request.reads):
            return Answer()
        raise _nonsense(response, request, connection, "it answers with something that is not of this API", document)
    raise error_of(response, request, connection, secrets)


def judge_raw(response: Response, request: Request, connection: str, secrets: Collection[str] = ()) -> bytes:
    """The bytes of something that is not JSON, such as a list of revoked certificates; empty where there is none.

    Raises:
        VaultError: as for `judge`.
    """
    if response.status in _DONE:
        if "html" in response.headers.get("content-type", "").lower():
            raise _nonsense(response, request, connection, "it answers with a web page", None)
        if response.status != NO_CONTENT and not _DELIMITED & response.headers.keys():
            # It ends where the connection does: nobody can tell whether that is all of it.
            raise _nonsense(response, request, connection, "its answer does not say where it ends", None)
        return response.body
    raise error_of(response, request, connection, secrets)


def remains(response: Response, request: Request) -> Mapping[str, object] | None:
    """What a 404 still tells of something that was there: KV says so which versions were deleted; None for all else."""
    if response.status != _NOT_FOUND or not request.reads:
        return None
    data = _carried(_document(response.body) or {})
    return data if isinstance(data, dict) else None


def error_of(response: Response, request: Request, connection: str, secrets: Collection[str] = ()) -> VaultError:
    """The error that an answer is."""
    status = response.status
    document = _document(response.body)
    if status == _NOT_FOUND and document is None:
        # A page of some web server: it says nothing about what is in Vault.
        return _nonsense(response, request, connection, "something else than Vault answers that there is no such page", None)
    messages = lines((document or {}).get("errors"), secrets)
    verdict = _refined(_verdict(status), status, messages)
    where = one_line(response.headers.get("location", "").partition("?")[0], secrets)
    to = f" to {where}" if verdict.kind is Kind.CONFIGURATION and where else ""
    return VaultError(
        connection,
        request.path,
        verdict.kind,
        f"{verdict.problem}{to} ({'; '.join(messages) or f'HTTP {status}'})",
        hint=verdict.hint,
        status=status,
        retry_after=retry_after(response.headers),
        messages=messages,
    )


def serves(response: Response, request: Request) -> bool:
    """Whether a node answers for its cluster; not when it is sealed, or has others do that work."""
    if response.status == _PERFORMANCE_STANDBY and request.reads:
        return isinstance(_carried(_document(response.body) or {}), dict)
    return response.status not in _OF_THE_NODE and not (response.status == _SERVER_ERROR and _NO_LEADER.encode() in response.body)


def has_engine(error: VaultError) -> bool:
    """Whether what is absent is a path of an engine, and not the engine itself."""
    return not any(text in message.lower() for message in error.messages for text in _NO_ENGINE)


def is_open_ended(error: VaultError) -> bool:
    """Whether a request that got this answer may have been carried out all the same."""
    if error.kind is Kind.NONSENSE:
        return error.status != _NOT_FOUND
    return error.kind is Kind.UNREACHABLE and error.status in _OPEN_ENDED


def _verdict(status: int) -> Verdict:
    known = _VERDICTS.get(status)
    if known is not None:
        return known
    if status in _OPEN_ENDED:
        return _FAILED
    return _REFUSED if _BAD_REQUEST <= status < _SERVER_ERROR else _STRANGE


def _refined(verdict: Verdict, status: int, messages: tuple[str, ...]) -> Verdict:
    """What only the texts of an answer tell."""
    said = " ".join(messages).lower()
    if status == _BAD_REQUEST and _CHECK_AND_SET in said:
        return Verdict(Kind.CONFLICT, "somebody else wrote it in between")
    if status == _BAD_REQUEST and _UPGRADING in said:
        return Verdict(Kind.BUSY, "the engine is being upgraded")
    if status == _SERVER_ERROR and _NO_LEADER in said:
        return Verdict(Kind.SEALED, "it is a standby without a leader")
    if status == _NOT_FOUND and any(text in said for text in _NO_ENGINE):
        return Verdict(Kind.ABSENT, "there is no engine", "check the mount, and the namespace")
    return verdict


def _document(body: bytes) -> Mapping[str, object] | None:
    """The object that a body is in JSON; None for all else."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict) else None


def _carried(document: Mapping[str, object]) -> object:
    """What an answer carries: an object when it is one of this API, None when there is nothing."""
    auth = document.get("auth")
    return auth if auth is not None else document.get("data")


def _nonsense(
    response: Response, request: Request, connection: str, problem: str, document: Mapping[str, object] | None
) -> VaultError:
    kind = response.headers.get("content-type", "")
    seen = "an object without data" if document is not None else f"{one_line(kind) or 'no type'}, {len(response.body)} bytes"
    return VaultError(
        connection,
        request.path,
        Kind.NONSENSE,
        f"{problem} (HTTP {response.status}, {seen})",
        hint="check that the address is that of Vault, and what stands in front of it",
        status=response.status,
    )
