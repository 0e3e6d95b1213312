"""Outputs that are asked for no more: what was written of them is taken away, or told, while certificate and key stay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.inprocess import Home


def document(*outputs: str, layout: str = "generations") -> dict[str, Any]:
    """A server with these outputs."""
    server = {"ca": "main", "usages": ["server auth"], "sans": {"dns": ["api.test"]}, "path": "pki/api", "outputs": list(outputs)}
    return {
        "apiVersion": "cluster-pki/v1",
        "cluster": "demo",
        "stores": {"files": {"type": "file", "root": "/store", "layout": layout}},
        "cas": {"main": {"path": "ca"}},
        "components": {"api": server},
    }


@pytest.mark.parametrize("layout", ["generations", "plain"])
@pytest.mark.parametrize(
    ("kept", "left", "said"),
    [
        (["pem"], ["api.pem"], "combined is asked for no more"),
        (["combined"], ["api.crt", "api.key"], "pem is asked for no more"),
    ],
)
def test_a_copy_of_a_key_is_not_forgotten(tmp_path: Path, layout: str, kept: list[str], left: list[str], said: str) -> None:
    """The plan says so and is empty afterwards. Links go; ordinary files stay, and are told."""
    home = Home(path=tmp_path)
    home.write(document("pem", "combined", layout=layout))
    assert home.apply().code == 0
    folder = tmp_path / "store/pki"
    everything = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    combined = (folder / "api.pem").read_bytes()
    certificate = (folder / "api.crt").read_bytes()
    home.write(document(*kept, layout=layout))
    plan = home.plan()
    assert plan.changes() == {"component.api": ("repair", ("OutputStale",))}
    assert said in plan.out
    told = [each["detail"] for each in plan.json["diagnostics"] if each["code"] == "moved"]
    assert [all(f"{folder}/{name}" in text for name in left) for text in told] == [True] * (layout == "plain")
    assert home.apply().code == 0
    assert home.call("plan", "--detailed-exitcode").code == 0
    there = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    assert there == (everything if layout == "plain" else [name for name in everything if name not in left])
    assert (
        (folder / "api.pem").read_bytes() == combined
        if kept == ["combined"]
        else (folder / "api.crt").read_bytes() == certificate
    )
