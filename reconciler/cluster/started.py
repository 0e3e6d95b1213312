"""A program as something starts it, and the process with the settings that count once its configuration is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import msgspec

from reconciler.cluster.documents import Settings, settings_of
from reconciler.cluster.environment import etcd_settings
from reconciler.cluster.model import Process
from reconciler.cluster.mounts import ON_NODE, Mounts
from reconciler.cluster.settings import SNI, TABLE, path_settings, sni_paths, spelled
from reconciler.x509.yaml_tree import Tree

#: Which flag names the configuration file of a process.
CONFIG_FLAGS: Final[Mapping[str, str]] = {
    "kubelet": "config",
    "kube-scheduler": "config",
    "kube-proxy": "config",
    "etcd": "config-file",
}


#: Settings of distributions that are secrets themselves: no process keeps them.
SECRETS: Final = frozenset(
    {
        *("token", "agent-token", "datastore-endpoint", "etcd-s3-access-key", "etcd-s3-secret-key", "etcd-s3-session-token"),
        *("vpn-auth", "spec.storage.kine.dataSource"),
    }
)


class Lost(NamedTuple):
    """A file that a setting names and that is none of the node's."""

    setting: str
    path: str


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """What a unit, a manifest or the convention of a distribution starts."""

    process: str
    source: str
    flags: Settings
    environment: Mapping[str, str] = {}
    mounts: Mounts = ON_NODE
    version: str = ""

    @property
    def config(self) -> str:
        """The node's path of its configuration file; empty without one, or when the node does not have it."""
        values = self._own_settings().get(CONFIG_FLAGS.get(self.process, ""), ())
        return self.mounts.on_node(values[-1]) if values and values[-1] else ""

    @property
    def config_directory(self) -> str:
        """The node's path of the directory with its drop-ins."""
        values = self.flags.get("config-dir", ()) if self.process == "kubelet" else ()
        return self.mounts.on_node(values[-1]) if values and values[-1] else ""

    def finished(self, config: Tree = None) -> Process:
        """The process, with what its configuration file says.

        Flags count before the file; etcd reads either the file or flags, and flags count before its environment
        (etcd's Documentation, "Configuration options").
        """
        own, of_file = self._own_settings(), settings_of(config)
        if self.process == "etcd" and own.get("config-file"):
            settings: Settings = {**of_file, "config-file": own["config-file"]}
        else:
            settings = {**of_file, **own}
        return Process(
            name=self.process, source=self.source, settings=dict(sorted(self._on_node(settings))), version=self.version
        )

    def lost(self, config: Tree = None) -> Iterator[Lost]:
        """What a setting names that the container does not have from its node."""
        settings = {**settings_of(config), **self._own_settings()}
        for row in TABLE.get(self.process, ()):
            for value in settings.get(row.setting, ()):
                if value and not self.mounts.on_node(value):
                    yield Lost(spelled(row.setting), value)

    def _own_settings(self) -> Settings:
        if self.process != "etcd":
            return self.flags
        return {**etcd_settings(self.environment), **self.flags}

    def _on_node(self, settings: Settings) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Paths as the node has them; one that it does not have stays what it was."""
        paths = path_settings(self.process)
        for name, values in settings.items():
            if name in SECRETS:
                continue
            if name in paths:
                yield name, tuple(self._path(value) for value in values)
            elif name == SNI:
                yield name, tuple(self._sni(value) for value in values)
            else:
                yield name, values

    def _path(self, value: str) -> str:
        return (self.mounts.on_node(value) or value) if value else ""

    def _sni(self, value: str) -> str:
        certificate, key = sni_paths(value)
        _, colon, names = value.partition(":")
        return f"{self._path(certificate)},{self._path(key)}{colon}{names}" if certificate and key else value
