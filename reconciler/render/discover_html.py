"""A discovery as one page that needs nothing else: to mail, to print, to open on a phone.

The page asks no other place for anything, and its Content-Security-Policy says so; one script sorts and filters.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from reconciler import __version__
from reconciler.desired.rules import RULES
from reconciler.health.document import DiscoveryDocument, FindingEntry, NodeEntry
from reconciler.health.document_of import worst_of
from reconciler.render.discover_html_table import inventory
from reconciler.render.discover_style import SCRIPT, STYLE
from reconciler.render.discover_timeline import render_discovery_timeline
from reconciler.render.discover_words import ALARMS, VERDICTS, breaks, found, processes, sums, where
from reconciler.render.page_style import page, text
from reconciler.render.status_parts import address, icon, section, table, time

#: What is neither good nor bad.
_NOTE: Final = (
    '<svg class="icon note" viewBox="0 0 20 20" role="img" aria-label="notice">'
    '<circle cx="10" cy="10" r="9"/><path class="sign" d="M10 9.3v5M10 5.6v.1"/></svg>'
)


def render_discovery_html(document: DiscoveryDocument, *, now: datetime, color: bool = False) -> str:
    """One self-contained page, readable without its script.

    Args:
        document: the discovery.
        now: when the page is made; aware. Dates are judged by the document's own time.
        color: without meaning here: the page has its own colours, light and dark.
    """
    del color
    sections = (
        section("findings", "What is wrong, and worth knowing", _findings(document), note=f"{len(document.findings):,}"),
        section("when", "What expires when", render_discovery_timeline(document, now=document.at)),
        section("nodes", "Nodes", _nodes(document), note=f"{len(document.nodes):,}"),
        section("inventory", "Certificates and keys", inventory(document), note=f"{len(document.inventory):,}"),
    )
    body = "\n".join((_top(document), "<main>", *(each for each in sections if each), "</main>", _foot(now)))
    return page(title=f"Certificates of {document.cluster}", style=STYLE, script=SCRIPT, body=body)


def _top(document: DiscoveryDocument) -> str:
    worst = worst_of(document.findings)
    alarm = ALARMS[worst]
    version = f" Kubernetes {text(document.version)}." if document.version else ""
    told = f'<p class="says">{VERDICTS[worst]}</p><p>{text(found(document))} {text(sums(document))}</p>'
    return f"""<header>
<h1>{text(document.cluster)}</h1>
<p>Certificates as of {time(document.at)}.{version}</p>
<div class="verdict {alarm}">{icon(alarm)}<div>{told}</div></div>
{_tiles(document)}
</header>"""


def _tiles(document: DiscoveryDocument) -> str:
    numbers = document.summary
    tiles = (
        ("Nodes", numbers.nodes, ""),
        ("Certificates", numbers.certificates, ""),
        ("Expired", numbers.expired, "bad"),
        ("Expiring", numbers.expiring, "watch"),
        ("Errors", numbers.errors, "bad"),
        ("Warnings", numbers.warnings, "watch"),
        ("Notices", numbers.notices, ""),
    )
    cells = "".join(
        f'<div{"" if number else " class=zero"}><dt>{name}</dt><dd class="{style if number else ""}">{number:,}</dd></div>'
        for name, number, style in tiles
    )
    return f'<dl class="tiles">{cells}</dl>'


def _findings(document: DiscoveryDocument) -> str:
    items = "\n".join(_finding(finding, document.at) for finding in document.findings)
    return f'<ul class="list findings">{items}</ul>' if items else ""


def _finding(finding: FindingEntry, now: datetime) -> str:
    place = where(finding)
    alarm, sign = ("note", _NOTE) if finding.severity == "notice" else (ALARMS[finding.severity], icon(ALARMS[finding.severity]))
    shown = f'<p class="where">{address(place)}</p>' if place else ""
    return f"""<li class="{finding.severity}"><span class="{alarm}">{sign}</span><div>
<strong class="{alarm}">{text(finding.message)}</strong>
{shown}
<p class="what">Breaks: {text(breaks(finding, now=now))}.</p>
<p class="what">To mend it: {text(finding.mend)}.</p>
<p class="what"><code>cluster-pki rule {text(finding.code)}</code> {text(RULES[finding.code].name)}</p></div></li>"""


def _nodes(document: DiscoveryDocument) -> str:
    heads = (("Node", ""), ("Layout", ""), ("Runs", ""), ("Addresses", ""), ("Not understood", ""))
    return table(heads, (tuple(_node(node)) for node in document.nodes))


def _node(node: NodeEntry) -> Iterator[str]:
    yield address(node.name)
    yield text(f"{node.layout}, control plane" if node.control_plane else node.layout)
    yield text(", ".join(processes(node)))
    yield "<br>".join(text(each) for each in node.addresses)
    yield "<br>".join(f"{address(each.path)} <small>{text(each.problem)}</small>" for each in node.unread)


def _foot(now: datetime) -> str:
    return (
        f"<footer><p>cluster-pki {text(__version__)}, from files alone. Made at {time(now, name='made')}. "
        "No key and no secret is on this page.</p></footer>"
    )
