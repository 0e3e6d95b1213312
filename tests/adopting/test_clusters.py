"""Every kind of cluster, from its files to a desired state that leaves them alone, and on to the first change."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.adopting.desk import MAKERS, Desk, Maker, desk
from tests.clusters.kubeadm import kubeadm

NAME = "added.example.com"
KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n(.*?)-----END", re.DOTALL)


@pytest.mark.parametrize(("maker", "component"), MAKERS.values(), ids=MAKERS.keys())
def test_from_files_to_the_first_change(tmp_path: Path, maker: Maker, component: str) -> None:
    """The plan is empty, applying it writes no file, and one more name is one reissue that touches nothing else."""
    site = desk(tmp_path, maker)
    before = site.prints()
    assert not keys(site) & set(site.adopt().text.split())
    validated, planned = site.home.call("validate"), site.home.plan()
    assert (validated.code, planned.code, planned.changes()) == (0, 0, {}), validated.out + planned.log
    assert (site.home.apply().code, site.prints()) == (0, before)

    site.name(component, NAME)
    wanted = dict.fromkeys(instances(site, component), ("reissue", ("SanMismatch",)))
    assert (site.home.plan().changes(), len(wanted) > 0) == (wanted, True)
    assert site.home.apply().code == 0
    assert site.home.plan().changes() == {}
    bases = paths(site, component)
    assert {path for path, found in before.items() if site.prints().get(path) != found} == {
        f"{base}{suffix}" for base in bases for suffix in (".crt", ".key", ".pem", "-key.pem") if f"{base}{suffix}" in before
    }


def test_without_any_record_the_first_change_is_the_same(tmp_path: Path) -> None:
    """Nothing has to be applied first: a fresh checkout, as in CI, plans the same reissue."""
    site = desk(tmp_path, MAKERS["kubeadm 1.31"][0])
    site.adopt()
    site.name("apiserver", NAME)
    assert site.home.plan().changes() == {"component.apiserver[cp-1]": ("reissue", ("SanMismatch",))}


def test_the_same_files_give_the_same_text(tmp_path: Path) -> None:
    """To the byte, however often it is asked."""
    site = desk(tmp_path, MAKERS["three control planes"][0])
    assert site.adopt() == site.adopt()


@pytest.mark.parametrize("control_planes", [1, 3])
def test_without_the_keys_of_cas_the_first_change_is_a_request(tmp_path: Path, control_planes: int) -> None:
    """External CAs: the plan is empty, and one more name becomes a request beside each certificate, which stays."""
    site = desk(tmp_path, kubeadm, external_ca=True, control_planes=control_planes)
    before = site.prints()
    site.adopt()
    assert (site.home.plan().changes(), site.home.apply().code, site.prints()) == ({}, 0, before)
    site.name("apiserver", NAME)
    wanted = dict.fromkeys(instances(site, "apiserver"), ("request", ("SanMismatch",)))
    assert (site.home.plan().changes(), len(wanted)) == (wanted, control_planes)
    assert site.home.apply().code == 0
    after = site.prints()
    assert {path: after[path] for path in before} == before
    assert set(after) - set(before) == {
        f"{base}.next{suffix}" for base in paths(site, "apiserver") for suffix in (".csr", ".key")
    }


def keys(site: Desk) -> set[str]:
    """Every line of every private key of a snapshot."""
    files = [path for path in site.snapshot.rglob("*") if path.is_file() and path.suffix in {".key", ".pem"}]
    blocks = [block for path in files for block in KEY.findall(path.read_text(encoding="utf-8"))]
    assert blocks
    return {line for block in blocks for line in block.splitlines()}


def instances(site: Desk, component: str) -> tuple[str, ...]:
    """The addresses of a component."""
    return tuple(address for address in entries(site) if address.partition("[")[0] == f"component.{component}")


def paths(site: Desk, component: str) -> tuple[str, ...]:
    """Where the pairs of a component stand in the snapshot, without suffix."""
    found = [entries(site)[address] for address in instances(site, component)]
    return tuple(each.removeprefix(f"{site.snapshot}/").rpartition(".")[0] for each in found)


def entries(site: Desk) -> dict[str, str]:
    """The certificate of every component by its address."""
    status = site.home.call("status", "--format", "json").json
    return {each["address"]: each["paths"].get("certificate", "") for each in status["resources"] if each["type"] == "component"}
