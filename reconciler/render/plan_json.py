"""A plan as JSON: the document itself."""

from __future__ import annotations

from datetime import datetime

from reconciler.plan.document import PlanDocument
from reconciler.render.json_text import render_json


def render_plan_json(document: PlanDocument, *, now: datetime, color: bool = False, hints: bool = False) -> str:
    """The document on one line."""
    del now, color, hints  # Every renderer is called alike.
    return render_json(document)
