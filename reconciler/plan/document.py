"""The plan document: everything a renderer, a saved plan or another program may know of a plan.

``schemas/plan.v1.schema.json`` is generated from these types. Keys are Terraform's where Terraform has them. Additive
changes raise the minor number of `format_version`; readers ignore what they do not know.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

FORMAT_VERSION: Final = "1.0"

ActionWord = Literal["no-op", "create", "update", "delete", "forget"]
ClassWord = Literal[
    "none",
    "repair",
    "reissue",
    "rekey",
    "rotate",
    "replace",
    "create",
    "destroy",
    "forget",
    "import",
    "move",
    "blocked",
    "request",
    "waiting",
]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every part of the document."""


class ReasonEntry(Part, frozen=True, kw_only=True):
    """Why an address changes. All reasons are listed, not only the strongest."""

    code: Annotated[str, Meta(description="PascalCase word, such as SanMismatch.")]
    message: Annotated[str, Meta(description="One sentence for people.")]
    path: Annotated[str, Meta(description="The attribute it is about.")] = ""
    current: Annotated[str | None, Meta(description="What was found.")] = None
    planned: Annotated[str | None, Meta(description="What is wanted.")] = None


class Change(Part, frozen=True, kw_only=True):
    """What happens to one address."""

    actions: Annotated[
        list[ActionWord],
        Meta(description="[create] [update] [delete,create] [create,delete] [delete] [forget] [no-op]."),
    ]
    before: Annotated[dict[str, Any] | None, Meta(description="Attributes found, null when nothing was there.")]
    after: Annotated[dict[str, Any] | None, Meta(description="Attributes wanted, null when it goes away.")]
    after_unknown: Annotated[dict[str, Any], Meta(description="Attributes known only after apply, each true.")] = {}
    reasons: list[ReasonEntry] = []
    class_: Annotated[ClassWord, Meta(description="The PKI action.")] = msgspec.field(name="class")
    importing: Annotated[dict[str, str] | None, Meta(description="{id} when existing files are taken over.")] = None


class ResourceChange(Part, frozen=True, kw_only=True):
    """One address of the plan."""

    address: str
    type: Annotated[str, Meta(description="ca, component, request, bundle, kubeconfig, keypair or crl.")]
    name: str
    index: Annotated[str | None, Meta(description="The node, or null.")]
    change: Change
    previous_address: Annotated[str | None, Meta(description="The address it had before a move.")] = None


class DiagnosticEntry(Part, frozen=True, kw_only=True):
    """Something to know: a warning, or an error that holds changes back."""

    severity: Literal["error", "warning"]
    code: Annotated[str, Meta(description="A reason word, the name of a guard (max-changes, …), or another stable word.")]
    summary: str
    detail: str = ""
    address: str | None = None
    held_back: Annotated[list[str], Meta(description="Addresses that a guard or a missing CA key holds back.")] = []


PhaseWord = Literal["stable", "stage", "clients", "servers", "soak", "distrust"]


class Waiting(Part, frozen=True, kw_only=True):
    """One thing that the next phase of a rotation waits for."""

    address: str
    message: Annotated[str, Meta(description="A clause for people, to be read after the address.")]
    planned: Annotated[bool, Meta(description="Whether this very plan sees to it.")] = False


class RotationEntry(Part, frozen=True, kw_only=True):
    """A CA or keypair between two generations."""

    address: str
    phase: Annotated[PhaseWord, Meta(description="stable: asked for, and held before it begins.")]
    from_generation: int
    to_generation: int
    signing_generation: Annotated[int, Meta(description="The one in the signing pair; 0 when it cannot be told.")]
    trusted: Annotated[list[int], Meta(description="Generations that belong into every bundle and kubeconfig now.")]
    issues_clients: Annotated[int, Meta(description="Generation that signs what is for client auth alone.")]
    issues_servers: Annotated[int, Meta(description="Generation that signs everything else.")]
    next_phase: PhaseWord
    barrier: Annotated[str, Meta(description="What has to hold before the next phase begins, for people.")]
    back: Annotated[str, Meta(description="What lowering `generation` does from here, for people.")]
    waits_for: list[Waiting] = []
    soaks_until: datetime | None = None
    steps: Annotated[
        list[str], Meta(description="What has to reload or restart, in order, once this phase's files are there; for people.")
    ] = []
    error: Annotated[str, Meta(description="Why what git asks for cannot begin; empty when nothing is wrong.")] = ""


class Source(Part, frozen=True, kw_only=True):
    """Where the desired state came from."""

    path: str
    sha256: Annotated[str, Meta(description="Over all files read, in order.")]
    revision: Annotated[str | None, Meta(description="Git commit, when read from one.")] = None


class Summary(Part, frozen=True, kw_only=True):
    """How many of what."""

    add: int = 0
    change: int = 0
    destroy: int = 0
    import_: int = msgspec.field(default=0, name="import")
    forget: int = 0
    move: int = 0
    issue: int = 0
    reissue: int = 0
    rekey: int = 0
    repair: int = 0
    replace: int = 0
    blocked: int = 0
    certificates: Annotated[int, Meta(description="Certificates that were checked.")] = 0
    reasons: Annotated[dict[str, int], Meta(description="Changes by their reasons.")] = {}
    next_renewal: Annotated[
        datetime | None, Meta(description="When the next certificate or revocation list falls due, after this plan.")
    ] = None
    next_renewal_address: str | None = None


class PlanDocument(Part, frozen=True, kw_only=True):
    """A whole plan."""

    format_version: str
    tool_version: str
    cluster: str
    source: Source
    resource_changes: Annotated[list[ResourceChange], Meta(description="In the order of work: CAs first. No-ops are left out.")]
    resource_drift: Annotated[list[ResourceChange], Meta(description="What differs from our own record.")]
    diagnostics: list[DiagnosticEntry]
    rotations: Annotated[list[RotationEntry], Meta(description="CAs and keypairs between two generations.")] = []
    summary: Summary
    valid_until: datetime
    complete: Annotated[bool, Meta(description="False when --target left something out.")] = True
    options: Annotated[dict[str, Any], Meta(description="Planning options that were in effect.")] = {}
    observed: Annotated[
        dict[str, str], Meta(description="Digest of what was found, per address that the plan rests on (saved plans only).")
    ] = {}

    @property
    def errored(self) -> bool:
        """Whether a diagnostic is an error."""
        return any(entry.severity == "error" for entry in self.diagnostics)

    @property
    def has_changes(self) -> bool:
        """Whether applying it would do anything; taking files over and renaming count, as in Terraform."""
        return any(
            entry.change.actions != ["no-op"] or entry.change.class_ in {"import", "move"} for entry in self.resource_changes
        )


def reasons_of(document: PlanDocument) -> dict[str, tuple[str, ...]]:
    """Why each address changes: the words of its reasons, each once."""
    return {
        entry.address: tuple(dict.fromkeys(reason.code for reason in entry.change.reasons)) for entry in document.resource_changes
    }
