"""The preset kubeadm, compared with tables made from kubeadm's sources, not from ours."""

from __future__ import annotations

from typing import Final

import pytest

from reconciler.desired.model import Component, DesiredState, Kubeconfig, parse_address
from reconciler.x509.facts import KeyAlgorithm
from tests.desired.compiling import NODES, kubernetes, state_of

CLIENT: Final = ("client auth",)
SERVER: Final = ("server auth",)
BOTH: Final = ("client auth", "server auth")
PKI: Final = "etc/kubernetes/pki"
CONTROL_PLANE: Final = ["cp-1", "cp-2", "cp-3"]
KUBELETS: Final = [*CONTROL_PLANE, "w-1", "w-2"]

APISERVER: Final = (
    "dns:api.demo.internal",
    "dns:cp-1",
    "dns:kubernetes",
    "dns:kubernetes.default",
    "dns:kubernetes.default.svc",
    "dns:kubernetes.default.svc.cluster.local",
    "ip:10.96.0.1",
    "ip:192.0.2.11",
)
MEMBER: Final = ("dns:cp-1", "dns:localhost", "ip:192.0.2.11", "ip:127.0.0.1", "ip:::1")

#: kubeadm certlist.go, pki_helpers.go and kubeconfig.go: name -> CA, CN, O, usages, SANs, path (on node cp-1).
LEAVES: Final[dict[str, tuple[str, str, tuple[str, ...], tuple[str, ...], tuple[str, ...], str | None]]] = {
    "apiserver": ("kubernetes", "kube-apiserver", (), SERVER, APISERVER, f"{PKI}/apiserver"),
    "apiserver-kubelet-client": (
        "kubernetes",
        "kube-apiserver-kubelet-client",
        (),
        CLIENT,
        (),
        f"{PKI}/apiserver-kubelet-client",
    ),
    "front-proxy-client": ("front-proxy", "front-proxy-client", (), CLIENT, (), f"{PKI}/front-proxy-client"),
    "etcd-server": ("etcd", "cp-1", (), BOTH, MEMBER, f"{PKI}/etcd/server"),
    "etcd-peer": ("etcd", "cp-1", (), BOTH, MEMBER, f"{PKI}/etcd/peer"),
    "etcd-healthcheck-client": ("etcd", "kube-etcd-healthcheck-client", (), CLIENT, (), f"{PKI}/etcd/healthcheck-client"),
    "apiserver-etcd-client": ("etcd", "kube-apiserver-etcd-client", (), CLIENT, (), f"{PKI}/apiserver-etcd-client"),
    "kubelet-client": (
        "kubernetes",
        "system:node:cp-1",
        ("system:nodes",),
        CLIENT,
        (),
        "var/lib/kubelet/pki/kubelet-client-current",
    ),
    "kubelet-serving": (
        "kubernetes",
        "system:node:cp-1",
        ("system:nodes",),
        SERVER,
        ("dns:cp-1", "ip:192.0.2.11"),
        "var/lib/kubelet/pki/kubelet",
    ),
    "kube-proxy": ("kubernetes", "system:kube-proxy", ("system:node-proxier",), CLIENT, (), f"{PKI}/kube-proxy"),
    "admin": ("kubernetes", "kubernetes-admin", ("kubeadm:cluster-admins",), CLIENT, (), None),
    "super-admin": ("kubernetes", "kubernetes-super-admin", ("system:masters",), CLIENT, (), None),
    "controller-manager": ("kubernetes", "system:kube-controller-manager", (), CLIENT, (), None),
    "scheduler": ("kubernetes", "system:kube-scheduler", (), CLIENT, (), None),
}

#: Kubeconfig -> component, server, user, file (on node cp-1).
KUBECONFIGS: Final = {
    "admin": ("admin", "https://api.demo.internal:6443", "kubernetes-admin", "admin.conf"),
    "super-admin": ("super-admin", "https://api.demo.internal:6443", "kubernetes-super-admin", "super-admin.conf"),
    "controller-manager": (
        "controller-manager",
        "https://192.0.2.11:6443",
        "system:kube-controller-manager",
        "controller-manager.conf",
    ),
    "scheduler": ("scheduler", "https://192.0.2.11:6443", "system:kube-scheduler", "scheduler.conf"),
    "kubelet": ("kubelet-client", "https://api.demo.internal:6443", "system:node:cp-1", "kubelet.conf"),
}


@pytest.fixture(scope="module")
def state() -> DesiredState:
    """Three control-plane nodes with stacked etcd and two workers, Kubernetes 1.36, all files in one place."""
    return state_of(kubernetes("controlPlaneEndpoint: 'api.demo.internal:6443'"))


