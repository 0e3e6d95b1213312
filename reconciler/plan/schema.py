"""The JSON Schema of plan documents, generated from their types."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from reconciler.plan.document import PlanDocument

SCHEMA_ID: Final = "urn:cluster-pki:schema:plan.v1"


def plan_schema() -> dict[str, Any]:
    """The schema as it stands in ``schemas/plan.v1.schema.json``.

    Unknown properties are allowed: minor versions of the format add some, and readers ignore what they do not know.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "cluster-pki plan",
        "description": "What `cluster-pki plan --format json` prints and `plan --out` saves: every change with its reasons.",
        **msgspec.json.schema(PlanDocument),
    }


def schema_text() -> str:
    """The schema file, byte for byte."""
    return json.dumps(plan_schema(), indent=2, ensure_ascii=False) + "\n"
