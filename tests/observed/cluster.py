"""A small cluster on disk: what is desired of it, and the files that fulfil it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from msgspec.structs import replace

from reconciler.desired.model import CA, Access, Bundle, Component, DesiredState, Keypair, Kubeconfig, Output, Replica
from reconciler.desired.place import Place
from reconciler.observed.model import Unusable
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.kubeconfig import render
from reconciler.x509.names import Subject
from tests.builders import YEAR, make_ca, make_key, make_leaf, raw_key

CLUSTER = "demo"
API = "component.api[cp-1]"
ADMIN = "component.admin"
CONF = "kubeconfig.admin"

#: Signs the server and the client; and one that signs nobody. Made once: ECDSA signatures differ from run to run.
AUTHORITY = make_ca("kubernetes-ca")
OTHER = make_ca("etcd-ca")
SERVER = make_leaf(AUTHORITY, "api")
CLIENT = make_leaf(AUTHORITY, "admin", sans=(), usages=("client auth",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One server with a pair, one client inside a kubeconfig, two CAs of which one has a copy, a bundle and a keypair."""

    root: Path

    def place(self, path: str) -> Place:
        """A place in the only store."""
        return Place(store="files", root=str(self.root), path=path)

    def path(self, name: str) -> Path:
        """A file, by its path under the root."""
        return self.root / name

    def desired(
        self, *, outputs: tuple[Output, ...] = ("pem",), password_file: str = "", owner: str | None = None
    ) -> DesiredState:
        """What is wanted of it; the options are about the server."""
        server = Component(
            address=API,
            name="api",
            node="cp-1",
            ca="kubernetes",
            subject=Subject(common_name="api"),
            usages=("server auth",),
            key=KeyAlgorithm.ECDSA_P256,
            lifetime=YEAR,
            renew_before=timedelta(days=30),
            place=self.place("pki/api"),
            outputs=outputs,
            pkcs12_password_file=password_file,
            access=Access(owner=owner, group=owner),
        )
        client = replace(
            server, address=ADMIN, name="admin", node=None, place=None, kubeconfig=CONF, outputs=("pem",), access=Access()
        )
        return DesiredState(
            cluster=CLUSTER,
            cas={
                "kubernetes": self._ca(
                    "kubernetes", Replica(address="ca.kubernetes[cp-1]", node="cp-1", place=self.place("pki/ca"))
                ),
                "etcd": self._ca("etcd"),
            },
            keypairs={
                "sa": Keypair(
                    address="keypair.sa",
                    name="sa",
                    key=KeyAlgorithm.ECDSA_P256,
                    replicas=(Replica(address="keypair.sa[cp-1]", node="cp-1", place=self.place("pki/sa")),),
                )
            },
            components={API: server, ADMIN: client},
            bundles={
                "bundle.trust": Bundle(
                    address="bundle.trust", name="trust", node=None, cas=("kubernetes", "etcd"), place=self.place("pki/trust.crt")
                )
            },
            kubeconfigs={
                CONF: Kubeconfig(
                    address=CONF,
                    name="admin",
                    node=None,
                    component=ADMIN,
                    cas=("kubernetes",),
                    server="https://api.example.com:6443",
                    cluster_name="kubernetes",
                    user_name="admin",
                    place=self.place("admin.conf"),
                )
            },
        )

    def write(self) -> Cluster:
        """Puts every file in its place; the server's pair stands in a generation, as a store of ours publishes it."""
        for base, pair in (("authority/kubernetes", AUTHORITY), ("authority/etcd", OTHER), ("pki/ca", AUTHORITY)):
            self.put(f"{base}.crt", pair.certificate.pem)
            self.put(f"{base}.key", pair.key.pem(), mode=0o600)
        self.publish("pki/api", {".crt": SERVER.certificate.pem, ".key": SERVER.key.pem()}, address=API)
        self.put("pki/trust.crt", AUTHORITY.certificate.pem + OTHER.certificate.pem)
        self.put("pki/sa.key", make_key("sa").pem(), mode=0o600)
        self.put("pki/sa.pub", make_key("sa").public_pem(), mode=0o600)
        self.put("admin.conf", self.kubeconfig(), mode=0o600)
        return self

    def kubeconfig(
        self, *, certificate: bytes | str | None = None, key: bytes | str | None = None, ca: bytes | None = None
    ) -> bytes:
        """The client's kubeconfig, or one with something else inside."""
        return render(
            server="https://api.example.com:6443",
            ca_pem=ca if ca is not None else AUTHORITY.certificate.pem,
            cluster_name="kubernetes",
            user_name="admin",
            certificate=certificate if certificate is not None else CLIENT.certificate.pem,
            key=key if key is not None else CLIENT.key.pem(),
        )

    def put(self, name: str, data: bytes, *, mode: int = 0o644) -> Path:
        """A file with that content, in place of whatever name or link stood there."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        path.chmod(mode)
        return path

    def publish(self, base: str, files: dict[str, bytes], *, address: str, cluster: str = CLUSTER, number: int = 1) -> None:
        """A generation of an address, and links that lead to it."""
        directory, name = self.path(base).parent, self.path(base).name
        generation = f"{number:06d}-{number:08x}"
        meta = {"address": address, "cluster": cluster, "generation": number, "intent": "1"}
        self.put(f"{base.removesuffix(name)}.{name}/{generation}/meta.json", json.dumps(meta).encode())
        for suffix, data in files.items():
            self.put(
                f"{base.removesuffix(name)}.{name}/{generation}/{name}{suffix}", data, mode=0o600 if suffix == ".key" else 0o644
            )
            link(directory / f"{name}{suffix}", f".{name}/current/{name}{suffix}")
        link(directory / f".{name}" / "current", generation)

    def _ca(self, name: str, *replicas: Replica) -> CA:
        return CA(
            address=f"ca.{name}",
            name=name,
            place=self.place(f"authority/{name}"),
            subject=Subject(common_name=f"{name}-ca"),
            key=KeyAlgorithm.ECDSA_P256,
            lifetime=10 * YEAR,
            renew_before=YEAR,
            replicas=replicas,
        )


def link(path: Path, target: str) -> None:
    """A symbolic link in place of whatever stood there."""
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def csr() -> bytes:
    """A signing request, as somebody copies it to the wrong place."""
    builder = x509.CertificateSigningRequestBuilder(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "api")]))
    return builder.sign(raw_key("api"), hashes.SHA256()).public_bytes(Encoding.PEM)


def encrypted_key() -> bytes:
    """A key with a passphrase."""
    return raw_key("api").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase"))


def problem_of(state: object) -> str:
    """The word for what is wrong."""
    return state.problem if isinstance(state, Unusable) else type(state).__name__.lower()
