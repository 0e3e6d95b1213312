"""What each status means, and what an answer has to hold."""

from __future__ import annotations

from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.vault.answers import Answer, has_engine, is_open_ended, judge, judge_raw, remains, serves
from reconciler.vault.errors import Kind, VaultError
from reconciler.vault.exchange import Request, Response

READ: Final = Request(method="GET", path="secret/data/a")
WRITE: Final = Request(method="POST", path="secret/data/a", body={"key": "very-secret"}, token="hvs.very-secret")  # noqa: S106


def response(status: int, document: object = None, **headers: str) -> Response:
    """An answer; bytes are sent as they are."""
    body = document if isinstance(document, bytes) else b"" if document is None else msgspec.json.encode(document)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status=status, headers={"content-length": str(len(body)), **named}, body=body)


def judged(given_response: Response, request: Request = READ) -> VaultError:
    """The error that it is."""
    with pytest.raises(VaultError) as caught:
        judge(given_response, request, "main")
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind", "open_ended"),
    [
        (301, Kind.CONFIGURATION, False),
        (302, Kind.CONFIGURATION, False),
        (303, Kind.CONFIGURATION, False),
        (307, Kind.CONFIGURATION, False),
        (308, Kind.CONFIGURATION, False),
        (400, Kind.REFUSED, False),
        (401, Kind.DENIED, False),
        (403, Kind.DENIED, False),
        (404, Kind.ABSENT, False),
        (405, Kind.REFUSED, False),
        (408, Kind.UNREACHABLE, True),
        (412, Kind.BUSY, False),
        (413, Kind.REFUSED, False),
        (422, Kind.REFUSED, False),
        (429, Kind.BUSY, False),
        (472, Kind.SEALED, False),
        (473, Kind.SEALED, False),
        (500, Kind.UNREACHABLE, True),
        (501, Kind.SEALED, False),
        (502, Kind.UNREACHABLE, True),
        (503, Kind.SEALED, False),
        (504, Kind.UNREACHABLE, True),
        (599, Kind.UNREACHABLE, True),
        (206, Kind.NONSENSE, True),
        (304, Kind.NONSENSE, True),
        (600, Kind.NONSENSE, True),
    ],
)
def test_every_status_has_a_meaning(status: int, kind: Kind, open_ended: bool) -> None:
    """Our own table; whether a request may have been carried out all the same belongs to it."""
    error = judged(response(status, {"errors": ["said"]}, retry_after="7"), WRITE)
    assert (error.kind, error.status, error.messages, error.retry_after) == (kind, status, ("said",), 7.0)
    assert is_open_ended(error) is open_ended
    assert (error.connection, error.path, "said" in str(error)) == ("main", "secret/data/a", True)


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (400, "check-and-set parameter did not match the current version", Kind.CONFLICT),
        (400, "check-and-set parameter required for this call", Kind.REFUSED),
        (400, "Upgrading from non-versioned to versioned data. This backend will be unavailable", Kind.BUSY),
        (400, "common name b.example not allowed by this role", Kind.REFUSED),
        (404, "no handler for route", Kind.ABSENT),
        (500, "local node not active but active cluster node not found", Kind.SEALED),
    ],
)
def test_what_only_a_text_tells(status: int, said: str, kind: Kind) -> None:
    """Statuses that stand for several things."""
    error = judged(response(status, {"errors": [said]}), WRITE)
    assert (error.kind, is_open_ended(error)) == (kind, False)


@pytest.mark.parametrize("document", [None, b"<html>", [], "text", b"\xff"])
def test_a_404_of_something_else_is_not_nothing(document: object) -> None:
    """Only an answer of this API says that there is nothing."""
    assert judged(response(404, document)).kind is Kind.NONSENSE


@pytest.mark.parametrize(
    ("answer", "request_", "expected"),
    [
        (response(200, {"data": {"a": 1}}), READ, Answer(data={"a": 1})),
        (response(200, {"data": {}}), READ, Answer()),
        (response(200, {"data": None, "auth": {"client_token": "x"}}), WRITE, Answer(data={"client_token": "x"})),
        (
            response(200, {"data": {"a": 1}, "auth": None, "warnings": ["w", {}]}),
            READ,
            Answer(data={"a": 1}, warnings=("w", "[dict]")),
        ),
        (response(200, {"data": None, "warnings": ["w"]}), WRITE, Answer(warnings=("w",))),
        (response(200, {"request_id": "x"}), WRITE, Answer()),
        (response(200), WRITE, Answer()),
        (response(204), READ, Answer()),
        (response(204), WRITE, Answer()),
        (response(473, {"data": {"a": 1}}), READ, Answer(data={"a": 1})),
    ],
)
def test_what_is_an_answer(answer: Response, request_: Request, expected: Answer) -> None:
    """Data, a login, or that it was done."""
    assert judge(answer, request_, "main") == expected


