"""An RKE2 cluster: the certificates of k3s, but programs in static pods, with flags apart from the command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import yaml

from tests.builders import NOW
from tests.clusters.files import Root
from tests.clusters.rancher import Server, authorities, write_agent, write_server

DATA: Final = "/var/lib/rancher/rke2"
TLS: Final = f"{DATA}/server/tls"
_IMAGE: Final = "index.docker.io/rancher/hardened-kubernetes:v1.31.4-rke2r1-build20241212"
_UNIT: Final = """\
[Unit]
Description=Rancher Kubernetes Engine v2 ({role})
Documentation=https://github.com/rancher/rke2#readme
Conflicts=rke2-{other}.service

[Service]
Type=notify
EnvironmentFile=-/etc/default/%N
EnvironmentFile=-/etc/sysconfig/%N
EnvironmentFile=-/usr/local/lib/systemd/system/%N.env
KillMode=process
Restart=always
ExecStart=/usr/local/bin/rke2 {role}

[Install]
WantedBy=multi-user.target
"""


def rke2(directory: Path, *, agents: int = 1, now: datetime = NOW) -> Path:
    """Writes ``directory/server-1/…`` and ``directory/agent-1/…``.

    Args:
        directory: where the node roots go.
        agents: how many nodes without a control plane.
        now: when the cluster began, aware.

    Returns:
        The directory.
    """
    cas = authorities("rke2", now)
    for i in range(1 + agents):
        node, address = ("server-1", "192.0.2.11") if i == 0 else (f"agent-{i}", f"192.0.2.{20 + i}")
        root = Root(path=directory / node)
        write_agent(Server(distribution="rke2", root=root, node=node, address=address, now=now, authorities=cas))
        role, other = ("server", "agent") if i == 0 else ("agent", "server")
        root.write(f"/usr/local/lib/systemd/system/rke2-{role}.service", _UNIT.format(role=role, other=other))
        where = f"node-name: {node}\nnode-ip: {address}\n"
        root.write("/etc/rancher/rke2/config.yaml", where if i == 0 else f"server: https://192.0.2.11:9345\n{where}", 0o600)
        if i == 0:
            write_server(Server(distribution="rke2", root=root, node=node, address=address, now=now, authorities=cas))
            _manifests(root, address)
    return directory


def _manifests(root: Root, address: str) -> None:
    for name, flags, mounts in (
        ("etcd", {"config-file": f"{DATA}/server/db/etcd/config"}, (f"{TLS}/etcd", f"{DATA}/server/db/etcd")),
        ("kube-apiserver", _api_server(address), (TLS, f"{DATA}/server/cred")),
        ("kube-controller-manager", _controller_manager(), (TLS, f"{DATA}/server/cred")),
        ("kube-scheduler", _scheduler(), (f"{TLS}/kube-scheduler", f"{DATA}/server/cred", TLS)),
        ("kube-proxy", {"kubeconfig": f"{DATA}/agent/kubeproxy.kubeconfig", "proxy-mode": "iptables"}, (f"{DATA}/agent",)),
    ):
        root.write(f"{DATA}/agent/pod-manifests/{name}.yaml", _pod(name, flags, mounts))


def _api_server(address: str) -> dict[str, str]:
    return {
        "advertise-address": address,
        "advertise-port": "6443",
        "allow-privileged": "true",
        "authorization-mode": "Node,RBAC",
        "client-ca-file": f"{TLS}/client-ca.crt",
        "enable-admission-plugins": "NodeRestriction",
        "etcd-cafile": f"{TLS}/etcd/server-ca.crt",
        "etcd-certfile": f"{TLS}/etcd/client.crt",
        "etcd-keyfile": f"{TLS}/etcd/client.key",
        "etcd-servers": "https://127.0.0.1:2379",
        "kubelet-certificate-authority": f"{TLS}/server-ca.crt",
        "kubelet-client-certificate": f"{TLS}/client-kube-apiserver.crt",
        "kubelet-client-key": f"{TLS}/client-kube-apiserver.key",
        "proxy-client-cert-file": f"{TLS}/client-auth-proxy.crt",
        "proxy-client-key-file": f"{TLS}/client-auth-proxy.key",
        "requestheader-allowed-names": "system:auth-proxy",
        "requestheader-client-ca-file": f"{TLS}/request-header-ca.crt",
        "secure-port": "6443",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": f"{TLS}/service.key",
        "service-account-signing-key-file": f"{TLS}/service.current.key",
        "service-cluster-ip-range": "10.43.0.0/16",
        "tls-cert-file": f"{TLS}/serving-kube-apiserver.crt",
        "tls-private-key-file": f"{TLS}/serving-kube-apiserver.key",
    }


def _controller_manager() -> dict[str, str]:
    configuration = f"{DATA}/server/cred/controller.kubeconfig"
    signers = {
        "kube-apiserver-client": "client",
        "kubelet-client": "client",
        "kubelet-serving": "server",
        "legacy-unknown": "server",
    }
    signing = {
        f"cluster-signing-{signer}-{kind}-file": f"{TLS}/{ca}-ca{ending}"
        for signer, ca in signers.items()
        for kind, ending in {"cert": ".nochain.crt", "key": ".key"}.items()
    }
    return {
        "authentication-kubeconfig": configuration,
        "authorization-kubeconfig": configuration,
        "bind-address": "127.0.0.1",
        "client-ca-file": f"{TLS}/client-ca.crt",
        "cluster-cidr": "10.42.0.0/16",
        **signing,
        "kubeconfig": configuration,
        "root-ca-file": f"{TLS}/server-ca.crt",
        "service-account-private-key-file": f"{TLS}/service.current.key",
        "service-cluster-ip-range": "10.43.0.0/16",
        "tls-cert-file": f"{TLS}/kube-controller-manager/kube-controller-manager.crt",
        "tls-private-key-file": f"{TLS}/kube-controller-manager/kube-controller-manager.key",
        "use-service-account-credentials": "true",
    }


def _scheduler() -> dict[str, str]:
    configuration = f"{DATA}/server/cred/scheduler.kubeconfig"
    return {
        "authentication-kubeconfig": configuration,
        "authorization-kubeconfig": configuration,
        "bind-address": "127.0.0.1",
        "kubeconfig": configuration,
        "tls-cert-file": f"{TLS}/kube-scheduler/kube-scheduler.crt",
        "tls-private-key-file": f"{TLS}/kube-scheduler/kube-scheduler.key",
    }


def _pod(name: str, flags: Mapping[str, str], mounts: Sequence[str]) -> str:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "creationTimestamp": None,
            "labels": {"component": name, "tier": "control-plane"},
            "name": name,
            "namespace": "kube-system",
        },
        "spec": {
            "containers": [
                {
                    "args": [f"--{flag}={value}" for flag, value in flags.items()],
                    "command": [name],
                    "image": _IMAGE,
                    "name": name,
                    "volumeMounts": [{"mountPath": path, "name": f"dir{i}", "readOnly": True} for i, path in enumerate(mounts)],
                }
            ],
            "hostNetwork": True,
            "priorityClassName": "system-cluster-critical",
            "volumes": [
                {"hostPath": {"path": path, "type": "DirectoryOrCreate"}, "name": f"dir{i}"} for i, path in enumerate(mounts)
            ],
        },
        "status": {},
    }
    return yaml.safe_dump(pod, sort_keys=False, width=200)
