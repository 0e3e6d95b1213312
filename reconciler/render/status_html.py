"""The status as one page that an operator likes to look at: the daemon serves it at ``/``, ``status --format html`` writes it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from reconciler.plan.status_document import StatusDocument
from reconciler.render import status_running as running
from reconciler.render import status_sections as managed
from reconciler.render.attention import has_expired, verdict
from reconciler.render.page_style import page, policy, text
from reconciler.render.status_parts import icon, section, time
from reconciler.render.status_rotations import rotations
from reconciler.render.status_style import SCRIPT, STYLE
from reconciler.render.timeline import render_timeline, rough

#: For the header of a server; a file has it inside.
STATUS_PAGE_POLICY: Final = policy(style=STYLE, script=SCRIPT)


def render_status_html(document: StatusDocument, *, now: datetime, color: bool = False) -> str:
    """One self-contained page, readable without its script. However many addresses there are, it stays small.

    Args:
        document: the status.
        now: the time, aware: what has expired since the status was made is shown as expired.
        color: without meaning here: the page has its own colours, light and dark.
    """
    del color
    sections = (
        running.conditions(document, now=now),
        section("when", "What expires when", render_timeline(document, now=now)),
        managed.out_of_step(document, now=now),
        running.hooks(document, now=now),
        running.probes(document, now=now),
        running.last_plan(document, now=now),
        rotations(document, now=now),
        managed.authorities(document, now=now),
        managed.suspended(document, now=now),
        running.source(document, now=now),
        managed.everything(document, now=now),
    )
    body = "\n".join((_top(document, now), "<main>", *(each for each in sections if each), "</main>", _foot(document, now)))
    return page(title=f"{document.cluster}: cluster-pki", style=STYLE, script=SCRIPT, body=body)


def _top(document: StatusDocument, now: datetime) -> str:
    said = verdict(document, now=now)
    lines = "".join(f"<p>{text(line)}</p>" for line in (said.sentence, said.next) if line)
    return f"""<header>
<h1>{text(document.cluster)}</h1>
<p>{_as_of(document, now)}</p>
<p id="old" role="status" hidden></p>
<div class="verdict {said.alarm}">{icon(said.alarm)}<div><p class="says">{text(said.headline)}</p>{lines}</div></div>
{_tiles(document, now)}
</header>"""


def _as_of(document: StatusDocument, now: datetime) -> str:
    age = now - document.at
    old = f", {rough(age)} ago" if age.total_seconds() >= 60 else ""  # noqa: PLR2004 - a minute
    return f"Certificates as of {time(document.at)}{old}."


def _tiles(document: StatusDocument, now: datetime) -> str:
    numbers = document.summary
    certificates = sum(row.not_after is not None and row.type != "crl" for row in document.resources)
    expired = sum(has_expired(row, now) for row in document.resources)
    # What has expired since it was looked at is in the tile of the expired, and not healthy any more.
    newly = sum(has_expired(row, now) and row.health == "Healthy" for row in document.resources)
    tiles = (
        ("Certificates", certificates, ""),
        ("Healthy", numbers.healthy - newly, "good"),
        ("Expired", expired, "bad"),
        ("Missing", numbers.missing, "bad"),
        ("Degraded", numbers.degraded + newly, "bad"),
        ("Out of sync", numbers.out_of_sync, "watch"),
        ("Unknown", numbers.unknown, "watch"),
        ("Progressing", numbers.progressing, "watch"),
        ("Suspended", sum(row.suspended for row in document.resources), "watch"),
    )
    always = {"Certificates", "Healthy", "Expired", "Out of sync"}
    cells = "".join(
        f'<div{"" if number else " class=zero"}><dt>{name}</dt><dd class="{style if number else ""}">{number:,}</dd></div>'
        for name, number, style in tiles
        if number or name in always
    )
    return f'<dl class="tiles">{cells}</dl>'


def _foot(document: StatusDocument, now: datetime) -> str:
    reporter = (
        f"cluster-pki {text(document.reconciler.version)}."
        if document.reconciler
        else "No running reconciler reports here: this is what a single look found."
    )
    return f"<footer><p>{reporter} Made at {time(now, name='made')}. No key and no secret is on this page.</p></footer>"
