"""The conventions of distributions fit the table of settings."""

from __future__ import annotations

import pytest

from reconciler.cluster.distributions import DISTRIBUTIONS, Given, alternatives
from reconciler.cluster.settings import TABLE, path_settings

GIVEN = [
    (distribution.layout, convention.process, given)
    for distribution in DISTRIBUTIONS
    for convention in distribution.conventions
    for given in convention.given
]


@pytest.mark.parametrize(
    ("layout", "process", "given"), GIVEN, ids=[f"{layout}-{who}-{one.setting}" for layout, who, one in GIVEN]
)
def test_what_is_given_is_known(layout: str, process: str, given: Given) -> None:
    """A path that a distribution gives is one that the table of settings knows as a path, and the other way round."""
    assert process in TABLE, layout
    assert (given.setting in path_settings(process)) == given.path


def test_alternatives() -> None:
    """The first is the best."""
    assert list(alternatives(Given("x", "a|b"), "/d")) == ["/d/a", "/d/b"]
