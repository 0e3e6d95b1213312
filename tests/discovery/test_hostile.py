"""Trees that somebody made to hang, to mislead or to break whoever reads them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.cluster.model import Unread
from reconciler.discovery.walk import places, read_cluster
from reconciler.observed.model import Absent, Unusable
from tests.builders import make_ca
from tests.discovery.trees import contents, link, node, signature, tree, uses
from tests.patience import within

CA = make_ca()
PEM = CA.certificate.pem
PKI = "/etc/kubernetes/pki"


@pytest.fixture(autouse=True)
def _never_hangs() -> Iterator[None]:
    """A walk that waits for somebody fails, instead of hanging the run."""
    with within(60, "the walk"):
        yield


def unit(*flags: str) -> dict[str, str]:
    """An etcd that names files."""
    return {"/etc/systemd/system/etcd.service": f"[Service]\nExecStart=etcd {' '.join(flags)}\n"}


def a_pipe(path: Path) -> None:
    """A FIFO that nobody writes into."""
    os.mkfifo(path)


def a_socket(path: Path) -> None:
    """A bound Unix socket, by a short way in."""
    here = os.open(path.parent, os.O_DIRECTORY)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{here}/{path.name}")
    os.close(here)


def a_directory(path: Path) -> None:
    """A directory with the name of a certificate."""
    path.mkdir()


def a_gigabyte(path: Path) -> None:
    """A sparse file."""
    with path.open("wb") as file:
        file.truncate(1 << 30)


def a_loop(path: Path) -> None:
    """A link to itself."""
    path.symlink_to(path.name)


def a_torn_file(path: Path) -> None:
    """The beginning of a certificate."""
    path.write_bytes(PEM[:-40])


def zeros(path: Path) -> None:
    """What a power loss may leave."""
    path.write_bytes(b"\0" * 4096)


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (a_pipe, "not-a-file"),
        (a_socket, "not-a-file"),
        (a_directory, "not-a-file"),
        (a_gigabyte, "too-large"),
        (a_loop, "not-a-file"),
        (a_torn_file, "truncated"),
        (zeros, "not-pem"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, make: object, problem: str) -> None:
    """It is told what is wrong with it, whoever names it: a flag, a kubeconfig, or its suffix alone."""
    tree(
        tmp_path,
        {**unit(f"--cert-file={PKI}/named.crt"), "/root/.kube/config": f"users: [{{name: u, user: {{client-key: {PKI}/k}}}}]"},
    )
    (tmp_path / PKI[1:]).mkdir(parents=True)
    for name in ("named.crt", "k"):
        make(tmp_path / PKI[1:] / name)  # type: ignore[operator]
    found = node(tmp_path)
    for path in (f"{PKI}/named.crt", f"{PKI}/k"):
        content = found.files[path].content
        assert isinstance(content, Unusable)
        assert content.problem == problem
        assert found.files[path].sha256 == ""


@pytest.mark.parametrize("make", [a_pipe, a_socket, a_gigabyte, a_loop])
def test_configuration_that_is_no_file(tmp_path: Path, make: object) -> None:
    """Units, manifests, kubeconfigs, host name: each place where something is read may hold a trap."""
    places_to_trap = (
        *("/etc/hostname", "/etc/systemd/system/etcd.service", "/etc/kubernetes/manifests/etcd.yaml"),
        *("/etc/kubernetes/admin.conf", "/etc/kubernetes/kubelet.conf", "/etc/rancher/k3s/config.yaml", "/root/.kube/config"),
        *(
            "/var/lib/rancher/k3s/server/db/etcd/config",
            "/var/lib/kubelet/config.yaml",
            "/etc/systemd/system/kubelet.service.d/1.conf",
        ),
    )
    for path in places_to_trap:
        trap = tmp_path / path[1:]
        trap.parent.mkdir(parents=True, exist_ok=True)
        make(trap)  # type: ignore[operator]
    tree(
        tmp_path,
        {"/usr/lib/systemd/system/kubelet.service": "[Service]\nExecStart=kubelet --config=/var/lib/kubelet/config.yaml\n"},
    )
    found = node(tmp_path)
    assert "/var/lib/kubelet/config.yaml" in {unread.path for unread in found.unread}
    assert [process.source for process in found.processes if process.name == "kubelet"] == [
        "/usr/lib/systemd/system/kubelet.service"
    ]


def test_links_out_of_the_root(tmp_path: Path) -> None:
    """They lead to what the node would have there, never to this machine's files."""
    tree(tmp_path, {"secret/key.pem": CA.key.pem(), "secret/ca.crt": PEM, "secret/pod.yaml": "kind: Pod\n"})
    root = tmp_path / "node"
    tree(root, unit(f"--cert-file={PKI}/a.crt", f"--key-file={PKI}/b.key", "--trusted-ca-file=/out/ca.crt"))
    link(root, f"{PKI}/a.crt", f"{tmp_path}/secret/ca.crt")
    link(root, f"{PKI}/b.key", "../../../../secret/key.pem")
    link(root, "/out", f"{tmp_path}/secret")
    link(root, "/etc/etcd", "../../secret")
    link(root, "/root/.kube", f"{tmp_path}/secret")
    found = node(root)
    assert {path: file.content for path, file in found.files.items()} == {
        f"{PKI}/a.crt": Absent(),
        f"{PKI}/b.key": Absent(),
        "/out/ca.crt": Absent(),
    }


