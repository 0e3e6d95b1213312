"""Files become the fields of a secret that people and programs know, and come back as they were."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.stores import kv_fields
from reconciler.stores.publication import OutFile
from tests.builders import make_ca, make_leaf
from tests.stores.publishing import place, publication

ROOT = make_ca("root")
MIDDLE = make_ca("middle", parent=ROOT)
LEAF = make_leaf(MIDDLE, "api")
ROOT_PATH = Path("/nowhere")
SUFFIXES = (".crt", ".key", ".pub", ".fullchain.crt", ".pem", ".der", ".p12", "")


def encoded(*files: OutFile) -> dict[str, object]:
    """The secret of a publication with these files."""
    return kv_fields.encode(publication(place(root=ROOT_PATH), files, intent="one"))


def file(suffix: str, data: bytes) -> OutFile:
    """A file of a publication."""
    return OutFile(suffix=suffix, data=data, mode=-1)


def test_certificate_and_chain_are_two_fields() -> None:
    """Readers of secrets want the certificate without what is served after it; the file is both."""
    data = encoded(file(".key", LEAF.key.pem()), file(".crt", LEAF.chain_pem))
    assert (data["certificate"], data["chain"], data["private_key"]) == (
        LEAF.certificate.pem.decode(),
        MIDDLE.certificate.pem.decode(),
        LEAF.key.pem().decode(),
    )
    assert kv_fields.content(data, ".crt") == LEAF.chain_pem


def test_a_certificate_alone_has_no_chain() -> None:
    """No empty field."""
    assert "chain" not in encoded(file(".crt", ROOT.certificate.pem))


@given(st.sampled_from(SUFFIXES), st.binary(max_size=200))
def test_what_goes_in_comes_out(suffix: str, data: bytes) -> None:
    """Whatever the bytes are: text as it is, everything else in base64."""
    assert kv_fields.content(encoded(file(suffix, data)), suffix) == data


def test_every_suffix_has_a_field_of_its_own() -> None:
    """Nothing overwrites anything."""
    data = encoded(*(file(suffix, f"of {suffix}".encode()) for suffix in SUFFIXES))
    assert [kv_fields.content(data, suffix) for suffix in SUFFIXES] == [f"of {suffix}".encode() for suffix in SUFFIXES]


def test_it_says_whose_it_is() -> None:
    """The address, the cluster and the intent, and what people search by; nothing that is not known."""
    made = publication(place(root=ROOT_PATH), (file("", b"x"),), intent="one")
    known = replace(made, labels={"serial": "1f", "revision": ""}, created_at=datetime(2026, 11, 25, tzinfo=UTC))
    data = kv_fields.encode(known)
    assert data["metadata"] == {
        "address": "component.api",
        "cluster": "demo",
        "intent": "one",
        "serial": "1f",
        "created_at": "2026-11-25T00:00:00+00:00",
    }
    assert (kv_fields.note(data, "serial"), kv_fields.note(data, "revision"), kv_fields.note({}, "serial")) == ("1f", "", "")


@pytest.mark.parametrize(
    ("data", "suffix", "expected"),
    [
        ({}, ".crt", None),
        ({"chain": "c"}, ".crt", None),
        ({"certificate": 1}, ".crt", "its field certificate is not text"),
        ({"certificate": "c", "chain": ["d"]}, ".crt", "its field chain is not text"),
        ({"der_base64": "?"}, ".der", "its field der_base64 is not base64"),
        ({"metadata": "text"}, "", None),
    ],
)
def test_what_others_write_there(data: dict[str, object], suffix: str, expected: str | None) -> None:
    """Absent is absent; what is something else is told by its field, never by its content."""
    if expected is None:
        assert kv_fields.content(data, suffix) is None
        return
    with pytest.raises(kv_fields.MalformedError, match=f"^{expected}$"):
        kv_fields.content(data, suffix)


def test_what_is_foreign() -> None:
    """Every field but ours."""
    data = encoded(*(file(suffix, b"\xff") for suffix in SUFFIXES), file(".crt", LEAF.chain_pem)) | {"note": "mine"}
    assert kv_fields.foreign(data) == {"note": "mine"}
