"""A verification as one page: the picture, and the table below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from reconciler.render.durations import instant
from reconciler.render.graph_svg import picture
from reconciler.render.page_style import BASE_STYLE, CARDS, page, text
from reconciler.render.verification_words import headline, who
from reconciler.trust.document import Problem, VerificationDocument, VerifiedEdge

_COLUMNS: Final = ("Edge", "From", "To", "Dials", "Connections", "TLS 1.3", "TLS 1.2", "What is wrong")

_STYLE: Final = f"""{BASE_STYLE}
figure {{ margin: 0 0 1.5rem; padding: .5rem; background: #fff; border: 1px solid var(--line); border-radius: .5rem;
  overflow-x: auto; }}
figure svg {{ display: block; width: 100%; min-width: 60rem; height: auto; }}
td {{ overflow-wrap: anywhere; }}
td.word {{ white-space: nowrap; }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
td div + div {{ margin-top: .3rem; }}
small {{ color: var(--dim); font-size: inherit; }}
@media (max-width: 64rem) {{ body {{ padding: 1rem; }}{CARDS} }}
"""


def render_verification_html(document: VerificationDocument, *, color: bool = False) -> str:
    """One self-contained page.

    Args:
        document: the verification.
        color: without meaning here: the page has its own colours.
    """
    del color
    title = f"Connections of {document.cluster}"
    heads = "".join(f'<th scope="col">{label}</th>' for label in _COLUMNS)
    rows = "\n".join(_row(edge) for edge in document.edges)
    left_out = "".join(f"<li>{text(each.id)} {text(each.title)}: {text(each.why)}</li>" for each in document.not_judged)
    body = f"""<h1>{text(title)}</h1>
<p class="{"bad" if document.broken else "good"}">{text(headline(document))} <small>As of {instant(document.at)}.</small></p>
<figure>
{picture(document, words=False).rstrip()}
</figure>
<table>
<thead><tr>{heads}</tr></thead>
<tbody>
{rows}
</tbody>
</table>
{f"<h2>Nothing is said about</h2><ul>{left_out}</ul>" if left_out else ""}"""
    return page(title=title, style=_STYLE, script="", body=body)


def _row(edge: VerifiedEdge) -> str:
    cells = (
        _cell(0, f"{text(edge.id)} <small>{text(edge.title)}</small>", "bad" if edge.result == "broken" else ""),
        _cell(1, text(who(edge.clients))),
        _cell(2, text(who(edge.servers))),
        _cell(3, text(", ".join(edge.hosts))),
        _cell(4, f"{edge.connections:,}", "number"),
        _cell(5, edge.tls13, "word good" if edge.tls13 == "ok" else "word bad"),
        _cell(6, edge.tls12, "word good" if edge.tls12 == "ok" else "word bad"),
        _cell(7, _problems(edge.problems, "bad") + _problems(edge.lints, "watch") + _moments(edge)),
    )
    return f"<tr>{''.join(cells)}</tr>"


def _cell(column: int, content: str, style: str = "") -> str:
    classes = " ".join(part for part in (style, "" if content else "empty") if part)
    return f'<td class="{classes}" data-label="{_COLUMNS[column]}"><div>{content}</div></td>'


def _problems(problems: Sequence[Problem], style: str) -> str:
    return "".join(f'<div><span class="{style}">{text(each.code)}</span>: {text(each.message)}.</div>' for each in problems)


def _moments(edge: VerifiedEdge) -> str:
    if edge.result == "ok" or not edge.moments:
        return ""
    rest = edge.moment_count - len(edge.moments)
    more = f" and in {rest} more states" if rest > 0 else ""
    return f"<div><small>{text('; '.join(edge.moments))}{more}</small></div>"
