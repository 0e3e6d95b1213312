"""Desired states that rotate, and how far they have come."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Final

from tests.inprocess import Home
from tests.rotation.story import Story

ORDER: Final = ("stage", "clients", "servers", "soak", "distrust")
#: The phases that lowering the number goes back from.
BACK: Final = ORDER[:4]
SOAK: Final = {"soak": "1d"}


def leaf(name: str, *usages: str, ca: str = "main", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    """A component."""
    return {
        "ca": ca,
        "usages": list(usages),
        "subject": {"commonName": f"{name}.test"},
        "sans": {"dns": [f"{name}.test"]},
        "path": f"pki/{name}",
        "lifetime": "30d",
        **more,
    }


def plain(**cas: dict[str, Any]) -> dict[str, Any]:
    """Two CAs, a client, a server, one that is both, and a bundle of each kind."""
    return {
        "apiVersion": "cluster-pki/v1",
        "cluster": "demo",
        "stores": {"files": {"type": "file", "root": "/store"}},
        "cas": {"main": {"path": "ca/main", "rotation": dict(SOAK)}, "other": {"path": "ca/other"}, **copy.deepcopy(cas)},
        "components": {
            "app": leaf("app", "client auth"),
            "web": leaf("web", "server auth"),
            "peer": leaf("peer", "server auth", "client auth"),
            "misc": leaf("misc", "server auth", ca="other"),
        },
        "bundles": {
            "trust": {"cas": ["main"], "path": "trust/main.pem"},
            "all": {"cas": ["main", "other"], "path": "trust/all.pem"},
        },
    }


def tiered() -> dict[str, Any]:
    """The same with an intermediate: the root is trusted, `main` below it signs."""
    document = plain(
        root={"path": "ca/root", "pathLength": 1, "rotation": dict(SOAK)},
        main={"path": "ca/main", "issuer": "root", "rotation": dict(SOAK)},
    )
    document["bundles"]["trust"]["cas"] = ["root"]
    document["bundles"]["all"]["cas"] = ["root", "other"]
    return document


def service_accounts(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    """One keypair."""
    return {
        "apiVersion": "cluster-pki/v1",
        "cluster": "demo",
        "stores": {"files": {"type": "file", "root": "/store"}},
        "keypairs": {"sa": {"path": "sa/sa", "key": "ecdsa-p256", "rotation": dict(SOAK), **more}},
    }


def kubeadm(**kubernetes: Any) -> dict[str, Any]:  # noqa: ANN401 - any setting
    """Two control-plane nodes and a worker, the CAs in a store of their own."""
    return {
        "apiVersion": "cluster-pki/v1",
        "cluster": "demo",
        "kubernetes": {
            "preset": "kubeadm",
            "version": "1.36",
            "controlPlaneEndpoint": "api.demo.internal:6443",
            **kubernetes,
        },
        "nodes": [
            {"name": "cp-1", "roles": ["control-plane"], "addresses": ["192.0.2.11"]},
            {"name": "cp-2", "roles": ["control-plane"], "addresses": ["192.0.2.12"]},
            {"name": "w-1", "roles": ["worker"], "addresses": ["192.0.2.21"]},
        ],
        "stores": {
            "files": {"type": "file", "root": "/store/{node}"},
            "authority": {"type": "file", "root": "/store/authority"},
        },
        "keypairs": {"sa": {"key": "ecdsa-p256"}},
        "cas": {
            "kubernetes": {"store": "authority", "path": "kubernetes/ca"},
            "etcd": {"store": "authority", "path": "etcd/ca"},
            "front-proxy": {"store": "authority", "path": "front-proxy/ca"},
        },
    }


def held(phase: str) -> dict[str, str]:
    """The `rotation` that stops in a phase: before the one that follows it, or by its soak."""
    return {**SOAK, "hold": ORDER[ORDER.index(phase) + 1]} if phase != "distrust" else dict(SOAK)


def applied(path: Path, document: dict[str, Any] | None = None, **more: Any) -> Story:  # noqa: ANN401 - fields of a story
    """A story whose first apply is done."""
    story = Story(home=Home(path=path), document=document or plain(), **more)
    story.apply()
    return story


def reached(path: Path, phase: str, document: dict[str, Any] | None = None, *, ca: str = "main") -> Story:
    """A story whose CA rotates to generation 2 and stops in a phase; `distrust` when it is over."""
    story = applied(path, document)
    story.ca(ca, generation=2, rotation=held(phase))
    story.apply()
    if phase == "distrust":
        story.passes(days=2)
        story.apply()
    assert story.phase(f"ca.{ca}") == ("stable" if phase == "distrust" else phase)
    return story
