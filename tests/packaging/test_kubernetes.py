"""The Kubernetes manifests: valid, confined, and in agreement with our own command line and our own paths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import kubernetes_validate  # type: ignore[import-untyped]  # it has no types
import pytest

from reconciler import __version__
from tests.packaging.health import answering, ask
from tests.packaging.manifests import (
    KUBERNETES,
    VARIANTS,
    Object,
    arguments,
    containers,
    only,
    ours,
    pod,
    rendered,
    sync_container,
    sync_options,
    workload,
)
from tests.packaging.processes import parse_options, run

CONTAINERS: Final = [(variant, container["name"]) for variant in VARIANTS for container in pod(variant)["containers"]]
#: The oldest release that we say works, and one of today.
RELEASES: Final = ("1.25", "1.36")
PROBES: Final = ("livenessProbe", "readinessProbe")
each_variant: Final = pytest.mark.parametrize("variant", VARIANTS)
each_container: Final = pytest.mark.parametrize(("variant", "name"), CONTAINERS)


def container_of(variant: str, name: str) -> Object:
    """A container by its name."""
    return next(container for home, container in containers() if (home, container["name"]) == (variant, name))


@pytest.mark.parametrize("release", RELEASES)
@each_variant
def test_every_object_is_one_of_the_api(variant: str, release: str) -> None:
    """Each field has a place in the API's schema, and a value that fits."""
    for each in rendered(variant):
        kubernetes_validate.validate(each, release, strict=True)


@each_container
def test_containers_are_confined(variant: str, name: str) -> None:
    """No container writes its root file system, gains privileges, or keeps a capability that it does not name."""
    container = container_of(variant, name)
    context = container["securityContext"]
    assert (context["readOnlyRootFilesystem"], context["allowPrivilegeEscalation"], context["capabilities"]["drop"]) == (
        True,
        False,
        ["ALL"],
    )
    assert set(container["resources"]) == {"requests", "limits"}
    assert "memory" in container["resources"]["limits"]


@each_variant
def test_pods_are_confined(variant: str) -> None:
    """No token of the API server, no variables from services (they would look like our options), a seccomp profile."""
    spec = pod(variant)
    assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"], spec["securityContext"]["seccompProfile"]) == (
        False,
        False,
        {"type": "RuntimeDefault"},
    )
    assert only(variant, "ServiceAccount")["automountServiceAccountToken"] is False


