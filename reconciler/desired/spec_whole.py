"""What a desired-state document says about several things at once: groups, edges, revocations, limits, moves.

No ``from __future__ import annotations`` here: msgspec would compile every annotation from its text at each start.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from reconciler.desired.spec_parts import Duration, Name, Spec
from reconciler.desired.spec_requests import RequestPolicySpec


class GroupSpec(Spec, frozen=True, kw_only=True):
    """Components whose hooks belong together, such as the members of an etcd cluster."""

    components: Annotated[list[Name], Meta(min_length=1, description="The components, in the order of their hooks.")]
    bundles: (
        Annotated[list[Name], Meta(description="Bundles whose hooks touch the same programs, after the components.")] | UnsetType
    ) = UNSET
    serial: (
        Annotated[
            bool,
            Meta(
                description="One at a time, each only after the one before works again; stops at the first failure. Default true."
            ),
        ]
        | UnsetType
    ) = UNSET


class EdgeSpec(Spec, frozen=True, kw_only=True):
    """A connection that `verify` proves: who connects to whom, under which names, trusting what."""

    client: (
        Annotated[Name, Meta(description="The component that connects; without it, whoever holds the bundle `trust`.")]
        | UnsetType
    ) = UNSET
    server: Annotated[Name, Meta(description="The component that serves.")]
    hosts: Annotated[
        list[str],
        Meta(
            min_length=1,
            description="Names and addresses that clients use; {node}, {node.addresses}: those of the server's node.",
        ),
    ]
    trust: Annotated[Name, Meta(description="The bundle by which the client verifies the server.")]
    client_trust: (
        Annotated[Name, Meta(description="The bundle by which the server verifies the client; without it no client certificate.")]
        | UnsetType
    ) = UNSET
    pairs: (
        Annotated[
            Literal["all", "same-node"],
            Meta(description="all: every client connects to every server; same-node: to the one beside it. Default all."),
        ]
        | UnsetType
    ) = UNSET


class RevocationSpec(Spec, frozen=True, kw_only=True):
    """A certificate that must not be trusted any more."""

    component: Annotated[str, Meta(min_length=1, description="Whose: jane, or kubelet-client[w-1]. It may have left.")]
    serial: Annotated[str, Meta(pattern=r"^[0-9a-fA-F:]+$", description="Its serial number, hexadecimal.")]
    reason: (
        Annotated[
            Literal["unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation"],
            Meta(description="RFC 5280 section 5.3.1."),
        ]
        | UnsetType
    ) = UNSET
    at: Annotated[str, Meta(description="When, RFC 3339 in UTC; default when it is first listed.")] | UnsetType = UNSET
    ca: Annotated[Name, Meta(description="The CA that signed it; needed when the component has left.")] | UnsetType = UNSET


class PolicySpec(Spec, frozen=True, kw_only=True):
    """What is allowed here."""

    max_lifetime: Annotated[Duration, Meta(description="No component may live longer.")] | UnsetType = UNSET
    rules: (
        Annotated[
            dict[Annotated[str, Meta(pattern=r"^CPK[0-9]{3}$")], Literal["off", "warn", "error"]],
            Meta(description="Severity per rule, for rules of policy (CPK3xx)."),
        ]
        | UnsetType
    ) = UNSET
    requests: Annotated[RequestPolicySpec, Meta(description="What `requests` may ask for.")] | UnsetType = UNSET


class GuardsSpec(Spec, frozen=True, kw_only=True):
    """What a single plan may not exceed."""

    max_changes: (
        Annotated[int, Meta(ge=0)]
        | Annotated[str, Meta(pattern=r"^(100|[0-9]{1,2})%$", description="Share of all certificates.")]
        | UnsetType
    ) = UNSET
    max_destroy: Annotated[int, Meta(ge=0, description="How many resources a plan may destroy; default 1.")] | UnsetType = UNSET


class Moved(Spec, frozen=True, kw_only=True):
    """An address that was renamed."""

    from_: Annotated[str, Meta(description="The address it had.")] = msgspec.field(name="from")
    to: Annotated[str, Meta(description="The address it has now.")]


class Import(Spec, frozen=True, kw_only=True):
    """Existing files to take over."""

    to: Annotated[str, Meta(description="The address.")]
    id: Annotated[str, Meta(description="Path of the existing certificate.")]


class Removed(Spec, frozen=True, kw_only=True):
    """An address that left the configuration on purpose."""

    from_: Annotated[str, Meta(description="The address.")] = msgspec.field(name="from")
    destroy: Annotated[bool, Meta(description="Remove its files (default false: forget it and leave them).")] | UnsetType = UNSET
