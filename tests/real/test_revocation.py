"""Revoke, and see who is refused: the whole way through the program, with clocks that run ahead and disks that do not."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.real.cluster import Cluster, make_cluster

DESIRED: Final = """\
apiVersion: cluster-pki/v1
cluster: revocation
stores:
  files: {type: file, root: /srv}
  nodes: {type: file, root: "/nodes/{node}"}
nodes:
  - {name: cp-1, roles: [control-plane]}
cas:
  etcd: {path: etcd/ca, store: files, crl: {path: etcd/ca.crl, copies: {forEach: {}, store: nodes, path: etcd.crl}}}
components:
  jane: {store: files, ca: etcd, usages: [client auth], path: jane}
  bob: {store: files, ca: etcd, usages: [client auth], path: bob}
"""


@pytest.fixture(name="cluster")
def _cluster(tmp_path: Path) -> Cluster:
    """Two clients, a list and a copy of it."""
    cluster = make_cluster(tmp_path, DESIRED)
    cluster.apply()
    return cluster


def change(cluster: Cluster, **sections: Any) -> None:  # noqa: ANN401 - any section
    """Writes other sections into the desired state; None removes one."""
    document = {**yaml.safe_load(cluster.file.read_text()), **sections}
    cluster.file.write_text(yaml.safe_dump({name: value for name, value in document.items() if value is not None}))


def revoke(cluster: Cluster, name: str, **fields: str) -> str:
    """Revokes what a component has now; returns its serial."""
    serial: str = cluster.resources()[f"component.{name}"]["serial"]
    known = yaml.safe_load(cluster.file.read_text()).get("revocations", [])
    change(cluster, revocations=[*known, {"component": name, "serial": serial, **fields}])
    return serial


def verdict(cluster: Cluster, certificate: Path) -> str:
    """What OpenSSL says of a certificate with our list; empty when it is fine."""
    roots, crl = cluster.paths("ca.etcd")["certificate"], cluster.paths("crl.etcd")["crl_pem"]
    command = ["openssl", "verify", "-crl_check", "-CAfile", str(roots), "-CRLfile", str(crl), str(certificate)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr


def text_of(cluster: Cluster, address: str = "crl.etcd") -> str:
    """A DER list in the words of OpenSSL."""
    path = cluster.paths(address)["crl_der"]
    command = ["openssl", "crl", "-inform", "DER", "-in", str(path), "-noout", "-text"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def number(cluster: Cluster) -> int:
    """The crlNumber."""
    found: int = cluster.resources()["crl.etcd"]["number"]
    return found


def test_a_revoked_certificate_is_replaced_and_refused(cluster: Cluster, tmp_path: Path) -> None:
    """The old one is refused by OpenSSL, the new one and everybody else's are not; every place has the same bytes."""
    old = tmp_path / "old.crt"
    old.write_bytes(cluster.paths("component.jane")["certificate"].read_bytes())
    serial = revoke(cluster, "jane", reason="keyCompromise", at="2026-11-20T10:00:00Z")
    assert cluster.reasons() == {
        "component.jane": ("Revoked",),
        "crl.etcd": ("Revoked",),
        "crl.etcd[cp-1]": ("Revoked",),
    }
    cluster.apply()
    assert "certificate revoked" in verdict(cluster, old)
    assert verdict(cluster, cluster.paths("component.jane")["certificate"]) == ""
    assert verdict(cluster, cluster.paths("component.bob")["certificate"]) == ""
    said = text_of(cluster)
    assert re.search(rf"Serial Number: 0*{serial.upper()}\n +Revocation Date: Nov 20 10:00:00 2026 GMT\n", said)
    assert "Key Compromise" in said
    assert said == text_of(cluster, "crl.etcd[cp-1]")
    assert cluster.paths("crl.etcd")["crl_pem"].stat().st_mode & 0o777 == 0o644
    cluster.plan(expect=0)


def test_nothing_is_lost_with_the_state_directory(cluster: Cluster) -> None:
    """Neither entries nor numbers: the plan stays empty, and the next list goes on from the one on disk."""
    gone: str = cluster.resources()["component.bob"]["serial"]
    components = yaml.safe_load(cluster.file.read_text())["components"]
    change(cluster, components={"jane": components["jane"]}, prune=True)
    cluster.apply()
    before = number(cluster)
    subprocess.run(["rm", "-r", str(cluster.home / "state")], check=True)
    cluster.plan(expect=0)
    serial = revoke(cluster, "jane")
    cluster.apply()
    said = text_of(cluster)
    assert gone.upper() in said
    assert serial.upper() in said
    assert number(cluster) > before


def test_nothing_is_lost_with_the_lists(cluster: Cluster) -> None:
    """State and lists are gone: git says what is revoked, and the number still grows."""
    serial = revoke(cluster, "jane")
    cluster.apply()
    before = number(cluster)
    paths = [path for address in ("crl.etcd", "crl.etcd[cp-1]") for path in cluster.paths(address).values()]
    for path in paths:
        path.unlink()
    subprocess.run(["rm", "-r", str(cluster.home / "state")], check=True)
    later = Cluster(home=cluster.home, clock="+1h")
    later.apply()
    assert serial.upper() in text_of(cluster)
    assert number(cluster) > before


def test_an_empty_list_is_renewed_in_time(cluster: Cluster) -> None:
    """After five days of seven; before that, nothing happens. After eight, the status says that it has ended."""
    before = number(cluster)
    assert Cluster(home=cluster.home, clock="+4d").plan(expect=0)["resource_changes"] == []
    ended = Cluster(home=cluster.home, clock="+8d").resources()["crl.etcd"]
    assert (ended["health"], ended["sync"]) == ("Degraded", "OutOfSync")
    later = Cluster(home=cluster.home, clock="+5d")
    assert later.reasons() == {"crl.etcd": ("CrlDue",), "crl.etcd[cp-1]": ("CrlDue",)}
    later.apply()
    assert number(cluster) - before == pytest.approx(5 * 86_400, abs=600)
    assert "No Revoked Certificates." in text_of(cluster)
    later.plan(expect=0)


