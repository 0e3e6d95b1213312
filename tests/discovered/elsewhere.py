"""The same mistakes in clusters of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.builders import NOW
from tests.clusters.by_hand import by_hand
from tests.clusters.k0s import k0s
from tests.clusters.k3s import k3s
from tests.clusters.mint import reissue
from tests.clusters.rke2 import TLS, rke2
from tests.discovered.changes import edit
from tests.discovered.hands import DAY, OTHER, another_key, other_ca
from tests.discovered.model import Break, row

HAND: Final = "controlplane/var/lib/kubernetes/pki"


def separate(directory: Path) -> Path:
    """A hand-made cluster with a CA for each purpose."""
    return by_hand(directory, one_ca=False)


ELSEWHERE: Final[tuple[Break, ...]] = (
    Break(
        name="by-hand-601-referred-to",
        maker=by_hand,
        hand=lambda root: (root / f"{HAND}/kube-scheduler.key").unlink(),
        found=(row("error", 601, "/var/lib/kubernetes/pki/kube-scheduler.key", "controlplane"),),
    ),
    Break(
        name="by-hand-608-one-pair-for-two-uses",
        maker=by_hand,
        hand=lambda root: another_key(root / "node01/var/lib/kubernetes/pki/node01.key"),
        found=(row("error", 608, "/var/lib/kubernetes/pki/node01.crt", "node01"),),
    ),
    Break(
        name="by-hand-610-etcd-by-unit-and-environment",
        maker=by_hand,
        hand=lambda root: reissue(root / "controlplane/etc/etcd/etcd-server.crt", sans=["ip:127.0.0.1"], serial=1 << 62),
        found=(row("error", 610, "/etc/etcd/etcd-server.crt", "controlplane"),),
    ),
    Break(
        name="by-hand-614-embedded-trust",
        maker=separate,
        hand=lambda root: edit(root / "controlplane/root/.kube/config", other_ca(root / f"{HAND}/ca.crt")),
        found=(row("error", 614, "/root/.kube/config#admin", "controlplane"),),
    ),
    Break(
        name="rke2-604-expired",
        maker=rke2,
        hand=lambda root: reissue(
            root / f"server-1{TLS}/serving-kube-apiserver.crt", not_before=NOW - 9 * DAY, not_after=NOW - DAY
        ),
        found=(row("error", 604, f"{TLS}/serving-kube-apiserver.crt", "server-1"),),
    ),
    Break(
        name="k3s-609-other-ca",
        maker=k3s,
        hand=lambda root: reissue(root / "server-1/var/lib/rancher/k3s/server/tls/client-scheduler.crt", issuer=OTHER),
        found=(row("error", 609, "/var/lib/rancher/k3s/server/tls/client-scheduler.crt", "server-1"),),
    ),
    Break(
        name="k0s-615-open-kubeconfig",
        maker=k0s,
        hand=lambda root: (root / "controller-1/var/lib/k0s/pki/admin.conf").chmod(0o644),
        found=(row("warning", 615, "/var/lib/k0s/pki/admin.conf", "controller-1"),),
    ),
)
