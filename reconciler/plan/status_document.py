"""The status document: what stands at every address, for `status`, `/status` and the certificate spreadsheet.

``schemas/status.v1.schema.json`` is generated from these types. The vocabulary is Argo CD's: how far something is from what
git says (`sync`), and whether it does its work (`health`), are two different questions.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from reconciler.plan.document import PhaseWord, RotationEntry

FORMAT_VERSION: Final = "1.0"

ConditionStatus = Literal["True", "False", "Unknown"]
ServedState = Literal["ok", "stale", "unreachable"]
ApprovalWord = Literal["approved", "pending", "denied"]
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
    answer: Annotated[str, Meta(description="Kubernetes object with the certificate of a request.")] | None = None
    crl_pem: Annotated[str, Meta(description="Revocation list in PEM.")] | None = None
    crl_der: Annotated[str, Meta(description="Revocation list in DER, as etcd reads it.")] | None = None


class ResourceStatus(Part, frozen=True, kw_only=True):
    """One address. What was not found, or does not apply to its type, is null or empty."""

    address: str
    type: Annotated[str, Meta(description="ca, component, request, bundle, kubeconfig, keypair or crl.")]
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
    not_before: Annotated[datetime | None, Meta(description="Of a revocation list: thisUpdate.")] = None
    not_after: Annotated[datetime | None, Meta(description="Of a revocation list: nextUpdate.")] = None
    renew_at: Annotated[datetime | None, Meta(description="When it falls due.")] = None
    days_left: Annotated[int | None, Meta(description="Whole days until not_after, negative afterwards.")] = None
    generation: Annotated[int | None, Meta(description="Of a CA or keypair: the one that signs.")] = None
    phase: Annotated[PhaseWord | None, Meta(description="Of a CA or keypair: where it stands between two generations.")] = None
    number: Annotated[int | None, Meta(description="Of a revocation list: crlNumber.")] = None
    revoked: Annotated[int | None, Meta(description="Of a revocation list: how many certificates it names.")] = None
    reasons: Annotated[list[str], Meta(description="Why it is out of sync: the words of the plan.")] = []
    approval: Annotated[ApprovalWord | None, Meta(description="Of a request: what was said to it.")] = None
    approval_reason: Annotated[str, Meta(description="Of a request: why, as it is written.")] = ""
    suspended: Annotated[bool, Meta(description="Looked at and told, never changed.")] = False
    served: Annotated[
        ServedState | None,
        Meta(description="Whether its endpoint presents what is on disk; null without a probe, or before one."),
    ] = None
    served_detail: Annotated[str, Meta(description="What the probe saw, for people.")] = ""
    served_at: datetime | None = None


class Condition(Part, frozen=True, kw_only=True):
    """Something about the reconciler as a whole, as Kubernetes and Flux have it.

    ``Ready`` and ``SourceVerified`` are good when True. ``Leader`` is there with a lease, and True where this one acts.
    ``Reconciling``, ``Stalled``, ``Suspended``, ``ClockUncertain``, ``Flapping``, ``BudgetExhausted``, ``HooksFailing``,
    ``ServedStale``, ``RotationWaiting`` and ``ExternalCAWaiting`` are there only while they are True.
    """

    type: str
    status: ConditionStatus
    reason: Annotated[str, Meta(description="PascalCase word.")]
    message: Annotated[str, Meta(description="One or two sentences for people, with the way out.")]
    last_transition_time: Annotated[datetime, Meta(description="When its status last changed.")]


class SourceStatus(Part, frozen=True, kw_only=True):
    """Where the desired state comes from."""

    kind: Literal["git", "directory"]
    location: Annotated[str, Meta(description="The repository or directory that is followed.")]
    path: Annotated[str, Meta(description="The main file in it.")]
    ref: Annotated[str, Meta(description="What is followed in a repository: HEAD, a branch, a tag.")] = ""
    last_applied_revision: Annotated[str, Meta(description="The commit, or sha256: and a digest, that is in force.")] = ""
    last_attempted_revision: Annotated[str, Meta(description="The one that was looked at last; differs while it is refused.")] = (
        ""
    )
    signer: Annotated[str, Meta(description="Who signed the commit in force, when signatures are verified.")] = ""


class HookStatus(Part, frozen=True, kw_only=True):
    """Hooks that are still owed to somebody."""

    address: Annotated[str, Meta(description="Whose files changed.")]
    state: Annotated[Literal["waiting", "failing"], Meta(description="waiting: for its turn or its next try; failing: tried.")]
    hook: Annotated[str, Meta(description="The hook at which it stands, for people: `systemd reload nginx.service`.")]
    attempts: int = 0
    since: Annotated[datetime | None, Meta(description="When the files changed.")] = None
    next_attempt_at: datetime | None = None
    detail: Annotated[str, Meta(description="Why the last attempt failed, or what it waits for.")] = ""
    output: Annotated[str, Meta(description="The end of what the program printed.")] = ""


class PlannedChange(Part, frozen=True, kw_only=True):
    """A line of the last plan."""

    address: str
    class_: Annotated[str, Meta(description="The class of the plan: reissue, repair, blocked, …")] = msgspec.field(name="class")
    reasons: list[str] = []
    outcome: Annotated[
        Literal["done", "failed", "skipped", "held", "pending"], Meta(description="What became of it in the last pass.")
    ] = "pending"
    detail: str = ""


class PassStatus(Part, frozen=True, kw_only=True):
    """The last pass of the reconciler: snapshot, diff, guards, apply, report."""

    started_at: datetime
    finished_at: datetime
    result: Literal["success", "error", "noop"]
    trigger: Annotated[
        str, Meta(description="What woke it: start, lease, source, files, renewal, rotation, retry, signal, interval.")
    ]
    revision: str = ""
    changes: Annotated[list[PlannedChange], Meta(description="What it planned, in the order of work; at most 200 lines.")] = []
    diagnostics: Annotated[list[str], Meta(description="Warnings and errors of the plan, one sentence each.")] = []


class ReconcilerStatus(Part, frozen=True, kw_only=True):
    """The running reconciler; absent when none reports here."""

    version: str
    started_at: datetime
    pid: int
    node: str | None = None
    passes: Annotated[int, Meta(description="How many passes since the start.")] = 0
    last_pass: PassStatus | None = None
    last_success_at: datetime | None = None
    next_pass_at: Annotated[datetime | None, Meta(description="When it wakes at the latest.")] = None
    next_pass_why: Annotated[str, Meta(description="renewal, rotation, retry or interval.")] = ""


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
    conditions: list[Condition] = []
    source: SourceStatus | None = None
    reconciler: ReconcilerStatus | None = None
    hooks: Annotated[list[HookStatus], Meta(description="Hooks that are still owed.")] = []
    rotations: Annotated[list[RotationEntry], Meta(description="CAs and keypairs between two generations.")] = []
    resources: Annotated[list[ResourceStatus], Meta(description="In dependency order: CAs first.")] = []
