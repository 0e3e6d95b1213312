"""Who issues a CA, by what the document says under ``issuer``: itself, another CA of the document, or a Vault server."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET

from reconciler.desired.diagnostics import Path
from reconciler.desired.spec import CaSpec
from reconciler.desired.spec_vault import IssuerSpec, VaultIssuerSpec

SELF = "self"


def parent_of(spec: CaSpec) -> str | None:
    """The name of the CA that stands above; None for a root, and for a CA whose parent is not in the document."""
    if isinstance(spec.issuer, IssuerSpec):
        return None if spec.issuer.vault.parent is UNSET else spec.issuer.vault.parent
    return None if spec.issuer is UNSET or spec.issuer == SELF else spec.issuer


def parents(cas: Mapping[str, CaSpec]) -> dict[str, str]:
    """The parent of every CA that has one among these."""
    found = ((name, parent_of(spec)) for name, spec in cas.items())
    return {name: parent for name, parent in found if parent is not None and parent in cas}


def parent_path(name: str, spec: CaSpec) -> Path:
    """Where the parent of a CA is written."""
    return ("cas", name, "issuer", *(("vault", "parent") if isinstance(spec.issuer, IssuerSpec) else ()))


def vault_issuer(spec: CaSpec) -> VaultIssuerSpec | None:
    """The PKI engine that has the CA's key; None where the key is ours."""
    return spec.issuer.vault if isinstance(spec.issuer, IssuerSpec) else None


def key_is_ours(spec: CaSpec) -> bool:
    """Whether the key of a CA stands beside its certificate."""
    return vault_issuer(spec) is None and spec.transit is UNSET
