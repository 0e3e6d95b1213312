"""A cluster as kubespray leaves it: kubeadm's files in ``ssl``, with a link to them, and etcd as a unit with files of its own."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from tests.builders import NOW
from tests.clusters.kubeadm import kubeadm

_ETCD: Final = "/etc/ssl/etcd/ssl"
_UNIT: Final = "[Service]\nEnvironmentFile=/etc/etcd.env\nExecStart=/usr/local/bin/etcd\n"
#: kubespray's roles/etcd/templates/etcd.env.j2.
_ENVIRONMENT: Final = """\
ETCD_NAME=etcd{number}
ETCD_ADVERTISE_CLIENT_URLS=https://192.0.2.1{number}:2379
ETCD_LISTEN_CLIENT_URLS=https://192.0.2.1{number}:2379,https://127.0.0.1:2379
ETCD_INITIAL_ADVERTISE_PEER_URLS=https://192.0.2.1{number}:2380
ETCD_TRUSTED_CA_FILE={ssl}/ca.pem
ETCD_CERT_FILE={ssl}/member-{node}.pem
ETCD_KEY_FILE={ssl}/member-{node}-key.pem
ETCD_CLIENT_CERT_AUTH=true
ETCD_PEER_TRUSTED_CA_FILE={ssl}/ca.pem
ETCD_PEER_CERT_FILE={ssl}/member-{node}.pem
ETCD_PEER_KEY_FILE={ssl}/member-{node}-key.pem
ETCD_PEER_CLIENT_CERT_AUTH=True
"""


def kubespray(directory: Path, *, now: datetime = NOW, control_planes: int = 1, workers: int = 1) -> Path:
    """Writes ``directory/<node>/…`` for cp-1, worker-1 …; see `kubeadm`."""
    kubeadm(directory, control_planes=control_planes, workers=workers, now=now)
    for node in sorted(directory.iterdir()):
        kubernetes = node / "etc/kubernetes"
        (kubernetes / "pki").rename(kubernetes / "ssl")
        (kubernetes / "pki").symlink_to("/etc/kubernetes/ssl")
        for file in (*kubernetes.glob("manifests/*.yaml"), node / "var/lib/kubelet/config.yaml"):
            file.write_text(_said(file.read_text(encoding="utf-8"), node.name), encoding="utf-8")
    for number in range(1, control_planes + 1):
        _etcd(directory / f"cp-{number}", number)
    return directory


def _said(text: str, node: str) -> str:
    """The paths in a configuration."""
    for before, after in {
        "/etc/kubernetes/pki/etcd/ca.crt": f"{_ETCD}/ca.pem",
        "/etc/kubernetes/pki/apiserver-etcd-client.crt": f"{_ETCD}/node-{node}.pem",
        "/etc/kubernetes/pki/apiserver-etcd-client.key": f"{_ETCD}/node-{node}-key.pem",
        "/etc/kubernetes/pki": "/etc/kubernetes/ssl",
        "    volumeMounts:\n": f"    volumeMounts:\n    - mountPath: {_ETCD}\n      name: etcd-certs-0\n",
        "  volumes:\n": f"  volumes:\n  - hostPath:\n      path: {_ETCD}\n    name: etcd-certs-0\n",
    }.items():
        text = text.replace(before, after)
    return text


def _etcd(node: Path, number: int) -> None:
    ssl, there = node / _ETCD[1:], node / "etc/kubernetes/ssl"
    ssl.mkdir(parents=True)
    (node / "etc/kubernetes/manifests/etcd.yaml").unlink()
    names = {"etcd/ca": "ca", "etcd/server": f"member-{node.name}", "etcd/healthcheck-client": f"admin-{node.name}"}
    for before, after in {**names, "apiserver-etcd-client": f"node-{node.name}"}.items():
        (there / f"{before}.crt").rename(ssl / f"{after}.pem")
        (there / f"{before}.key").rename(ssl / f"{after}-key.pem")
    for name in ("peer.crt", "peer.key"):
        (there / "etcd" / name).unlink()
    (there / "etcd").rmdir()
    (node / "etc/etcd.env").write_text(_ENVIRONMENT.format(ssl=_ETCD, node=node.name, number=number), encoding="utf-8")
    units = node / "etc/systemd/system"
    units.mkdir(parents=True)
    (units / "etcd.service").write_text(_UNIT, encoding="utf-8")
