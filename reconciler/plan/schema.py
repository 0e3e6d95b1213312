"""The JSON Schemas of plan and status documents, generated from their types.

Unknown properties are allowed: minor versions of the formats add some, and readers ignore what they do not know.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from reconciler.plan.document import PlanDocument
from reconciler.plan.status_document import StatusDocument


def plan_schema() -> dict[str, Any]:
    """The schema as it stands in ``schemas/plan.v1.schema.json``."""
    text = "What `cluster-pki plan --format json` prints and `plan --out` saves: every change with its reasons."
    return document_schema("plan", text, PlanDocument)


def status_schema() -> dict[str, Any]:
    """The schema as it stands in ``schemas/status.v1.schema.json``."""
    return document_schema("status", "What `cluster-pki status --format json` prints: how everything is doing.", StatusDocument)


def schema_text(schema: dict[str, Any]) -> str:
    """A schema as its file holds it, byte for byte."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def document_schema(name: str, description: str, document: type[msgspec.Struct]) -> dict[str, Any]:
    """The schema of a document.

    Args:
        name: of the document, as in the name of its file.
        description: what prints it.
        document: its type.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:cluster-pki:schema:{name}.v1",
        "title": f"cluster-pki {name}",
        "description": description,
        **msgspec.json.schema(document),
    }
