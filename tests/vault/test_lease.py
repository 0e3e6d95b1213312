"""The life of a token."""

from __future__ import annotations

import pytest

from reconciler.vault.lease import Due, Lease, due, lives, postponed, renewed


def lease(*, ttl: float = 90, renewable: bool = True, own: bool = True, granted: float = 90, not_before: float = 0) -> Lease:
    """A token that was asked for at 1000."""
    return Lease(
        token="hvs.secret", since=1000, ttl=ttl, renewable=renewable, own=own, granted=granted, not_before=not_before  # noqa: S106
    )  # fmt: skip


@pytest.mark.parametrize(
    ("held", "now", "what"),
    [
        (lease(), 1000, Due.NOTHING),
        (lease(), 1059.9, Due.NOTHING),
        (lease(), 1060, Due.RENEWAL),
        (lease(), 1089.9, Due.RENEWAL),
        (lease(), 1090, Due.LOGIN),
        (lease(renewable=False), 1059.9, Due.NOTHING),
        (lease(renewable=False), 1060, Due.LOGIN),
        (lease(own=False), 1060, Due.RENEWAL),
        (lease(own=False), 1090, Due.LOGIN),
        (lease(ttl=0, granted=0), 1e9, Due.NOTHING),
        (lease(ttl=29), 1000, Due.LOGIN),
        (lease(ttl=30), 1000, Due.NOTHING),
        (lease(ttl=29, own=False), 1000, Due.NOTHING),
        (lease(not_before=1070), 1060, Due.NOTHING),
        (lease(not_before=1070), 1070, Due.RENEWAL),
        (lease(not_before=2000), 1090, Due.LOGIN),
    ],
)
def test_what_is_due(held: Lease, now: float, what: Due) -> None:
    """Renewed at two thirds; replaced when that is not possible, gives too little, or comes too late."""
    assert due(held, now) is what


def test_a_renewal_begins_a_new_life() -> None:
    """What it began with stays on record."""
    again = renewed(lease(not_before=1070), since=1061, ttl=60, renewable=False)
    assert (again.since, again.ttl, again.renewable, again.granted, again.not_before) == (1061, 60, False, 90, 0)


@pytest.mark.parametrize(("now", "then"), [(1060, 1067.5), (1088, 1088.5), (1095, 1095)])
def test_when_a_renewal_that_failed_is_tried_again(now: float, then: float) -> None:
    """Several times within what is left."""
    assert postponed(lease(), now).not_before == then


@pytest.mark.parametrize(("held", "now", "alive"), [(lease(), 1089, True), (lease(), 1090, False), (lease(ttl=0), 1e9, True)])
def test_whether_it_lives(held: Lease, now: float, alive: bool) -> None:
    """As far as we know."""
    assert lives(held, now) is alive


def test_it_does_not_show_itself() -> None:
    """In no repr."""
    assert repr(lease()) == "Lease(ttl=90, renewable=True, own=True)"
