"""Look and script of the page of a discovery."""

from __future__ import annotations

from typing import Final

from reconciler.render.sortable import SORTABLE
from reconciler.render.status_style import STYLE as STATUS_STYLE

STYLE: Final = f"""{STATUS_STYLE}
body {{ max-width: 110rem; }}
.findings > li {{ display: grid; grid-template-columns: 1.9rem minmax(0, 1fr); }}
.findings .where {{ margin: .1rem 0; color: var(--ink); }}
.findings .note {{ color: var(--dim); }} .findings strong.note {{ color: var(--ink); }}
#all th {{ position: sticky; top: 0; background: var(--page); z-index: 1; }}
#all th button {{ font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }}
#all th[aria-sort=ascending] button::after {{ content: " \\2191"; }}
#all th[aria-sort=descending] button::after {{ content: " \\2193"; }}
#all td.mono {{ font: 12.5px/1.6 ui-monospace, monospace; }}
#all td.key, #all td.mode, #all td.expires, #all td.state {{ white-space: nowrap; }}
#all td.issuer, #all td.subject {{ min-width: 7.5rem; }}
#all td.path {{ min-width: 17rem; }} #all td.names, #all td.used {{ min-width: 11rem; }}
#all td.expires.watch, #all td.state.watch {{ font-weight: 600; }}
@media (max-width: 80rem) {{
  #all thead {{ position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }}
  #all, #all tbody, #all tr {{ display: block; }}
  #all tr {{ border: 1px solid var(--line); border-radius: .5rem; padding: .4rem .8rem; margin-bottom: .8rem; }}
  #all td {{ display: grid; grid-template-columns: 7rem 1fr; gap: .5rem; padding: .2rem 0; border: 0; }}
  #all tbody td {{ min-width: 0; white-space: normal; }}
  #all td::before {{ content: attr(data-label); color: var(--dim); font: 13px/1.5 system-ui, sans-serif; }}
  #all td.empty, #all tr[hidden] {{ display: none; }}
}}
@media print {{ #all th {{ position: static; }} }}
"""

#: For the table of all certificates, which a page without any has not.
SCRIPT: Final = f"""{SORTABLE}
const table = document.querySelector("#all");
if (table) sortable(table, document.querySelector("#filter"));
"""
