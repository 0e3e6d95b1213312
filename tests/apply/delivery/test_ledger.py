"""How a ledger begins: what was there without us is delivered, and what we are about to make is not."""

from __future__ import annotations

import pytest

from reconciler.apply.delivery.ledger import Ledger, Obligation, adopt, note_baseline

KNOWN = Obligation(delivered="old", owed="x", attempts=3)


def ledger(**owners: Obligation) -> Ledger:
    """A ledger of these owners."""
    return Ledger(owners=owners)


@pytest.mark.parametrize(
    ("before", "contents", "after"),
    [
        (ledger(), {"a": "1", "b": ""}, ledger(a=Obligation(delivered="1"), b=Obligation())),
        (ledger(a=KNOWN), {"a": "1", "b": "2"}, ledger(a=KNOWN, b=Obligation(delivered="2"))),
        (ledger(a=KNOWN), {"a": "1"}, ledger(a=KNOWN)),
        (ledger(a=KNOWN), {}, ledger(a=KNOWN)),
    ],
)
def test_before_anything_is_published(before: Ledger, contents: dict[str, str], after: Ledger) -> None:
    """Everybody who is not known is noted with what is there now, be it nothing."""
    assert note_baseline(before, contents) == after


@pytest.mark.parametrize(
    ("before", "contents", "whole", "after"),
    [
        (ledger(), {"a": "1", "b": ""}, True, ledger(a=Obligation(delivered="1"))),
        (ledger(a=KNOWN), {"a": "1"}, True, ledger(a=KNOWN)),
        (ledger(a=Obligation()), {"a": "1"}, True, ledger(a=Obligation())),
        (ledger(a=KNOWN, gone=KNOWN), {"a": "1"}, True, ledger(a=KNOWN)),
        (ledger(a=KNOWN, elsewhere=KNOWN), {"a": "1"}, False, ledger(a=KNOWN, elsewhere=KNOWN)),
    ],
    ids=["files without us", "known", "made by us", "gone", "another node's"],
)
def test_what_is_found(before: Ledger, contents: dict[str, str], after: Ledger, *, whole: bool) -> None:
    """Files of somebody who is not known are taken as delivered; an owner that is no more is forgotten."""
    assert adopt(before, contents, whole=whole) == after


def test_what_changes_nothing_is_the_same() -> None:
    """A pass without news has nothing to save."""
    before = ledger(a=KNOWN)
    assert note_baseline(before, {"a": "1"}) is before
    assert adopt(before, {"a": "1"}, whole=True) is before
