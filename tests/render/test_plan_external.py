"""Plans with external CAs, in every format: what is asked for, what is waited for, and that this is no emptiness."""

from __future__ import annotations

import pytest

from reconciler.render.plans import RENDERERS
from tests.plan.external.outside import outside, request, waiting
from tests.plan.world import NOW, component


def rendered(form: str, *, out: bool) -> str:
    """A plan that only waits, or one that asks."""
    world = waiting() if out else outside()
    return RENDERERS[form](world.plan().document, now=NOW, color=False, hints=False)


@pytest.mark.parametrize(
    ("form", "lines"),
    [
        (
            "text",
            [
                "The following waits for an external CA, as told below:",
                "  # component.api is waited for",
                "  # (waiting: Missing, RequestPending)",
                "Nothing to do until an external CA answers. 1 waiting. Next renewal: ca.main in ",
            ],
        ),
        (
            "markdown",
            [
                "## :hourglass: cluster-pki plan for `test`: waiting",
                "**Nothing to do until an external CA answers.**",
                "| `component.api` | is waited for | `Missing`, `RequestPending` | |",
            ],
        ),
        (
            "github",
            [
                (
                    "::notice title=component.api is waited for::Missing: there is no certificate and no key"
                    "%0ARequestPending: ca.main has not signed /pki/api.next.csr yet"
                ),
            ],
        ),
    ],
)
def test_a_plan_that_only_waits(form: str, lines: list[str]) -> None:
    """Nobody reads "No changes" where somebody has to act."""
    text = rendered(form, out=True)
    assert [line for line in lines if not any(each.startswith(line) for each in text.splitlines())] == []
    assert "No changes" not in text


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("text", "  # component.api will be requested from its external CA"),
        ("markdown", "| `component.api` | will be requested from its external CA | `Missing` | known after apply |"),
        (
            "github",
            "::notice title=component.api will be requested from its external CA::Missing: there is no certificate and no key",
        ),
    ],
)
def test_a_plan_that_asks(form: str, line: str) -> None:
    """It is not said to be created: only somebody else can."""
    assert line in rendered(form, out=False).splitlines()


def test_thousands_that_wait_do_not_fill_the_screen() -> None:
    """Twenty blocks, and how many more there are."""
    world = outside(*(component(f"c{number}") for number in range(25)))
    for address in world.desired.components:
        request(world, address)
    text = RENDERERS["text"](world.plan().document, now=NOW, color=False, hints=False)
    assert text.count("is waited for") == 20
    assert "(and 5 more; --format json lists them all)" in text
