"""The CA of a real three-member etcd gets a new key, and its old one back, while a client reads and writes: nobody notices."""

from __future__ import annotations

import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.real.cluster import Cluster, make_cluster
from tests.real.etcd import Identity, Member, wait_until_healthy
from tests.real.etcd_traffic import RefusedError, Traffic, ask, encoded
from tests.real.supervised import SCRIPT, supervised
from tests.real.test_etcd import member_of

NODES: Final = ("cp-1", "cp-2", "cp-3")
CLIENT: Final = "component.apiserver-etcd-client[cp-1]"
#: The hooks of whatever etcd reads are in one serial group: one member is down at a time, and has to come back first.
DESIRED: Final = """\
apiVersion: cluster-pki/v1
cluster: etcd
kubernetes:
  preset: kubeadm
  version: "1.36"
  controlPlaneEndpoint: api.etcd.internal:6443
stores:
  files: {{type: file, root: "/nodes/{{node}}"}}
  authority: {{type: file, root: /authority}}
cas:
  kubernetes: {{store: authority, path: kubernetes/ca}}
  etcd: {{store: authority, path: etcd/ca, generation: {generation}, rotation: {{soak: 1s{hold}}}}}
  front-proxy: {{store: authority, path: front-proxy/ca}}
keypairs:
  sa: {{key: ecdsa-p256}}
components:
  etcd-server: {{after: [{{exec: [{script}, {home}, "{{node}}"], timeout: 2m}}]}}
bundles:
  etcd: {{after: [{{exec: [{script}, {home}, "{{node}}"], timeout: 2m}}]}}
groups:
  etcd: {{components: [etcd-server], bundles: [etcd]}}
nodes:
  - {{name: cp-1, roles: [control-plane], addresses: [127.0.0.1]}}
  - {{name: cp-2, roles: [control-plane], addresses: [127.0.0.2]}}
  - {{name: cp-3, roles: [control-plane], addresses: [127.0.0.3]}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Etcd:
    """A running cluster of three members."""

    cluster: Cluster
    members: list[Member]

    @property
    def home(self) -> Path:
        """Where members and hooks keep their things."""
        return self.cluster.home

    def ask_for(self, generation: int, *, hold: str = "") -> None:
        """What somebody commits."""
        self.cluster.file.write_text(desired(self.home, generation, hold=hold), encoding="utf-8")

    def restarts(self) -> list[str]:
        """Which members were restarted since the last call, in order."""
        path = self.home / "restarts"
        names = path.read_text(encoding="utf-8").split() if path.exists() else []
        path.unlink(missing_ok=True)
        return names

    def refuses(self, identity: Identity) -> list[bool]:
        """For each member, whether it turns a client away."""
        turned_away = []
        for member in self.members:
            try:
                ask(member, identity, "/v3/kv/range", {"key": encoded("traffic")})
                turned_away.append(False)
            except RefusedError:
                turned_away.append(True)
        return turned_away


def desired(home: Path, generation: int, *, hold: str = "") -> str:
    """The desired state."""
    return DESIRED.format(generation=generation, hold=f", hold: {hold}" if hold else "", script=SCRIPT, home=home)


def identity_of(cluster: Cluster, address: str, node: str) -> Identity:
    """A component's files, with the bundle of its node for roots."""
    resources = cluster.resources()
    paths = resources[address]["paths"]
    bundle = resources[f"bundle.etcd[{node}]"]["paths"]
    return Identity(certificate=Path(paths["certificate"]), key=Path(paths["key"]), roots=Path(bundle["bundle"]))


def kept(identity: Identity, directory: Path) -> Identity:
    """A copy of a pair as it is now, with the roots as they will be."""
    directory.mkdir()
    certificate, key = (
        Path(shutil.copy(path, directory / path.name, follow_symlinks=True)) for path in (identity.certificate, identity.key)
    )
    return Identity(certificate=certificate, key=key, roots=identity.roots)


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[Etcd]:
    """Three members, ready; each trusts the bundle of its node."""
    cluster = make_cluster(tmp_path, desired(tmp_path, 1))
    cluster.apply()
    members = [member_of(cluster, name, f"127.0.0.{number}") for number, name in enumerate(NODES, start=1)]
    health = {name: identity_of(cluster, f"component.etcd-healthcheck-client[{name}]", name) for name in NODES}
    with supervised(members, tmp_path, health) as logs:
        for name in NODES:
            wait_until_healthy([member for member in members if member.name == name], health[name], logs)
        yield Etcd(cluster=cluster, members=members)


def rotate(etcd: Etcd, generation: int) -> tuple[list[bool], list[str]]:
    """Two applies, the first held before the old CA goes out.

    Returns:
        What the members say to a client of the old generation in between, and the restarts in order.
    """
    old = kept(identity_of(etcd.cluster, CLIENT, "cp-1"), etcd.home / f"before-{generation}")
    etcd.ask_for(generation, hold="distrust")
    etcd.cluster.apply()
    between = etcd.refuses(old)
    etcd.ask_for(generation)
    etcd.cluster.apply()
    assert etcd.cluster.reasons(expect=0) == {}
    return between, etcd.restarts()


def handshake(server: Identity, client: Identity) -> str:
    """Between a server with a pair and a client with roots, in this process; what the client says against it."""
    ours, theirs = socket.socketpair()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, server.key)

    def serve() -> None:
        with suppress(OSError), context.wrap_socket(theirs, server_side=True):
            pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    said = ""
    try:
        with ssl.create_default_context(cafile=str(client.roots)).wrap_socket(ours, server_hostname="127.0.0.1"):
            pass
    except ssl.SSLCertVerificationError as error:
        said = error.verify_message
    finally:
        ours.close()
        thread.join(timeout=10)
        theirs.close()
    return said


def test_a_ca_is_rotated_and_back_again_under_traffic(etcd: Etcd) -> None:
    """No request fails, members go down one at a time, and a generation that is out is refused by everybody.

    One test, so that one worker starts one cluster.
    """
    client, server = (identity_of(etcd.cluster, address, "cp-1") for address in (CLIENT, "component.etcd-server[cp-1]"))
    key = etcd.cluster.paths("ca.etcd")["key"]
    first_key, waves = key.read_bytes(), [*NODES] * 3
    first = kept(client, etcd.home / "client-1"), kept(server, etcd.home / "server-1")
    with Traffic(members=etcd.members, identity=client) as traffic:
        there = rotate(etcd, 2)
        second = kept(client, etcd.home / "client-2"), kept(server, etcd.home / "server-2")
        second_key, out = key.read_bytes(), (etcd.refuses(first[0]), handshake(first[1], client))
        back = rotate(etcd, 1)

    unknown = "unable to get local issuer certificate"
    assert there == back == ([False] * 3, waves)
    assert out == ([True] * 3, unknown)
    assert (etcd.refuses(second[0]), handshake(second[1], client)) == ([True] * 3, unknown)
    assert (etcd.refuses(client), handshake(server, client)) == ([False] * 3, "")
    assert key.read_bytes() == first_key != second_key
    assert (traffic.failed, traffic.refused, traffic.wrong) == ([], [], [])
    assert (traffic.requests > 100, traffic.elsewhere > 0) == (True, True)
