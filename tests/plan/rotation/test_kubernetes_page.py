"""docs/rotation-kubernetes.md tells what the table of readers says and what a plan prints."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from reconciler.plan.rotation.kubernetes.readers import ALWAYS, INPUTS, Input
from reconciler.plan.rotation.kubernetes.steps import flags, kubernetes_steps
from reconciler.plan.rotation.phase import Phase
from tests.plan.rotation.clusters import SMALL, alone, central

PAGE: Final = (Path(__file__).resolve().parents[3] / "docs" / "rotation-kubernetes.md").read_text(encoding="utf-8")


def again(each: Input) -> str:
    """When a program reads a file again, in a cell."""
    if each.since is None:
        return "restart"
    live = f"by itself, {each.within}"
    return live if each.since == ALWAYS else f"by itself, {each.within}, since {'.'.join(map(str, each.since))}; restart before"


def row(each: Input) -> str:
    """A line of the table."""
    condition = f" (if {each.only_if})" * bool(each.only_if)
    return f"| {each.program} | `{each.setting}`{condition} | {each.holds} `{each.source}` | `{each.file}` | {again(each)} |"


def block(title: str) -> list[str]:
    """The lines of the text block under a heading."""
    found = re.search(rf"^### {re.escape(title)}\n+(?:[^`#]*\n)?```text\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None, f"no block under {title!r}"
    return found[1].splitlines()


def test_the_table_is_the_programs_own() -> None:
    """Every file that the program knows a reader of, in its order, and no other."""
    assert [line for line in PAGE.splitlines() if re.match(r"\| (etcd|kube)", line)] == [row(each) for each in INPUTS]


@pytest.mark.parametrize(
    ("name", "title"),
    [("kubernetes", "CA kubernetes"), ("etcd", "CA etcd"), ("front-proxy", "CA front-proxy"), ("sa", "Keypair sa")],
)
def test_the_steps_are_those_of_the_program(name: str, title: str) -> None:
    """What is shown for a cluster of two nodes is what comes of it."""
    desired = central(nodes=SMALL)
    wanted: list[str] = []
    for phase in Phase:
        steps = kubernetes_steps(desired, name, phase)
        wanted += [f"{phase}:"] * bool(steps) + [f"  {step.order}. {step.text}" for step in steps]
    assert block(title) == wanted


def test_the_flags_are_those_of_the_program() -> None:
    """Which flags move on a node that holds the CA itself."""
    steps = [step for name in ("kubernetes", "etcd", "front-proxy") for step in flags(alone("cp-1"), name)]
    assert block("Which flags move") == [step.text for step in steps]
