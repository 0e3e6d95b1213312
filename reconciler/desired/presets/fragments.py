"""The five sections of a document that a preset fills and a user overrides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from reconciler.desired.spec import BundleSpec, CaSpec, ComponentSpec, KeypairSpec, KubeconfigSpec

#: The word in an address of each section.
KINDS: Final[dict[str, str]] = {
    "cas": "ca",
    "keypairs": "keypair",
    "components": "component",
    "bundles": "bundle",
    "kubeconfigs": "kubeconfig",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragments:
    """Named entries by section."""

    cas: Mapping[str, CaSpec] = field(default_factory=dict)
    keypairs: Mapping[str, KeypairSpec] = field(default_factory=dict)
    components: Mapping[str, ComponentSpec] = field(default_factory=dict)
    bundles: Mapping[str, BundleSpec] = field(default_factory=dict)
    kubeconfigs: Mapping[str, KubeconfigSpec] = field(default_factory=dict)