def test_directories_in_circles(tmp_path: Path) -> None:
    """Each is looked through once, whatever leads back to it."""
    tree(tmp_path, {f"{PKI}/ca.crt": PEM, f"{PKI}/deep/b.crt": PEM})
    for path, target in (("up", ".."), ("self", "."), ("deep/again", PKI), ("root", "/")):
        link(tmp_path, f"{PKI}/{path}", target)
    assert [path for path in uses(node(tmp_path)) if path.startswith(f"{PKI}/") and path.count("/pki") == 1] == [
        f"{PKI}/ca.crt",
        f"{PKI}/deep/b.crt",
    ]


def test_too_deep(tmp_path: Path) -> None:
    """A tree without a bottom is left at some depth, and that is told."""
    deep = "/".join("d" * 1 for _ in range(40))
    found = node(tree(tmp_path, {f"{PKI}/{deep}/ca.crt": PEM, f"{PKI}/d/d/a.crt": PEM}))
    assert list(found.files) == [f"{PKI}/d/d/a.crt"]
    problem = "it lies too deep, or too much lies beside it; it was not looked through"
    assert found.unread == (Unread(path=f"{PKI}/{'/'.join('d' * 9)}", problem=problem),)


def test_names_that_are_not_text(tmp_path: Path) -> None:
    """They are left out, and that is told; nothing of them is in what was read."""
    tree(tmp_path, {f"{PKI}/ca.crt": PEM})
    (tmp_path / PKI[1:] / os.fsdecode(b"\xff\xfe.crt")).write_bytes(PEM)
    (tmp_path / os.fsdecode(b"home")).mkdir()
    (tmp_path / "home" / os.fsdecode(b"\xff")).mkdir()
    found = node(tmp_path)
    assert list(found.files) == [f"{PKI}/ca.crt"]
    assert [(unread.path, unread.problem) for unread in found.unread] == [
        (PKI, "names in it that are not UTF-8 were left out"),
        ("/home", "names in it that are not UTF-8 were left out"),
    ]
    repr(found).encode()


def test_a_root_whose_name_is_not_text(tmp_path: Path) -> None:
    """Its node has a name all the same."""
    root = tmp_path / os.fsdecode(b"\xff")
    tree(root, {"etc/kubernetes/pki/ca.crt": PEM})
    (found,) = read_cluster(places(str(root))).nodes
    assert (found.name, contents(found)) == ("localhost", {f"{PKI}/ca.crt": "Certificates"})


def test_a_root_that_is_not_there(tmp_path: Path) -> None:
    """It is a node without files."""
    (found,) = read_cluster(places(str(tmp_path / "gone"))).nodes
    assert (found.name, found.files, found.processes, found.unread) == ("gone", {}, (), ())


@pytest.mark.parametrize(
    "path", ['"/a\\0b"', '"\\ud800"', "/" + "x" * 5000, "/" + "x/" * 3000, "''", "/proc/self/mem", "/dev/zero", "..", "~"]
)
def test_paths_that_lead_nowhere(tmp_path: Path, path: str) -> None:
    """Whatever a kubeconfig, a manifest or a unit names, reading goes on."""
    quoted = path if path.startswith(("'", '"')) else f"'{path}'"
    kubeconfig = f'users: [{{"name": {quoted}, "user": {{"client-key": {quoted}}}}}]\n'
    pod = f'{{"kind": "Pod", "spec": {{"containers": [{{"command": ["etcd", "--cert-file", {quoted}]}}]}}}}\n'.replace("'", '"')
    tree(
        tmp_path,
        {
            "/root/.kube/config": kubeconfig,
            "/etc/kubernetes/manifests/a.yaml": pod,
            "/etc/systemd/system/etcd.service": f"[Service]\nExecStart=etcd --key-file={path}\n",
            "/etc/kubernetes/pki/ca.crt": PEM,
        },
    )
    found = node(tmp_path)
    assert contents(found)[f"{PKI}/ca.crt"] == "Certificates"
    repr(found).encode()


@given(text=st.text(max_size=200))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_everywhere(tmp_path: Path, text: str) -> None:
    """Files of configuration may hold any text; nothing raises, nothing is written."""
    data = text.encode(errors="replace")
    tree(
        tmp_path,
        {
            **dict.fromkeys(
                (
                    *("/etc/systemd/system/etcd.service", "/etc/kubernetes/manifests/a.yaml", "/etc/kubernetes/admin.conf"),
                    *(
                        "/etc/kubernetes/kubelet.conf",
                        "/var/lib/kubelet/config.yaml",
                        "/etc/default/kubelet",
                        "/root/.kube/config",
                    ),
                    *(
                        "/etc/rancher/k3s/config.yaml",
                        "/var/lib/rancher/k3s/server/db/etcd/config",
                        f"{PKI}/ca.crt",
                        f"{PKI}/sa.key",
                    ),
                ),
                data,
            ),
            "/etc/systemd/system/kubelet.service": b"[Service]\nEnvironment=" + data + b"\nEnvironmentFile=/etc/default/kubelet\n"
            b"ExecStart=kubelet --config=/var/lib/kubelet/config.yaml " + data + b"\n",
        },
    )
    before = signature(tmp_path)
    repr(node(tmp_path)).encode()
    assert signature(tmp_path) == before
