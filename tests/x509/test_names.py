"""Subjects as people read them, and as they compare."""

from __future__ import annotations

import pytest

from reconciler.x509.names import Subject

FULL = Subject(
    common_name="a",
    organizations=("o1", "o2"),
    organizational_units=("u",),
    countries=("CH",),
    provinces=("ZH",),
    localities=("Zürich",),
    others=("1.2.3=x",),
)


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (Subject(), ""),
        (Subject(common_name="a"), "CN=a"),
        (Subject(organizations=("o",)), "O=o"),
        (FULL, "CN=a, O=o1, O=o2, OU=u, C=CH, ST=ZH, L=Zürich, 1.2.3=x"),
    ],
)
def test_text(subject: Subject, text: str) -> None:
    """Every attribute is shown, the common name first."""
    assert str(subject) == text


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Subject(organizations=("a", "b")), Subject(organizations=("b", "a")), True),
        (Subject(organizations=("a", "a")), Subject(organizations=("a",)), False),
        (Subject(organizations=("a",)), Subject(organizational_units=("a",)), False),
        (Subject(common_name="a"), Subject(common_name="a", others=("1.2.3=x",)), False),
        (FULL, FULL, True),
    ],
)
def test_same_as(one: Subject, other: Subject, same: bool) -> None:
    """Order does not matter; number and kind do."""
    assert one.same_as(other) is same
    assert other.same_as(one) is same