def _summary(component: Component) -> tuple[str, str, tuple[str, ...], tuple[str, ...], tuple[str, ...], str | None]:
    path = None if component.place is None else component.place.path
    subject = component.subject
    return component.ca, subject.common_name, subject.organizations, component.usages, component.sans, path


def test_leaves_of_the_first_node(state: DesiredState) -> None:
    """The first control-plane node has exactly kubeadm's leaves, and those of a kubelet and kube-proxy."""
    found = {component.name: _summary(component) for component in state.components.values() if component.node == "cp-1"}
    assert found == LEAVES


def test_nodes_of_each_leaf(state: DesiredState) -> None:
    """Control-plane leaves are on each control-plane node, kubelets on all nodes, super-admin where ``init`` ran."""
    found: dict[str, list[str | None]] = {}
    for component in state.components.values():
        found.setdefault(component.name, []).append(component.node)
    kubelet = dict.fromkeys(("kubelet-client", "kubelet-serving", "kube-proxy"), KUBELETS)
    assert found == {**dict.fromkeys(LEAVES, CONTROL_PLANE), **kubelet, "super-admin": ["cp-1"]}


def test_authorities(state: DesiredState) -> None:
    """Three roots, each with its CN as a DNS name, too; no path length, ten years."""
    found = {
        ca.name: (ca.subject.common_name, ca.sans, ca.issuer, ca.path_length, ca.key, ca.lifetime.days, ca.renew_before.days)
        for ca in state.cas.values()
    }
    root = (None, None, KeyAlgorithm.ECDSA_P256, 3650, 365)
    assert found == {
        "kubernetes": ("kubernetes", ("dns:kubernetes",), *root),
        "etcd": ("etcd-ca", ("dns:etcd-ca",), *root),
        "front-proxy": ("front-proxy-ca", ("dns:front-proxy-ca",), *root),
    }


def test_kubeconfigs_of_the_first_node(state: DesiredState) -> None:
    """Controller manager and scheduler talk to the API server beside them, all others to the endpoint."""
    found = {
        config.name: (
            config.component.removeprefix("component.").removesuffix("[cp-1]"),
            config.server,
            config.user_name,
            config.place.path.removeprefix("etc/kubernetes/"),
        )
        for config in state.kubeconfigs.values()
        if config.node == "cp-1"
    }
    assert found == KUBECONFIGS
    assert {config.cluster_name for config in state.kubeconfigs.values()} == {"kubernetes"}
    assert {config.cas for config in state.kubeconfigs.values()} == {("kubernetes",)}


def test_kubelet_files(state: DesiredState) -> None:
    """The kubelet's kubeconfig refers to one file with chain and key, at the path that the node sees."""
    kubeconfig: Kubeconfig = state.kubeconfigs["kubeconfig.kubelet[w-1]"]
    pem = "/var/lib/kubelet/pki/kubelet-client-current.pem"
    assert (kubeconfig.embed, kubeconfig.client_certificate, kubeconfig.client_key) == (False, pem, pem)
    assert state.components["component.kubelet-client[w-1]"].outputs == ("combined",)


def test_identities_that_live_in_kubeconfigs(state: DesiredState) -> None:
    """They have no files of their own and know their kubeconfig."""
    found = {component.address: component.kubeconfig for component in state.components.values() if component.place is None}
    expected = {
        f"component.{name}[{node}]": f"kubeconfig.{name}[{node}]"
        for name in ("admin", "controller-manager", "scheduler")
        for node in CONTROL_PLANE
    }
    assert found == {**expected, "component.super-admin[cp-1]": "kubeconfig.super-admin[cp-1]"}


def test_bundles(state: DesiredState) -> None:
    """Every node trusts the cluster's CA; the control plane trusts etcd's and the front proxy's, too."""
    found = {bundle.address: (bundle.cas, bundle.place.absolute) for bundle in state.bundles.values()}
    assert found == {
        **{f"bundle.kubernetes[{node}]": (("kubernetes",), f"/nodes/{node}/{PKI}/ca.crt") for node in KUBELETS},
        **{f"bundle.etcd[{node}]": (("etcd",), f"/nodes/{node}/{PKI}/etcd/ca.crt") for node in CONTROL_PLANE},
        **{
            f"bundle.front-proxy[{node}]": (("front-proxy",), f"/nodes/{node}/{PKI}/front-proxy-ca.crt") for node in CONTROL_PLANE
        },
    }


