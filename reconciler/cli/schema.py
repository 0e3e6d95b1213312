"""``cluster-pki schema``: the JSON Schemas, for editors and for programs that read our documents."""

from __future__ import annotations

import argparse
from importlib import resources

from reconciler.cli.exit_codes import ExitCode
from reconciler.desired.schema import schema_text

#: Schemas that are written by hand, by name; the one of the desired state is made from its types.
SHIPPED = {"plan": "plan.v1.schema.json", "status": "status.v1.schema.json"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the schema's name."""
    parser.add_argument(
        "name", nargs="?", default="desired", choices=("desired", *SHIPPED), help="which schema (default %(default)s)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Prints the schema."""
    print(text(arguments.name), end="")
    return ExitCode.SUCCESS


def text(name: str) -> str:
    """The schema of that name."""
    if name not in SHIPPED:
        return schema_text()
    return (resources.files("reconciler") / "schemas" / SHIPPED[name]).read_text(encoding="utf-8")
