"""The JSON Schema of status documents, generated from their types."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from reconciler.plan.status_document import StatusDocument

SCHEMA_ID: Final = "urn:cluster-pki:schema:status.v1"


def status_schema() -> dict[str, Any]:
    """The schema as it stands in ``schemas/status.v1.schema.json``.

    Unknown properties are allowed: minor versions of the format add some, and readers ignore what they do not know.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "cluster-pki status",
        "description": "What `cluster-pki status --format json` prints: how every certificate, key and bundle is doing.",
        **msgspec.json.schema(StatusDocument),
    }


def schema_text() -> str:
    """The schema file, byte for byte."""
    return json.dumps(status_schema(), indent=2, ensure_ascii=False) + "\n"
