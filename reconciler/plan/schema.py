"""The JSON Schema of plan documents, generated from their types."""

from __future__ import annotations

from typing import Any

import msgspec

from reconciler.plan.document import FORMAT_VERSION, PlanDocument

IDENTIFIER = "https://cluster-pki.dev/schemas/plan.v1.schema.json"


def plan_schema() -> dict[str, Any]:
    """The content of ``schemas/plan.v1.schema.json``."""
    body = msgspec.json.schema(PlanDocument)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": IDENTIFIER,
        "title": f"cluster-pki plan, format {FORMAT_VERSION}",
        "description": "What `cluster-pki plan --format json` prints and `--out` saves. Ignore properties you do not know.",
        **body,
    }
