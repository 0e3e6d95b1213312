"""The findings of a discovery as annotations of a workflow's run: GitHub workflow commands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from reconciler.desired.rules import RULES
from reconciler.health.document import DiscoveryDocument, FindingEntry
from reconciler.render.discover_findings import spots
from reconciler.render.discover_words import breaks, found, sums, where
from reconciler.render.escape import visible
from reconciler.render.workflow import workflow_command


def render_discovery_github(document: DiscoveryDocument, *, now: datetime, color: bool = False) -> str:
    """One command a finding, the worst first, because GitHub shows ten of a kind; the sums in words.

    Args:
        document: the discovery.
        now: without meaning here: the document has its own time.
        color: without meaning here.
    """
    del now, color  # Every renderer is called alike.
    lines = [*(_command(finding, document) for finding in document.findings), visible(sums(document)), found(document)]
    return "".join(f"{line}\n" for line in lines)


def _command(finding: FindingEntry, document: DiscoveryDocument) -> str:
    file = spots(finding, document)[0].file
    return workflow_command(
        finding.severity,
        title=f"{finding.code} {RULES[finding.code].name}",
        message="\n".join(_message(finding, document.at)),
        # Only a file of the checkout has a place to show it at.
        place={"file": file} if file and not file.startswith(("/", "../")) else {},
    )


def _message(finding: FindingEntry, now: datetime) -> Iterator[str]:
    place = where(finding)
    yield f"{place}: {finding.message}" if place else finding.message
    yield f"Breaks: {breaks(finding, now=now)}"
    yield f"Mend: {finding.mend}"
    yield f"More: cluster-pki rule {finding.code}"
