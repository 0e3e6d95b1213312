"""Clusters of the preset in each layout, and short ways to write down their steps."""

from __future__ import annotations

from typing import Final

from reconciler.desired.model import DesiredState
from reconciler.plan.rotation.kubernetes.step import Step
from tests.desired.compiling import CENTRAL, NODES, kubernetes, state_of

#: One node of each kind.
SMALL: Final = (
    "nodes:\n"
    "  - {name: cp-1, roles: [control-plane], addresses: [192.0.2.11]}\n"
    "  - {name: w-1, roles: [worker], addresses: [192.0.2.21]}\n"
)
ETCD_NODES: Final = "".join(f"  - {{name: e-{i}, roles: [etcd], addresses: [192.0.2.3{i}]}}\n" for i in (1, 2))
SECOND: Final = "cas: {kubernetes: {generation: 2}, etcd: {generation: 2}, front-proxy: {generation: 2}}\n"
SECOND_CENTRAL: Final = CENTRAL.replace("/ca}", "/ca, generation: 2}")


def central(version: str = "1.36", *, nodes: str = NODES, more: str = "", settings: str = "") -> DesiredState:
    """Everything in one place, as in the example: nodes have no CA key."""
    return state_of(kubernetes(f"version: '{version}', {settings}", nodes=nodes, stores=SECOND_CENTRAL) + more)


def copied(version: str = "1.36", *, nodes: str = NODES) -> DesiredState:
    """Everything in one place, with the CA keys on each control-plane node."""
    return central(version, nodes=nodes, settings="distributeCAKeys: true")


def alone(node: str, version: str = "1.36", *, stores: str = SECOND) -> DesiredState:
    """A node that works by itself, in kubeadm's layout."""
    return state_of(kubernetes(f"version: '{version}'", stores=stores), node=node)


def brief(steps: tuple[Step, ...]) -> list[str]:
    """``3 restart kubelet w-1``: order, action, program and node."""
    return [f"{step.order} {step.action} {step.program}{f' {step.node}' * bool(step.node)}" for step in steps]
