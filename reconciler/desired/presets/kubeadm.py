"""The preset ``kubeadm``: every CA, certificate, key and kubeconfig of a cluster as kubeadm lays it out.

Names, subjects, usages, paths and SANs follow kubeadm's code (cmd/kubeadm/app/phases/certs/certlist.go,
phases/kubeconfig/kubeconfig.go, util/pkiutil/pki_helpers.go), which differs from the documentation in places. Keys are ours
(ecdsa-p256) except the service-account key, which stays what kubeadm makes by default (rsa-2048): tokens signed with it
are read by programs that kubeadm never meets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import UNSET, UnsetType

from reconciler.desired.presets.fragments import Fragments
from reconciler.desired.presets.settings import CONTROL_PLANE, Settings
from reconciler.desired.presets.versions import (
    MASTERS,
    admin_organizations,
    etcd_client_organizations,
    has_super_admin,
    kubelet_client_organizations,
)
from reconciler.desired.spec import BundleSpec, CaSpec, ComponentSpec, KeypairSpec, KubeconfigSpec
from reconciler.desired.spec_parts import CopiesSpec, ForEach, SansSpec, SubjectSpec, Usage

PKI: Final = "etc/kubernetes/pki"
KUBELET_PKI: Final = "var/lib/kubelet/pki"

_CLIENT: Final[list[Usage]] = ["client auth"]
_SERVER: Final[list[Usage]] = ["server auth"]
_BOTH: Final[list[Usage]] = ["server auth", "client auth"]

#: What Kubernetes or etcd refuses to work without. The server certificate of etcd is a client's too: its gRPC gateway dials
#: the server with it (etcd server/embed/etcd.go grpcGatewayDial).
REQUIRED_USAGES: Final[dict[str, frozenset[str]]] = {
    "apiserver": frozenset(_SERVER),
    "apiserver-kubelet-client": frozenset(_CLIENT),
    "front-proxy-client": frozenset(_CLIENT),
    "etcd-server": frozenset(_BOTH),
    "etcd-peer": frozenset(_BOTH),
    "etcd-healthcheck-client": frozenset(_CLIENT),
    "apiserver-etcd-client": frozenset(_CLIENT),
    "kubelet-client": frozenset(_CLIENT),
    "kubelet-serving": frozenset(_SERVER),
    "kube-proxy": frozenset(_CLIENT),
    "admin": frozenset(_CLIENT),
    "super-admin": frozenset(_CLIENT),
    "controller-manager": frozenset(_CLIENT),
    "scheduler": frozenset(_CLIENT),
}


def preset(settings: Settings) -> Fragments:
    """Everything that a kubeadm cluster of these settings needs, with placeholders for its nodes."""
    control_plane = ForEach(roles=[CONTROL_PLANE])
    etcd = ForEach(nodes=list(settings.etcd)) if settings.external_etcd else control_plane
    return Fragments(
        cas=_cas(settings, control_plane, etcd),
        keypairs={
            "sa": KeypairSpec(key="rsa-2048", for_each=control_plane, path=f"{PKI}/sa", home=_first(settings.control_plane))
        },
        components={
            **_api_components(settings, control_plane),
            **_etcd_components(settings, etcd),
            **_kubelet_components(),
            **_kubeconfig_components(settings, control_plane),
        },
        bundles=_bundles(settings, control_plane),
        kubeconfigs=_kubeconfigs(settings, control_plane),
    )


def _cas(settings: Settings, control_plane: ForEach, etcd: ForEach) -> dict[str, CaSpec]:
    """A CA of kubeadm's has its own CN as a DNS name, too (pkiutil NewCertificateAuthority)."""

    def ca(common_name: str, path: str, on: ForEach, home: tuple[str, ...]) -> CaSpec:
        place = f"{PKI}/{path}"
        return CaSpec(
            subject=SubjectSpec(common_name=common_name),
            sans=SansSpec(dns=[common_name]),
            path=place,
            copies=CopiesSpec(for_each=on, path=place) if settings.distribute_ca_keys else UNSET,
            home=_first(home),
        )

    return {
        "kubernetes": ca("kubernetes", "ca", control_plane, settings.control_plane),
        "etcd": ca("etcd-ca", "etcd/ca", etcd, settings.etcd),
        "front-proxy": ca("front-proxy-ca", "front-proxy-ca", control_plane, settings.control_plane),
    }


def _api_components(settings: Settings, control_plane: ForEach) -> dict[str, ComponentSpec]:
    kubelet_client = kubelet_client_organizations(settings.version)
    etcd_client = etcd_client_organizations(settings.version)
    return {
        "apiserver": ComponentSpec(
            ca="kubernetes",
            for_each=control_plane,
            subject=SubjectSpec(common_name="kube-apiserver"),
            usages=_SERVER,
            sans=_apiserver_sans(settings),
            path=f"{PKI}/apiserver",
        ),
        "apiserver-kubelet-client": _client(
            "kubernetes", control_plane, "kube-apiserver-kubelet-client", kubelet_client, "apiserver-kubelet-client"
        ),
        "front-proxy-client": _client("front-proxy", control_plane, "front-proxy-client", [], "front-proxy-client"),
        "apiserver-etcd-client": _client(
            "etcd", control_plane, "kube-apiserver-etcd-client", etcd_client, "apiserver-etcd-client"
        ),
    }


