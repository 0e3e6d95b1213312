"""Who is started on a node: by systemd, by a kubelet, by a distribution; and with which configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cluster.model import Process, Unread
from tests.discovery.trees import link, node, tree, uses

ETCD = "[Service]\nExecStart=/usr/bin/etcd --name={}\n"


def settings(root: Path, name: str = "etcd") -> dict[str, tuple[str, ...]]:
    """Those of the first process of that name."""
    process = node(root).process(name)
    return dict(process.settings) if process else {}


@pytest.mark.parametrize(
    ("files", "value"),
    [
        ({"/usr/lib/systemd/system/etcd.service": ETCD.format("a")}, "a"),
        ({"/lib/systemd/system/etcd.service": ETCD.format("a")}, "a"),
        (
            {"/usr/lib/systemd/system/etcd.service": ETCD.format("a"), "/etc/systemd/system/etcd.service": ETCD.format("b")},
            "b",
        ),
        (
            {
                "/usr/lib/systemd/system/etcd.service": ETCD.format("a"),
                "/usr/lib/systemd/system/etcd.service.d/10.conf": "[Service]\nExecStart=\nExecStart=etcd --name=b\n",
                "/etc/systemd/system/etcd.service.d/20.conf": "[Service]\nExecStart=\nExecStart=etcd --name=c\n",
                "/run/systemd/system/etcd.service.d/15.conf": "[Service]\nExecStart=\nExecStart=etcd --name=d\n",
            },
            "c",
        ),
        (
            {
                "/usr/lib/systemd/system/etcd.service": ETCD.format("a"),
                "/usr/lib/systemd/system/etcd.service.d/10.conf": "[Service]\nExecStart=\nExecStart=etcd --name=b\n",
                "/etc/systemd/system/etcd.service.d/10.conf": "[Service]\n",
            },
            "a",
        ),
        (
            {
                "/etc/systemd/system/etcd.service": "[Service]\nEnvironmentFile=-/gone\nEnvironmentFile=/etc/etcd/*.env\n"
                "Environment=N=a\nExecStart=etcd --name=${N}\n",
                "/etc/etcd/1.env": "N=b\n",
                "/etc/etcd/2.env": "N=c\n",
                "/etc/etcd/3.txt": "N=d\n",
            },
            "c",
        ),
        (
            {
                "/etc/systemd/system/etcd.service": "[Service]\nEnvironmentFile=/etc/etcd.env\nExecStart=/usr/bin/etcd\n",
                "/etc/etcd.env": 'ETCD_NAME="a"\n',
            },
            "a",
        ),
        ({"/etc/systemd/system/etcd.service": ETCD.format("%H"), "/etc/hostname": "cp-1\n"}, "cp-1"),
        ({"/etc/systemd/system/etcd.service": "[Service]\nExecStartPre=etcd --name=a\n"}, ""),
        ({"/etc/systemd/system/etcd.timer": ETCD.format("a")}, ""),
    ],
    ids=[
        *("usr", "lib", "etc before usr", "drop-ins by name", "a drop-in hidden by one of etc", "environment files"),
        *("variables of etcd", "host name", "not what it starts", "no service"),
    ],
)
def test_units(tmp_path: Path, files: dict[str, str], value: str) -> None:
    """Which unit counts, and what is over it."""
    assert settings(tree(tmp_path, files)).get("name", ("",)) == (value,)


def test_a_masked_unit_is_not_started(tmp_path: Path) -> None:
    """Whatever the package brings."""
    tree(tmp_path, {"/usr/lib/systemd/system/etcd.service": ETCD.format("a")})
    link(tmp_path, "/etc/systemd/system/etcd.service", "/dev/null")
    assert node(tmp_path).processes == ()


def test_a_unit_with_two_names_is_one(tmp_path: Path) -> None:
    """Debian's etcd is etcd2, too; an instance of a template is a unit, the template is none."""
    tree(
        tmp_path,
        {
            "/usr/lib/systemd/system/etcd.service": ETCD.format("a"),
            "/usr/lib/systemd/system/member@.service": ETCD.format("%i"),
            "/etc/systemd/system/d.service.d/x.conf": "",
        },
    )
    link(tmp_path, "/usr/lib/systemd/system/etcd2.service", "etcd.service")
    link(tmp_path, "/etc/systemd/system/etcd3.service", "/usr/lib/systemd/system/etcd.service")
    link(tmp_path, "/etc/systemd/system/multi-user.target.wants/etcd.service", "/usr/lib/systemd/system/etcd.service")
    link(tmp_path, "/etc/systemd/system/multi-user.target.wants/member@b.service", "/usr/lib/systemd/system/member@.service")
    assert [process.value("name") for process in node(tmp_path).processes] == ["b", "a"]


