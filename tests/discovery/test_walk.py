"""From directories to a cluster: where nodes are, what they are called, and whole inventories."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cluster.model import Cluster, Kubeconfig, Role
from reconciler.discovery.walk import Place, places, read_cluster
from reconciler.observed.model import Absent, Certificates, CombinedPair, FileMeta, Unusable
from tests.builders import make_ca, make_leaf
from tests.clusters.by_hand import by_hand
from tests.clusters.kubeadm import kubeadm
from tests.discovery.trees import contents, link, node, signature, tree, uses

CA = make_ca()


def found_in(directory: Path) -> Cluster:
    """The cluster below a directory."""
    return read_cluster(places(str(directory)))


@pytest.mark.parametrize(
    ("files", "roots"),
    [
        (["etc/x"], [""]),
        (["var/lib/x", "nodes/cp-1/etc/x"], [""]),
        (["cp-1/etc/x", "w-1/var/x", "notes/x"], ["cp-1", "w-1"]),
        (["nodes/cp-1/etc/x", "nodes/cp-2/etc/x", "authority/ca.crt"], ["nodes/cp-1", "nodes/cp-2"]),
        (["cp-1/etc/x", "nodes/cp-2/etc/x"], ["cp-1", "nodes/cp-2"]),
        (["pki/ca.crt"], [""]),
        (["a/manifests/x", "b/x"], ["a"]),
        ([".hidden/etc/x"], [""]),
        ([], [""]),
    ],
)
def test_where_nodes_are(tmp_path: Path, files: list[str], roots: list[str]) -> None:
    """A node's own root, else those of its subdirectories that are one, also below nodes/; else the directory itself."""
    tree(tmp_path, dict.fromkeys(files, ""))
    assert places(str(tmp_path)) == tuple(Place(root=f"{tmp_path}/{root}".rstrip("/")) for root in roots)


def test_a_directory_of_certificates_is_a_place(tmp_path: Path) -> None:
    """Its PEM files say so, whatever they are called; everything below it is looked through."""
    tree(
        tmp_path,
        {"a.txt": CA.certificate.pem, "b/c.txt": CA.key.pem(), "d.txt": b"nothing", "e/f": b"\0-----BEGIN CERTIFICATE-----"},
    )
    found = node(tmp_path)
    assert places(str(tmp_path)) == (Place(root=str(tmp_path)),)
    assert (found.name, found.layout, contents(found)) == (
        tmp_path.name,
        "files",
        {"/a.txt": "Certificates", "/b/c.txt": "Key"},
    )


def test_what_a_user_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Manifests, kubeconfigs and directories are this machine's paths, from the current directory, inside the root or not."""
    pod = "kind: Pod\nspec: {containers: [{command: [etcd, --cert-file=/c/a.crt], volumeMounts: [{name: c, mountPath: /c}]}],"
    tree(
        tmp_path,
        {
            "node/etc/a.crt": CA.certificate.pem,
            "node/opt/inside/b.crt": CA.certificate.pem,
            "pods/p.yaml": f"{pod} volumes: [{{name: c, hostPath: {{path: /etc}}}}]}}\n",
            "my.conf": "users: [{name: u, user: {client-key: k}}]\n",
            "certs/deep/c.crt": CA.certificate.pem,
        },
    )
    monkeypatch.chdir(tmp_path)
    cluster = read_cluster(
        [Place(root="node"), Place(root="other", name="second")],
        manifests=["pods"],
        kubeconfigs=["my.conf"],
        directories=["certs", "node/opt/inside"],
    )
    first, second = cluster.nodes
    assert uses(first) == {
        "/etc/a.crt": ("etcd --cert-file certificate serving",),
        f"{tmp_path}/certs/deep/c.crt": (),
        f"{tmp_path}/k": (" users[u].client-key key person",),
        f"{tmp_path}/my.conf": (" --kubeconfig kubeconfig person",),
        "/opt/inside/b.crt": (),
    }
    assert contents(first)[f"{tmp_path}/my.conf"] == "Kubeconfig"
    assert (first.name, second.name, second.files, second.processes) == ("node", "second", {}, ())


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"etc/systemd/system/k.service": "[Service]\nExecStart=kubelet --hostname-override=w-1\n"}, "w-1"),
        ({"etc/systemd/system/e.service": "[Service]\nExecStart=etcd --name=e-1\n"}, "e-1"),
        ({"etc/systemd/system/e.service": "[Service]\nExecStart=etcd --name=${UNKNOWN}\n"}, ""),
        ({"etc/systemd/system/e.service": "[Service]\nExecStart=nginx --name=x\n"}, "directory"),
    ],
)
def test_what_a_node_is_called(tmp_path: Path, files: dict[str, str], name: str) -> None:
    """What its files say, in the order of what the cluster itself believes; else its directory."""
    assert node(tree(tmp_path / "directory", files)).name == (name or "directory")


