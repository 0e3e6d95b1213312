"""Where the files are: on a node itself, in directories that are called otherwise, of nodes with long names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from reconciler.adopting.adopt import adopt
from reconciler.adopting.draft import draft_of
from reconciler.adopting.model import Choices
from reconciler.adopting.places import ground_of
from reconciler.discovery.walk import Place, places, read_cluster
from tests.adopting.desk import desk
from tests.clusters.kubeadm import kubeadm
from tests.clusters.plain import plain
from tests.inprocess import Home


@pytest.mark.parametrize("node", ["cp-1", "cp-2"])
def test_on_a_node_there_is_neither_store_nor_copy(tmp_path: Path, node: str) -> None:
    """Everything is below the node's own root, where its reconciler finds nothing to do; on each control plane."""
    site = desk(tmp_path, kubeadm, control_planes=2)
    own = Place(root=str(site.snapshot / node))
    cluster = read_cluster([own])
    ground = ground_of(cluster, {node: Place(root="/")})
    text = draft_of(cluster, (), ground, Choices(), name="demo", now=site.now).text
    document = yaml.safe_load(text)
    assert ("stores" in document, [each["name"] for each in document["nodes"]]) == (False, [node])
    home = Home(path=site.snapshot / node)
    home.write(text)
    assert home.plan("--node", node).changes() == {}


def test_a_relative_root_lies_below_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The document names it whole: it may be read from anywhere."""
    site = desk(tmp_path, kubeadm, workers=0)
    monkeypatch.chdir(tmp_path)
    found = places("snapshot")
    adoption = adopt(read_cluster(found), (), found, name="demo", now=site.now)
    assert f'files: {{type: file, root: "{site.snapshot}/{{node}}"}}' in " ".join(adoption.text.replace("\n     ", "").split())


def test_a_directory_may_be_called_as_it_likes(tmp_path: Path) -> None:
    """Then the document calls the node so, too, and the names in its certificates are written out."""
    site = desk(tmp_path, kubeadm, workers=0)
    (site.snapshot / "cp-1").rename(site.snapshot / "first")
    text = site.adopt().text
    assert "- {name: first, roles: [control-plane], addresses: [192.0.2.11]}" in text
    assert "commonName: cp-1" in text
    assert site.home.plan().changes() == {}


def test_a_node_may_be_called_by_its_whole_name(tmp_path: Path) -> None:
    """Names with dots, as clouds give them: what is only on one of them is selected by name."""
    site = desk(tmp_path, kubeadm, control_planes=2, workers=0)
    (site.snapshot / "cp-2").rename(site.snapshot / "cp-2.eu-1.example.com")
    (site.snapshot / "cp-2.eu-1.example.com/etc/kubernetes/pki/etcd/peer.key").unlink()
    text = site.adopt().text
    assert "etcd-peer: {forEach: {nodes: [cp-1]}}" in text
    assert (site.home.call("validate").code, site.home.plan().changes()) == (0, {})


def test_nodes_with_one_name_in_their_files_are_told_apart_by_them(tmp_path: Path) -> None:
    """A certificate of another node in the kubelet's directory gives a node its name, and does not exchange their roots."""
    site = desk(tmp_path, kubeadm)
    first, second = (site.snapshot / node / "var/lib/kubelet/pki/kubelet-client-current.pem" for node in ("cp-1", "worker-1"))
    real = [Path(f"{path.parents[4]}{os.readlink(path)}") for path in (first, second)]  # noqa: PTH115 - as the node has it
    real[0].write_bytes(real[1].read_bytes())
    site.adopt()
    assert site.home.plan().changes() == {}
    assert (site.home.call("validate").code, len(site.document()["components"]) > 0) == (0, True)


def test_files_of_no_cluster_have_no_nodes(tmp_path: Path) -> None:
    """One directory of PEM files: their root is the store's, and nothing has forEach."""
    site = desk(tmp_path, plain)
    document = yaml.safe_load(site.adopt().text)
    assert "nodes" not in document
    assert not [each for each in document["components"].values() if "forEach" in each]


def test_nothing_to_manage_is_said(tmp_path: Path) -> None:
    """A document without an entry is not valid, and the notes say that."""
    site = desk(tmp_path, kubeadm, control_planes=1, workers=1)
    found = [place for place in places(str(site.snapshot)) if place.root.endswith("worker-1")]
    ca = site.snapshot / "worker-1/etc/kubernetes/pki/ca.crt"
    ca.unlink()
    adoption = adopt(read_cluster(found), (), found, name="demo", now=site.now)
    assert adoption.notes[-1] == "nothing was found that can be managed: the document is not valid before it has an entry"
    assert adoption.empty
