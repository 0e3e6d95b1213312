"""Edits of requests: a word or a line changes, and every other byte of the file is what it was."""

from __future__ import annotations

from typing import Final

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.desired.request_edits import UneditableError, with_entry, with_fields

BLOCK: Final = """\
# the cluster
apiVersion: cluster-pki/v1

requests:
  # new people
  jane: # asked on Monday
    csr: requests/jane.csr
    ca: kubernetes   # clients
    approval: pending # not yet

  bob:
    csr: requests/bob.csr
    ca: kubernetes
prune: false # the end
"""
FLOW: Final = (
    "requests: {jane: {csr: requests/jane.csr, ca: kubernetes}, bob: {csr: b.csr, approval: denied, reason: 'no', ca: x}}\n"
)
APPROVED: Final = {"approval": "approved", "reason": None}
DENIED: Final = {"approval": "denied", "reason": 'no "ticket"\u200b: ask\\ again'}


@pytest.mark.parametrize(
    ("text", "name", "fields", "old", "new"),
    [
        (BLOCK, "jane", APPROVED, "approval: pending # not yet", "approval: approved # not yet"),
        (
            BLOCK,
            "jane",
            DENIED,
            "approval: pending # not yet\n",
            'approval: denied # not yet\n    reason: "no \\"ticket\\"\\U0000200b: ask\\\\ again"\n',
        ),
        (
            BLOCK,
            "bob",
            APPROVED,
            "requests/bob.csr\n    ca: kubernetes\n",
            "requests/bob.csr\n    ca: kubernetes\n    approval: approved\n",
        ),
        (FLOW, "jane", APPROVED, "ca: kubernetes}", "ca: kubernetes, approval: approved}"),
        (FLOW, "bob", APPROVED, "approval: denied, reason: 'no', ca", "approval: approved, ca"),
        (FLOW, "bob", {"csr": None}, "csr: b.csr, approval", "approval"),
    ],
)
def test_a_decision_is_a_word_or_a_line(text: str, name: str, fields: dict[str, str | None], old: str, new: str) -> None:
    """Comments, blank lines, order and quotes stay."""
    assert text.count(old) == 1
    assert with_fields(text, name, fields) == text.replace(old, new)


def test_a_reason_goes_with_the_denial() -> None:
    """Approving what was denied takes back why."""
    denied = with_fields(BLOCK, "bob", {"approval": "denied", "reason": "no ticket"})
    assert with_fields(denied, "bob", APPROVED) == with_fields(BLOCK, "bob", APPROVED)


ENTRY: Final[dict[str, str | list[str]]] = {"csr": "requests/ann.csr", "ca": "kubernetes", "usages": ["client auth"]}
ANN: Final = "ann:\n{0}  csr: requests/ann.csr\n{0}  ca: kubernetes\n{0}  usages: [client auth]\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BLOCK, BLOCK.replace("prune:", f"  {ANN.format('  ')}prune:")),
        ("cluster: demo\n", f"cluster: demo\nrequests:\n  {ANN.format('  ')}"),
        ("cluster: demo", f"cluster: demo\nrequests:\n  {ANN.format('  ')}"),
        ("a: 1\nrequests: {} # none\nb: 2\n", f"a: 1\nrequests: # none\n  {ANN.format('  ')}b: 2\n"),
        ("requests:\nb: 2\n", f"requests:\n  {ANN.format('  ')}b: 2\n"),
        ("requests:\n      jane: {csr: a}\n", f"requests:\n      jane: {{csr: a}}\n      {ANN.format('      ')}"),
        (
            "requests: {jane: {csr: a}}\n",
            "requests: {jane: {csr: a}, ann: {csr: requests/ann.csr, ca: kubernetes, usages: [client auth]}}\n",
        ),
    ],
)
def test_a_new_entry_stands_behind_the_others(text: str, expected: str) -> None:
    """As the file is written: in its indentation, in braces, or in a section of its own."""
    assert with_entry(text, "ann", ENTRY) == expected


def test_line_breaks_stay_what_they_are() -> None:
    """A file of another system is not mixed up."""
    windows = BLOCK.replace("\n", "\r\n")
    for edited in (with_entry(windows, "ann", ENTRY), with_fields(windows, "jane", DENIED)):
        assert edited.count("\n") == edited.count("\r\n")
    assert with_fields(windows, "jane", APPROVED) == with_fields(BLOCK, "jane", APPROVED).replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("requests: {jane: null}", "request jane is not a mapping in this file"),
        ("requests:\n  jane:\n    csr: a\n    approval:\n      pending\n      again\n", "line 5: a value of several lines"),
    ],
)
def test_what_a_person_should_change_is_left_to_one(text: str, message: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(UneditableError, match=message):
        with_fields(text, "jane", {"approval": "approved"})


_TEXT: Final = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@given(reason=_TEXT, style=st.sampled_from([True, False, None]))
def test_any_reason_reads_back(reason: str, style: bool | None) -> None:
    """Whatever is said, and however the file is written."""
    document = {"requests": {"jane": {"csr": "a.csr", "ca": "main"}, "bob": {"csr": "b.csr"}}, "z": [1, {"a": "b"}]}
    text = yaml.safe_dump(document, default_flow_style=style, sort_keys=False)
    edited = with_fields(text, "jane", {"approval": "denied", "reason": reason})
    document["requests"]["jane"] |= {"approval": "denied", "reason": reason}  # type: ignore[index]
    assert yaml.safe_load(edited) == document
