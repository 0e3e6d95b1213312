"""A cluster made by hand as courses teach it, its etcd as a real process, and the program run on its files."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import subprocess
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml
from cryptography import x509

from tests.clusters.by_hand import by_hand
from tests.real.cluster import PROGRAM, TIMEOUT, environment
from tests.real.etcd import Identity, Member, free_ports

ADDRESS: Final = "127.0.0.1"
PKI: Final = "var/lib/kubernetes/pki"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The roots of two nodes, and beside them a desired state."""

    home: Path

    @property
    def nodes(self) -> Path:
        """Where the node roots are."""
        return self.home / "nodes"

    @property
    def control_plane(self) -> Path:
        """The root of the node with etcd."""
        return self.nodes / "controlplane"

    @property
    def file(self) -> Path:
        """The desired state."""
        return self.home / "cluster-pki.yaml"

    @property
    def ca(self) -> Path:
        """The CA of everything, without suffix."""
        return self.control_plane / PKI / "ca"

    @property
    def tokens(self) -> Path:
        """The key that signs service-account tokens."""
        return self.control_plane / PKI / "service-account.key"

    def run(self, command: str, *arguments: str, expect: int = 0) -> str:
        """Runs a command; returns its standard output, and fails with everything it said when it ends otherwise."""
        everywhere = () if command == "discover" else ("-f", str(self.file), "--state-dir", str(self.home / "state"))
        done = subprocess.run(
            [*PROGRAM, command, *everywhere, *arguments],
            cwd=self.home,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == expect, f"{command} {arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    def discover(self, *arguments: str) -> dict[str, Any]:
        """The inventory and what is found, as JSON."""
        return msgspec.json.decode(
            self.run("discover", "--root", str(self.nodes), "--format", "json", *arguments), type=dict[str, Any]
        )

    def findings(self) -> list[tuple[str, str]]:
        """Severity and code of everything that is found, but for notices."""
        found = self.discover()["findings"]
        return [(one["severity"], one["code"]) for one in found if one["severity"] != "notice"]

    def plan(self, *, changes: bool) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Class and reasons of each change by its address; nothing has changed behind our back."""
        text = self.run("plan", "--detailed-exitcode", "--format", "json", "--allow-mass-change", expect=2 if changes else 0)
        found = msgspec.json.decode(text, type=dict[str, Any])["resource_changes"]
        return {
            one["address"]: (one["change"]["class"], tuple(reason["code"] for reason in one["change"]["reasons"]))
            for one in found
        }

    def apply(self) -> None:
        """Applies without a question."""
        self.run("apply", "--auto-approve", "--allow-mass-change")

    def change(self, section: str, name: str, **fields: object) -> None:
        """Somebody edits one entry of the desired state."""
        document = yaml.safe_load(self.file.read_text(encoding="utf-8"))
        document.setdefault(section, {}).setdefault(name, {}).update(fields)
        self.file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")

    def renew(self) -> None:
        """Somebody asks for every component to be issued once more."""
        document = yaml.safe_load(self.file.read_text(encoding="utf-8"))
        for component in document["components"].values():
            component["reissue"] = "by us"
        self.file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")

    def prints(self) -> dict[str, tuple[str, int, int]]:
        """Digest, time of change and mode of every visible file of the nodes, by its path below them."""
        return {
            str(path.relative_to(self.nodes)): (_digest(path), path.lstat().st_mtime_ns, path.lstat().st_mode)
            for path in sorted(self.nodes.rglob("*"))
            if (path.is_symlink() or path.is_file()) and not hidden(path.relative_to(self.nodes))
        }

    def leaves(self) -> Mapping[str, x509.Certificate]:
        """Every certificate of the nodes but the CA, by its path, and of kubeconfigs the one inside."""
        found = {}
        for path in (path for path in sorted(self.nodes.rglob("*")) if not hidden(path.relative_to(self.nodes))):
            if path.suffix == ".crt" and path.is_file() and path.name != "ca.crt":
                found[str(path.relative_to(self.nodes))] = x509.load_pem_x509_certificate(path.read_bytes())
            elif path.name in {"config", "kubeconfig"} and b"client-certificate-data" in path.read_bytes():
                user = yaml.safe_load(path.read_text(encoding="utf-8"))["users"][0]["user"]
                pem = b64decode(user["client-certificate-data"])
                found[str(path.relative_to(self.nodes))] = x509.load_pem_x509_certificate(pem)
        return found

    def client(self) -> Identity:
        """What the API server shows etcd."""
        base = self.control_plane / PKI / "etcd-server"
        return Identity(certificate=base.with_suffix(".crt"), key=base.with_suffix(".key"), roots=self.ca.with_suffix(".crt"))

    def member(self) -> Member:
        """Etcd with the files that its unit names."""
        directory = self.control_plane / "etc/etcd"
        files = Identity(certificate=directory / "etcd-server.crt", key=directory / "etcd-server.key", roots=directory / "ca.crt")
        client_port, peer_port = free_ports(ADDRESS, 2)
        return Member(
            name="controlplane", address=ADDRESS, client_port=client_port, peer_port=peer_port, server=files, peer=files
        )


def hidden(path: Path) -> bool:
    """Whether it lies in a directory of generations, behind the names that readers use."""
    return any(part.startswith(".") and part != ".kube" for part in path.parts)


def make_site(home: Path, *, v1_ca: bool) -> Site:
    """The cluster of the course, made now."""
    site = Site(home=home)
    by_hand(site.nodes, v1_ca=v1_ca, now=None)
    return site


def served(member: Member, identity: Identity) -> x509.Certificate:
    """What a member shows at a new handshake."""
    context = ssl.create_default_context(cafile=str(identity.roots))
    context.load_cert_chain(identity.certificate, identity.key)
    with (
        socket.create_connection((member.address, member.client_port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=member.address) as connection,
    ):
        der = connection.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der)


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()).hexdigest()
