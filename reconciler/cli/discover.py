"""``cluster-pki discover``: what a cluster's files say about its certificates. Asks no API; writes nothing but ``--write``."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from reconciler.cli.argument_types import duration
from reconciler.cli.clock import moment, wall_clock
from reconciler.cli.discover_places import node_roots, places_of, refuse_missing, refuse_nothing
from reconciler.cli.discover_write import identity, refuse_unwritable, tell_adoption, write
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.options import Repeatable, add_telling
from reconciler.cli.session import print_result
from reconciler.health.model import Severity
from reconciler.render.colour import wants_colour

if TYPE_CHECKING:
    from reconciler.health.document import DiscoveryDocument

#: From the worst to the mildest, with the exit code of a discovery that found nothing worse.
_CODES: dict[Severity, ExitCode] = {"error": ExitCode.ERROR, "warning": ExitCode.WARNINGS, "notice": ExitCode.NOTICES}
_FORMATS = ("table", "text", "csv", "excel", "json", "html", "github", "sarif")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``discover``."""
    group = parser.add_argument_group("what to read (repeatable)")
    group.add_argument(
        "--root",
        action=Repeatable,
        default=[],
        metavar="DIR",
        help="a node's files, or a directory of nodes (default /)",
    )
    group.add_argument("--manifests", action=Repeatable, default=[], metavar="DIR", help="static pod manifests elsewhere")
    group.add_argument("--kubeconfig", action=Repeatable, default=[], metavar="FILE", help="a kubeconfig elsewhere")
    group.add_argument("--directory", action=Repeatable, default=[], metavar="DIR", help="a directory of PEM files")
    group = parser.add_argument_group("how to judge")
    group.add_argument("--without-keys", action="store_true", help="it is a copy without private keys: do not miss them")
    group.add_argument(
        "--expiring", type=duration, default="30d", metavar="DURATION", help="what soon means (default %(default)s)"
    )
    group.add_argument("--at", default=None, metavar="TIME", help="judge dates as of another time: 2027-01-31, +60d")
    group.add_argument(
        "--fail-on",
        default=None,
        choices=tuple(_CODES),
        help="exit code 1 for errors, 3 for warnings, 4 for notices at worst, from this severity on (default: 0)",
    )
    group = parser.add_argument_group("adopting")
    group.add_argument(
        "--write", default=None, metavar="FILE", help="write a desired state whose plan is empty on these files; - for stdout"
    )
    group.add_argument("--force", action="store_true", help="overwrite it")
    group.add_argument("--cluster", default="", metavar="NAME", help="what the cluster is called (default: by its kubeconfigs)")
    add_telling(parser, formats=_FORMATS)


def run(arguments: argparse.Namespace) -> int:
    """Reads, judges, prints; with ``--write`` also writes."""
    now = moment(arguments.at, wall_clock(), past=True).replace(microsecond=0)
    refuse_missing(arguments)
    refuse_unwritable(arguments)
    from reconciler.discovery.walk import read_cluster  # noqa: PLC0415 - --help needs nothing of it
    from reconciler.health.document_of import document_of  # noqa: PLC0415
    from reconciler.health.examine import Limits, examine  # noqa: PLC0415
    from reconciler.health.keyless import without_missing_keys  # noqa: PLC0415

    places = places_of(arguments.root)
    cluster = read_cluster(
        places, manifests=arguments.manifests, kubeconfigs=arguments.kubeconfig, directories=arguments.directory
    )
    refuse_nothing(cluster, arguments)
    findings = examine(cluster, now, Limits(expiring=arguments.expiring))
    if arguments.without_keys:
        cluster, findings = without_missing_keys(cluster, findings)
    document = document_of(
        cluster,
        findings,
        name=arguments.cluster,
        now=now,
        expiring=arguments.expiring,
        roots=node_roots(cluster, places),
    )
    if arguments.write != "-":
        from reconciler.render.discoveries import RENDERERS  # noqa: PLC0415 - knows every format

        colour = wants_colour(arguments.color, os.environ, sys.stdout)
        print_result(RENDERERS[arguments.format](document, now=now, color=colour))
    if arguments.write is not None:
        from reconciler.adopting.adopt import adopt  # noqa: PLC0415 - only here

        adoption = adopt(cluster, findings, places, name=identity(document.cluster), now=now)
        write(arguments.write, adoption.text)
        tell_adoption(arguments, adoption)
    return exit_code(document, arguments.fail_on)


def exit_code(document: DiscoveryDocument, fail_on: Severity | None) -> ExitCode:
    """By the worst finding, if it is at least as bad as what was asked for."""
    severities = list(_CODES)
    found = {finding.severity for finding in document.findings}
    asked = severities[: severities.index(fail_on) + 1] if fail_on is not None else []
    return next((_CODES[severity] for severity in asked if severity in found), ExitCode.SUCCESS)
