"""A real etcd with our DER list: who is revoked is refused, everybody else goes on, whatever is published meanwhile."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

from tests.real.cluster import Cluster, make_cluster
from tests.real.etcd import Identity, Member, etcdctl, free_ports, running, wait_until_healthy

DESIRED: Final = """\
apiVersion: cluster-pki/v1
cluster: etcd-crl
stores:
  files: {type: file, root: /srv}
cas:
  etcd: {path: ca, crl: {path: etcd.crl, formats: [der, pem]}}
components:
  server: {ca: etcd, usages: [client auth, server auth], sans: {ip: [127.0.0.1], dns: [localhost]}, path: server}
  jane: {ca: etcd, usages: [client auth], path: jane}
  bob: {ca: etcd, usages: [client auth], path: bob}
"""


def identity(cluster: Cluster, name: str) -> Identity:
    """The files of a component."""
    paths = cluster.paths(f"component.{name}")
    return Identity(certificate=paths["certificate"], key=paths["key"], roots=cluster.paths("ca.etcd")["certificate"])


def copied(identity: Identity, folder: Path) -> Identity:
    """A copy of somebody's files, as a thief has it."""
    folder.mkdir()
    certificate, key = folder / "stolen.crt", folder / "stolen.key"
    certificate.write_bytes(identity.certificate.read_bytes())
    key.write_bytes(identity.key.read_bytes())
    return Identity(certificate=certificate, key=key, roots=identity.roots)


def ask(member: Member, who: Identity) -> subprocess.CompletedProcess[str]:
    """One request on a connection of its own."""
    return etcdctl(member.client_url, "get", "greeting", roots=who.roots, identity=who, seconds=5)


class Requests:
    """Requests one after the other, each on a new connection, until it is told to stop."""

    def __init__(self, member: Member, who: Identity) -> None:
        self.failures: list[str] = []
        self.count = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(member, who))

    def _run(self, member: Member, who: Identity) -> None:
        while not self._over.is_set():
            done = ask(member, who)
            self.count += 1
            if done.returncode != 0:
                self.failures.append(done.stderr)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """While the block runs, and at least one request after it."""
        self._thread.start()
        try:
            yield
        finally:
            seen = self.count
            while self.count < seen + 2 and self._thread.is_alive():
                self._over.wait(0.05)
            self._over.set()
            self._thread.join()


def change(cluster: Cluster, **sections: Any) -> None:  # noqa: ANN401 - any section
    """Writes other sections into the desired state."""
    cluster.file.write_text(yaml.safe_dump({**yaml.safe_load(cluster.file.read_text()), **sections}))


def test_etcd_refuses_whom_we_revoke_and_nobody_else(tmp_path: Path) -> None:
    """One test, one etcd: an empty list, its renewals under load, a revocation under load, and what the thief sees."""
    cluster = make_cluster(tmp_path, DESIRED)
    cluster.apply()
    client_port, peer_port = free_ports("127.0.0.1", 2)
    server = identity(cluster, "server")
    member = Member(
        name="one",
        address="127.0.0.1",
        client_port=client_port,
        peer_port=peer_port,
        server=server,
        peer=server,
        client_crl=cluster.paths("crl.etcd")["crl_der"],
    )
    jane, bob = identity(cluster, "jane"), identity(cluster, "bob")
    thief = copied(jane, tmp_path / "thief")
    with running([member], tmp_path) as logs:
        wait_until_healthy([member], bob, logs)
        assert [ask(member, who).returncode for who in (jane, bob, thief)] == [0, 0, 0]

        # An empty list that is renewed again and again interrupts nobody.
        requests = Requests(member, bob)
        numbers = [cluster.resources()["crl.etcd"]["number"]]
        with requests.going_on():
            for _ in range(5):
                cluster.run("apply", "--auto-approve", "--replace", "crl.etcd")
                numbers.append(cluster.resources()["crl.etcd"]["number"])
        assert (requests.failures, requests.count > 5) == ([], True)
        assert numbers == sorted(set(numbers))

        # A revocation: the thief is refused, jane has a new certificate, bob notices nothing.
        serial = cluster.resources()["component.jane"]["serial"]
        change(cluster, revocations=[{"component": "jane", "serial": serial, "reason": "keyCompromise"}])
        requests = Requests(member, bob)
        with requests.going_on():
            cluster.apply()
        assert requests.failures == []
        assert [ask(member, who).returncode == 0 for who in (jane, bob, thief)] == [True, True, False]
        # The handshake's end says no more than that a certificate was bad; the server's log says which.
        assert "bad certificate" in ask(member, thief).stderr or "revoked" in logs["one"].read_text()

        # It stays that way when the list is renewed.
        cluster.run("apply", "--auto-approve", "--replace", "crl.etcd")
        assert [ask(member, who).returncode == 0 for who in (jane, bob, thief)] == [True, True, False]