def test_an_environment_file_that_is_missing(tmp_path: Path) -> None:
    """It is told, unless the unit says that it may be."""
    unit = "[Service]\nEnvironmentFile=-/may\nEnvironmentFile=/must\nExecStart=etcd --name=a\n"
    found = node(tree(tmp_path, {"/etc/systemd/system/etcd.service": unit}))
    assert found.unread == (Unread(path="/must", problem="the environment file of a unit is missing"),)
    assert found.processes == (Process(name="etcd", source="/etc/systemd/system/etcd.service", settings={"name": ("a",)}),)


KUBELET = {"/etc/systemd/system/kubelet.service": "[Service]\nExecStart=kubelet --config=/k.yaml --config-dir=/k.d\n"}
POD = "kind: Pod\nspec: {containers: [{command: [etcd, --name=%s], image: 'etcd:3.5.1-0'}]}\n"


def test_configuration_of_a_kubelet(tmp_path: Path) -> None:
    """Its file, and drop-ins over it in the order of their names; each setting knows where it is from."""
    found = node(
        tree(
            tmp_path,
            {
                **KUBELET,
                "/k.yaml": "authentication: {x509: {clientCAFile: /a.crt}}\ntlsCertFile: /s.crt\n",
                "/k.d/20-b.conf": '{"authentication": {"x509": {"clientCAFile": "/c.crt"}}}',
                "/k.d/10-a.conf": "authentication: {x509: {clientCAFile: /b.crt}, anonymous: {enabled: false}}\n",
                "/k.d/30.yaml": "tlsCertFile: /no.crt\n",
                "/k.d/.40.conf": "tlsCertFile: /no.crt\n",
            },
        )
    )
    assert found.processes[0].settings == {
        "authentication.anonymous.enabled": ("false",),
        "authentication.x509.clientCAFile": ("/c.crt",),
        "config": ("/k.yaml",),
        "config-dir": ("/k.d",),
        "tlsCertFile": ("/s.crt",),
    }
    assert {path: file.uses[0].source for path, file in found.files.items()} == {
        "/c.crt": "/k.d/20-b.conf",
        "/s.crt": "/k.yaml",
    }


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ("staticPodPath: /pods\n", ("b", "a")),
        ("staticPodPath: /pods/2.yaml\n", ("a",)),
        ("staticPodPath: /etc/kubernetes/manifests\n", ("usual",)),
        ("{}\n", ("usual",)),
    ],
)
def test_where_static_pods_are(tmp_path: Path, config: str, names: tuple[str, ...]) -> None:
    """Where the kubelet's configuration says, a directory or a file; kubeadm's place where it says nothing."""
    files = {"/pods/1.yaml": POD % "b", "/pods/2.yaml": POD % "a", "/pods/.3.yaml": POD % "c"}
    found = node(tree(tmp_path, {**KUBELET, **files, "/k.yaml": config, "/etc/kubernetes/manifests/x": POD % "usual"}))
    etcds = [process for process in found.processes if process.name == "etcd"]
    assert tuple(process.value("name") for process in etcds) == names
    assert {process.version for process in etcds} == {"3.5.1"}


def test_manifests_that_cannot_be_read(tmp_path: Path) -> None:
    """Each is told, and keeps nobody else from being read."""
    files: dict[str, str | bytes] = {
        "a.yaml": "kind: [",
        "b.yaml": b"\xff",
        "c.yaml": "",
        "d.yaml": POD % "a",
        "e/f.yaml": POD % "b",
    }
    found = node(tree(tmp_path, {f"/etc/kubernetes/manifests/{name}": content for name, content in files.items()}))
    assert [process.value("name") for process in found.processes] == ["a"]
    assert [(unread.path.rpartition("/")[2], unread.problem) for unread in found.unread] == [
        ("a.yaml", "the manifest is not valid YAML"),
        ("b.yaml", "the file is not UTF-8"),
        ("c.yaml", "the file is empty"),
    ]