def test_service_account_key(state: DesiredState) -> None:
    """One RSA key, the same on each control-plane node, as kubeadm makes it."""
    keypair = state.keypairs["sa"]
    assert keypair.key is KeyAlgorithm.RSA_2048
    assert [(replica.address, replica.place.absolute) for replica in keypair.replicas] == [
        (f"keypair.sa[{node}]", f"/nodes/{node}/{PKI}/sa") for node in CONTROL_PLANE
    ]


MASTERS: Final = ("system:masters",)
ADMINS: Final = ("kubeadm:cluster-admins",)


@pytest.mark.parametrize(
    ("version", "admin", "kubelet_client", "etcd_client", "super_admin"),
    [
        ("1.27", MASTERS, MASTERS, MASTERS, False),
        ("1.28", MASTERS, MASTERS, MASTERS, False),
        ("1.28.15", MASTERS, MASTERS, MASTERS, False),
        ("1.29", ADMINS, ADMINS, (), True),
        ("v1.29.0", ADMINS, ADMINS, (), True),
        ("1.32.99", ADMINS, ADMINS, (), True),
        ("1.33.11", ADMINS, ADMINS, (), True),
        ("1.33.12", ADMINS, (), (), True),
        ("1.33", ADMINS, (), (), True),
        ("1.34.7", ADMINS, ADMINS, (), True),
        ("1.34.8", ADMINS, (), (), True),
        ("1.35.4", ADMINS, ADMINS, (), True),
        ("1.35.5", ADMINS, (), (), True),
        ("1.36.0", ADMINS, ADMINS, (), True),
        ("1.36.1", ADMINS, (), (), True),
        ("1.36", ADMINS, (), (), True),
        ("1.37.0", ADMINS, (), (), True),
        ("1.40", ADMINS, (), (), True),
    ],
)
def test_groups_follow_the_version(
    version: str, admin: tuple[str, ...], kubelet_client: tuple[str, ...], etcd_client: tuple[str, ...], super_admin: bool
) -> None:
    """Subjects differ by version and patch; a version without a patch is the newest of its release."""
    components = state_of(kubernetes(f"version: '{version}'")).components

    def organizations(name: str) -> tuple[str, ...]:
        return components[f"component.{name}[cp-1]"].subject.organizations

    assert organizations("admin") == admin
    assert organizations("apiserver-kubelet-client") == kubelet_client
    assert organizations("etcd-healthcheck-client") == organizations("apiserver-etcd-client") == etcd_client
    assert ("component.super-admin[cp-1]" in components) is super_admin


EXTERNAL: Final = NODES + "".join(f"  - {{name: e-{i}, roles: [etcd], addresses: [192.0.2.3{i}]}}\n" for i in (1, 2, 3))
ETCD: Final = ["e-1", "e-2", "e-3"]


@pytest.mark.parametrize(
    ("settings", "nodes"),
    [
        pytest.param("", EXTERNAL, id="role"),
        pytest.param("etcd: {nodes: [e-3, e-1, e-2]}", EXTERNAL.replace("[etcd]", "[worker]"), id="names"),
    ],
)
def test_external_etcd(settings: str, nodes: str) -> None:
    """Members and their health checks are on the etcd nodes alone, the API server's client stays with it."""
    state = state_of(kubernetes(settings, nodes=nodes))
    where: dict[str, list[str | None]] = {}
    for address in (*state.components, *state.bundles):
        where.setdefault(address.partition("[")[0], []).append(parse_address(address)[2])
    members = ("etcd-server", "etcd-peer", "etcd-healthcheck-client")
    assert [where[f"component.{name}"] for name in members] == [ETCD, ETCD, ETCD]
    assert where["component.apiserver-etcd-client"] == CONTROL_PLANE
    assert where["bundle.etcd"] == [*CONTROL_PLANE, *ETCD]
    assert state.components["component.etcd-server[e-1]"].sans == (
        "dns:e-1",
        "dns:localhost",
        "ip:192.0.2.31",
        "ip:127.0.0.1",
        "ip:::1",
    )


