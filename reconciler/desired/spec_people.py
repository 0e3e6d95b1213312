"""The parts of a kubeconfig for a person: further clusters, users and contexts.

No ``from __future__ import annotations`` here, as in `reconciler.desired.spec`.
"""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from reconciler.desired.spec_parts import Name, Spec

NAMESPACE_PATTERN = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"

EntryName = Annotated[str, Meta(min_length=1, max_length=253, description="Name of an entry of a kubeconfig.")]
Namespace = Annotated[
    str,
    Meta(
        max_length=63,
        pattern=NAMESPACE_PATTERN,
        description="The namespace that kubectl uses when none is asked for.",
    ),
]


class KubeClusterSpec(Spec, frozen=True, kw_only=True):
    """A further cluster."""

    server: Annotated[str, Meta(pattern=r"^https://", description="API server URL.")]
    bundle: Annotated[Name, Meta(description="Which CAs its client trusts.")]


class KubeUserSpec(Spec, frozen=True, kw_only=True):
    """A further user."""

    component: Annotated[Name, Meta(description="Whose certificate and key.")]
    embed: (
        Annotated[bool, Meta(description="Embed certificate and key as data (default), or refer to their files.")] | UnsetType
    ) = UNSET


class KubeContextSpec(Spec, frozen=True, kw_only=True):
    """A further context."""

    cluster: Annotated[EntryName, Meta(description="Name of a cluster entry; default clusterName.")] | UnsetType = UNSET
    user: Annotated[EntryName, Meta(description="Name of a user entry; default userName.")] | UnsetType = UNSET
    namespace: Namespace | UnsetType = UNSET