def test_a_configuration_that_is_missing(tmp_path: Path) -> None:
    """It is told; what flags say is known all the same."""
    unit = "[Service]\nExecStart=etcd --config-file /etc/etcd/etcd.yaml\n"
    found = node(tree(tmp_path, {"/etc/systemd/system/etcd.service": unit}))
    assert found.unread == (Unread(path="/etc/etcd/etcd.yaml", problem="the file is missing"),)
    assert found.processes[0].settings == {"config-file": ("/etc/etcd/etcd.yaml",)}


def test_a_kubelet_without_its_unit(tmp_path: Path) -> None:
    """A snapshot of /etc/kubernetes alone shows a worker of kubeadm."""
    found = node(tree(tmp_path, {"/etc/kubernetes/kubelet.conf": "users: []\n", "/etc/kubernetes/pki/ca.crt": ""}))
    assert found.layout == "kubeadm"
    assert found.processes == (
        Process(
            name="kubelet", source="/etc/kubernetes/kubelet.conf", settings={"kubeconfig": ("/etc/kubernetes/kubelet.conf",)}
        ),
    )


API = """\
kind: Pod
spec:
  containers:
  - command: [kube-apiserver, --admission-control-config-file=/c/a.yaml, --egress-selector-config-file=/c/e.yaml,
              --authorization-config=/c/z.yaml, --audit-webhook-config-file=/c/audit.conf, --tls-cert-file=/gone/x.crt]
    volumeMounts: [{name: c, mountPath: /c}]
  volumes: [{name: c, hostPath: {path: /conf}}]
"""
KUBECONFIG = "users: [{name: u, user: {client-certificate: u.crt, client-key: /c/u.key}}]\n"


def test_files_that_name_files(tmp_path: Path) -> None:
    """Admission, authorization and egress are followed through the mounts of the container, kubeconfigs to their files."""
    root = tree(
        tmp_path,
        {
            "/etc/kubernetes/manifests/api.yaml": API,
            "/conf/a.yaml": "kind: AdmissionConfiguration\nplugins: [{name: W, configuration: {kubeConfigFile: /c/w.conf}},"
            " {name: I, path: /c/i.yaml}]\n",
            "/conf/i.yaml": "imagePolicy: {kubeConfigFile: /else/i.conf}\n",
            "/conf/e.yaml": "kind: EgressSelectorConfiguration\negressSelections: [{name: cluster, connection: {transport:"
            " {tcp: {tlsConfig: {caBundle: /c/e.crt, clientCert: /c/ec.crt, clientKey: /c/ec.key}}}}}]\n",
            "/conf/z.yaml": "kind: AuthorizationConfiguration\nauthorizers: [{name: z, webhook: {connectionInfo:"
            " {kubeConfigFile: /c/z.conf}}}]\n",
            "/conf/w.conf": KUBECONFIG,
            "/gone/x.crt": "a file of the node that its container does not see",
        },
    )
    found = node(root)
    field = "egressSelections[cluster].connection.transport.tcp.tlsConfig"
    assert uses(found) == {
        "/conf/audit.conf": ("kube-apiserver --audit-webhook-config-file kubeconfig webhook",),
        "/conf/e.crt": (f"kube-apiserver {field}.caBundle trust egress",),
        "/conf/ec.crt": (f"kube-apiserver {field}.clientCert certificate egress",),
        "/conf/ec.key": (f"kube-apiserver {field}.clientKey key egress",),
        "/conf/u.crt": ("kube-apiserver users[u].client-certificate certificate webhook",),
        "/conf/u.key": ("kube-apiserver users[u].client-key key webhook",),
        "/conf/w.conf": ("kube-apiserver plugins[W].configuration.kubeConfigFile kubeconfig webhook",),
        "/conf/z.conf": ("kube-apiserver authorizers[z].webhook.connectionInfo.kubeConfigFile kubeconfig webhook",),
    }
    assert [unread.problem for unread in found.unread] == [
        "imagePolicy.kubeConfigFile names /else/i.conf, which no volume brings from the node",
        "kube-apiserver --tls-cert-file names /gone/x.crt, which no volume brings from the node",
    ]