def test_the_kubelets_certificate_names_the_node(tmp_path: Path) -> None:
    """Before its flags and before the directory; a name that the user gives comes first."""
    leaf = make_leaf(CA, "system:node:w-9", sans=(), usages=("client auth",))
    root = tree(
        tmp_path / "directory",
        {
            "etc/systemd/system/k.service": "[Service]\nExecStart=kubelet --hostname-override=w-1 --kubeconfig=/k\n",
            "k": "contexts: [{name: c, context: {user: u}}]\ncurrent-context: c\n"
            "users: [{name: u, user: {client-certificate: k.pem}}]\n",
            "k.pem": leaf.certificate.pem,
        },
    )
    assert node(root).name == "w-9"
    assert read_cluster([Place(root=str(root), name="mine")]).nodes[0].name == "mine"


def test_two_copies_of_one_node_are_told_apart(tmp_path: Path) -> None:
    """By their directories, then by a number: the names of a cluster's nodes are different."""
    unit = {"etc/systemd/system/e.service": "[Service]\nExecStart=etcd --name=e\n"}
    for directory in ("a", "b", "x/b"):
        tree(tmp_path / directory, unit)
    roots = [Place(root=str(tmp_path / directory)) for directory in ("a", "b", "x/b")]
    assert [found.name for found in read_cluster(roots).nodes] == ["b", "e", "e-2"]


#: A control plane of kubeadm 1.31, whole: by path, what is there, its mode, and who uses it for what.
CONTROL_PLANE = """\
/etc/kubernetes/admin.conf Kubeconfig 600
    kubeconfig person
/etc/kubernetes/controller-manager.conf Kubeconfig 600
    kube-controller-manager --authentication-kubeconfig kubeconfig api-client
    kube-controller-manager --authorization-kubeconfig kubeconfig api-client
    kube-controller-manager --kubeconfig kubeconfig api-client
/etc/kubernetes/kubelet.conf Kubeconfig 600
    kubelet --kubeconfig kubeconfig api-client
/etc/kubernetes/pki/apiserver-etcd-client.crt Certificates 644
    kube-apiserver --etcd-certfile certificate etcd-client
/etc/kubernetes/pki/apiserver-etcd-client.key Key 600
    kube-apiserver --etcd-keyfile key etcd-client
/etc/kubernetes/pki/apiserver-kubelet-client.crt Certificates 644
    kube-apiserver --kubelet-client-certificate certificate kubelet-client
/etc/kubernetes/pki/apiserver-kubelet-client.key Key 600
    kube-apiserver --kubelet-client-key key kubelet-client
/etc/kubernetes/pki/apiserver.crt Certificates 644
    kube-apiserver --tls-cert-file certificate serving
/etc/kubernetes/pki/apiserver.key Key 600
    kube-apiserver --tls-private-key-file key serving
/etc/kubernetes/pki/ca.crt Certificates 644
    kube-apiserver --client-ca-file trust client-ca
    kube-controller-manager --client-ca-file trust client-ca
    kube-controller-manager --cluster-signing-cert-file signing-certificate signing
    kube-controller-manager --root-ca-file trust root-ca
    kubelet authentication.x509.clientCAFile trust client-ca
/etc/kubernetes/pki/ca.key Key 600
    kube-controller-manager --cluster-signing-key-file signing-key signing
/etc/kubernetes/pki/etcd/ca.crt Certificates 644
    etcd --peer-trusted-ca-file trust peer-ca
    etcd --trusted-ca-file trust client-ca
    kube-apiserver --etcd-cafile trust etcd-client
/etc/kubernetes/pki/etcd/ca.key Key 600
/etc/kubernetes/pki/etcd/healthcheck-client.crt Certificates 644
/etc/kubernetes/pki/etcd/healthcheck-client.key Key 600
/etc/kubernetes/pki/etcd/peer.crt Certificates 644
    etcd --peer-cert-file certificate peer
/etc/kubernetes/pki/etcd/peer.key Key 600
    etcd --peer-key-file key peer
/etc/kubernetes/pki/etcd/server.crt Certificates 644
    etcd --cert-file certificate serving
/etc/kubernetes/pki/etcd/server.key Key 600
    etcd --key-file key serving
/etc/kubernetes/pki/front-proxy-ca.crt Certificates 644
    kube-apiserver --requestheader-client-ca-file trust front-proxy-ca
    kube-controller-manager --requestheader-client-ca-file trust front-proxy-ca
/etc/kubernetes/pki/front-proxy-ca.key Key 600
/etc/kubernetes/pki/front-proxy-client.crt Certificates 644
    kube-apiserver --proxy-client-cert-file certificate front-proxy
/etc/kubernetes/pki/front-proxy-client.key Key 600
    kube-apiserver --proxy-client-key-file key front-proxy
/etc/kubernetes/pki/sa.key Key 600
    kube-apiserver --service-account-signing-key-file token-key service-account
    kube-controller-manager --service-account-private-key-file token-key service-account
/etc/kubernetes/pki/sa.pub PublicKey 600
    kube-apiserver --service-account-key-file token-verification service-account
/etc/kubernetes/scheduler.conf Kubeconfig 600
    kube-scheduler --authentication-kubeconfig kubeconfig api-client
    kube-scheduler --authorization-kubeconfig kubeconfig api-client
    kube-scheduler --kubeconfig kubeconfig api-client
/etc/kubernetes/super-admin.conf Kubeconfig 600
    kubeconfig person
"""
KUBELET = """\
/var/lib/kubelet/pki/kubelet-client-2026-11-23-12-00-00.pem CombinedPair 600
/var/lib/kubelet/pki/kubelet-client-current.pem CombinedPair 600 -> kubelet-client-2026-11-23-12-00-00.pem
    kubelet --cert-dir certificate api-client
    kubelet --cert-dir key api-client
    kubelet users[{user}].client-certificate certificate api-client
    kubelet users[{user}].client-key key api-client
/var/lib/kubelet/pki/kubelet.crt Certificates 644
    kubelet --cert-dir certificate serving
/var/lib/kubelet/pki/kubelet.key Key 600
    kubelet --cert-dir key serving
"""
WORKER = """\
/etc/kubernetes/kubelet.conf Kubeconfig 600
    kubelet --kubeconfig kubeconfig api-client
/etc/kubernetes/pki/ca.crt Certificates 644
    kubelet authentication.x509.clientCAFile trust client-ca
"""


