"""The state of a server: namespaces, what is mounted in them, their policies, and every token. Data."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.vault_server.engine import Engine, Tuning
from tests.vault_server.policies import DEFAULT, Policy, capabilities
from tests.vault_server.tokens import Token, TokenStore


@dataclass(slots=True, kw_only=True)
class Mount:
    """An engine at a path."""

    path: str
    """With the slash at its end, without ``auth/``."""
    kind: str
    engine: Engine
    description: str = ""
    options: dict[str, str] | None = None
    accessor: str = ""
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        self.accessor = self.accessor or f"{self.kind}_{secrets.token_hex(4)}"

    @property
    def tuning(self) -> Tuning:
        """What it was told about lifetimes."""
        return self.engine.tuning

    def described(self) -> dict[str, object]:
        """What a listing of mounts says."""
        return {
            "accessor": self.accessor,
            "config": {
                "default_lease_ttl": self.tuning.default_lease_ttl,
                "force_no_cache": False,
                "max_lease_ttl": self.tuning.max_lease_ttl,
            },
            "description": self.description,
            "external_entropy_access": False,
            "local": False,
            "options": self.options,
            "plugin_version": "",
            "running_plugin_version": "v2.6.2+builtin.bao",
            "running_sha256": "",
            "seal_wrap": False,
            "type": self.kind,
            "uuid": self.uuid,
        }


@dataclass(slots=True, kw_only=True)
class Namespace:
    """A server within the server."""

    path: str
    """Without slashes at its ends; empty for the root."""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(4))
    mounts: dict[str, Mount] = field(default_factory=dict)
    """By path; auth methods under ``auth/``."""
    policies: dict[str, tuple[str, Policy]] = field(default_factory=dict)
    """By name: text, and what it says."""

    def mount_of(self, path: str) -> Mount | None:
        """The mount that a path leads into: the longest."""
        fitting = [prefix for prefix in self.mounts if path.startswith(prefix) or f"{path}/" == prefix]
        return self.mounts[max(fitting, key=len)] if fitting else None

    def allowed(self, token: Token, path: str, *, folder: bool = False) -> frozenset[str]:
        """What a token may do at a path here; see `capabilities`."""
        if "root" in token.policies:
            return frozenset({"root"})
        named = [self.policies[name][1] for name in token.policies if name in self.policies]
        return capabilities([*named, *([DEFAULT] if "default" in token.policies else [])], path, folder=folder)


@dataclass(slots=True, kw_only=True)
class World:
    """All of it."""

    tokens: TokenStore = field(default_factory=TokenStore)
    namespaces: dict[str, Namespace] = field(default_factory=dict)
    initialized: bool = True
    sealed: bool = False
    standby: str = ""
    """``""`` for the active node, else ``standby``, ``performance`` or ``secondary``."""
    cluster: str = "vault-cluster-test"
    cluster_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def engines(self, kind: str) -> Iterator[tuple[str, Engine]]:
        """All mounts of a kind, with namespace and path."""
        for namespace in self.namespaces.values():
            for path, mount in namespace.mounts.items():
                if mount.kind == kind:
                    yield f"{namespace.path}/{path}".lstrip("/"), mount.engine


#: Makes an engine of a kind for a path in a namespace.
Maker = Callable[[World, Namespace, str], Engine]
