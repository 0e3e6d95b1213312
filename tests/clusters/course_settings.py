"""How the programs of a hand-made cluster are told of their files."""

from __future__ import annotations

from typing import Final

CONTROL_PLANE: Final = "controlplane"
WORKER: Final = "node01"
ADDRESSES: Final = {CONTROL_PLANE: "192.0.2.11", WORKER: "192.0.2.21"}
PKI: Final = "/var/lib/kubernetes/pki"
ETCD: Final = "/etc/etcd"
HOME: Final = "/var/lib/kubernetes"
SERVER: Final = f"https://{ADDRESSES[CONTROL_PLANE]}:6443"


def api_server(etcd_ca: str, *, one_ca: bool) -> dict[str, str]:
    """Flags of kube-apiserver."""
    front_proxy = {
        "proxy-client-cert-file": f"{PKI}/front-proxy-client.crt",
        "proxy-client-key-file": f"{PKI}/front-proxy-client.key",
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-client-ca-file": f"{PKI}/front-proxy-ca.crt",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
    }
    return {
        "advertise-address": ADDRESSES[CONTROL_PLANE],
        "allow-privileged": "true",
        "apiserver-count": "1",
        "authorization-mode": "Node,RBAC",
        "client-ca-file": f"{PKI}/ca.crt",
        "enable-admission-plugins": "NodeRestriction,ServiceAccount",
        "enable-bootstrap-token-auth": "true",
        "etcd-cafile": etcd_ca,
        "etcd-certfile": f"{PKI}/etcd-server.crt",
        "etcd-keyfile": f"{PKI}/etcd-server.key",
        "etcd-servers": f"https://{ADDRESSES[CONTROL_PLANE]}:2379",
        "event-ttl": "1h",
        "kubelet-certificate-authority": f"{PKI}/ca.crt",
        "kubelet-client-certificate": f"{PKI}/apiserver-kubelet-client.crt",
        "kubelet-client-key": f"{PKI}/apiserver-kubelet-client.key",
        **({} if one_ca else front_proxy),
        "runtime-config": "'api/all=true'",
        "service-account-key-file": f"{PKI}/service-account.crt",
        "service-account-signing-key-file": f"{PKI}/service-account.key",
        "service-account-issuer": SERVER,
        "service-cluster-ip-range": "10.96.0.0/16",
        "service-node-port-range": "30000-32767",
        "tls-cert-file": f"{PKI}/kube-apiserver.crt",
        "tls-private-key-file": f"{PKI}/kube-apiserver.key",
        "v": "2",
    }


def controller_manager() -> dict[str, str]:
    """Flags of kube-controller-manager."""
    configuration = f"{HOME}/kube-controller-manager.kubeconfig"
    return {
        "allocate-node-cidrs": "true",
        "authentication-kubeconfig": configuration,
        "authorization-kubeconfig": configuration,
        "bind-address": "127.0.0.1",
        "client-ca-file": f"{PKI}/ca.crt",
        "cluster-cidr": "10.244.0.0/16",
        "cluster-name": "kubernetes",
        "cluster-signing-cert-file": f"{PKI}/ca.crt",
        "cluster-signing-key-file": f"{PKI}/ca.key",
        "controllers": "*,bootstrapsigner,tokencleaner",
        "kubeconfig": configuration,
        "leader-elect": "true",
        "root-ca-file": f"{PKI}/ca.crt",
        "service-account-private-key-file": f"{PKI}/service-account.key",
        "service-cluster-ip-range": "10.96.0.0/16",
        "use-service-account-credentials": "true",
        "v": "2",
    }


def etcd(trusted: str) -> tuple[dict[str, str], dict[str, str]]:
    """What stands in the environment file, and what in ExecStart."""
    address = ADDRESSES[CONTROL_PLANE]
    peers = {
        "peer-cert-file": f"{ETCD}/etcd-server.crt",
        "peer-key-file": f"{ETCD}/etcd-server.key",
        "peer-trusted-ca-file": trusted,
        "peer-client-cert-auth": "true",
        "initial-advertise-peer-urls": f"https://{address}:2380",
        "listen-peer-urls": f"https://{address}:2380",
    }
    clients = {
        "name": CONTROL_PLANE,
        "cert-file": f"{ETCD}/etcd-server.crt",
        "key-file": f"{ETCD}/etcd-server.key",
        "trusted-ca-file": trusted,
        "client-cert-auth": "",
        "listen-client-urls": f"https://{address}:2379,https://127.0.0.1:2379",
        "advertise-client-urls": f"https://{address}:2379",
        "initial-cluster-token": "etcd-cluster-0",
        "initial-cluster": f"{CONTROL_PLANE}=https://{address}:2380",
        "initial-cluster-state": "new",
        "data-dir": "/var/lib/etcd",
    }
    return peers, clients


KUBELET: Final = f"""\
kind: KubeletConfiguration
apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: true
  x509:
    clientCAFile: {PKI}/ca.crt
authorization:
  mode: Webhook
clusterDomain: cluster.local
clusterDNS:
  - 10.96.0.10
cgroupDriver: systemd
resolvConf: /run/systemd/resolve/resolv.conf
runtimeRequestTimeout: "15m"
tlsCertFile: {PKI}/{WORKER}.crt
tlsPrivateKeyFile: {PKI}/{WORKER}.key
registerNode: true
"""
KUBE_PROXY: Final = """\
kind: KubeProxyConfiguration
apiVersion: kubeproxy.config.k8s.io/v1alpha1
clientConnection:
  kubeconfig: /var/lib/kube-proxy/kubeconfig
mode: ipvs
clusterCIDR: 10.244.0.0/16
"""