def _apiserver_sans(settings: Settings) -> SansSpec:
    """As kubeadm's GetAPIServerAltNames: no localhost and no 127.0.0.1 among them."""
    dns = ["{node}", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    dns.append(f"kubernetes.default.svc.{settings.dns_domain}")
    ips = [settings.service_ip, "{node.address}"]
    if settings.endpoint_san:
        (ips if _is_address(settings.endpoint_san) else dns).append(settings.endpoint_san)
    return SansSpec(dns=_unique([*dns, *settings.cert_dns]), ip=_unique([*ips, *settings.cert_ips]))


def _etcd_components(settings: Settings, etcd: ForEach) -> dict[str, ComponentSpec]:
    """The etcd leaves of kubeadm; server and peer hold the node, localhost and both loopback addresses (getAltNames)."""
    sans = SansSpec(dns=["{node}", "localhost"], ip=["{node.address}", "127.0.0.1", "::1"])

    def member(path: str) -> ComponentSpec:
        return ComponentSpec(
            ca="etcd", for_each=etcd, subject=SubjectSpec(common_name="{node}"), usages=_BOTH, sans=sans, path=f"{PKI}/{path}"
        )

    organizations = etcd_client_organizations(settings.version)
    return {
        "etcd-server": member("etcd/server"),
        "etcd-peer": member("etcd/peer"),
        "etcd-healthcheck-client": _client(
            "etcd", etcd, "kube-etcd-healthcheck-client", organizations, "etcd/healthcheck-client"
        ),
    }


def _kubelet_components() -> dict[str, ComponentSpec]:
    """What the kubelet and kube-proxy of each node need; a node that runs etcd alone has neither.

    kubeadm leaves these to the kubelet's own requests; hand-built clusters hold them as files. The paths are those of
    the kubelet: key and chain of the client in one file, the serving pair as tlsCertFile and tlsPrivateKeyFile.
    """
    kubelets = ForEach(roles=[CONTROL_PLANE, "worker"])
    identity = SubjectSpec(common_name="system:node:{node}", organizations=["system:nodes"])
    return {
        "kubelet-client": ComponentSpec(
            ca="kubernetes",
            for_each=kubelets,
            subject=identity,
            usages=_CLIENT,
            path=f"{KUBELET_PKI}/kubelet-client-current",
            outputs=["combined"],
        ),
        "kubelet-serving": ComponentSpec(
            ca="kubernetes",
            for_each=kubelets,
            subject=identity,
            usages=_SERVER,
            sans=SansSpec(dns=["{node}"], ip=["{node.addresses}"]),
            path=f"{KUBELET_PKI}/kubelet",
        ),
        "kube-proxy": _client("kubernetes", kubelets, "system:kube-proxy", ["system:node-proxier"], "kube-proxy"),
    }


def _kubeconfig_components(settings: Settings, control_plane: ForEach) -> dict[str, ComponentSpec]:
    """Identities that live only inside their kubeconfigs."""
    components = {
        "admin": _identity(control_plane, "kubernetes-admin", admin_organizations(settings.version)),
        "controller-manager": _identity(control_plane, "system:kube-controller-manager", []),
        "scheduler": _identity(control_plane, "system:kube-scheduler", []),
    }
    if has_super_admin(settings.version):
        components["super-admin"] = _identity(_first_node(settings), "kubernetes-super-admin", [MASTERS])
    return components


def _bundles(settings: Settings, control_plane: ForEach) -> dict[str, BundleSpec]:
    users = ForEach(nodes=list(dict.fromkeys((*settings.control_plane, *settings.etcd))))
    return {
        "kubernetes": BundleSpec(cas=["kubernetes"], for_each=ForEach(), path=f"{PKI}/ca.crt"),
        "etcd": BundleSpec(cas=["etcd"], for_each=users if settings.external_etcd else control_plane, path=f"{PKI}/etcd/ca.crt"),
        "front-proxy": BundleSpec(cas=["front-proxy"], for_each=control_plane, path=f"{PKI}/front-proxy-ca.crt"),
    }


def _kubeconfigs(settings: Settings, control_plane: ForEach) -> dict[str, KubeconfigSpec]:
    """controller-manager and scheduler talk to the API server beside them, all others to the endpoint."""
    shared, local = f"https://{settings.endpoint}", f"https://{{node.host}}:{settings.bind_port}"

    def kubeconfig(component: str, on: ForEach, server: str, *, name: str = "", embed: bool = True) -> KubeconfigSpec:
        return KubeconfigSpec(
            component=component,
            bundle="kubernetes",
            for_each=on,
            server=server,
            cluster_name=settings.cluster_name,
            embed=embed,
            path=f"etc/kubernetes/{name or component}.conf",
        )

    files = {
        "admin": kubeconfig("admin", control_plane, shared),
        "controller-manager": kubeconfig("controller-manager", control_plane, local),
        "scheduler": kubeconfig("scheduler", control_plane, local),
        "kubelet": kubeconfig("kubelet-client", ForEach(roles=[CONTROL_PLANE, "worker"]), shared, name="kubelet", embed=False),
    }
    if has_super_admin(settings.version):
        files["super-admin"] = kubeconfig("super-admin", _first_node(settings), shared)
    return files


def _client(ca: str, on: ForEach, common_name: str, organizations: list[str], path: str) -> ComponentSpec:
    subject = SubjectSpec(common_name=common_name, organizations=organizations)
    return ComponentSpec(ca=ca, for_each=on, subject=subject, usages=_CLIENT, path=f"{PKI}/{path}")


def _identity(on: ForEach, common_name: str, organizations: list[str]) -> ComponentSpec:
    subject = SubjectSpec(common_name=common_name, organizations=organizations)
    return ComponentSpec(ca="kubernetes", for_each=on, subject=subject, usages=_CLIENT)


def _first_node(settings: Settings) -> ForEach:
    """``kubeadm init`` writes super-admin.conf, ``kubeadm join`` does not."""
    return ForEach(nodes=list(settings.control_plane[:1]))


def _first(names: tuple[str, ...]) -> str | UnsetType:
    return names[0] if names else UNSET


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
