"""Which names a component of a glob matches: one rule for directories and commits."""

from __future__ import annotations

import fnmatch
import glob
from collections.abc import Iterable

has_magic = glob.has_magic


def matching(names: Iterable[str], component: str) -> list[str]:
    """The names that match, sorted; hidden ones only when the component names the dot, as `glob.glob` has it."""
    if not has_magic(component):
        return [component] if component in set(names) else []
    visible = names if component.startswith(".") else (name for name in names if not name.startswith("."))
    return sorted(fnmatch.filter(visible, component))
