"""The status document: what stands at every address, for `status`, `/status` and the certificate spreadsheet.

``schemas/status.v1.schema.json`` is generated from these types. The vocabulary is Argo CD's: how far something is from what
git says (`sync`), and whether it does its work (`health`), are two different questions.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

FORMAT_VERSION: Final = "1.0"

Sync = Literal["Synced", "OutOfSync", "Unknown"]
Health = Literal["Healthy", "Progressing", "Degraded", "Missing", "Suspended"]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every part of the document."""


class FilePaths(Part, frozen=True, kw_only=True, omit_defaults=True):
    """The files of an address, absolute on this machine, ``--root`` included. What does not apply is left out."""

    certificate: Annotated[str, Meta(description="Certificate, or the combined file when there is no other.")] | None = None
    key: Annotated[str, Meta(description="Private key, or the combined file when there is no other.")] | None = None
    public_key: str | None = None
    bundle: str | None = None
    kubeconfig: str | None = None
    fullchain: str | None = None
    combined: str | None = None
    der: str | None = None
    pkcs12: str | None = None


class ResourceStatus(Part, frozen=True, kw_only=True):
    """One address. What was not found, or does not apply to its type, is null or empty."""

    address: str
    type: Annotated[str, Meta(description="ca, component, bundle, kubeconfig or keypair.")]
    sync: Annotated[Sync, Meta(description="Whether it is as the desired state says; Unknown when it cannot be looked at.")]
    health: Annotated[Health, Meta(description="Whether it does its work now. Expired is never Healthy.")]
    paths: FilePaths
    node: str | None = None
    subject: Annotated[str | None, Meta(description="For people: CN=a, O=b.")] = None
    organizations: list[str] = []
    sans: Annotated[list[str], Meta(description="dns:, ip:, uri: or email: and the name.")] = []
    usages: Annotated[list[str], Meta(description="Extended key usages by their Kubernetes names.")] = []
    key: Annotated[str | None, Meta(description="Algorithm and size of the key.")] = None
    serial: Annotated[str | None, Meta(description="Hex, lower case.")] = None
    fingerprint: Annotated[str | None, Meta(description="SHA-256 over the certificate's DER.")] = None
    issuer: Annotated[str | None, Meta(description="Address of the CA whose key signed, else the issuer's name.")] = None
    ski: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    renew_at: Annotated[datetime | None, Meta(description="When it falls due.")] = None
    days_left: Annotated[int | None, Meta(description="Whole days until not_after, negative afterwards.")] = None
    generation: int | None = None
    reasons: Annotated[list[str], Meta(description="Why it is out of sync: the words of the plan.")] = []


class StatusSummary(Part, frozen=True, kw_only=True):
    """How many of what."""

    total: int = 0
    synced: int = 0
    out_of_sync: int = 0
    unknown: int = 0
    healthy: int = 0
    progressing: int = 0
    degraded: int = 0
    missing: int = 0
    suspended: int = 0
    next_renewal: datetime | None = None
    next_renewal_address: str | None = None


class StatusDocument(Part, frozen=True, kw_only=True):
    """A whole cluster."""

    format_version: str
    cluster: str
    at: Annotated[datetime, Meta(description="When it was looked at.")]
    summary: StatusSummary
    resources: Annotated[list[ResourceStatus], Meta(description="In dependency order: CAs first.")]