def test_a_failed_replacement_keeps_its_certificate_off_the_list(cluster: Cluster) -> None:
    """The disk refuses the new certificate: the old one works on, others are revoked, and a later apply ends it."""
    jane, bob = revoke(cluster, "jane"), revoke(cluster, "bob")
    # Something stands where the new certificate's directory has to be made.
    place = cluster.root / "srv" / ".jane"
    away = cluster.root / "srv" / "elsewhere"
    place.rename(away)
    place.write_text("in the way")
    (cluster.root / "srv" / "jane.crt").unlink()
    (cluster.root / "srv" / "jane.crt").symlink_to("elsewhere/current/jane.crt")
    (cluster.root / "srv" / "jane.key").unlink()
    (cluster.root / "srv" / "jane.key").symlink_to("elsewhere/current/jane.key")
    cluster.apply(expect=1)
    said = text_of(cluster)
    assert (jane.upper() in said, bob.upper() in said) == (False, True)
    place.unlink()
    away.rename(place)
    for name in ("jane.crt", "jane.key"):
        (cluster.root / "srv" / name).unlink()
        (cluster.root / "srv" / name).symlink_to(f".jane/current/{name}")
    cluster.apply()
    assert jane.upper() in text_of(cluster)
    cluster.plan(expect=0)


def test_a_list_that_waits_for_nothing_else_is_not_signed(cluster: Cluster) -> None:
    """The only entry waits for a replacement that fails: the list is skipped, and stays what it was."""
    revoke(cluster, "jane")
    (cluster.root / "srv" / ".jane").rename(cluster.root / "srv" / "elsewhere")
    (cluster.root / "srv" / ".jane").write_text("in the way")
    for name in ("jane.crt", "jane.key"):
        (cluster.root / "srv" / name).unlink()
        (cluster.root / "srv" / name).symlink_to(f"elsewhere/current/{name}")
    before = text_of(cluster)
    cluster.apply(expect=1)
    assert text_of(cluster) == before


def test_a_list_that_cannot_be_written_forgets_nobody(cluster: Cluster) -> None:
    """A component was removed and the disk refused the list: what was removed is listed by the next apply."""
    gone: str = cluster.resources()["component.bob"]["serial"]
    components = yaml.safe_load(cluster.file.read_text())["components"]
    change(cluster, components={"jane": components["jane"]}, prune=True)
    places = [cluster.root / "srv" / "etcd" / ".ca.crl", cluster.root / "nodes" / "cp-1" / ".etcd.crl"]
    for place in places:
        place.rename(place.with_name("elsewhere"))
        place.write_text("in the way")
    cluster.apply(expect=1)
    assert not (cluster.root / "srv" / "bob.crt").exists()
    for place in places:
        place.unlink()
        place.with_name("elsewhere").rename(place)
    cluster.apply()
    assert gone.upper() in text_of(cluster)
    cluster.plan(expect=0)


def test_the_formats_may_change(cluster: Cluster) -> None:
    """A format that is not wanted any more goes with the next list, and leaves no name that leads nowhere."""
    cas = yaml.safe_load(cluster.file.read_text())["cas"]
    both = cas["etcd"]["crl"]
    before = number(cluster)
    change(cluster, cas={"etcd": {**cas["etcd"], "crl": {**both, "formats": ["pem"]}}})
    cluster.plan(expect=0)
    change(cluster, cas={"etcd": {**cas["etcd"], "crl": {**both, "formats": ["der"]}}})
    assert cluster.reasons() == {"crl.etcd": ("Unreadable",), "crl.etcd[cp-1]": ("Unreadable",)}
    cluster.apply()
    assert number(cluster) > before
    assert sorted(path.name for path in (cluster.root / "nodes" / "cp-1").iterdir()) == ["etcd.crl"]
    cluster.plan(expect=0)
    change(cluster, cas=cas)
    assert cluster.reasons() == {"crl.etcd": ("Missing", "Unreadable"), "crl.etcd[cp-1]": ("Missing", "Unreadable")}
    cluster.apply()
    assert sorted(path.name for path in (cluster.root / "nodes" / "cp-1").iterdir()) == [".etcd.crl", "etcd.crl", "etcd.crl.der"]
    cluster.plan(expect=0)


def test_a_list_leaves_with_its_files(cluster: Cluster) -> None:
    """`crl` is taken out of the YAML: told, and with `removed` every file of it goes."""
    cas = yaml.safe_load(cluster.file.read_text())["cas"]
    paths = [path for address in ("crl.etcd", "crl.etcd[cp-1]") for path in cluster.paths(address).values()]
    crl = cas["etcd"].pop("crl")
    assert crl
    change(cluster, cas=cas)
    cluster.plan(expect=0)
    change(cluster, removed=[{"from": "crl.etcd", "destroy": True}], guards={"maxDestroy": 2})
    cluster.apply()
    assert [path for path in paths if path.is_symlink() or path.exists()] == []
    assert not (cluster.root / "srv" / "etcd" / ".ca.crl").exists()
    assert verdict_without_list(cluster) == ""


def verdict_without_list(cluster: Cluster) -> str:
    """What OpenSSL says of bob's certificate when nobody checks a list."""
    command = ["openssl", "verify", "-CAfile", str(cluster.paths("ca.etcd")["certificate"])]
    done = subprocess.run(
        [*command, str(cluster.paths("component.bob")["certificate"])], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stderr
