"""The status as table, JSON and CSV, and one certificate in words."""

from __future__ import annotations

import csv
import io
import json
import re

import jsonschema
import msgspec
import pytest

from reconciler.plan.schema import status_schema
from reconciler.plan.status_document import StatusDocument, StatusSummary
from reconciler.render.certificate_text import render_certificate
from reconciler.render.csv_text import render_csv
from reconciler.render.states import alarm, state
from reconciler.render.statuses import RENDERERS
from tests.render.page_stories import CALM, RICH
from tests.render.status_stories import BUNDLE, DUE, EXPIRED, HEALTHY, KEYPAIR, MISSING, NOW, status

TABLE = """\
ADDRESS                    STATE                                       SUBJECT                EXPIRES       DAYS LEFT  RENEW AT
ca.etcd                    Healthy, OutOfSync (RenewalDue)             CN=etcd-ca             2027-09-16          300  2026-09-21
keypair.sa                 Healthy
component.apiserver[cp-1]  Healthy                                     CN=kube-apiserver      2027-08-12          265  2027-07-12
component.jane             Degraded, OutOfSync (WrongIssuer, Expired)  CN=jane, O=dev, O=ops  2026-11-17           -3  2026-10-18
component.admin            Missing, OutOfSync (Missing)
bundle.kubernetes[w-1]     Degraded, Unknown (Unreadable)

6 addresses: 3 Healthy, 2 Degraded, 1 Missing. 2 Synced, 3 OutOfSync, 1 Unknown. Next renewal: component.apiserver[cp-1] in 234d.
"""


def test_table() -> None:
    """One row an address in the order given, the sums below, nothing at line ends."""
    assert RENDERERS["table"](status(), now=NOW) == TABLE


def test_table_colours_states_alone() -> None:
    """Red is what does not work, yellow what is not as git says; the columns stay where they are."""
    text = RENDERERS["table"](status(), now=NOW, color=True)
    assert re.sub(r"\x1b\[\d+m", "", text) == TABLE
    assert "\x1b[31mDegraded, OutOfSync (WrongIssuer, Expired)\x1b[0m" in text
    assert "\x1b[33mHealthy, OutOfSync (RenewalDue)\x1b[0m" in text
    assert "\x1b[32mHealthy\x1b[0m" in text


def test_table_of_nothing() -> None:
    """A cluster without anything is no error."""
    nothing = msgspec.structs.replace(status(), resources=[], summary=StatusSummary())
    assert RENDERERS["table"](nothing, now=NOW).split("\n")[-2] == "0 addresses."


def test_json_keeps_to_its_schema_and_contract() -> None:
    """What programs read: the published schema, absolute paths, canonical names, null for what is not there."""
    body = json.loads(RENDERERS["json"](status(), now=NOW))
    jsonschema.validate(body, status_schema())
    assert body["resources"][2] == {
        "address": "component.apiserver[cp-1]",
        "type": "component",
        "sync": "Synced",
        "health": "Healthy",
        "paths": {"certificate": "/etc/kubernetes/pki/apiserver.crt", "key": "/etc/kubernetes/pki/apiserver.key"},
        "node": "cp-1",
        "subject": "CN=kube-apiserver",
        "organizations": [],
        "sans": ["dns:kubernetes", "ip:10.96.0.1"],
        "usages": ["server auth"],
        "key": "ecdsa-p256",
        "serial": "1f6a09",
        "fingerprint": "ab" * 32,
        "issuer": "ca.kubernetes",
        "ski": "cd" * 20,
        "not_before": "2026-08-12T10:00:00Z",
        "not_after": "2027-08-12T10:00:00Z",
        "renew_at": "2027-07-12T10:00:00Z",
        "days_left": 265,
        "generation": 1,
        "phase": None,
        "number": None,
        "revoked": None,
        "reasons": [],
        "approval": None,
        "approval_reason": "",
        "suspended": False,
        "served": None,
        "served_detail": "",
        "served_at": None,
    }
    assert body["resources"][4]["paths"] == {"kubeconfig": "/etc/kubernetes/admin.conf"}
    assert msgspec.json.decode(RENDERERS["json"](status(), now=NOW), type=StatusDocument) == status()


def test_json_is_one_line_of_ascii() -> None:
    """A hostile name in JSON drives no terminal either, and comes back as it was."""
    name = "CN=\x1b[2J\x9b2J\x7f\u202eé"
    text = RENDERERS["json"](status(msgspec.structs.replace(EXPIRED, subject=name)), now=NOW)
    assert re.fullmatch(r"[ -~]+\n", text)
    assert json.loads(text)["resources"][0]["subject"] == name


