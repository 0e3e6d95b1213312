"""What a kubelet keeps and reads: its rotating client certificate, its own serving pair, its configuration and its units."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from cryptography import x509

from tests.clusters import versions
from tests.clusters.certificates import YEAR, Fields, Minted, certificate_pem, key_usage, leaf, serial_number, sign, subject
from tests.clusters.files import Root
from tests.clusters.keys import key, key_pem
from tests.clusters.versions import Version

PKI: Final = "/var/lib/kubelet/pki"
CURRENT: Final = f"{PKI}/kubelet-client-current.pem"
REFERENCES: Final = f"client-certificate: {CURRENT}\nclient-key: {CURRENT}"

_KUBECONFIGS: Final = "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
#: As the packages of Kubernetes have it, but for its comments.
_DROP_IN: Final = f"""\
# Note: This dropin only works with kubeadm and kubelet v1.11+
[Service]
Environment="KUBELET_KUBECONFIG_ARGS={_KUBECONFIGS}"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
"""
_UNIT: Final = """\
[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=10

[Install]
WantedBy=multi-user.target
"""
_CONFIGURATION: Final = """\
apiVersion: kubelet.config.k8s.io/v1beta1
authentication:
  anonymous:
    enabled: false
  webhook:
    cacheTTL: 0s
    enabled: true
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
authorization:
  mode: Webhook
  webhook:
    cacheAuthorizedTTL: 0s
    cacheUnauthorizedTTL: 0s
cgroupDriver: systemd
clusterDNS:
- 10.96.0.10
clusterDomain: cluster.local
cpuManagerReconcilePeriod: 0s
evictionPressureTransitionPeriod: 0s
fileCheckFrequency: 0s
healthzBindAddress: 127.0.0.1
healthzPort: 10248
httpCheckFrequency: 0s
imageMinimumGCAge: 0s
kind: KubeletConfiguration
logging:
  flushFrequency: 0
  options:
    json:
      infoBufferSize: "0"
  verbosity: 0
memorySwap: {}
nodeStatusReportFrequency: 0s
nodeStatusUpdateFrequency: 0s
rotateCertificates: true
runtimeRequestTimeout: 0s
shutdownGracePeriod: 0s
shutdownGracePeriodCriticalPods: 0s
staticPodPath: /etc/kubernetes/manifests
streamingConnectionIdleTimeout: 0s
syncFrequency: 0s
volumeStatsAggPeriod: 0s
"""


_SERVICE_MANAGER: Final = """\
[Service]
Environment="KUBELET_CONFIG_ARGS=--config=/etc/systemd/system/kubelet.service.d/kubelet.conf"
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_CONFIG_ARGS
Restart=always
"""
_STANDALONE: Final = """\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: false
authorization:
  mode: AlwaysAllow
cgroupDriver: systemd
address: 127.0.0.1
containerRuntimeEndpoint: unix:///var/run/containerd/containerd.sock
staticPodPath: /etc/kubernetes/manifests
"""


def service_manager(root: Root) -> None:
    """A kubelet that starts etcd and knows no API server, as kubeadm's guide for external etcd has it."""
    root.write("/usr/lib/systemd/system/kubelet.service", _UNIT)
    root.write("/etc/systemd/system/kubelet.service.d/20-etcd-service-manager.conf", _SERVICE_MANAGER)
    root.write("/etc/systemd/system/kubelet.service.d/kubelet.conf", _STANDALONE)


def configuration(root: Root, version: Version) -> None:
    """Unit, drop-in, flags and configuration file as ``kubeadm init`` leaves them."""
    pause = f"{versions.image_registry(version)}/pause:{versions.PAUSE_IMAGES.get(version[1], '3.10')}"
    runtime = "--container-runtime=remote " if version < (1, 27, 0) else ""
    socket = "--container-runtime-endpoint=unix:///var/run/containerd/containerd.sock"
    root.write("/usr/lib/systemd/system/kubelet.service", _UNIT)
    root.write(f"{versions.drop_in_directory(version)}/10-kubeadm.conf", _DROP_IN)
    root.write("/var/lib/kubelet/config.yaml", _CONFIGURATION)
    root.write(
        "/var/lib/kubelet/kubeadm-flags.env", f'KUBELET_KUBEADM_ARGS="{runtime}{socket} --pod-infra-container-image={pause}"\n'
    )


def client(root: Root, ca: Minted, node: str, *, now: datetime, joined: bool, directory: str = PKI) -> None:
    """The certificate of the kubelet with its key in one file, and the link by which it is found.

    A node that joined had it signed by kube-controller-manager, with longer serial numbers and no key encipherment; the
    first one took over what ``kubeadm init`` had put into kubelet.conf.
    """
    begins = now - timedelta(minutes=5)
    common_name, organizations = f"system:node:{node}", ("system:nodes",)
    if joined:
        secret = key(f"{node}/kubelet-client", "ecdsa-p256")
        ends = min(begins + YEAR, ca.certificate.not_valid_after_utc)
        usages = ("digital_signature",)
        minted = leaf(
            ca,
            common_name,
            secret,
            organizations=organizations,
            key_usages=usages,
            not_before=begins,
            not_after=ends,
            serial_bits=127,
        )
    else:
        secret = key(f"{node}/kubelet-client")
        minted = leaf(ca, common_name, secret, organizations=organizations, not_before=begins, not_after=now + YEAR)
    dated = f"{directory}/kubelet-client-{now:%Y-%m-%d-%H-%M-%S}.pem"
    root.write(dated, minted.pem + key_pem(secret), 0o600)
    root.link(f"{directory}/kubelet-client-current.pem", dated)


def serving(root: Root, node: str, *, now: datetime, directory: str = PKI) -> None:
    """kubelet.crt and kubelet.key, which the kubelet signs by a CA that it throws away (client-go GenerateSelfSignedCertKey)."""
    begins = now - timedelta(hours=1)
    ends = begins + YEAR
    stamp = int(now.timestamp())
    ca_key, secret = key(f"{node}/kubelet-ca"), key(f"{node}/kubelet")
    name = f"{node}-ca@{stamp}"
    usages = key_usage(("digital_signature", "key_encipherment", "key_cert_sign"))
    fields = Fields(
        subject=subject(name),
        not_before=begins,
        not_after=ends,
        serial=serial_number(name),
        extensions=(
            (usages, True),
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), False),
        ),
    )
    ca = Minted(certificate=sign(fields, ca_key, None), key=ca_key)
    minted = leaf(
        ca,
        f"{node}@{stamp}",
        secret,
        sans=(f"dns:{node}",),
        usages=("server auth",),
        not_before=begins,
        not_after=ends,
    )
    root.write(f"{directory}/kubelet.crt", certificate_pem(minted.certificate, ca.certificate))
    root.write(f"{directory}/kubelet.key", key_pem(secret), 0o600)
