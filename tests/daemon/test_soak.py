"""The short form of the soak; ``make soak`` has 200 components and sixty days."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.soak.soak import Soak


def test_hours_of_faults(tmp_path: Path) -> None:
    """Twenty components with lifetimes of hours, a fault in each cycle of half an hour: nothing expires, nothing is mixed."""
    soak = Soak(home=tmp_path, components=20, cycles=14, step=timedelta(minutes=30), seed=3)
    soak.run()
    assert soak.samples > 500
    assert soak.offset >= timedelta(hours=7)
    assert len(soak.faults) >= 5
