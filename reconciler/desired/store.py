"""What a store is: where the places of its files begin."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from reconciler.desired.templates import Template

KV_LAYOUT: Final = "vault-kv"
"""The layout of places in KV, and the type of their stores."""


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """A directory tree, or a part of Vault's KV."""

    name: str
    root: Template
    """Absolute, ``--root`` applied, no trailing slash unless it is ``/``; in KV `desired.vault.kv_root`."""
    layout: Literal["generations", "plain", "vault-kv"]
    node_root: str = ""
    """The root as the node itself sees it: what comes after the directory that stands for the node. In KV without one, which
    looks the same from everywhere, empty: it is the root."""

    @property
    def per_node(self) -> bool:
        """Whether the root says which node the files belong to."""
        return bool(self.root.uses)

    @property
    def in_kv(self) -> bool:
        """Whether it is in KV, and so the same for every node that runs this by itself."""
        return self.layout == KV_LAYOUT
