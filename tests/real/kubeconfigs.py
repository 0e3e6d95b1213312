"""Takes a kubeconfig apart as kubectl would: the current context's cluster and user, data decoded."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """The files that a kubeconfig holds, and where its server is."""

    certificate: Path
    key: Path
    roots: Path
    server: str


def extract(kubeconfig: Path, into: Path) -> Extracted:
    """Writes a kubeconfig's certificate, key and roots below `into`."""
    document = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
    context = _named(document["contexts"], document["current-context"])["context"]
    cluster = _named(document["clusters"], context["cluster"])["cluster"]
    user = _named(document["users"], context["user"])["user"]
    into.mkdir(parents=True, exist_ok=True)
    extracted = Extracted(
        certificate=into / "client.crt", key=into / "client.key", roots=into / "ca.crt", server=cluster["server"]
    )
    extracted.certificate.write_bytes(base64.b64decode(user["client-certificate-data"], validate=True))
    extracted.key.write_bytes(base64.b64decode(user["client-key-data"], validate=True))
    extracted.roots.write_bytes(base64.b64decode(cluster["certificate-authority-data"], validate=True))
    return extracted


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (entry,) = [entry for entry in entries if entry["name"] == name]
    return entry
