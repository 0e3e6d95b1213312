"""``cluster-pki validate``: is the desired state right? Reads nothing but its files, changes nothing."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.options import add_common
from reconciler.cli.sources import add_source, reading
from reconciler.desired.compile import compile_state
from reconciler.desired.diagnostics import InvalidDesiredStateError, in_order
from reconciler.desired.load import load
from reconciler.desired.model import DesiredState
from reconciler.desired.source import Source
from reconciler.render import diagnostics_text
from reconciler.render.colour import Palette, wants_colour
from reconciler.render.diagnostics import FORMATS
from reconciler.render.findings import Findings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the common options."""
    add_source(parser)
    add_common(parser, formats=tuple(FORMATS))


def run(arguments: argparse.Namespace) -> int:
    """Prints every mistake, or one line that says what the desired state holds."""
    with reading(arguments) as source:
        findings = check(source, node=arguments.node, root=str(Path(arguments.root).absolute()) if arguments.root else "")
    if arguments.format == "text":
        palette = Palette(enabled=wants_colour(arguments.color, os.environ, sys.stdout))
        print(diagnostics_text.render_findings(findings, palette), end="")
    else:
        print(FORMATS[arguments.format](findings), end="")
    return ExitCode.SUCCESS if findings.valid else ExitCode.ERROR


def check(source: Source, *, node: str | None, root: str) -> Findings:
    """Loads and expands a desired state; all that is wrong with it is in the findings."""
    try:
        loaded = load(source)
    except InvalidDesiredStateError as error:
        return Findings(diagnostics=error.diagnostics, text=error.loaded)
    try:
        compiled = compile_state(loaded, node=node, root=root)
    except InvalidDesiredStateError as error:
        return Findings(diagnostics=error.diagnostics, text=loaded)
    praise = f"{loaded.name} is valid: {describe(compiled.state)}."
    return Findings(diagnostics=in_order([*loaded.diagnostics, *compiled.diagnostics]), text=loaded, praise=praise)


def describe(state: DesiredState) -> str:
    """``cluster demo with 3 CAs, 31 certificates, …``: what there is, without what there is none of."""
    counted = (
        (len(state.cas), "CA"),
        (len(state.components), "certificate"),
        (len(state.requests), "request"),
        (len(state.bundles), "bundle"),
        (len(state.kubeconfigs), "kubeconfig"),
        (len(state.keypairs), "keypair"),
        (len(state.crls), "revocation list"),
    )
    parts = [f"{number} {word}{'' if number == 1 else 's'}" for number, word in counted if number]
    return f"cluster {state.cluster} with {', '.join(parts) or 'nothing in it'}"