@pytest.mark.parametrize("document", [None, b"", b"<html>", [], {"data": None}, {"data": [1]}, {"data": "x"}, {"auth": 1}, {}])
def test_what_is_no_answer_to_a_read(document: object) -> None:
    """It has to carry an object."""
    assert judged(response(200, document)).kind is Kind.NONSENSE


@pytest.mark.parametrize("document", [b"<html>", [], {"data": [1]}, {"auth": "x"}])
def test_what_is_no_answer_to_a_write(document: object) -> None:
    """It may have been carried out."""
    error = judged(response(200, document), WRITE)
    assert (error.kind, is_open_ended(error)) == (Kind.NONSENSE, True)


def test_an_empty_answer_that_does_not_say_that_it_is_whole() -> None:
    """It may have been cut off before its body began."""
    assert judged(Response(status=200), WRITE).kind is Kind.NONSENSE


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (response(200, b"\x30\x82"), b"\x30\x82"),
        (Response(status=200, headers={"transfer-encoding": "chunked"}, body=b"\x30"), b"\x30"),
        (response(204), b""),
        (Response(status=204), b""),
        (Response(status=200, body=b"\x30\x82"), None),
        (response(200, b"<html>", content_type="text/html; charset=utf-8"), None),
    ],
)
def test_bytes_that_are_not_json(answer: Response, expected: bytes | None) -> None:
    """Whole, or not at all."""
    if expected is not None:
        assert judge_raw(answer, READ, "main") == expected
        return
    with pytest.raises(VaultError) as caught:
        judge_raw(answer, READ, "main")
    assert caught.value.kind is Kind.NONSENSE


def test_what_a_404_still_tells() -> None:
    """The metadata of versions that were deleted; of a reading request alone."""
    left = response(404, {"data": {"data": None, "metadata": {"version": 2}}})
    assert remains(left, READ) == {"data": None, "metadata": {"version": 2}}
    assert [remains(left, WRITE), remains(response(404, {"errors": []}), READ), remains(response(404), READ)] == [None] * 3


def test_which_absence_it_is() -> None:
    """Of a path, or of the engine."""
    nobody = judged(response(404, {"errors": ['no handler for route "kv/a". route entry not found.']}))
    nothing = judged(response(404, {"errors": []}))
    assert (has_engine(nobody), has_engine(nothing)) == (False, True)


@pytest.mark.parametrize(
    ("answer", "request_", "expected"),
    [
        (response(200, {"data": {}}), READ, True),
        (response(403), READ, True),
        (response(500), READ, True),
        (response(503), READ, False),
        (response(501), WRITE, False),
        (response(472), READ, False),
        (response(473, {"data": {}}), READ, True),
        (response(473, {"data": {}}), WRITE, False),
        (response(473), READ, False),
    ],
)
def test_whether_a_node_answers_for_its_cluster(answer: Response, request_: Request, expected: bool) -> None:
    """Where it does not, another one is asked."""
    assert serves(answer, request_) is expected


@given(st.integers(100, 700), st.binary(max_size=60), st.sampled_from([READ, WRITE]))
def test_anything_is_an_answer_or_an_error(status: int, body: bytes, request_: Request) -> None:
    """Nothing that a server says makes us stumble."""
    try:
        said = repr(judge(response(status, body), request_, "main"))
    except VaultError as error:
        said = error.advice
    assert said.isprintable()


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["data", "auth", "errors", "warnings"]), inner),
)


@given(st.sampled_from([200, 204, 400, 403, 404, 473, 500]), JSON, st.sampled_from([READ, WRITE]))
def test_any_document_is_an_answer_or_an_error(status: int, document: object, request_: Request) -> None:
    """Whatever types its fields have."""
    try:
        answer = judge(response(status, msgspec.json.encode(document)), request_, "main")
    except VaultError:
        return
    assert isinstance(answer.data, dict)


def test_nothing_shows_what_it_holds() -> None:
    """Requests, responses and answers are seen in tracebacks."""
    shown = f"{WRITE!r} {response(200, b'very-secret')!r} {Answer(data={'key': 'very-secret'})!r}"
    assert shown == "Request(POST secret/data/a) Response(200, 11 bytes) Answer(1 fields, 0 warnings)"
