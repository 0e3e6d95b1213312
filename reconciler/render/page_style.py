"""What all pages share: one file that asks nobody for anything, its look, and the policy that holds it to that.

Styles and scripts stand inside and are allowed by their hashes, so whatever a name in a certificate might smuggle in is
neither run nor applied (Content Security Policy Level 3, section 8.3).
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Final

from reconciler.render.escape import visible

#: Light and dark. Each colour has a contrast of at least 4.5:1 on its page (WCAG 2.2, 1.4.3).
BASE_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2026; --dim: #5d6673; --page: #fff; --line: #dde1e7; --head: #f4f6f8;
  --good: #12703a; --watch: #8a5a00; --bad: #b3201c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --dim: #9aa4b2; --page: #14171c; --line: #2c323b; --head: #1c2128;
  --good: #5cc98a; --watch: #e3b341; --bad: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 110rem; background: var(--page); color: var(--ink);
  font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.35rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
p { margin: 0 0 1rem; color: var(--dim); overflow-wrap: anywhere; }
label { display: block; margin-bottom: 1rem; color: var(--dim); }
input { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--line); border-radius: .3rem;
  padding: .35rem .6rem; width: min(24rem, 100%); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .5rem; border-bottom: 1px solid var(--line); }
.good { color: var(--good); } .watch { color: var(--watch); } .bad { color: var(--bad); font-weight: 600; }
"""
#: A table of which each row becomes a card: for narrow places. Cells name their column in `data-label`.
CARDS: Final = """
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody, tr, td { display: block; }
  tr { border: 1px solid var(--line); border-radius: .5rem; padding: .4rem .8rem; margin-bottom: .8rem; }
  td, td.days { display: grid; grid-template-columns: 7rem 1fr; gap: .5rem; padding: .2rem 0; border: 0; text-align: left;
    min-width: 0; }
  td::before { content: attr(data-label); color: var(--dim); font: 13px/1.5 system-ui, sans-serif; }
  td.empty { display: none; }
  tr[hidden] { display: none; }
"""


def text(value: str) -> str:
    """Text of any origin, safe between tags and in quoted attributes, with nothing invisible in it."""
    return escape(visible(value))


def policy(*, style: str, script: str) -> str:
    """The Content-Security-Policy of a page with this style and this script, and nothing else."""
    return f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"


def page(*, title: str, style: str, script: str, body: str) -> str:
    """One self-contained page.

    Args:
        title: text, not yet escaped.
        style: CSS.
        script: it runs after everything else; the page must be readable without it.
        body: HTML.
    """
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy(style=style, script=script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{text(title)}</title>
<style>{style}</style>
</head>
<body>
{body}
<script>{script}</script>
</body>
</html>
"""


def _hash(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
