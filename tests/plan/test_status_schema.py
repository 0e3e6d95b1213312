"""The published schema is the types'."""

from __future__ import annotations

from pathlib import Path

import jsonschema

from reconciler.plan.schema import schema_text, status_schema

FILE = Path(__file__).resolve().parents[2] / "schemas" / "status.v1.schema.json"


def test_the_file_is_generated_from_the_types() -> None:
    """``cluster-pki schema status`` writes it anew."""
    assert FILE.read_text(encoding="utf-8") == schema_text(status_schema())


def test_it_is_a_schema() -> None:
    """The schema itself is valid."""
    jsonschema.Draft202012Validator.check_schema(status_schema())
