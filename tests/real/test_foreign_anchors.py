"""Bundles that hold certificates of CAs made elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.real.cluster import make_cluster

DESIRED: Final = """
apiVersion: cluster-pki/v1
cluster: shop
stores:
  files: {type: file, root: /srv}
cas:
  own: {path: own}
components:
  jane: {ca: own, usages: [client auth], subject: {commonName: jane}}
bundles:
  trust: {cas: [own], files: [/elsewhere/root.pem], path: trust.crt}
kubeconfigs:
  jane: {component: jane, bundle: trust, server: "https://api.example.com:6443", path: jane.conf}
"""


def test_nothing_is_written_without_the_certificates_made_elsewhere(tmp_path: Path) -> None:
    """A file that is missing holds back what is made from it, and the diagnostic says which file and what to do."""
    cluster = make_cluster(tmp_path, DESIRED)
    cluster.apply(expect=1)
    plan = cluster.plan(expect=1)
    missing = cluster.root / "elsewhere/root.pem"
    told = {each["address"]: each for each in plan["diagnostics"]}
    assert set(told) == {"bundle.trust", "kubeconfig.jane"}
    for address, diagnostic in told.items():
        assert diagnostic["code"] == "Unreadable"
        assert diagnostic["summary"] == f"{address}: {missing}: there is no such file"
        assert diagnostic["detail"].endswith("Put the file there, or take it out of `files` of the bundle.")
    assert not (cluster.root / "srv/trust.crt").exists()


def test_a_bundle_follows_the_certificates_made_elsewhere(tmp_path: Path) -> None:
    """It holds them beside its own CA's, and goes with them when they leave the file."""
    for name in ("foreign", "own"):
        (tmp_path / name).mkdir()
    foreign = make_cluster(tmp_path / "foreign", DESIRED.replace(", files: [/elsewhere/root.pem]", ""))
    foreign.apply()
    root = foreign.root / "srv/own.crt"
    cluster = make_cluster(tmp_path / "own", DESIRED)
    theirs = cluster.root / "elsewhere/root.pem"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(root.read_bytes())
    cluster.apply()
    trust = cluster.root / "srv/trust.crt"
    assert root.read_text().strip() in trust.read_text()
    assert trust.read_text().count("BEGIN CERTIFICATE") == 2
    theirs.write_bytes((cluster.root / "srv/own.crt").read_bytes())
    assert cluster.reasons() == {"bundle.trust": ("BundleStale",), "kubeconfig.jane": ("OutputStale",)}
    cluster.apply()
    assert trust.read_text().count("BEGIN CERTIFICATE") == 1
