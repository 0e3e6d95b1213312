"""Where the paths of a container are on its node."""

from __future__ import annotations

import posixpath
from typing import Final

import msgspec


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A path in a container, and what lies behind it."""

    inside: str
    on_node: str
    """Empty for what comes from no directory of the node: a ConfigMap, a Secret, an ``emptyDir``."""


class Mounts(msgspec.Struct, frozen=True, kw_only=True):
    """How a program sees the files of its node."""

    mounts: tuple[Mount, ...] = ()
    container: bool = False
    """Whether only what is mounted is the node's."""
    working_directory: str = "/"

    def on_node(self, path: str) -> str:
        """The node's name for a path; empty when the node does not have it."""
        absolute = normal(posixpath.join(self.working_directory or "/", path))
        if not self.container:
            return absolute
        within = [mount for mount in self.mounts if _below(absolute, mount.inside)]
        if not within:
            return ""
        mount = max(within, key=lambda each: len(each.inside))
        rest = absolute.removeprefix(mount.inside).lstrip("/")
        return normal(posixpath.join(mount.on_node, rest)) if mount.on_node else ""


#: A program that runs on the node itself.
ON_NODE: Final = Mounts()


def normal(path: str) -> str:
    """An absolute path without ``.``, ``..``, ``//`` and a trailing slash; never above the root."""
    return posixpath.normpath(f"/{path.lstrip('/')}")


def _below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(f"{directory.rstrip('/')}/")
