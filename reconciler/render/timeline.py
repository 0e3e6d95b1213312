"""What expires when, as a drawing of which every row also says in words what it shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from reconciler.plan.status_document import StatusDocument
from reconciler.render.durations import span
from reconciler.render.lanes import Lane, Timeline, timeline_of
from reconciler.render.page_style import text
from reconciler.render.time_scale import Scale, scale_for

_YEAR: Final = timedelta(days=365)
_MONTH: Final = timedelta(days=30)
#: Steps of density of a row with many certificates, and its resolution in percent of the width.
_STEPS: Final = 4
_CELL: Final = 1.25

TIMELINE_STYLE: Final = """
.timeline { list-style: none; margin: 0; padding: 0; }
.timeline li { display: grid; grid-template-columns: minmax(9rem, 19rem) 1fr 17rem; gap: 0 1rem; align-items: center;
  border-top: 1px solid var(--line); padding: .2rem 0; break-inside: avoid; }
.timeline li.axis { border: 0; color: var(--dim); }
.timeline li.axis > svg { grid-column: 2; }
.timeline li > svg { display: block; width: 100%; height: 22px; overflow: visible; }
.timeline .name { font: 12.5px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
.timeline .name small { font: 12px system-ui, sans-serif; color: var(--dim); white-space: nowrap; }
.timeline .when { font-size: 13px; text-align: right; font-variant-numeric: tabular-nums; }
.timeline .when small { font-size: inherit; font-weight: 400; color: var(--dim); }
.timeline .good { color: var(--ink); }
svg text { fill: var(--dim); font: 12px system-ui, sans-serif; text-anchor: middle; font-variant-numeric: tabular-nums; }
svg .last { text-anchor: end; }
svg .grid { stroke: var(--line); } svg .now { stroke: var(--dim); }
svg.g { --mark: var(--good); } svg.w { --mark: var(--watch); } svg.b { --mark: var(--bad); }
svg .life { fill: var(--mark); opacity: .75; } svg .late { fill: var(--mark); opacity: .28; }
svg .renew { fill: var(--page); stroke: var(--mark); stroke-width: 2; } svg .end { fill: var(--mark); }
svg .x { fill: none; stroke: var(--mark); stroke-width: 2.5; }
.timeline svg svg { overflow: visible; }
svg .d1 { opacity: .25; } svg .d2 { opacity: .45; } svg .d3 { opacity: .7; } svg .d4 { opacity: 1; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; font-size: 12.5px; margin: .5rem 0 0; }
.legend svg { width: 26px; height: 12px; display: inline-block; vertical-align: -1px; margin-right: .35rem; }
@media (max-width: 56rem) {
  .timeline li { grid-template-columns: minmax(0, 1fr) auto; padding: .45rem 0 .3rem; gap: .1rem .8rem; }
  .timeline li > svg, .timeline li.axis > svg { grid-column: 1 / -1; grid-row: 2; }
}
@media (max-width: 36rem) {
  .timeline li { grid-template-columns: 1fr; }
  .timeline .when { text-align: left; }
  .timeline li > svg, .timeline li.axis > svg { grid-row: auto; }
  .timeline li > .when { grid-row: 2; }
}
"""


def render_timeline(document: StatusDocument, *, now: datetime, renews: bool = True) -> str:
    """The timeline as HTML; empty when there is no certificate.

    Args:
        document: the status.
        now: the time, aware.
        renews: whether anything in it is ever renewed, and the legend says how that looks.
    """
    timeline = timeline_of(document, now=now)
    if not timeline.lanes:
        return ""
    scale = scale_for(distance for lane in timeline.lanes for distance in _distances(lane, now))
    grid = _grid(scale)
    rows = "\n".join(_row(lane, scale, now, grid) for lane in timeline.lanes)
    return f"""<ol class="timeline">
<li class="axis" aria-hidden="true"><svg>{_axis(scale)}</svg></li>
{rows}
</ol>
{_legend(timeline) if renews else _left_out(timeline)}"""


def _distances(lane: Lane, now: datetime) -> Iterator[timedelta]:
    """What needs a place. A renewal that is overdue is told in words: it would only push apart what is to come."""
    yield from (lane.first - now, lane.last - now)
    if lane.renew_at is not None and lane.renew_at > now:
        yield lane.renew_at - now


def _grid(scale: Scale) -> str:
    lines = [
        f'<line class="{"now" if label == "now" else "grid"}" x1="{place:.2f}%" x2="{place:.2f}%" y1="0" y2="22"/>'
        for label, place in scale.ticks()
    ]
    return "".join(lines)


def _axis(scale: Scale) -> str:
    ticks = scale.ticks()
    labels = []
    for index, (label, place) in enumerate(ticks):
        side = ' class="last"' if index == len(ticks) - 1 and place > 94 else ""  # noqa: PLR2004 - it would stand out
        labels.append(f'<text{side} x="{place:.2f}%" y="16">{label}</text>')
    return "".join(labels)


def _row(lane: Lane, scale: Scale, now: datetime, grid: str) -> str:
    name, when = text(lane.label), _when(lane, now)
    drawing = _many(lane, scale, now) if lane.count > 1 else _one(lane, scale, now)
    return (
        f'<li><span class="name">{name}{_members(lane)}</span>'
        f'<svg class="{lane.alarm[0]}" aria-hidden="true">{grid}{drawing}</svg>'
        f'<span class="when {lane.alarm}">{when}</span></li>'
    )


def _members(lane: Lane) -> str:
    copies = lane.places - lane.count
    notes = (
        f"&times; {lane.count:,}" if lane.count > 1 else f"and {copies} {'copy' if copies == 1 else 'copies'}" if copies else "",
        {"bad": "in trouble", "watch": "to watch", "good": ""}[lane.alarm] if lane.count > 1 else "",
        "suspended" if lane.suspended else "",
        f"served: {lane.served}" if lane.served else "",
    )
    return "".join(f" <small>{note}</small>" for note in notes if note)


def _one(lane: Lane, scale: Scale, now: datetime) -> str:
    """A bar to the renewal, a lighter one from there to the end."""
    end = scale.place(lane.first - now)
    if lane.first < now:
        return _bar("late", end, scale.now) + _cross(end)
    renew = scale.place(max(lane.renew_at - now, timedelta(0))) if lane.renew_at is not None else end
    parts = _bar("life", scale.now, renew) + _bar("late", renew, end)
    if lane.renew_at is not None and lane.renew_at > now:
        parts += f'<circle class="renew" cx="{renew:.2f}%" cy="11" r="4"/>'
    return parts + f'<rect class="end" x="{end:.2f}%" y="4" width="3" height="14"/>'


def _many(lane: Lane, scale: Scale, now: datetime) -> str:
    """Where the ends lie close together it is darker."""
    cells = Counter(int(scale.place(end - now) / _CELL) for end in lane.ends)
    most = max(cells.values())
    parts = [_bar("late", scale.place(min(lane.first - now, timedelta(0))), scale.place(lane.last - now))]
    if lane.first >= now and lane.renew_at is not None and lane.renew_at > now:
        renew = scale.place(lane.renew_at - now)
        parts.append(_bar("life", scale.now, renew))
    for cell, number in sorted(cells.items()):
        step = max(1, round(_STEPS * (number / most) ** 0.5))
        parts.append(f'<rect class="end d{step}" x="{cell * _CELL:.2f}%" y="4" width="{_CELL:.2f}%" height="14"/>')
    if lane.renew_at is not None and lane.renew_at > now:
        parts.append(f'<circle class="renew" cx="{scale.place(lane.renew_at - now):.2f}%" cy="11" r="4"/>')
    if lane.first < now:
        parts.append(_cross(scale.place(lane.first - now)))
    return "".join(parts)


def _bar(kind: str, start: float, end: float) -> str:
    return f'<rect class="{kind}" x="{start:.2f}%" y="7" width="{max(end - start, 0.2):.2f}%" height="8"/>'


def _cross(place: float) -> str:
    """Two strokes around a place that is given in percent."""
    return f'<svg class="b" x="{place:.2f}%" y="5" width="12" height="12"><path class="x" d="M-5 1l10 10M-5 11l10-10"/></svg>'


def _when(lane: Lane, now: datetime) -> str:
    """``renews in 234d · ends in 265d``."""
    if lane.last < now:
        ago = rough(now - lane.last)
        return f"expired {ago} ago" if lane.count == 1 else f"all expired, the last {ago} ago"
    if lane.first < now:
        number = sum(end < now for end in lane.ends)
        return f"{number:,} expired <small>· the last ends in {rough(lane.last - now)}</small>"
    first, last = rough(lane.first - now), rough(lane.last - now)
    ends = f"ends in {first}" if lane.count == 1 else f"end in {first}" if first == last else f"end in {first} to {last}"
    if lane.renew_at is None:
        return ends
    if lane.renew_at <= now:
        return f"renewal due {rough(now - lane.renew_at)} ago <small>· {ends}</small>"
    return f"renews in {rough(lane.renew_at - now)} <small>· {ends}</small>"


def rough(length: timedelta) -> str:
    """A length of time with as much of it as matters: ``9.9y``, ``265d``, ``4d 6h``, ``12m``."""
    if length >= 2 * _YEAR:
        return f"{length / _YEAR:.1f}y".replace(".0y", "y")
    return f"{length // timedelta(days=1)}d" if length >= _MONTH else span(length)


def _legend(timeline: Timeline) -> str:
    return f"""<p class="legend"><span><svg class="g" aria-hidden="true"><rect class="life" y="2" width="20" height="8"/>
<circle class="renew" cx="20" cy="6" r="4"/></svg>until its renewal</span>
<span><svg class="g" aria-hidden="true"><rect class="late" y="2" width="22" height="8"/>
<rect class="end" x="22" y="0" width="3" height="12"/></svg>from there to its end</span>
<span>The further away, the narrower the scale.</span>{_later(timeline)}</p>"""


def _left_out(timeline: Timeline) -> str:
    later = _later(timeline)
    return f'<p class="legend"><span>The further away, the narrower the scale.</span>{later}</p>'


def _later(timeline: Timeline) -> str:
    return f"<span>{timeline.left_out:,} certificates that end later are not drawn.</span>" if timeline.left_out else ""
