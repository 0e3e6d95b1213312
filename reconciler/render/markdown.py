"""Markdown pieces in which text of unknown origin stays text: no markup, no links, no mentions, no comment ends."""

from __future__ import annotations

import re

from reconciler.render.escape import visible

#: Inside a code span only these mean something (a pipe ends a table's cell, even there: GFM 4.10).
_SPECIAL_IN_CODE = re.compile(r"[`|\\]")
_NOT_PLAIN = re.compile(r"[^0-9A-Za-z ]")
_NOT_NAME = re.compile(r"[^0-9A-Za-z._]")


def code(text: str) -> str:
    """Text in a code span, where GitHub neither links nor mentions; safe in a table's cell.

    What a code span cannot hold safely becomes a ``<code>`` element of numeric entities: less pretty in source, the same on
    the page.
    """
    shown = visible(text).strip()
    if not shown:
        return ""
    if not _SPECIAL_IN_CODE.search(shown):
        return f"`{shown}`"
    return f"<code>{_NOT_PLAIN.sub(lambda match: f'&#{ord(match.group())};', shown)}</code>"


def fenced(text: str, *, language: str = "") -> str:
    """Text in a code fence that nothing in it can close (CommonMark 4.5: a longer fence than any run inside)."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def marker(kind: str, name: str) -> str:
    """A hidden comment by which a bot finds its own comment again."""
    # Two hyphens could end the comment (HTML 13.1.6); cluster names are DNS labels, so nothing real is lost but hyphens.
    return f"<!-- cluster-pki:{kind}:{re.sub('-{2,}', '-', _NOT_NAME.sub('-', name))} -->"
