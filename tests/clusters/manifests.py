"""Static pods as kubeadm writes them (kubeadm/app/phases/controlplane/manifests.go, phases/etcd/local.go)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import yaml

from tests.clusters import versions
from tests.clusters.versions import Version

PKI: Final = "/etc/kubernetes/pki"
KUBERNETES: Final = "/etc/kubernetes"
_CERTIFICATE_DIRECTORIES: Final = {
    "ca-certs": "/etc/ssl/certs",
    "etc-ca-certificates": "/etc/ca-certificates",
    "k8s-certs": PKI,
    "usr-local-share-ca-certificates": "/usr/local/share/ca-certificates",
    "usr-share-ca-certificates": "/usr/share/ca-certificates",
}
SERVICE_SUBNET: Final = "10.96.0.0/12"
POD_SUBNET: Final = "10.244.0.0/16"


def api_server(version: Version, *, address: str, etcd_servers: Sequence[str]) -> str:
    """kube-apiserver.yaml."""
    flags = {
        "advertise-address": address,
        "allow-privileged": "true",
        "authorization-mode": "Node,RBAC",
        "client-ca-file": f"{PKI}/ca.crt",
        "enable-admission-plugins": "NodeRestriction",
        "enable-bootstrap-token-auth": "true",
        "etcd-cafile": f"{PKI}/etcd/ca.crt",
        "etcd-certfile": f"{PKI}/apiserver-etcd-client.crt",
        "etcd-keyfile": f"{PKI}/apiserver-etcd-client.key",
        "etcd-servers": ",".join(etcd_servers),
        "kubelet-client-certificate": f"{PKI}/apiserver-kubelet-client.crt",
        "kubelet-client-key": f"{PKI}/apiserver-kubelet-client.key",
        "kubelet-preferred-address-types": "InternalIP,ExternalIP,Hostname",
        "proxy-client-cert-file": f"{PKI}/front-proxy-client.crt",
        "proxy-client-key-file": f"{PKI}/front-proxy-client.key",
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-client-ca-file": f"{PKI}/front-proxy-ca.crt",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "secure-port": "6443",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": f"{PKI}/sa.pub",
        "service-account-signing-key-file": f"{PKI}/sa.key",
        "service-cluster-ip-range": SERVICE_SUBNET,
        "tls-cert-file": f"{PKI}/apiserver.crt",
        "tls-private-key-file": f"{PKI}/apiserver.key",
    }
    probe = {"host": address, "path": "/livez", "port": 6443, "scheme": "HTTPS"}
    annotations = {"kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint": f"{address}:6443"}
    return _pod(
        "kube-apiserver", _image(version, "kube-apiserver"), flags, _CERTIFICATE_DIRECTORIES, probe, annotations=annotations
    )


def controller_manager(version: Version, *, signs: bool) -> str:
    """kube-controller-manager.yaml; without a CA key it is told to sign nothing."""
    flags = {
        "allocate-node-cidrs": "true",
        "authentication-kubeconfig": f"{KUBERNETES}/controller-manager.conf",
        "authorization-kubeconfig": f"{KUBERNETES}/controller-manager.conf",
        "bind-address": "127.0.0.1",
        "client-ca-file": f"{PKI}/ca.crt",
        "cluster-cidr": POD_SUBNET,
        "cluster-name": "kubernetes",
        "cluster-signing-cert-file": f"{PKI}/ca.crt" if signs else "",
        "cluster-signing-key-file": f"{PKI}/ca.key" if signs else "",
        "controllers": "*,bootstrapsigner,tokencleaner",
        "kubeconfig": f"{KUBERNETES}/controller-manager.conf",
        "leader-elect": "true",
        "requestheader-client-ca-file": f"{PKI}/front-proxy-ca.crt",
        "root-ca-file": f"{PKI}/ca.crt",
        "service-account-private-key-file": f"{PKI}/sa.key",
        "service-cluster-ip-range": SERVICE_SUBNET,
        "use-service-account-credentials": "true",
    }
    mounts = {**_CERTIFICATE_DIRECTORIES, "kubeconfig": f"{KUBERNETES}/controller-manager.conf"}
    probe = {"host": "127.0.0.1", "path": "/healthz", "port": 10257, "scheme": "HTTPS"}
    return _pod("kube-controller-manager", _image(version, "kube-controller-manager"), flags, mounts, probe)


def scheduler(version: Version) -> str:
    """kube-scheduler.yaml."""
    configuration = f"{KUBERNETES}/scheduler.conf"
    flags = {
        "authentication-kubeconfig": configuration,
        "authorization-kubeconfig": configuration,
        "bind-address": "127.0.0.1",
        "kubeconfig": configuration,
        "leader-elect": "true",
    }
    probe = {"host": "127.0.0.1", "path": "/healthz", "port": 10259, "scheme": "HTTPS"}
    return _pod("kube-scheduler", _image(version, "kube-scheduler"), flags, {"kubeconfig": configuration}, probe)


def etcd(version: Version, *, name: str, address: str, members: Mapping[str, str]) -> str:
    """etcd.yaml; members are addresses by name."""
    checks = (
        {"feature-gates": "InitialCorruptCheck=true", "watch-progress-notify-interval": "5s"}
        if version >= (1, 34, 0)
        else {"experimental-initial-corrupt-check": "true", "experimental-watch-progress-notify-interval": "5s"}
    )
    flags = {
        "advertise-client-urls": f"https://{address}:2379",
        "cert-file": f"{PKI}/etcd/server.crt",
        "client-cert-auth": "true",
        "data-dir": "/var/lib/etcd",
        **checks,
        "initial-advertise-peer-urls": f"https://{address}:2380",
        "initial-cluster": ",".join(f"{member}=https://{at}:2380" for member, at in members.items()),
        "key-file": f"{PKI}/etcd/server.key",
        "listen-client-urls": f"https://127.0.0.1:2379,https://{address}:2379",
        "listen-metrics-urls": "http://127.0.0.1:2381",
        "listen-peer-urls": f"https://{address}:2380",
        "name": name,
        "peer-cert-file": f"{PKI}/etcd/peer.crt",
        "peer-client-cert-auth": "true",
        "peer-key-file": f"{PKI}/etcd/peer.key",
        "peer-trusted-ca-file": f"{PKI}/etcd/ca.crt",
        "snapshot-count": "10000",
        "trusted-ca-file": f"{PKI}/etcd/ca.crt",
    }
    image = f"{versions.image_registry(version)}/etcd:{versions.ETCD_IMAGES.get(version[1], '3.6.6-0')}"
    probe = {"host": "127.0.0.1", "path": "/health?exclude=NOSPACE&serializable=true", "port": 2381, "scheme": "HTTP"}
    annotations = {"kubeadm.kubernetes.io/etcd.advertise-client-urls": f"https://{address}:2379"}
    mounts = {"etcd-data": "/var/lib/etcd", "etcd-certs": f"{PKI}/etcd"}
    return _pod("etcd", image, flags, mounts, probe, annotations=annotations, writable=("etcd-data", "etcd-certs"))


def _image(version: Version, name: str) -> str:
    return f"{versions.image_registry(version)}/{name}:v{'.'.join(map(str, version))}"


def _pod(
    name: str,
    image: str,
    flags: Mapping[str, str],
    mounts: Mapping[str, str],
    probe: Mapping[str, object],
    *,
    annotations: Mapping[str, str] | None = None,
    writable: Sequence[str] = (),
) -> str:
    container = {
        "command": [name, *(f"--{flag}={value}" for flag, value in flags.items())],
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "livenessProbe": {
            "failureThreshold": 8,
            "httpGet": dict(probe),
            "initialDelaySeconds": 10,
            "periodSeconds": 10,
            "timeoutSeconds": 15,
        },
        "name": name,
        "resources": {"requests": {"cpu": "100m"}},
        "volumeMounts": [
            {"mountPath": path, "name": mount, **({} if mount in writable else {"readOnly": True})}
            for mount, path in mounts.items()
        ],
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **({"annotations": dict(annotations)} if annotations else {}),
            "creationTimestamp": None,
            "labels": {"component": name, "tier": "control-plane"},
            "name": name,
            "namespace": "kube-system",
        },
        "spec": {
            "containers": [container],
            "hostNetwork": True,
            "priority": 2000001000,
            "priorityClassName": "system-node-critical",
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [
                {
                    "hostPath": {"path": path, "type": "FileOrCreate" if path.endswith(".conf") else "DirectoryOrCreate"},
                    "name": volume,
                }
                for volume, path in mounts.items()
            ],
        },
        "status": {},
    }
    return yaml.safe_dump(pod, sort_keys=False, width=200)
