"""A source of desired-state files in memory."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from reconciler.desired.load import Loaded, load
from reconciler.desired.source import UnusableFileError


class MemorySource:
    """Files by name; the first is the main file."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.name = next(iter(files))
        self._files = dict(files)

    def shown(self, name: str) -> str:
        """The name itself."""
        return name

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        if name not in self._files:
            raise UnusableFileError(code="CPK001", message=f"{name}: there is no such file")
        return self._files[name]

    def expand(self, pattern: str) -> tuple[str, ...]:
        """The names that match."""
        return tuple(sorted(name for name in self._files if fnmatchcase(name, pattern)))


def loaded(text: str, **others: str) -> Loaded:
    """Loads a main file ``cluster-pki.yaml`` and others, named by keywords with ``_`` for the dot before ``yaml``."""
    files = {"cluster-pki.yaml": text, **{name.replace("_yaml", ".yaml"): other for name, other in others.items()}}
    return load(MemorySource({name: content.encode() for name, content in files.items()}))
