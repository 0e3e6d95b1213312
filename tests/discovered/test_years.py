"""A cluster left alone: what is said of it over the years, once for each thing that ends."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from tests.builders import NOW
from tests.clusters.kubeadm import kubeadm
from tests.discovered.looking import look

#: Twelve leaves that are used by programs and people, and that of health checks; three CAs.
STOCK = {("notice", "CPK621"): 2, ("notice", "CPK622"): 1}
MASTERS = {("notice", "CPK626"): 1}


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (1, {**STOCK, **MASTERS}),
        (334, {**STOCK, **MASTERS}),
        (336, {**STOCK, **MASTERS, ("error", "CPK605"): 12, ("warning", "CPK605"): 1}),
        (366, {**STOCK, ("error", "CPK604"): 12, ("warning", "CPK604"): 1}),
        (3300, {**STOCK, ("error", "CPK604"): 12, ("warning", "CPK604"): 1, ("warning", "CPK605"): 3}),
        (3651, {**STOCK, ("error", "CPK604"): 15, ("warning", "CPK604"): 1}),
    ],
)
def test_what_ends_is_found_once(tmp_path: Path, days: int, expected: dict[tuple[str, str], int]) -> None:
    """Nothing is said of chains that only fail because somebody in them has ended, nor of copies of a CA one by one."""
    kubeadm(tmp_path)
    assert Counter((one.severity, one.code) for one in look(tmp_path, now=NOW + timedelta(days=days))) == Counter(expected)


def test_when_it_ends(tmp_path: Path) -> None:
    """What ends soon says when."""
    kubeadm(tmp_path, workers=0)
    found = {one.path: one.when for one in look(tmp_path, now=NOW + timedelta(days=340)) if one.code == "CPK605"}
    assert found["/etc/kubernetes/pki/apiserver.crt"] == NOW + timedelta(days=365)
