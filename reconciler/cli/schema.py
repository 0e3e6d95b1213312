"""``cluster-pki schema``: the JSON Schemas, for editors and for programs that read our documents."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.cli.exit_codes import ExitCode
from reconciler.desired.schema import desired_schema
from reconciler.health.document import DiscoveryDocument
from reconciler.plan.schema import document_schema, plan_schema, schema_text, status_schema
from reconciler.trust.document import VerificationDocument

#: By name; each is made from the types of its document, and shipped as ``schemas/*.schema.json``.
SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "desired": desired_schema,
    "plan": plan_schema,
    "status": status_schema,
    "verification": lambda: document_schema(
        "verification",
        "What `cluster-pki verify --format json` prints: every kind of connection, and whether it gets through.",
        VerificationDocument,
    ),
    "discovery": lambda: document_schema(
        "discovery",
        "What `cluster-pki discover --format json` prints: nodes, certificates, and what is wrong with them.",
        DiscoveryDocument,
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the schema's name."""
    parser.add_argument("name", nargs="?", default="desired", choices=SCHEMAS, help="which schema (default %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Prints the schema."""
    print(schema_text(SCHEMAS[arguments.name]()), end="")
    return ExitCode.SUCCESS
