"""Static pods: what they start, and where their files are on the node."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cluster.manifests import Container, image_version, parse_manifest
from reconciler.cluster.mounts import ON_NODE, Mount, Mounts, normal
from reconciler.x509.errors import UnreadableError

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver, namespace: kube-system}
spec:
  initContainers:
  - {name: first, command: [kubelet]}
  containers:
  - name: kube-apiserver
    image: registry.k8s.io/kube-apiserver:v1.31.4
    workingDir: /work
    command: [kube-apiserver, --advertise-address=$(HOST), --v=$(UNSET)]
    args: ["--client-ca-file", "/pki/ca.crt", "$$(HOST)"]
    env:
    - {name: HOST, value: 192.0.2.11}
    - {name: URL, value: "https://$(HOST):2379"}
    - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    volumeMounts:
    - {name: pki, mountPath: /pki, readOnly: true}
    - {name: pki, mountPath: /etc/one.crt, subPath: etcd/ca.crt}
    - {name: scratch, mountPath: /tmp}
    - {name: gone, mountPath: /gone}
  - name: log
    image: registry.k8s.io/log
  volumes:
  - {name: pki, hostPath: {path: /etc/kubernetes/pki, type: DirectoryOrCreate}}
  - {name: scratch, emptyDir: {}}
"""

APISERVER = Container(
    name="kube-apiserver",
    words=("kube-apiserver", "--advertise-address=192.0.2.11", "--v=$(UNSET)", "--client-ca-file", "/pki/ca.crt", "$(HOST)"),
    environment={"HOST": "192.0.2.11", "URL": "https://192.0.2.11:2379"},
    mounts=Mounts(
        mounts=(
            Mount(inside="/pki", on_node="/etc/kubernetes/pki"),
            Mount(inside="/etc/one.crt", on_node="/etc/kubernetes/pki/etcd/ca.crt"),
            Mount(inside="/tmp", on_node=""),
            Mount(inside="/gone", on_node=""),
        ),
        container=True,
        working_directory="/work",
    ),
    version="1.31.4",
)
LOG = Container(name="log", words=(), environment={}, mounts=Mounts(container=True), version="")


@pytest.mark.parametrize(
    "text",
    [
        POD,
        json.dumps(yaml.safe_load(POD), indent="\t"),
        f"---\n{POD}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\n",
        json.dumps({"kind": "List", "items": [yaml.safe_load(POD), {"kind": "Service"}]}),
    ],
    ids=["yaml", "json", "several documents", "list"],
)
def test_every_container_of_a_pod(text: str) -> None:
    """Command and arguments, environment, mounts with subPath, version; in whatever the pod is written."""
    assert parse_manifest(text) == (APISERVER, LOG)


@pytest.mark.parametrize(
    "text",
    [
        "kind: Service\n",
        "[]\n",
        "x\n",
        "kind: Pod\n",
        "kind: Pod\nspec: {containers: x}\n",
        "kind: [Pod]\n",
        "kind: Pod\nspec: [x]\n",
    ],
)
def test_what_is_no_pod(text: str) -> None:
    """It is nobody's mistake that another document lies there."""
    assert parse_manifest(text) == ()


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("registry.k8s.io/kube-apiserver:v1.31.4", "1.31.4"),
        ("registry.k8s.io/etcd:3.5.15-0", "3.5.15"),
        ("localhost:5000/kube-apiserver:v1.36.1@sha256:0123", "1.36.1"),
        ("rancher/hardened-kubernetes:v1.30.2-rke2r1-build20240612", "1.30.2"),
        ("registry:5000/kube-apiserver", ""),
        ("kube-apiserver:latest", ""),
        ("kube-apiserver:v1.31", ""),
        ("", ""),
    ],
)
def test_version_of_an_image(image: str, version: str) -> None:
    """That of its tag."""
    assert image_version(image) == version


@pytest.mark.parametrize(
    ("path", "on_node"),
    [
        ("/pki/ca.crt", "/etc/kubernetes/pki/ca.crt"),
        ("/pki", "/etc/kubernetes/pki"),
        ("/pki/../pki//etcd/./ca.crt", "/etc/kubernetes/pki/etcd/ca.crt"),
        ("/etc/one.crt", "/etc/kubernetes/pki/etcd/ca.crt"),
        ("/pkix/ca.crt", ""),
        ("/tmp/ca.crt", ""),
        ("ca.crt", ""),
        ("../pki/ca.crt", "/etc/kubernetes/pki/ca.crt"),
    ],
)
def test_paths_of_a_container(path: str, on_node: str) -> None:
    """Only what is mounted from the node is on it."""
    assert APISERVER.mounts.on_node(path) == on_node


def test_the_longest_mount_counts() -> None:
    """A directory that is mounted inside another hides what was there; one mounted as the root is under all."""
    mounts = Mounts(
        mounts=(
            Mount(inside="/", on_node="/root-of-all"),
            Mount(inside="/pki", on_node="/a"),
            Mount(inside="/pki/etcd", on_node="/b"),
        ),
        container=True,
    )
    assert [mounts.on_node(path) for path in ("/pki/x", "/pki/etcd/x", "/x")] == ["/a/x", "/b/x", "/root-of-all/x"]


def test_paths_of_a_program_on_the_node() -> None:
    """They are the node's; a relative one begins where the program runs."""
    assert ON_NODE.on_node("/a/../b") == "/b"
    assert Mounts(working_directory="/var/lib/etcd").on_node("pki/ca.crt") == "/var/lib/etcd/pki/ca.crt"
    assert [normal(path) for path in ("", "/", "//a//b/", "../../a")] == ["/", "/", "/a/b", "/a"]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    """There is no third way, wherever in a manifest it stands."""
    value = json.dumps(text)
    for each in (text, f"kind: Pod\nspec: {{containers: [{{command: [{value}], image: {value}}}], volumes: [{value}]}}\n"):
        try:
            parse_manifest(each)
        except UnreadableError:
            continue
