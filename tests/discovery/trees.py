"""Files of machines for tests of the walk: small trees, and what was read of them in few words."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from reconciler.cluster.model import Node
from reconciler.discovery.walk import Place, read_cluster


def tree(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Writes files by their paths on the node."""
    for path, content in files.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def link(root: Path, path: str, target: str) -> None:
    """A symbolic link, with its target as it is given."""
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.symlink_to(target)


def node(root: Path) -> Node:
    """The one node whose files these are."""
    (found,) = read_cluster([Place(root=str(root))]).nodes
    return found


def uses(found: Node) -> dict[str, tuple[str, ...]]:
    """Each file with its uses, each in one line: ``etcd --cert-file certificate serving``."""
    return {
        path: tuple(f"{use.process} {use.setting} {use.role} {use.purpose}" for use in file.uses)
        for path, file in found.files.items()
    }


def contents(found: Node) -> dict[str, str]:
    """Each file with the kind of its content."""
    return {path: type(file.content).__name__ for path, file in found.files.items()}


def signature(root: Path) -> dict[str, tuple[int, int, int, str]]:
    """What would change if anybody wrote: mode, times and bytes of everything below a directory, links unfollowed."""
    found: dict[str, tuple[int, int, int, str]] = {}
    for directory, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = Path(directory, name)
            status = path.lstat()
            regular = path.is_file() and not path.is_symlink()
            digest = hashlib.sha256(path.read_bytes()).hexdigest() if regular else ""
            found[str(path)] = (status.st_mode, status.st_mtime_ns, status.st_ctime_ns, digest)
    return found
