"""A discovery in every format.

After a change that is meant, ``CLUSTER_PKI_TEST_GOLDEN=write pytest tests/render/test_discoveries.py`` writes the files anew.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from pathlib import Path
from typing import Final

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.cli.schema import SCHEMAS
from reconciler.cluster.model import Cluster, File, Node
from reconciler.desired.rules import RULES
from reconciler.health.document import DiscoveryDocument
from reconciler.health.model import HealthFinding
from reconciler.plan.schema import schema_text
from reconciler.render.discover_columns import WIDTH, columns
from reconciler.render.discoveries import RENDERERS
from reconciler.render.escape import visible
from reconciler.x509.names import Subject
from tests.render.discover_stories import EXPIRED, HOSTILE, NOW, OLD, PKI, SOON, document, facts, held
from tests.render.test_inventories import Page

GOLDEN: Final = Path(__file__).parent / "golden"
SCHEMA: Final = Path(__file__).resolve().parents[2] / "schemas" / "discovery.v1.schema.json"
FILES: Final = {"table": "discover.txt", "excel": "discover.csv", "github": "discover.github.txt"}
EVERYWHERE: Final = HealthFinding(
    code="CPK616",
    severity="notice",
    node="",
    path="",
    message="a certificate is signed with SHA-1: 100% of them",
    breaks="Go programs refuse it",
    mend="sign it again",
)
CALM: Final = document(findings=())


@pytest.mark.parametrize("form", FILES)
def test_it_reads_as_it_did(form: str) -> None:
    """A rendering is an interface: it changes on purpose or not at all."""
    path = GOLDEN / FILES[form]
    rendered = RENDERERS[form](document(), now=NOW)
    if os.environ.get("CLUSTER_PKI_TEST_GOLDEN") == "write":
        path.write_bytes(rendered.encode())
    assert rendered.encode() == path.read_bytes()


@pytest.mark.parametrize("form", RENDERERS)
def test_rendering_twice_gives_the_same_bytes(form: str) -> None:
    """Nothing but the document decides, and every format ends its last line."""
    rendered = RENDERERS[form](document(), now=NOW)
    assert rendered == RENDERERS[form](document(), now=NOW)
    assert rendered.endswith("\n")


@pytest.mark.parametrize("form", RENDERERS)
def test_no_name_drives_a_terminal(form: str) -> None:
    """Names in certificates come from whoever issued them; escape characters in them never get through."""
    assert "\x1b" not in RENDERERS[form](document(), now=NOW)


def test_colour_adds_nothing_but_colour() -> None:
    """Without its escape codes the coloured table is the other one."""
    coloured = RENDERERS["table"](document(), now=NOW, color=True)
    assert re.sub(r"\x1b\[\d+m", "", coloured) == RENDERERS["table"](document(), now=NOW)
    line = next(line for line in coloured.splitlines() if "etcd-ca" in line)
    assert line.strip().startswith("\x1b[31m")


def test_text_is_the_table() -> None:
    """As other commands call it."""
    assert RENDERERS["text"] is RENDERERS["table"]


@given(st.text(min_size=1, max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_the_table_fits_a_screen(name: str, message: str, directory: str) -> None:
    """However long the names: no line is wider than 120 columns, and none is broken by what stands in it."""
    path = f"/{directory}/{name}"
    certificate = facts(name, subject=Subject(common_name=name, organizations=(name,)), issuer=name, sans=(f"dns:{name}",))
    files = {path: File(path=path, content=held(certificate))}
    cluster = Cluster(nodes=(Node(name="n", layout="files", processes=(), files=files),))
    finding = replace(EXPIRED, node="n", path=path, message=message, mend=name)
    text = RENDERERS["table"](document(cluster, (finding,)), now=NOW)
    lines = text.split("\n")
    assert [line for line in lines if len(line) > WIDTH] == []
    assert [line for line in lines if visible(line) != line] == []


def test_what_is_cut_is_told_whole_below() -> None:
    """A long name stands in the row as far as there is room, and below it in full."""
    name = "node-" + "x" * 90
    files = {"/a.crt": File(path="/a.crt", content=held(facts(name)))}
    cluster = Cluster(nodes=(Node(name="n", layout="files", processes=(), files=files),))
    text = RENDERERS["table"](document(cluster, ()), now=NOW)
    assert f"\n      subject       {name}\n" in text
    assert "…  kubernetes" in text


def test_a_fleet_is_not_told_node_by_node() -> None:
    """Of more than five nodes with the same thing wrong, the first four say what it is, and the others have their names there."""
    findings = tuple(replace(EXPIRED, node=f"n-{number}", message=f"CN=n-{number} expired") for number in range(1, 10))
    lines = RENDERERS["table"](document(findings=findings), now=NOW).splitlines()
    first = next(number for number, line in enumerate(lines) if "likewise" in line)
    assert [line.split(": ")[1] for line in lines if line.startswith("error[")][:4] == [f"CN=n-{n} expired" for n in range(1, 5)]
    assert lines[first : first + 3] == [
        f"error[CPK604]: likewise {EXPIRED.path} on 5 more nodes",
        "  --> n-5, n-6, n-7, n-8, n-9",
        "  = help: cluster-pki rule CPK604; --format json and excel have each of them",
    ]
    assert "likewise" not in RENDERERS["table"](document(findings=findings[:5]), now=NOW)


def test_columns_give_way_where_they_are_wide() -> None:
    """The widest first, and no further than needed."""
    assert columns([("a" * 30, "b" * 14, "c")], width=40) == [f"{'a' * 20}…  {'b' * 14}  c"]


def test_json_keeps_to_its_schema_and_can_be_read_back() -> None:
    """What other programs may rely on is what is written, and nothing is lost on the way."""
    text = RENDERERS["json"](document(), now=NOW)
    jsonschema.validate(json.loads(text), json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert msgspec.json.decode(text, type=DiscoveryDocument) == document()


def test_the_schema_is_that_of_the_types() -> None:
    """``schemas/discovery.v1.schema.json`` is generated, and ``cluster-pki schema discovery`` prints it."""
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(SCHEMAS["discovery"]())


def test_csv_has_every_row_of_the_inventory() -> None:
    """Its cells are those of the document."""
    found = list(csv.DictReader(io.StringIO(RENDERERS["csv"](document(), now=NOW), newline="")))
    rows = document().inventory
    assert [(row["node"], row["path"], row["within"]) for row in found] == [(row.node, row.path, row.within) for row in rows]
    apiserver = next(row for row in found if row["path"] == f"{PKI}/apiserver.crt")
    assert {name: apiserver[name] for name in ("used_by", "state", "not_after", "days_left", "mode", "key_path", "findings")} == {
        "used_by": "kube-apiserver --tls-cert-file",
        "state": "expiring",
        "not_after": "2026-12-02T10:00:00Z",
        "days_left": "12",
        "mode": "0644",
        "key_path": f"{PKI}/apiserver.key",
        "findings": "CPK605",
    }


def spreadsheet(found: DiscoveryDocument) -> list[dict[str, str]]:
    """The rows that a spreadsheet shows."""
    text = RENDERERS["excel"](found, now=NOW)
    assert text.startswith("\ufeff")
    assert text.count("\r\n") == text.count("\n")
    return list(csv.DictReader(io.StringIO(text[1:], newline=""), delimiter=";"))


def test_a_spreadsheet_takes_no_cell_for_something_else() -> None:
    """Dates are dates in every language; modes and serials stay text; nothing is computed."""
    formula = facts("=cmd|'/c calc'!A1", serial="1e5", sans=("dns:+a", "dns:b"), subject=Subject(common_name='=HYPERLINK("//x")'))
    files = {"/-1+2": File(path="/-1+2", content=held(formula))}
    [row] = spreadsheet(document(Cluster(nodes=(Node(name="@n", layout="files", processes=(), files=files),)), ()))
    cells = {name: row[name] for name in ("Node", "Path", "Subject", "Expires (UTC)", "Days left", "Mode", "Serial")}
    assert cells == {
        "Node": "'@n",
        "Path": "/-1+2",
        "Subject": 'CN==HYPERLINK("//x")',
        "Expires (UTC)": "2027-11-19 10:00:00",
        "Days left": "364",
        "Mode": "0644 rw-r--r--",
        "Serial": "0x1e5",
    }


def test_a_spreadsheet_leaves_no_finding_out() -> None:
    """What is wrong stands beside its row; what is about no row has one of its own at the end."""
    rows = spreadsheet(document(findings=(SOON, EVERYWHERE)))
    beside = next(row for row in rows if row["Path"] == f"{PKI}/apiserver.crt")
    assert (beside["What is wrong"], beside["How to mend it"], beside["Severity"]) == (SOON.message, SOON.mend, "warning")
    last = {name: value for name, value in rows[-1].items() if value}
    assert last == {
        "Severity": "notice",
        "Findings": "CPK616",
        "What is wrong": EVERYWHERE.message,
        "How to mend it": EVERYWHERE.mend,
        "Kind": "finding",
    }


def test_annotations_stand_at_files_of_the_checkout() -> None:
    """Others have no place, and are told all the same; the percent sign is escaped as GitHub wants it."""
    lines = RENDERERS["github"](document(findings=(EXPIRED, EVERYWHERE)), now=NOW).splitlines()
    assert [line.partition("::")[2].partition("::")[0] for line in lines[:2]] == [
        f"error title=CPK604 {RULES['CPK604'].name},file=snapshot/cp-1{PKI}/etcd/server.crt",
        f"notice title=CPK616 {RULES['CPK616'].name}",
    ]
    assert "::a certificate is signed with SHA-1: 100%25 of them%0ABreaks: " in lines[1]


@pytest.mark.parametrize("root", ["/srv/snapshot/cp-1", "../cp-1", ""])
def test_annotations_stand_at_nothing_outside_the_checkout(root: str) -> None:
    """GitHub shows only files of the repository."""
    found = document(findings=(EXPIRED,))
    elsewhere = replace(found, nodes=[replace(node, root=root) for node in found.nodes])
    assert ",file=" not in RENDERERS["github"](elsewhere, now=NOW)


def test_sarif_has_a_result_for_each_node_of_a_finding() -> None:
    """Rules by index, a level that SARIF has, one place each, and an identity that lasts."""
    [run] = json.loads(RENDERERS["sarif"](document(findings=(EXPIRED, *OLD, EVERYWHERE)), now=NOW))["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    results = run["results"]
    places = [result["locations"][0] for result in results]
    assert rules == ["CPK604", "CPK616", "CPK622"]
    assert [(rules[each["ruleIndex"]], each["ruleId"], each["level"]) for each in results] == [
        ("CPK604", "CPK604", "error"),
        ("CPK616", "CPK616", "note"),
        ("CPK622", "CPK622", "note"),
        ("CPK622", "CPK622", "note"),
    ]
    assert [place["physicalLocation"]["artifactLocation"]["uri"] for place in places] == [
        f"snapshot/cp-1{PKI}/etcd/server.crt",
        "cluster",
        f"snapshot/cp-1{PKI}/ca.crt",
        f"w-1{PKI}/ca.crt",
    ]
    assert [place["logicalLocations"][0]["fullyQualifiedName"] for place in places] == [
        f"cp-1:{PKI}/etcd/server.crt",
        "cluster",
        f"cp-1:{PKI}/ca.crt",
        f"w-1:{PKI}/ca.crt",
    ]
    assert len({each["partialFingerprints"]["cluster-pki/v1"] for each in results}) == 4


def test_sarif_knows_a_finding_again_tomorrow() -> None:
    """What a message says of the time left is not part of its identity."""
    tomorrow = replace(EXPIRED, message="the certificate of etcd expired 4 days ago")
    first, second = (
        json.loads(RENDERERS["sarif"](document(findings=(each,)), now=NOW))["runs"][0]["results"][0]["partialFingerprints"]
        for each in (EXPIRED, tomorrow)
    )
    assert first == second


@pytest.mark.parametrize("form", ["table", "github", "html"])
def test_nothing_wrong_is_said(form: str) -> None:
    """Silence would read as a report that was cut short."""
    assert "Nothing to find fault with." in RENDERERS[form](CALM, now=NOW)


def test_html_asks_nobody_for_anything_and_escapes_names() -> None:
    """One file; a name in a certificate is text on it."""
    text = RENDERERS["html"](document(), now=NOW)
    page = Page(text)
    loading = {"src", "href", "srcset", "action", "data", "background", "poster"}
    assert [attributes for _, attributes in page.elements if loading & attributes.keys()] == []
    assert "url(" not in text
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert any(HOSTILE.replace("\x1b", r"\x1b") in cell for cell in page.cells)


def test_html_has_every_row_and_every_finding() -> None:
    """The page is the whole report."""
    page = RENDERERS["html"](document(), now=NOW)
    assert page.partition('<table id="all">')[2].count("<tr>") == len(document().inventory) + 1
    assert [code for code in ("CPK604", "CPK605", "CPK615", "CPK622") if f"cluster-pki rule {code}" not in page] == []


def test_html_sorts_by_the_end_with_what_has_none_last() -> None:
    """Days are shown as lengths and sorted as instants."""
    page = Page(RENDERERS["html"](document(), now=NOW))
    keys = [str(each["data-sort"]) for tag, each in page.elements if tag == "td" and "expires" in str(each.get("class"))]
    ends = [row.not_after for row in document().inventory]
    by_key = sorted(range(len(keys)), key=lambda index: keys[index])
    assert [ends[index] for index in by_key] == sorted((end for end in ends if end), key=str) + [None] * ends.count(None)
