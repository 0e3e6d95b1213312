"""Where the files of an address are, and what they are called."""

from __future__ import annotations

from typing import Literal

import msgspec


class Naming(msgspec.Struct, frozen=True, kw_only=True):
    """What the names of a pair's files end with: others than ours call them ``NAME.pem`` and ``NAME-key.pem``."""

    certificate: str = ".crt"
    key: str = ".key"

    def spelled(self, suffix: str) -> str:
        """How a name ends, by the suffix that everything but a file system calls the file by."""
        return self.certificate if suffix == ".crt" else self.key if suffix == ".key" else suffix


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A path in a store: in a directory tree, or in Vault KV (`desired.vault.kv_root`)."""

    store: str
    root: str
    """The store's root on this machine: absolute, ``--root`` and ``{node}`` resolved, no trailing slash (``/`` stays)."""
    path: str
    """Relative to the root. For pairs and keypairs without suffix, for single files with it."""
    layout: Literal["generations", "plain", "vault-kv"] = "generations"
    node_root: str = "/"
    """The root as the node sees it that the files belong to: without ``--root`` and the directories that stand for the node."""
    naming: Naming = Naming()
    """Of the pair; a single file has its name in `path`, and a secret in KV has fields."""

    @property
    def absolute(self) -> str:
        """Root and path joined."""
        return f"{self.root.rstrip('/')}/{self.path}"

    def spelled(self, suffix: str) -> str:
        """What stands behind the path in the name of a file."""
        return self.naming.spelled(suffix)

    def file(self, suffix: str) -> str:
        """The absolute path of a file: of the certificate ``.crt``, of the key ``.key``."""
        return self.absolute + self.spelled(suffix)

    def of_generation(self, number: int) -> Place:
        """The place beside this one where one generation of a CA or keypair stands for itself: ``ca.g2``."""
        return msgspec.structs.replace(self, path=f"{self.path}.g{number}")

    @property
    def on_node(self) -> str:
        """The absolute path on the node that the files belong to: what its flags and kubeconfigs name."""
        return f"{self.node_root.rstrip('/')}/{self.path}"

    def file_on_node(self, suffix: str) -> str:
        """Of one file; see `file`."""
        return self.on_node + self.spelled(suffix)
