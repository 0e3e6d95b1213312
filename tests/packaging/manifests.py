"""What kubectl makes of our kustomizations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from tests.packaging.processes import REPOSITORY, run

KUBERNETES: Final = REPOSITORY / "deploy" / "kubernetes"
VARIANTS: Final = ("daemonset", "deployment")

Object = dict[str, Any]


@cache
def rendered(variant: str) -> tuple[Object, ...]:
    """The API objects of a variant."""
    return tuple(yaml.safe_load_all(run("kubectl", "kustomize", KUBERNETES / variant, cwd=Path("/"))))


def only(variant: str, kind: str) -> Object:
    """The one object of a kind."""
    (found,) = (each for each in rendered(variant) if each["kind"] == kind)
    return found


def workload(variant: str) -> Object:
    """The DaemonSet or the Deployment."""
    return only(variant, {"daemonset": "DaemonSet", "deployment": "Deployment"}[variant])


def pod(variant: str) -> Object:
    """The pod's specification."""
    spec: Object = workload(variant)["spec"]["template"]["spec"]
    return spec


def containers() -> Iterator[tuple[str, Object]]:
    """Every container of every variant, with the variant."""
    for variant in VARIANTS:
        yield from ((variant, container) for container in pod(variant)["containers"])


def ours(variant: str) -> Object:
    """The container that runs our program."""
    found: Object
    (found,) = (container for container in pod(variant)["containers"] if container["name"] == "cluster-pki")
    return found


def arguments(variant: str, *, node: str = "cp-1") -> list[str]:
    """The arguments of our program, as the kubelet expands them on a node."""
    return [str(argument).replace("$(NODE_NAME)", node) for argument in ours(variant)["args"]]


def sync_container() -> Object:
    """The sidecar that follows the repository."""
    found: Object
    (found,) = (container for container in pod("deployment")["containers"] if container["name"] == "git-sync")
    return found


def sync_options() -> dict[str, str]:
    """The sidecar's options."""
    return {option: value for option, _, value in (text.partition("=") for text in sync_container()["args"])}
