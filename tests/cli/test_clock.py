"""``--at``."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reconciler.cli.clock import moment
from reconciler.cli.options import UsageError

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, NOW),
        ("+60d", datetime(2027, 1, 22, 12, 0, tzinfo=UTC)),
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T10:00:00Z", datetime(2027, 1, 31, 10, tzinfo=UTC)),
        ("2027-01-31T10:00:00+02:00", datetime(2027, 1, 31, 8, tzinfo=UTC)),
        ("2028-02-29", datetime(2028, 2, 29, tzinfo=UTC)),
    ],
)
def test_moments(text: str | None, expected: datetime) -> None:
    """RFC 3339, a date at midnight UTC, or a distance from now."""
    assert moment(text, NOW) == expected


@pytest.mark.parametrize("text", ["tomorrow", "2027-02-30", "+soon", "2027", "20270131", "2026-11-22", "+200y"])
def test_no_moments(text: str) -> None:
    """Anything else, and the past, is a usage error that names the option."""
    with pytest.raises(UsageError, match="--at"):
        moment(text, NOW)


def test_a_snapshot_may_be_judged_as_of_its_own_time() -> None:
    """The past is a mistake only where it is asked what will be due."""
    assert moment("2026-11-22", NOW, past=True) == datetime(2026, 11, 22, tzinfo=UTC)
