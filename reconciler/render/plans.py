"""The formats of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Protocol

from reconciler.plan.document import PlanDocument
from reconciler.render.json_text import render_json
from reconciler.render.plan_github import render_github
from reconciler.render.plan_markdown import render_markdown
from reconciler.render.plan_text import render_text


class PlanRenderer(Protocol):
    """A format: the whole plan as a string that ends with a newline."""

    def __call__(self, document: PlanDocument, *, now: datetime, color: bool = False, hints: bool = False) -> str:
        """Renders.

        Args:
            document: the plan.
            now: what "in 11d 4h" counts from; aware.
            color: whether escape codes may be used.
            hints: whether to say what to do next.
        """
        ...


def render_plan_json(document: PlanDocument, *, now: datetime, color: bool = False, hints: bool = False) -> str:
    """The document itself, on one line."""
    del now, color, hints  # Every renderer is called alike.
    return render_json(document)


#: By the word of ``--format``.
RENDERERS: Final[Mapping[str, PlanRenderer]] = {
    "text": render_text,
    "json": render_plan_json,
    "markdown": render_markdown,
    "github": render_github,
}
