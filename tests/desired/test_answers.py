"""Kubernetes objects that are answered: what is put in comes out, and what somebody changed is noticed."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.desired.answers import approved, denied, digest_of, read_answer
from reconciler.desired.requested import Requested
from reconciler.desired.yaml import compose
from reconciler.x509.errors import UnreadableError
from tests.builders import NOW, make_ca, make_leaf
from tests.requesting import HEAD, compiled, csr, entry, manifest

CA = make_ca()
LEAF = make_leaf(CA, "jane")
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)


def requested(reason: str = "", **metadata: Any) -> Requested:  # noqa: ANN401 - whatever an object may hold
    """A request that came as an object."""
    main = HEAD + entry("approval: approved", csr="requests/jane.yaml")
    (found,) = compiled(main, {"requests/jane.yaml": manifest(csr())}).state.requests.values()
    value = json.loads(found.manifest)
    value["metadata"] |= metadata
    return replace(found, reason=reason, manifest=json.dumps(value, sort_keys=True))


REQUESTED = requested()


def answer(asked: Requested) -> bytes:
    """The answer with the certificate of these tests."""
    return approved(asked, LEAF.chain_pem, LEAF.certificate.facts)


@settings(max_examples=80)
@given(TEXTS, st.dictionaries(TEXTS, TEXTS | st.integers() | st.booleans() | st.none() | st.lists(TEXTS), max_size=5))
def test_an_answer_says_what_it_was_made_from(reason: str, labels: dict[str, object]) -> None:
    """Whatever an object holds that can be read: writing it twice gives the same bytes, and reading it the same digest."""
    value = json.loads(REQUESTED.manifest)
    value["metadata"]["labels"] = labels
    composed = compose(yaml.safe_dump(value), "jane.yaml")
    assume(not composed.problems)
    asked = replace(REQUESTED, reason=reason, manifest=json.dumps(composed.value, sort_keys=True))
    text = answer(asked)
    assert text == answer(asked)
    assert read_answer(text).digest == digest_of(asked)
    assert {key: content for key, content in yaml.safe_load(text).items() if key != "status"} == composed.value


def test_what_is_read_is_what_was_written() -> None:
    """The certificates by their fingerprints, the rest by its digest, which times are no part of."""
    asked = requested("on call", labels={"a": "b"}, annotations={"c": "yes", "d": "1"})
    found = read_answer(answer(asked))
    assert found == ((LEAF.certificate.facts.fingerprint,), digest_of(asked))
    later = LEAF.certificate.facts
    moved = approved(asked, LEAF.chain_pem, replace(later, not_before=later.not_before + timedelta(hours=1)))
    assert read_answer(moved).digest == digest_of(asked)


@pytest.mark.parametrize("other", [requested("because"), requested(name="ann"), requested(labels={"a": "b"})])
def test_another_object_or_reason_is_another_answer(other: Requested) -> None:
    """So that it is written anew."""
    assert digest_of(other) != digest_of(REQUESTED)


def test_the_certificate_is_what_base64_gives() -> None:
    """One line, without breaks."""
    status = yaml.safe_load(answer(REQUESTED))["status"]
    assert base64.b64decode(status["certificate"], validate=True) == LEAF.chain_pem


def test_a_denial_says_why() -> None:
    """With a condition and no certificate."""
    told = yaml.safe_load(denied(replace(REQUESTED, approval="denied", reason="has left"), NOW))
    (condition,) = told["status"]["conditions"]
    assert (condition["type"], condition["status"], condition["message"]) == ("Denied", "True", "has left")
    assert condition["lastUpdateTime"] == "2026-11-23T12:00:00Z"
    assert list(told["status"]) == ["conditions"]


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"\xff", b"[]", b"{}", b"status: []\n"),
        *(b"status: {certificate: 1}\n", b"status: {certificate: '%'}\n"),
        *(b"status: {certificate: YQ==}\n", b"status: {certificate: ''}\n"),
    ],
)
def test_what_is_no_answer_is_told(data: bytes) -> None:
    """As unreadable, never as an error of ours."""
    with pytest.raises(UnreadableError):
        read_answer(data)


@given(st.binary(max_size=200))
def test_no_bytes_are_too_odd(data: bytes) -> None:
    """Whatever stands there."""
    with pytest.raises(UnreadableError):
        read_answer(data)