def test_csv_reads_back() -> None:
    """Every row comes back from a CSV reader; numbers are numbers, lists are one cell."""
    rows = list(csv.DictReader(io.StringIO(RENDERERS["csv"](status(), now=NOW), newline="")))
    assert [row["address"] for row in rows] == [row.address for row in status().resources]
    assert rows[3]["days_left"] == "-3"
    assert rows[3]["reasons"] == "WrongIssuer; Expired"
    assert rows[4]["not_after"] == ""


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" =1", "' =1"),
        ("\uff1d1", "'\uff1d1"),
        ("CN=a", "CN=a"),
        (-3, "-3"),
        (None, ""),
        (["a", "=b"], "a; '=b"),
        ([], ""),
        ('say "hi", twice', '"say ""hi"", twice"'),
        ("a\x1b[2J\r\nb", r"a\x1b[2J\r\nb"),
    ],
)
def test_cells_are_text_to_a_spreadsheet(cell: str | int | list[str] | None, text: str) -> None:
    """No cell is computed, none breaks its row, and a negative number stays one."""
    assert render_csv(["x", "y"], [[cell, "end"]]) == f"x,y\r\n{text},end\r\n"


@pytest.mark.parametrize(
    ("row", "words", "level"),
    [
        (HEALTHY, "Healthy", "good"),
        (DUE, "Healthy, OutOfSync (RenewalDue)", "watch"),
        (EXPIRED, "Degraded, OutOfSync (WrongIssuer, Expired)", "bad"),
        (MISSING, "Missing, OutOfSync (Missing)", "bad"),
        (BUNDLE, "Degraded, Unknown (Unreadable)", "bad"),
        (KEYPAIR, "Healthy", "good"),
        (msgspec.structs.replace(HEALTHY, sync="Unknown"), "Healthy, Unknown", "watch"),
        (msgspec.structs.replace(HEALTHY, health="Progressing"), "Progressing", "watch"),
    ],
)
def test_states_in_words(row: object, words: str, level: str) -> None:
    """One wording for every table, and three levels of alarm."""
    assert (state(row), alarm(row)) == (words, level)  # type: ignore[arg-type]


def test_certificate_in_words() -> None:
    """Everything known of one address, aligned."""
    assert (
        render_certificate(EXPIRED)
        == f"""\
component.jane
  State:       Degraded, OutOfSync (WrongIssuer, Expired)
  Subject:     CN=jane, O=dev, O=ops
  Names:       (none)
  Usages:      client auth
  Valid from:  2025-10-16T10:00:00Z
  Valid until: 2026-11-17T10:00:00Z (expired)
  Renew at:    2026-10-18T10:00:00Z
  Key:         rsa-2048
  Issuer:      CN=Old CA
  Generation:  1
  Serial:      77b2
  SHA-256:     {"ef" * 32}
  Files:       certificate  /users/jane.crt
               key          /users/jane.key
               PKCS#12      /users/jane.p12
"""
    )


def test_a_missing_certificate_in_words() -> None:
    """What is not there is not invented."""
    assert (
        render_certificate(MISSING)
        == """\
component.admin
  State:      Missing, OutOfSync (Missing)
  Generation: 1
  Files:      kubeconfig  /etc/kubernetes/admin.conf
"""
    )


@pytest.mark.parametrize(("left", "words"), [(265, "265 days left"), (1, "1 day left"), (0, "0 days left"), (-1, "expired")])
def test_days_left_in_words(left: int, words: str) -> None:
    """The date is followed by what it means today."""
    text = render_certificate(msgspec.structs.replace(HEALTHY, days_left=left))
    assert f"  Valid until: 2027-08-12T10:00:00Z ({words})\n" in text


def test_the_table_says_below_what_its_rows_cannot() -> None:
    """Conditions that are not good, what is not served, hooks that are owed; nothing when there is nothing of it."""
    lines = RENDERERS["table"](RICH, now=RICH.at).partition(" addresses: ")[2].splitlines()[1:]
    assert {line.partition(" ")[0] for line in lines if " is False " in line or " is True " in line} == {
        condition.type for condition in RICH.conditions
    }
    assert [line for line in lines if "is served: stale" in line]
    assert [line for line in lines if "hooks owed, at" in line]
    calm = RENDERERS["table"](CALM, now=CALM.at)
    assert calm.splitlines()[-1].startswith(f"{CALM.summary.total} addresses: ")
