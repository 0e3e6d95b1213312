"""The example of a cluster in Vault works as it stands: planned, applied, proven, and at rest after that."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from reconciler.desired.presets.kubeadm import REQUIRED_USAGES
from tests.inprocess import Home
from tests.vault_server.api import Vault
from tests.vault_server.fixtures import vault

__all__ = ["vault"]

EXAMPLE: Final = (Path(__file__).resolve().parents[1] / "examples/vault.yaml").read_text(encoding="utf-8")


@pytest.fixture
def home(tmp_path: Path, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The example, with a namespace of this server in which everything is mounted that its first lines name."""
    namespace = vault.namespace()
    for mount, kind in (("pki/kubernetes", "pki"), ("pki/etcd", "pki"), ("transit", "transit"), ("secret", "kv")):
        body = {"type": kind, "config": {"max_lease_ttl": "87600h"}, "options": {"version": "2"} if kind == "kv" else {}}
        vault.must("POST", f"sys/mounts/{mount}", body, namespace=namespace)
        if kind == "pki":
            role = {"not_before_duration": "5m", "max_ttl": "8760h"}
            vault.must("POST", f"{mount}/roles/cluster-pki", role, namespace=namespace)
    monkeypatch.setenv("VAULT_TOKEN", vault.root_token)
    text = EXAMPLE.replace("http://127.0.0.1:8200", vault.address)
    found = Home(path=tmp_path)
    found.write(text.replace("    type: vault\n", f"    type: vault\n    namespace: {namespace}\n"))
    return found


def test_the_example_is_a_whole_cluster(home: Home) -> None:
    """Every component of kubeadm's is made; then nothing is left to do, and every connection gets through."""
    planned = home.plan().changes()
    assert {address.partition(".")[2].partition("[")[0] for address in planned if address.startswith("component.")} == {
        *REQUIRED_USAGES,
        "jane",
    }
    assert home.apply().code == 0
    assert (home.plan().changes(), home.call("plan", "--detailed-exitcode").code) == ({}, 0)
    said = home.call("verify")
    assert (said.code, said.out.rstrip().endswith("all get through.")) == (0, True), said.out


def test_nothing_but_what_has_left_vault_on_purpose_is_on_disk(home: Home) -> None:
    """One pair of a person; no key of a CA, and none of a node."""
    home.apply()
    records = {"state", ".jane"}
    files = {path.relative_to(home.path) for path in home.path.rglob("*") if path.is_file() or path.is_symlink()}
    assert {str(path) for path in files if not records & set(path.parts)} == {
        "cluster-pki.yaml",
        "srv/demo/people/jane.crt",
        "srv/demo/people/jane.key",
    }
