"""A snapshot of a cluster's disks, what adopting makes of it, and what has become of its files since."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

from reconciler.adopting.adopt import Adoption, adopt
from reconciler.discovery.walk import places, read_cluster
from reconciler.health.model import HealthFinding
from tests.clusters.by_hand import by_hand
from tests.clusters.cfssl import cfssl
from tests.clusters.k0s import k0s
from tests.clusters.k3s import k3s
from tests.clusters.kubeadm import kubeadm
from tests.clusters.kubespray import kubespray
from tests.clusters.plain import plain
from tests.clusters.rke2 import rke2
from tests.inprocess import Home

Maker = Callable[..., Path]
#: Every cluster that there is, with the component that gets another name.
MAKERS: Final[dict[str, tuple[Maker, str]]] = {
    "kubeadm 1.24": (partial(kubeadm, version="1.24"), "apiserver"),
    "kubeadm 1.28": (partial(kubeadm, version="1.28"), "apiserver"),
    "kubeadm 1.29": (partial(kubeadm, version="1.29"), "apiserver"),
    "kubeadm 1.31": (kubeadm, "apiserver"),
    "kubeadm 1.36": (partial(kubeadm, version="1.36"), "apiserver"),
    "kubeadm, ECDSA": (partial(kubeadm, key="ecdsa-p256"), "apiserver"),
    "three control planes": (partial(kubeadm, control_planes=3), "apiserver"),
    "external etcd": (partial(kubeadm, control_planes=3, external_etcd=True), "etcd-server"),
    "by hand, one CA": (by_hand, "apiserver"),
    "by hand, a CA for each": (partial(by_hand, one_ca=False), "etcd-server"),
    "by hand, cfssl": (cfssl, "apiserver"),
    "by hand, cfssl, a CA for each": (partial(cfssl, one_ca=False), "etcd-server"),
    "kubespray": (kubespray, "etcd-server"),
    "kubespray, three control planes": (partial(kubespray, control_planes=3), "etcd-server"),
    "k3s": (k3s, "apiserver"),
    "rke2": (rke2, "apiserver"),
    "k0s": (k0s, "apiserver"),
    "files": (plain, "proxy"),
}

Print = tuple[str, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A snapshot and a directory with the desired state."""

    home: Home
    snapshot: Path
    now: datetime

    def adopt(self, *findings: HealthFinding) -> Adoption:
        """Reads the snapshot, and writes the desired state down."""
        found = places(str(self.snapshot))
        adoption = adopt(read_cluster(found), findings, found, name="demo", now=self.now)
        self.home.write(adoption.text)
        return adoption

    def document(self) -> dict[str, Any]:
        """The desired state as values."""
        return dict(yaml.safe_load((self.home.path / "cluster-pki.yaml").read_text(encoding="utf-8")))

    def name(self, component: str, name: str) -> None:
        """Somebody adds a name to a component."""
        document = self.document()
        document["components"].setdefault(component, {})["extraSans"] = {"dns": [name]}
        self.home.write(document)

    def prints(self) -> dict[str, Print]:
        """Digest, time of change and mode of every file of the snapshot; of a link where it leads."""
        return {
            str(path.relative_to(self.snapshot)): _print(path) for path in sorted(self.snapshot.rglob("*")) if not path.is_dir()
        }


def desk(path: Path, maker: Maker, **wishes: Any) -> Desk:  # noqa: ANN401 - whatever the maker takes
    """A fresh snapshot, as old as the wall clock says."""
    now = datetime.now(UTC).replace(microsecond=0)
    snapshot, home = path / "snapshot", path / "home"
    snapshot.mkdir()
    home.mkdir()
    maker(snapshot, **{"now": now, **wishes})
    return Desk(home=Home(path=home, rooted=False), snapshot=snapshot, now=now)


def _print(path: Path) -> Print:
    status = path.lstat()
    content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
    return hashlib.sha256(content).hexdigest(), status.st_mtime_ns, status.st_mode
