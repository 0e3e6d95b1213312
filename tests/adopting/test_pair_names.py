"""Directories in which pairs are called in several ways: each is taken over with its own key, under its own names."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from tests.adopting.desk import Desk, desk
from tests.builders import NOW
from tests.clusters.certificates import BACKDATE, YEAR, Minted, authority, certificate_pem, leaf
from tests.clusters.files import Root
from tests.clusters.keys import key, key_pem
from tests.clusters.kubeadm import kubeadm

NODE: Final = "gateway"
SITE: Final = "/etc/ssl/site"
CFSSL: Final = {"certificate": ".pem", "key": "-key.pem"}


def mixed(directory: Path, *, now: datetime = NOW) -> Path:
    """A CA in ``ca.pem`` and ``ca.key``, and leaves that are called in every way that is known."""
    root = Root(path=directory / NODE)
    top = authority("Site Root", key("names/root", "ecdsa-p384"), now=now, named=False)

    def server(name: str) -> Minted:
        sans, secret = (f"dns:{name}.example.com",), key(f"names/{name}", "ecdsa-p256")
        return leaf(top, name, secret, sans=sans, usages=("server auth",), not_before=now - BACKDATE, not_after=now + YEAR)

    def write(minted: Minted, certificate: str, secret: str) -> None:
        root.write(f"{SITE}/{certificate}", certificate_pem(minted.certificate), 0o644)
        root.write(f"{SITE}/{secret}", key_pem(minted.key), 0o600)

    write(top, "ca.pem", "ca.key")
    root.write(f"{SITE}/trust.pem", certificate_pem(top.certificate), 0o644)
    write(server("web"), "web.cert.pem", "web.key.pem")
    write(server("mail"), "mail.crt.pem", "mail.key")
    # Two pairs of one name, and a certificate whose usual key is another's.
    write(server("both"), "both.crt", "both.key")
    write(server("other"), "both.pem", "both-key.pem")
    write(server("alone"), "alone.crt", "alone-key.pem")
    write(server("gateway"), f"{NODE}.cer", f"{NODE}.key")
    return directory


def entries(site: Desk, section: str) -> dict[str, tuple[str, object]]:
    """Path and naming of every entry."""
    found = site.document()[section]
    return {name: (entry["path"].removeprefix(SITE[1:] + "/"), entry.get("naming")) for name, entry in found.items()}


def test_every_pair_is_taken_over_with_its_own_key(tmp_path: Path) -> None:
    """And stays as it is. Two of one name would share the directory of their generations."""
    site = desk(tmp_path, mixed)
    before, there = site.prints(), f"{site.snapshot}/{NODE}{SITE}"
    adoption = site.adopt()
    assert adoption.notes == (f"{SITE}/both.pem: component.both and component.both-2 would both be {there}/.both",)
    assert entries(site, "cas") == {"site-root": ("ca", {"certificate": ".pem", "key": ".key"})}
    assert entries(site, "components") == {
        "alone": ("alone", {"certificate": ".crt", "key": "-key.pem"}),
        "both": ("both", None),
        "gateway": (NODE, {"certificate": ".cer", "key": ".key"}),
        "mail": ("mail", {"certificate": ".crt.pem", "key": ".key"}),
        "web": ("web", {"certificate": ".cert.pem", "key": ".key.pem"}),
    }
    assert (site.home.plan().changes(), site.home.apply().code, site.prints()) == ({}, 0, before)
    site.name("alone", "added.example.com")
    assert set(site.home.plan().changes()) == {"component.alone"}


def test_a_key_of_another_is_nobodys(tmp_path: Path) -> None:
    """A certificate whose key has gone is told; the key that is called alike belongs to the other one."""
    site = desk(tmp_path, mixed)
    (site.snapshot / NODE / SITE[1:] / "both.key").unlink()
    adoption = site.adopt()
    assert [note.partition(":")[0] for note in adoption.notes] == [f"{SITE}/both.crt"]
    assert entries(site, "components")["both"] == ("both", CFSSL)
    assert site.home.plan().changes() == {}


def test_only_a_path_of_one_node_holds_its_name(tmp_path: Path) -> None:
    """A node that is called like a file of every node keeps that file's name."""
    site = desk(tmp_path, kubeadm, control_planes=2)
    (site.snapshot / "cp-2").rename(site.snapshot / "apiserver")
    site.adopt()
    assert "etc/kubernetes/pki/{node}" not in (site.home.path / "cluster-pki.yaml").read_text(encoding="utf-8")
    assert site.home.plan().changes() == {}


def test_a_key_that_cannot_be_read_is_told_by_its_own_name(tmp_path: Path) -> None:
    """Also where the usual name would be another: what is wrong is the key, not what it is called."""
    site = desk(tmp_path, mixed)
    (site.snapshot / NODE / SITE[1:] / "mail.key").write_text("-----BEGIN PRIVATE KEY-----\n", encoding="utf-8")
    (told,) = (note for note in site.adopt().notes if note.startswith(f"{SITE}/mail.crt.pem:"))
    assert "its key cannot be used" in told
