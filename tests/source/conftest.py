"""Keys are made once for each worker; repositories are small and made where they are needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from reconciler.source.git import GitSource
from reconciler.source.signatures import Verifier
from tests.source.repositories import Repository, new_repository, run


class Follow(Protocol):
    """Makes a source that is closed when the test ends."""

    def __call__(
        self, directory: Path, *, path: str = ..., ref: str = ..., verifier: Verifier | None = ..., environ: dict[str, str] = ...
    ) -> GitSource:
        """Follows a directory."""
        ...


@pytest.fixture
def follow(tmp_path: Path) -> Iterator[Follow]:
    """Follows repositories, with a private place for what that needs; leaves nothing there."""
    sources: list[GitSource] = []
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def make(
        directory: Path,
        *,
        path: str = "cluster-pki.yaml",
        ref: str = "HEAD",
        verifier: Verifier | None = None,
        environ: dict[str, str] | None = None,
    ) -> GitSource:
        surroundings = {"PATH": os.environ["PATH"], "TMPDIR": str(scratch)} if environ is None else environ
        sources.append(GitSource(str(directory), path=path, ref=ref, verifier=verifier, environ=surroundings))
        return sources[-1]

    yield make
    for source in sources:
        source.close()
    assert list(scratch.iterdir()) == []


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A checkout with one commit."""
    repository = new_repository(tmp_path / "checkout")
    repository.commit()
    return repository


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes SSH keys by name; the public half lies beside them."""
    directory = tmp_path_factory.mktemp("keys")

    def key(name: str) -> Path:
        path = directory / name
        if not path.exists():
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path, cwd=directory)
        return path

    return key
