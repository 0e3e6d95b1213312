"""Every health check has a cluster that it alone speaks up about."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.discovered.breaks import BREAKS
from tests.discovered.elsewhere import ELSEWHERE
from tests.discovered.looking import found
from tests.discovered.model import Break


@pytest.mark.parametrize("broken", [*BREAKS, *ELSEWHERE], ids=lambda broken: broken.name)
def test_it_is_found_and_nothing_else(tmp_path: Path, broken: Break) -> None:
    """What was done is found once, and all that was found before is found still."""
    broken.maker(tmp_path)
    before = found(tmp_path)
    broken.hand(tmp_path)
    after = found(tmp_path)
    more, gone = sorted((after - before).elements()), sorted((before - after).elements())
    assert (more, gone) == (sorted(broken.found), [])


def test_every_check_is_broken() -> None:
    """There is a row for each code of a health check."""
    assert {code for broken in BREAKS for _, code, _, _ in broken.found} == {f"CPK{code}" for code in range(601, 631)}