def test_the_deployment_fits_the_restricted_level() -> None:
    """It is nobody's root, keeps no capability, and touches nothing of its node (Pod Security Standards, restricted)."""
    spec = pod("deployment")
    assert (
        spec["securityContext"]["runAsNonRoot"],
        [field for field in ("hostNetwork", "hostPID", "hostIPC") if field in spec],
    ) == (
        True,
        [],
    )
    assert [volume for volume in spec["volumes"] if "hostPath" in volume] == []
    assert [container for container in spec["containers"] if "add" in container["securityContext"]["capabilities"]] == []
    assert only("deployment", "Namespace")["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}


@each_variant
def test_mounts_have_volumes_and_volumes_are_mounted(variant: str) -> None:
    """Neither a mount of nothing nor a volume for nobody."""
    mounted = {mount["name"] for container in pod(variant)["containers"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod(variant)["volumes"]}


@each_container
def test_images_are_pinned(variant: str, name: str) -> None:
    """Every image has a tag that says which one it is; ours is this version."""
    repository, colon, tag = container_of(variant, name)["image"].rpartition(":")
    assert (bool(repository), colon, tag.lstrip("v").count(".")) == (True, ":", 2)
    assert name != "cluster-pki" or tag == __version__


@each_variant
def test_arguments_are_options(variant: str) -> None:
    """Our own parser takes the arguments of our container."""
    options = parse_options(*arguments(variant))
    assert (options["command"], options["listen"]) == ("run", "127.0.0.1:9808")


@each_variant
def test_objects_refer_to_each_other(variant: str) -> None:
    """Selectors match, all is in one namespace, and the volumes' objects are there."""
    objects = rendered(variant)
    spec, names = pod(variant), {(each["kind"], each["metadata"]["name"]) for each in objects}
    wanted = {("ServiceAccount", spec["serviceAccountName"])}
    wanted |= {("ConfigMap", volume["configMap"]["name"]) for volume in spec["volumes"] if "configMap" in volume}
    wanted |= {
        ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"])
        for volume in spec["volumes"]
        if "persistentVolumeClaim" in volume
    }
    assert wanted - names == set()
    namespace = only(variant, "Namespace")["metadata"]["name"]
    assert {each["metadata"].get("namespace") for each in objects if each["kind"] != "Namespace"} == {namespace}
    labels = workload(variant)["spec"]["template"]["metadata"]["labels"]
    selectors = [workload(variant)["spec"]["selector"]["matchLabels"]]
    selectors += [each["spec"]["podSelector"]["matchLabels"] for each in objects if each["kind"] == "NetworkPolicy"]
    assert [selector for selector in selectors if not selector.items() <= labels.items()] == []


@pytest.mark.parametrize("kind", PROBES)
def test_the_kubelet_reaches_the_daemonsets_page(kind: str) -> None:
    """On the node's own network the kubelet asks on loopback, at the port on which the program listens."""
    spec, probe = pod("daemonset"), ours("daemonset")[kind]["httpGet"]
    assert (spec["hostNetwork"], f"{probe['host']}:{probe['port']}") == (True, parse_options(*arguments("daemonset"))["listen"])
    assert probe["path"] == {"livenessProbe": "/healthz", "readinessProbe": "/readyz"}[kind]


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
@pytest.mark.parametrize("kind", PROBES)
def test_the_deployments_probes_ask_inside_the_pod(kind: str, status: int, code: int) -> None:
    """The commands say what the server says, and ask for what they should."""
    command, asked = ours("deployment")[kind]["exec"]["command"], list[str]()
    with answering(status, asked) as port:
        assert ask(command, port=port) == code
    assert asked == [{"livenessProbe": "/healthz", "readinessProbe": "/readyz"}[kind]]


@pytest.mark.parametrize("node", ["cp-1", "cp-2", "cp-3"])
def test_the_daemonset_may_write_what_it_manages(node: str, tmp_path: Path) -> None:
    """Every file of the example on a control-plane node, and the records, lie in a directory that is mounted to be written."""
    (tmp_path / "cluster-pki.yaml").write_text(only("daemonset", "ConfigMap")["data"]["cluster-pki.yaml"], encoding="utf-8")
    run("cluster-pki", "validate", "--node", node, cwd=tmp_path)
    status = json.loads(run("cluster-pki", "status", "--format", "json", "--root", "/host", "--node", node, cwd=tmp_path))
    files = [Path(path) for each in status["resources"] for path in each["paths"].values()]
    assert len(files) > 20
    files.append(Path("/host/var/lib/cluster-pki") / status["cluster"])
    writable = [Path("/host") / path.lstrip("/") for path in mounts(writable=True)]
    readonly = [Path("/host") / path.lstrip("/") for path in mounts(writable=False)]
    assert [str(path) for path in files if not within(path, writable) or within(path, readonly)] == []


def mounts(*, writable: bool) -> list[str]:
    """Where the DaemonSet's directories are mounted; on the node they have the same names."""
    sources = {volume["name"]: volume["hostPath"]["path"] for volume in pod("daemonset")["volumes"] if "hostPath" in volume}
    found = [mount for mount in ours("daemonset")["volumeMounts"] if mount["name"] in sources]
    assert {mount["name"]: mount["mountPath"] for mount in found} == sources
    return [mount["mountPath"] for mount in found if bool(mount.get("readOnly")) is not writable]


def within(path: Path, directories: list[Path]) -> bool:
    """Whether a path lies below one of the directories."""
    return any(path.is_relative_to(directory) for directory in directories)


def test_the_deployment_reads_the_link_that_git_sync_moves() -> None:
    """`--git` is the link below the directory that both containers mount; the whole history comes along; ours cannot write it."""
    sync = sync_options()
    assert parse_options(*arguments("deployment"))["git"] == f"{sync['--root']}/{sync['--link']}"
    assert sync["--depth"] == "0"
    shared = [
        (mount["mountPath"], bool(mount.get("readOnly")))
        for container in (ours("deployment"), sync_container())
        for mount in container["volumeMounts"]
        if mount["name"] == "git"
    ]
    assert shared == [(sync["--root"], True), (sync["--root"], False)]


def test_the_deployment_keeps_what_it_writes() -> None:
    """Its stores and records lie on the claim, and one pod at a time writes there."""
    root = parse_options(*arguments("deployment"))["root"]
    (mount,) = (mount for mount in ours("deployment")["volumeMounts"] if mount["mountPath"] == root)
    (volume,) = (volume for volume in pod("deployment")["volumes"] if volume["name"] == mount["name"])
    assert "persistentVolumeClaim" in volume
    spec = workload("deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    # The kubelet's other policy gives the group every file back at each start, private keys too.
    assert pod("deployment")["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"


def test_every_manifest_is_used() -> None:
    """No file lies beside a kustomization that does not name it."""
    for variant in VARIANTS:
        named = (KUBERNETES / variant / "kustomization.yaml").read_text(encoding="utf-8")
        files = {path.name for path in (KUBERNETES / variant).iterdir()} - {"kustomization.yaml"}
        assert {name for name in files if name not in named} == set()
