"""The certificate spreadsheet."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from html.parser import HTMLParser

import msgspec
import pytest

from reconciler.render.inventories import RENDERERS
from tests.render.status_stories import EXPIRED, HEALTHY, NOW, status

HOSTILE = "CN=</td><script>alert(1)</script>\x1b[2J\"' onclick=x &amp;"


class Page(HTMLParser):
    """What a browser would see of a page: its elements, and the text of each cell."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes an element."""
        self.elements.append((tag, dict(attrs)))
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        """Notes text below the last cell that began."""
        if self.cells:
            self.cells[-1] += data


def test_csv_has_a_row_a_certificate() -> None:
    """CAs and components, missing ones included; bundles and keypairs hold no certificate of their own."""
    rows = list(csv.DictReader(io.StringIO(RENDERERS["csv"](status(), now=NOW), newline="")))
    assert [row["component"] for row in rows] == ["ca.etcd", "component.apiserver[cp-1]", "component.jane", "component.admin"]
    assert rows[2] == {
        "path": "/users/jane.crt",
        "component": "component.jane",
        "node": "",
        "subject": "CN=jane, O=dev, O=ops",
        "sans": "",
        "organization": "dev; ops",
        "issuer": "CN=Old CA",
        "key": "rsa-2048",
        "serial": "77b2",
        "expiry": "2026-11-17T10:00:00Z",
        "days_left": "-3",
        "renew_at": "2026-10-18T10:00:00Z",
        "state": "Degraded, OutOfSync (WrongIssuer, Expired)",
    }
    assert rows[3]["path"] == "/etc/kubernetes/admin.conf"


def test_json_holds_the_same_rows() -> None:
    """The same table for programs."""
    body = json.loads(RENDERERS["json"](status(), now=NOW))
    assert (body["cluster"], body["at"], len(body["certificates"])) == ("demo", "2026-11-20T10:00:00Z", 4)
    assert body["certificates"][1]["sans"] == ["dns:kubernetes", "ip:10.96.0.1"]


def test_html_asks_nobody_for_anything() -> None:
    """One file: no element loads anything, and the policy forbids it besides."""
    page = Page(RENDERERS["html"](status(), now=NOW))
    loading = {"src", "href", "srcset", "action", "data", "background", "poster"}
    assert [attributes for _, attributes in page.elements if loading & attributes.keys()] == []
    assert "url(" not in RENDERERS["html"](status(), now=NOW)
    assert "@import" not in RENDERERS["html"](status(), now=NOW)
    assert {tag for tag, _ in page.elements} & {"link", "img", "iframe", "object", "embed", "form"} == set()


def test_html_policy_allows_its_own_script_and_style_alone() -> None:
    """The hashes in the policy are theirs: changing one without the other would break sorting silently."""
    text = RENDERERS["html"](status(), now=NOW)
    style, script = (
        base64.b64encode(hashlib.sha256("".join(re.findall(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)).encode()).digest()).decode()
        for tag in ("style", "script")
    )
    policy = next(attributes["content"] for tag, attributes in Page(text).elements if tag == "meta" and "content" in attributes)
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'"
    )


def test_html_escapes_names() -> None:
    """A name in a certificate is text on the page, in cells and attributes alike."""
    hostile = msgspec.structs.replace(EXPIRED, subject=HOSTILE, sans=[HOSTILE, "dns:b"], address=HOSTILE, reasons=[HOSTILE])
    page = Page(RENDERERS["html"](status(hostile), now=NOW))
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert page.cells[4] == HOSTILE.replace("\x1b", r"\x1b")


@pytest.mark.parametrize("form", RENDERERS)
def test_rendering_twice_gives_the_same_bytes(form: str) -> None:
    """Nothing but the document decides."""
    assert RENDERERS[form](status(), now=NOW) == RENDERERS[form](status(), now=NOW)


def test_html_sorts_dates_and_days_as_such() -> None:
    """Sort keys order numbers with a sign, and put what has no date at the end."""
    page = Page(RENDERERS["html"](status(), now=NOW))
    keys = [attributes["data-sort"] for tag, attributes in page.elements if tag == "td" and "days" in str(attributes["class"])]
    assert sorted(range(4), key=lambda index: int(str(keys[index]))) == [2, 1, 0, 3]


def test_html_marks_what_is_wrong() -> None:
    """The state is in words and, besides, in colour."""
    text = RENDERERS["html"](status(EXPIRED, HEALTHY), now=NOW)
    assert '<td class="state bad" data-label="State">' in text
    assert '<td class="state good" data-label="State">' in text
