"""Nothing that is observed may make the observer wait."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.patience import within


@pytest.fixture(autouse=True)
def _never_hangs() -> Iterator[None]:
    """A look that waits for somebody fails after a minute, instead of hanging the run."""
    with within(60, "looking"):
        yield
