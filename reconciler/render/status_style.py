"""Look and script of the status page."""

from __future__ import annotations

from typing import Final

from reconciler.render.page_style import BASE_STYLE, CARDS
from reconciler.render.timeline import TIMELINE_STYLE

STYLE: Final = f"""{BASE_STYLE}
body {{ max-width: 84rem; padding: 2rem 2rem 4rem; line-height: 1.5; }}
h1 {{ font-size: 1.7rem; line-height: 1.2; letter-spacing: -.01em; margin: 0; }}
h2 {{ font-size: 1.08rem; margin: 0 0 .7rem; }}
h2 small {{ font-size: .85rem; font-weight: 400; color: var(--dim); margin-left: .4rem; }}
header p {{ margin: .2rem 0 0; }}
section {{ margin-top: 2.2rem; }}
section > p:last-child {{ margin-bottom: 0; }}
code, .address {{ font: 12.5px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }}
.verdict {{ display: flex; gap: .8rem; align-items: flex-start; margin: 1.2rem 0; padding: .9rem 1.1rem; border-radius: .6rem;
  border: 1px solid var(--line); border-left: 5px solid currentColor; background: var(--head); font-weight: 400; }}
.verdict p {{ margin: 0; }} .verdict .says {{ font-size: 1.2rem; font-weight: 600; line-height: 1.4; }}
.verdict .says, .verdict .says + p {{ color: var(--ink); }}
.icon {{ flex: none; width: 1.25em; height: 1.25em; vertical-align: -.25em; }}
.verdict .icon {{ width: 1.7rem; height: 1.7rem; }}
.icon circle, .icon .face {{ fill: currentColor; }} .icon .sign {{ fill: none; stroke: var(--page); stroke-width: 2;
  stroke-linecap: round; stroke-linejoin: round; }}
.tiles {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(7.2rem, 1fr)); gap: .7rem; margin: 0; }}
.tiles div {{ border: 1px solid var(--line); border-radius: .6rem; padding: .55rem .8rem; }}
.tiles dt {{ color: var(--dim); font-size: 12.5px; }}
.tiles dd {{ margin: 0; font-size: 1.45rem; line-height: 1.25; font-weight: 600; font-variant-numeric: tabular-nums; }}
.tiles .zero dd {{ color: var(--dim); font-weight: 400; }}
.pair {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 2.5rem; }}
.facts {{ display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; margin: 0; }}
.facts dt {{ color: var(--dim); }} .facts dd {{ margin: 0; overflow-wrap: anywhere; }}
.list {{ list-style: none; margin: 0; padding: 0; }}
.list > li {{ padding: .5rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; break-inside: avoid; }}
.list > li:first-child {{ border-top: 0; padding-top: 0; }}
.list .what {{ color: var(--dim); margin: 0; }}
.conditions > li {{ display: grid; grid-template-columns: 1.5rem minmax(0, 1fr); }}
.conditions strong small, .plain {{ font-weight: 400; color: var(--dim); }}
pre {{ margin: .4rem 0 0; padding: .5rem .7rem; background: var(--head); border-radius: .4rem;
  font: 12px/1.45 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }}
th {{ color: var(--dim); font-weight: 600; font-size: 12.5px; white-space: nowrap; }}
td {{ overflow-wrap: anywhere; }}
td.number, th.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
td.short {{ white-space: nowrap; }}
th:first-child, td:first-child {{ padding-left: 0; }} table + p, table + ul, p + ul {{ margin-top: .7rem; }}
td small {{ font-size: 12.5px; color: var(--dim); font-weight: 400; }}
summary {{ cursor: pointer; font-weight: 600; }} details[open] summary {{ margin-bottom: .8rem; }}
details label {{ margin-bottom: .6rem; }}
footer {{ margin-top: 3rem; color: var(--dim); font-size: 12.5px; }}
#old {{ border: 1px solid currentColor; border-radius: .6rem; padding: .5rem .8rem; color: var(--bad); margin: 1rem 0 0; }}
{TIMELINE_STYLE}
@media (max-width: 56rem) {{
  body {{ padding: 1.1rem 1rem 3rem; }}{CARDS}
  td.number {{ text-align: left; }} td.short {{ white-space: normal; }}
  .tiles {{ grid-template-columns: repeat(auto-fit, minmax(5.6rem, 1fr)); gap: .5rem; }}
  .tiles div {{ padding: .4rem .6rem; }} .tiles dd {{ font-size: 1.2rem; }}
}}
@media (max-width: 30rem) {{
  .facts {{ grid-template-columns: 1fr; gap: 0; }} .facts dd {{ margin-bottom: .45rem; }}
}}
@media print {{ body {{ max-width: none; padding: 0; font-size: 11px; }}
  label, #old {{ display: none; }} section {{ margin-top: 1.2rem; }}
  .timeline svg, .icon {{ print-color-adjust: exact; }} }}
"""

#: Filters the table of all addresses, and says when the page has become old. It asks nobody for anything.
SCRIPT: Final = """
const filter = document.querySelector("#filter");
if (filter) filter.addEventListener("input", () => {
  const wanted = filter.value.toLowerCase();
  for (const row of document.querySelector("#all").tBodies[0].rows)
    row.hidden = !row.textContent.toLowerCase().includes(wanted);
});
const made = Date.parse(document.querySelector("#made").dateTime), old = document.querySelector("#old");
const look = () => {
  const minutes = Math.floor((Date.now() - made) / 60000);
  old.hidden = minutes < 10;
  const age = minutes < 120 ? `${minutes} minutes` : minutes < 2880 ? `${Math.round(minutes / 60)} hours`
    : `${Math.round(minutes / 1440)} days`;
  old.textContent = `This page was made ${age} ago. Load it again to see how things are now.`;
};
look();
setInterval(look, 30000);
"""
