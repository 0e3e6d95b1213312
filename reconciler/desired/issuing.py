"""Who issues a CA, by what the document says under ``issuer``: itself, another CA of the document, a Vault server, others."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET

from reconciler.desired.diagnostics import Path
from reconciler.desired.spec import CaSpec
from reconciler.desired.spec_vault import ExternalIssuerSpec, IssuerSpec, VaultIssuerSpec

SELF = "self"


def parent_of(spec: CaSpec) -> str | None:
    """The name of the CA that stands above; None for a root, and for a CA whose parent is not in the document."""
    if isinstance(spec.issuer, IssuerSpec):
        by = _by(spec.issuer)
        return None if by is None or by.parent is UNSET else by.parent
    return None if spec.issuer is UNSET or spec.issuer == SELF else spec.issuer


def parents(cas: Mapping[str, CaSpec]) -> dict[str, str]:
    """The parent of every CA that has one among these."""
    found = ((name, parent_of(spec)) for name, spec in cas.items())
    return {name: parent for name, parent in found if parent is not None and parent in cas}


def parent_path(name: str, spec: CaSpec) -> Path:
    """Where the parent of a CA is written."""
    if not isinstance(spec.issuer, IssuerSpec):
        return ("cas", name, "issuer")
    return ("cas", name, "issuer", "external" if spec.issuer.vault is UNSET else "vault", "parent")


def vault_issuer(spec: CaSpec) -> VaultIssuerSpec | None:
    """The PKI engine that has the CA's key; None where the key is ours."""
    found = spec.issuer.vault if isinstance(spec.issuer, IssuerSpec) else UNSET
    return None if found is UNSET else found


def external_issuer(spec: CaSpec) -> ExternalIssuerSpec | None:
    """What is said of a CA whose key nobody here has; None of any other."""
    found = spec.issuer.external if isinstance(spec.issuer, IssuerSpec) else UNSET
    return None if found is UNSET else found


def _by(issuer: IssuerSpec) -> VaultIssuerSpec | ExternalIssuerSpec | None:
    if issuer.vault is not UNSET:
        return issuer.vault
    return None if issuer.external is UNSET else issuer.external