def inventory(found: Cluster, name: str) -> str:
    """A node of a cluster, in the words of the texts above."""
    (its,) = (each for each in found.nodes if each.name == name)
    lines: list[str] = []
    for path, file in its.files.items():
        content = file.content.certificate if isinstance(file.content, CombinedPair) else file.content
        assert not isinstance(content, Unusable | Absent)
        target = f" -> {file.link.rpartition('/')[2]}" if file.link else ""
        lines.append(f"{path} {type(file.content).__name__} {content.meta.mode:o}{target}")
        lines += ["    " + " ".join(filter(None, (use.process, use.setting, use.role, use.purpose))) for use in file.uses]
    return "\n".join((*lines, ""))


def test_kubeadm_whole(tmp_path: Path) -> None:
    """Every file of a control plane and of a worker, with everybody who uses it; nothing beside them, nothing unread."""
    found = found_in(kubeadm(tmp_path))
    assert [(each.name, each.layout, each.addresses, each.unread) for each in found.nodes] == [
        ("cp-1", "kubeadm", ("192.0.2.11",), ()),
        ("worker-1", "kubeadm", (), ()),
    ]
    assert inventory(found, "cp-1") == CONTROL_PLANE + KUBELET.format(user="system:node:cp-1")
    assert inventory(found, "worker-1") == WORKER + KUBELET.format(user="default-auth")


@pytest.mark.parametrize("version", ["1.24", "1.28", "1.29", "1.31", "1.36"])
def test_kubeadm_by_version(tmp_path: Path, version: str) -> None:
    """What each version has that another has not; the version is that of the images."""
    found = found_in(kubeadm(tmp_path, version=version, workers=0))
    assert found.version.rpartition(".")[0] == version
    assert ("/etc/kubernetes/super-admin.conf" in found.nodes[0].files) == (version in {"1.29", "1.31", "1.36"})


def test_kubeadm_with_several_control_planes_and_etcd_outside(tmp_path: Path) -> None:
    """Nodes by name; an etcd of its own is named by the API server's flags alone; a CA key that is not there is not there."""
    found = found_in(kubeadm(tmp_path, control_planes=3, workers=1, external_etcd=True, external_ca=True))
    assert [each.name for each in found.nodes if each.is_control_plane] == ["cp-1", "cp-2", "cp-3"]
    for each in found.nodes[:3]:
        (trust,) = each.used("kube-apiserver", "etcd-client", "trust")
        assert isinstance(trust.content, Certificates)
        assert "/etc/kubernetes/pki/ca.key" not in {path for path, kind in contents(each).items() if kind == "Key"}


