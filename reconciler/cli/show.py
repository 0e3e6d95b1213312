"""``cluster-pki show {desired|plan|certificate|audit}``."""

from __future__ import annotations

import argparse
import json
import os
import sys

import msgspec
import yaml

from reconciler.apply.audit import AuditLog, verify_chain
from reconciler.cli.clock import wall_clock
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.options import UsageError, add_common
from reconciler.cli.session import open_session, print_result
from reconciler.cli.sources import add_source
from reconciler.passes.look import look
from reconciler.plan.options import Options
from reconciler.plan.saved import decode
from reconciler.render.audit_text import render_audit
from reconciler.render.certificate_text import render_certificate
from reconciler.render.colour import wants_colour
from reconciler.render.plans import RENDERERS
from reconciler.stores.read import must_read


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``show``."""
    parser.add_argument(
        "what",
        choices=("desired", "plan", "certificate", "audit"),
        help="the expanded desired state, a saved plan, a certificate, or the audit log",
    )
    parser.add_argument(
        "name", nargs="?", default=None, metavar="PLAN|ADDR", help="the plan file, or the address of the certificate"
    )
    add_source(parser)
    add_common(parser, formats=("text", "json", "markdown", "github"))


def run(arguments: argparse.Namespace) -> int:
    """Prints what was asked for."""
    match arguments.what:
        case "audit":
            return _audit(arguments)
        case "desired":
            print_result(_desired(arguments))
        case "plan":
            document = decode(must_read(os.path.abspath(_name(arguments, "a saved plan"))))
            colour = wants_colour(arguments.color, os.environ, sys.stdout)
            print_result(RENDERERS[arguments.format](document, now=wall_clock(), color=colour, hints=False))
        case _:
            print_result(_certificate(arguments))
    return ExitCode.SUCCESS


def _desired(arguments: argparse.Namespace) -> str:
    document = msgspec.to_builtins(open_session(arguments).compiled.expanded)
    if arguments.format == "json":
        return json.dumps(document, indent=2)
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _audit(arguments: argparse.Namespace) -> ExitCode:
    """Prints the audit log; a broken chain is an error."""
    lines = AuditLog(open_session(arguments).state.audit_path).lines()
    broken_at = verify_chain(lines)
    entries = [entry for line in lines if (entry := _entry(line)) is not None]
    if arguments.format == "json":
        print_result(json.dumps({"whole": broken_at is None, "broken_at": broken_at, "entries": entries}))
    else:
        print_result(render_audit(entries, broken_at=broken_at))
    return ExitCode.SUCCESS if broken_at is None else ExitCode.ERROR


def _entry(line: bytes) -> dict[str, object] | None:
    """An entry; None for what a crash left of one."""
    try:
        return msgspec.json.decode(line, type=dict[str, object])
    except msgspec.DecodeError:
        return None


def _certificate(arguments: argparse.Namespace) -> str:
    address = _name(arguments, "an address")
    status = look(open_session(arguments), now=wall_clock(), options=Options()).status()
    row = next((resource for resource in status.resources if resource.address == address), None)
    if row is None:
        msg = f'"{address}" is not an address of this desired state; `cluster-pki status` lists them'
        raise UsageError(msg)
    return msgspec.json.encode(row).decode() if arguments.format == "json" else render_certificate(row)


def _name(arguments: argparse.Namespace, what: str) -> str:
    if arguments.name is None:
        msg = f"show {arguments.what} needs {what}"
        raise UsageError(msg)
    return str(arguments.name)
