"""What a desired-state document says about signing requests, and about what they may ask for.

No ``from __future__ import annotations`` here: msgspec would compile every annotation from its text at each start.
"""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from reconciler.desired.requested import Approval
from reconciler.desired.spec_parts import Account, Duration, KeyType, Name, RelativePath, RenewBefore, Spec, Usage

DIGEST_PATTERN = r"^sha256:[0-9a-f]{64}$"
Pattern = Annotated[str, Meta(min_length=1, max_length=253)]


class RequestSpec(Spec, frozen=True, kw_only=True):
    """A certificate signing request of somebody who keeps the key."""

    csr: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=1024,
            description="The request, a file beside or below the main file: PEM, or a Kubernetes object (.yaml).",
        ),
    ]
    ca: (
        Annotated[Name, Meta(description="The CA that signs; with a manifest of a built-in signer default kubernetes.")]
        | UnsetType
    ) = UNSET
    usages: (
        Annotated[list[Usage], Meta(min_length=1, description="What it is for; default [client auth]. A manifest has its own.")]
        | UnsetType
    ) = UNSET
    lifetime: (
        Annotated[Duration, Meta(description="Default 1y, or `policy.requests.maxLifetime`; the most that a manifest gets.")]
        | UnsetType
    ) = UNSET
    renew_before: Annotated[RenewBefore, Meta(description="Default 30d.")] | UnsetType = UNSET
    approval: Annotated[Approval, Meta(description="Default pending: nothing is signed.")] | UnsetType = UNSET
    digest: (
        Annotated[
            str,
            Meta(pattern=DIGEST_PATTERN, description="What was approved: SHA-256 of the file of `csr`, by sha256sum."),
        ]
        | UnsetType
    ) = UNSET
    reason: (
        Annotated[str, Meta(min_length=1, max_length=1024, description="Why it was approved or denied; needed when denied.")]
        | UnsetType
    ) = UNSET
    store: Annotated[Name, Meta(description="The store of its certificate.")] | UnsetType = UNSET
    path: (
        Annotated[
            RelativePath, Meta(description="requests/jane gives requests/jane.crt; default var/lib/cluster-pki/requests/NAME.")
        ]
        | UnsetType
    ) = UNSET
    owner: Account | UnsetType = UNSET
    group: Account | UnsetType = UNSET
    reissue: Annotated[str, Meta(max_length=256, description="Change it to force one reissue.")] | UnsetType = UNSET


class AllowanceSpec(Spec, frozen=True, kw_only=True):
    """What one request may ask for beyond the patterns: exact values, also reserved ones such as system:masters."""

    common_name: Annotated[Pattern, Meta(description="Its CN.")] | UnsetType = UNSET
    groups: Annotated[list[Pattern], Meta(description="Its groups (O).")] | UnsetType = UNSET
    dns: Annotated[list[Pattern], Meta(description="DNS names.")] | UnsetType = UNSET
    ip: Annotated[list[Pattern], Meta(description="IP addresses.")] | UnsetType = UNSET
    uri: Annotated[list[Pattern], Meta(description="URIs.")] | UnsetType = UNSET
    email: Annotated[list[Pattern], Meta(description="Mailboxes.")] | UnsetType = UNSET
    usages: Annotated[list[Usage], Meta(description="Usages.")] | UnsetType = UNSET


class RequestPolicySpec(Spec, frozen=True, kw_only=True):
    """What requests may ask for. In patterns `*` stands for anything without a colon, `{name}` for the entry's name."""

    common_names: Annotated[list[Pattern], Meta(description='CN; default ["{name}"].')] | UnsetType = UNSET
    groups: Annotated[list[Pattern], Meta(description="Groups (O); default none.")] | UnsetType = UNSET
    dns: Annotated[list[Pattern], Meta(description="DNS names; default none.")] | UnsetType = UNSET
    ip: Annotated[list[Pattern], Meta(description="IP addresses and ranges (CIDR); default none.")] | UnsetType = UNSET
    uri: Annotated[list[Pattern], Meta(description="URIs; default none.")] | UnsetType = UNSET
    email: Annotated[list[Pattern], Meta(description="Mailboxes; default none.")] | UnsetType = UNSET
    usages: (
        Annotated[list[Usage], Meta(description="Default client auth, digital signature and key encipherment.")] | UnsetType
    ) = UNSET
    keys: Annotated[list[KeyType], Meta(min_length=1, description="Default all that can be issued for.")] | UnsetType = UNSET
    max_lifetime: Annotated[Duration, Meta(description="Default 1y.")] | UnsetType = UNSET
    require_digest: (
        Annotated[bool, Meta(description="Whether an approval has to name its file by `digest`; default false.")] | UnsetType
    ) = UNSET
    allow: (
        Annotated[
            dict[Name, AllowanceSpec], Meta(description="What single requests may ask for beyond that, by the request's name.")
        ]
        | UnsetType
    ) = UNSET