def test_a_kubeconfig_is_read_by_meaning(tmp_path: Path) -> None:
    """The kubelet's names files, the administrator's embeds: both tell certificate, key and trust, and no key."""
    found = found_in(kubeadm(tmp_path, workers=0)).nodes[0]
    kubelet, admin = (found.files[f"/etc/kubernetes/{name}.conf"].content for name in ("kubelet", "admin"))
    assert isinstance(kubelet, Kubeconfig)
    assert isinstance(admin, Kubeconfig)
    (by_file,), (embedded,) = kubelet.entries, admin.entries
    current = "/var/lib/kubelet/pki/kubelet-client-current.pem"
    assert (by_file.certificate_path, by_file.key_path, by_file.trust_path) == (current, current, "")
    assert (embedded.certificate_path, embedded.key_path, embedded.user) == ("", "", "kubernetes-admin")
    for entry in (by_file, embedded):
        assert isinstance(entry.certificate, Certificates)
        assert entry.certificate.chain[0].spki_sha256 == entry.key.facts.spki_sha256  # type: ignore[union-attr]
        assert entry.trust.chain == found.files["/etc/kubernetes/pki/ca.crt"].content.chain  # type: ignore[union-attr]
    assert admin.meta == FileMeta(mode=0o600, uid=admin.meta.uid, gid=admin.meta.gid)


@pytest.mark.parametrize("one_ca", [True, False])
def test_a_cluster_made_by_hand(tmp_path: Path, one_ca: bool) -> None:
    """Units with continued lines, environment files and configuration show the same as manifests do."""
    found = found_in(by_hand(tmp_path, one_ca=one_ca))
    assert [(each.name, each.layout, each.addresses, each.unread) for each in found.nodes] == [
        ("controlplane", "by-hand", ("192.0.2.11",), ()),
        ("node01", "by-hand", ("192.0.2.21",), ()),
    ]
    control, worker = found.nodes
    assert [each.name for each in control.processes] == ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]
    assert [each.name for each in worker.processes] == ["kube-proxy", "kubelet"]
    pki = "/var/lib/kubernetes/pki"
    asked: tuple[tuple[str, Role], ...] = (
        ("serving", "certificate"),
        ("kubelet-client", "key"),
        ("service-account", "token-verification"),
        ("service-account", "token-key"),
    )
    assert {
        (purpose, role): [file.path for file in control.used("kube-apiserver", purpose, role)] for purpose, role in asked
    } == {
        ("serving", "certificate"): [f"{pki}/kube-apiserver.crt"],
        ("kubelet-client", "key"): [f"{pki}/apiserver-kubelet-client.key"],
        ("service-account", "token-verification"): [f"{pki}/service-account.crt"],
        ("service-account", "token-key"): [f"{pki}/service-account.key"],
    }
    assert [file.path for file in control.used("etcd", "peer", "certificate")] == ["/etc/etcd/etcd-server.crt"]
    assert [file.path for file in worker.used("kubelet", "api-client", "certificate")] == [f"{pki}/node01.crt"]
    assert [file.path for file in worker.used("kubelet", "serving", "key")] == [f"{pki}/node01.key"]
    assert uses(control)["/root/.kube/config"] == ("  kubeconfig person",)


def test_nothing_is_touched(tmp_path: Path) -> None:
    """Reading leaves every file as it was: bytes, modes and times."""
    kubeadm(tmp_path)
    before = signature(tmp_path)
    found_in(tmp_path)
    assert signature(tmp_path) == before


def test_no_key_in_what_was_read(tmp_path: Path) -> None:
    """What is kept of a cluster holds no line of any private key in it."""
    found = repr(found_in(kubeadm(tmp_path)))
    keys = [path.read_text(encoding="ascii") for path in tmp_path.rglob("*.key")]
    lines = {line for key in keys for line in key.splitlines() if line and not line.startswith("-----")}
    assert len(lines) > 50
    assert [line for line in lines if line in found] == []


def test_the_same_files_give_the_same_cluster(tmp_path: Path) -> None:
    """However often they are read."""
    kubeadm(tmp_path)
    assert found_in(tmp_path) == found_in(tmp_path)


def test_homes_and_links(tmp_path: Path) -> None:
    """Kubeconfigs of everybody at home; a link is named as it is named, and told."""
    for path in ("root/.kube/config", "home/jane/.kube/config", "home/joe/elsewhere/config"):
        tree(tmp_path, {path: "users: []\n"})
    tree(tmp_path, {"etc/kubernetes/pki/real.crt": CA.certificate.pem})
    link(tmp_path, "/etc/kubernetes/pki/ca.crt", "real.crt")
    found = node(tmp_path)
    assert {path: file.link for path, file in found.files.items()} == {
        "/etc/kubernetes/pki/ca.crt": "real.crt",
        "/etc/kubernetes/pki/real.crt": "",
        "/home/jane/.kube/config": "",
        "/root/.kube/config": "",
    }