def test_pure_etcd_nodes_run_no_kubelet() -> None:
    """A node of role etcd alone needs no identity in the cluster."""
    components = state_of(kubernetes(nodes=EXTERNAL)).components.values()
    assert {component.name for component in components if component.node == "e-1"} == {
        "etcd-server",
        "etcd-peer",
        "etcd-healthcheck-client",
    }


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param("", {"ip:10.96.0.1", "ip:192.0.2.11"}, id="defaults"),
        pytest.param("serviceSubnets: [172.16.0.0/16]", {"ip:172.16.0.1", "ip:192.0.2.11"}, id="subnet"),
        pytest.param("serviceSubnets: ['fd00:10:96::/112']", {"ip:fd00:10:96::1", "ip:192.0.2.11"}, id="ipv6"),
        pytest.param("serviceSubnets: [10.96.0.0/12, 'fd00:10:96::/112']", {"ip:10.96.0.1", "ip:192.0.2.11"}, id="dual-stack"),
        pytest.param(
            "serviceSubnets: ['fd00:10:96::/112', 10.96.0.0/12]",
            {"ip:fd00:10:96::1", "ip:192.0.2.11"},
            id="dual-stack-ipv6-first",
        ),
        pytest.param(
            "controlPlaneEndpoint: '198.51.100.7:6443'", {"ip:10.96.0.1", "ip:192.0.2.11", "ip:198.51.100.7"}, id="endpoint-ip"
        ),
        pytest.param(
            "controlPlaneEndpoint: '[2001:db8::7]:6443'", {"ip:10.96.0.1", "ip:192.0.2.11", "ip:2001:db8::7"}, id="endpoint-ipv6"
        ),
        pytest.param("controlPlaneEndpoint: '192.0.2.11'", {"ip:10.96.0.1", "ip:192.0.2.11"}, id="endpoint-is-the-node"),
        pytest.param(
            "certSANs: {ip: ['::1', '2001:DB8:0::9']}",
            {"ip:10.96.0.1", "ip:192.0.2.11", "ip:::1", "ip:2001:db8::9"},
            id="certSANs",
        ),
    ],
)
def test_api_server_addresses(settings: str, expected: set[str]) -> None:
    """The first address of the first service subnet, the advertise address, the endpoint, and what is added; none twice."""
    sans = state_of(kubernetes(settings)).components["component.apiserver[cp-1]"].sans
    addresses = [san for san in sans if san.startswith("ip:")]
    assert (set(addresses), len(addresses)) == (expected, len(expected))


def test_api_server_names() -> None:
    """DNS names follow the domain, the endpoint and certSANs; sorted, none twice, as kubeadm writes them."""
    settings = (
        "dnsDomain: k8s.example, controlPlaneEndpoint: 'api.example.com:443', certSANs: {dns: [z.example.com, api.example.com]}"
    )
    sans = state_of(kubernetes(settings)).components["component.apiserver[cp-2]"].sans
    assert [san for san in sans if san.startswith("dns:")] == [
        "dns:api.example.com",
        "dns:cp-2",
        "dns:kubernetes",
        "dns:kubernetes.default",
        "dns:kubernetes.default.svc",
        "dns:kubernetes.default.svc.k8s.example",
        "dns:z.example.com",
    ]


@pytest.mark.parametrize(
    ("settings", "shared", "local"),
    [
        ("", "https://192.0.2.11:6443", "https://192.0.2.12:6443"),
        ("bindPort: 8443", "https://192.0.2.11:8443", "https://192.0.2.12:8443"),
        ("bindPort: 8443, controlPlaneEndpoint: api.example.com", "https://api.example.com:8443", "https://192.0.2.12:8443"),
        ("controlPlaneEndpoint: '[2001:db8::7]:443'", "https://[2001:db8::7]:443", "https://192.0.2.12:6443"),
    ],
)
def test_servers(settings: str, shared: str, local: str) -> None:
    """Without an endpoint the first control-plane node is it; ports default to the API servers' own."""
    kubeconfigs = state_of(kubernetes(settings)).kubeconfigs
    assert kubeconfigs["kubeconfig.admin[cp-2]"].server == shared
    assert kubeconfigs["kubeconfig.scheduler[cp-2]"].server == local


def test_ipv6_control_plane() -> None:
    """An IPv6 advertise address is bracketed in URLs and bare in certificates."""
    nodes = "nodes: [{name: cp-1, roles: [control-plane], addresses: ['2001:db8::11']}]\n"
    state = state_of(kubernetes(nodes=nodes))
    assert state.kubeconfigs["kubeconfig.scheduler[cp-1]"].server == "https://[2001:db8::11]:6443"
    assert state.kubeconfigs["kubeconfig.admin[cp-1]"].server == "https://[2001:db8::11]:6443"
    assert "ip:2001:db8::11" in state.components["component.apiserver[cp-1]"].sans


def test_loopback_members_hold_no_name_twice() -> None:
    """A member whose address is 127.0.0.1 has it once."""
    nodes = "nodes: [{name: cp-1, roles: [control-plane], addresses: [127.0.0.1]}]\n"
    sans = state_of(kubernetes(nodes=nodes)).components["component.etcd-peer[cp-1]"].sans
    assert sans == ("dns:cp-1", "dns:localhost", "ip:127.0.0.1", "ip:::1")
