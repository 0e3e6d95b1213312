"""Files of which one has the bare name: published as one when they are several, as an ordinary file when it is alone."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import pytest

from reconciler.desired.place import Place
from reconciler.stores.files import OutFile, commit, remove, stage
from tests.stores.publishing import place, publication, tree

PEM: Final = OutFile(suffix="", data=b"pem", mode=0o644)
DER: Final = OutFile(suffix=".der", data=b"der", mode=0o644)


def publish(where: Place, *files: OutFile, intent: str = "one") -> None:
    """Publishes under the name of an intent."""
    commit(stage(publication(where, files, intent=intent, address="crl.etcd")))


def visible(root: Path) -> dict[str, str]:
    """What readers see: content by name."""
    return {path.name: path.read_text() for path in (root / "etc").iterdir() if not path.name.startswith(".")}


def test_two_files_change_by_one_rename(tmp_path: Path) -> None:
    """Both names are links into one generation."""
    where = place(tmp_path, "etc/ca.crl")
    publish(where, PEM, DER)
    assert {name: text for name, text in tree(tmp_path).items() if "/.ca.crl/" not in name} == {
        "etc": "0755",
        "etc/.ca.crl": "0755",
        "etc/ca.crl": "-> .ca.crl/current/ca.crl",
        "etc/ca.crl.der": "-> .ca.crl/current/ca.crl.der",
    }


def test_one_file_is_an_ordinary_file(tmp_path: Path) -> None:
    """There is nothing that it would have to fit."""
    publish(place(tmp_path, "etc/ca.crl"), PEM)
    assert tree(tmp_path) == {"etc": "0755", "etc/ca.crl": "0644 pem"}


def test_the_number_of_files_may_change(tmp_path: Path) -> None:
    """From one to two, and back: no name is left that leads nowhere."""
    where = place(tmp_path, "etc/ca.crl")
    publish(where, PEM)
    publish(where, PEM, DER, intent="two")
    assert visible(tmp_path) == {"ca.crl": "pem", "ca.crl.der": "der"}
    publish(where, PEM, intent="three")
    assert tree(tmp_path) == {"etc": "0755", "etc/ca.crl": "0644 pem"}


@pytest.mark.parametrize("layout", ["generations", "plain"])
@pytest.mark.parametrize("files", [(PEM,), (PEM, DER)], ids=["one", "two"])
def test_all_of_it_can_be_removed(tmp_path: Path, files: tuple[OutFile, ...], layout: Literal["generations", "plain"]) -> None:
    """Names first, then generations."""
    where = place(tmp_path, "etc/ca.crl", layout=layout)
    publish(where, *files)
    remove(where, tuple(file.suffix for file in files))
    assert tree(tmp_path) == {"etc": "0755"}
