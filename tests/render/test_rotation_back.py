"""The way back that a plan names leads back, whichever way the rotation goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.rotation_stories import asked
from tests.inprocess import Home


@pytest.mark.parametrize(("numbers", "back"), [((1, 2), 1), ((1, 2, 1), 2)], ids=["there", "back again"])
def test_the_number_that_leads_back(numbers: tuple[int, ...], back: int, tmp_path: Path) -> None:
    """On the way to the lower number it is the higher one, which is there until it is over."""
    home = Home(path=tmp_path)
    for number in numbers:
        home.write(asked(number, "hold: clients" if number == numbers[-1] and number == 2 else "hold: distrust"))
        said = home.apply()
        assert said.code == 0
    assert f"back     with `generation: {back}`: " in said.out
