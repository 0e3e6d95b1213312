"""The five sections of a document that a preset fills and a user overrides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from reconciler.desired.spec import BundleSpec, CaSpec, ComponentSpec, KeypairSpec, KubeconfigSpec

#: The word in an address of each section.
KINDS: Final[dict[str, str]] = {
    "cas": "ca",
    "keypairs": "keypair",
    "components": "component",
    "bundles": "bundle",
    "kubeconfigs": "kubeconfig",
}


class Fragments(msgspec.Struct, frozen=True, kw_only=True):
    """Named entries by section."""

    cas: Mapping[str, CaSpec] = msgspec.field(default_factory=dict)
    keypairs: Mapping[str, KeypairSpec] = msgspec.field(default_factory=dict)
    components: Mapping[str, ComponentSpec] = msgspec.field(default_factory=dict)
    bundles: Mapping[str, BundleSpec] = msgspec.field(default_factory=dict)
    kubeconfigs: Mapping[str, KubeconfigSpec] = msgspec.field(default_factory=dict)
