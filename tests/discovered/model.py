"""A cluster, something done to it, and what is found then. Data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.clusters.kubeadm import kubeadm
from tests.discovered.layouts import Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """One thing done to a cluster."""

    name: str
    hand: Callable[[Path], object]
    found: tuple[Found, ...]
    """What is found then and was not before."""
    maker: Callable[[Path], Path] = kubeadm


def row(severity: str, code: int, path: str, node: str = "cp-1") -> Found:
    """A finding, on the only control plane unless it is said otherwise."""
    return severity, f"CPK{code}", node, path
