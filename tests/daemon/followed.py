"""A source that a test moves by hand, and what follows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from reconciler.daemon.following import Following
from reconciler.daemon.settings import Settings
from reconciler.plan.status_document import SourceStatus
from reconciler.source.follow import Opened
from reconciler.source.revision import Revision, SourceError
from tests.desired.memory_source import MemorySource

LOCATION: Final = "/srv/pki"
ORIGIN: Final = SourceStatus(kind="git", location=LOCATION, path="cluster-pki.yaml", ref="HEAD")


def text(*names: str, cluster: str = "run", **more: object) -> str:
    """A desired state of these servers."""
    document: dict[str, Any] = {
        "apiVersion": "cluster-pki/v1",
        "cluster": cluster,
        "stores": {"files": {"type": "file", "root": "/srv"}},
        "cas": {"main": {"path": "ca/main"}},
        "components": {name: server(name) for name in names},
    }
    return yaml.safe_dump(document | more)


def server(name: str, **more: object) -> dict[str, Any]:
    """A component."""
    return {"ca": "main", "usages": ["server auth"], "sans": {"dns": [f"{name}.test"]}, "path": f"pki/{name}", **more}


class Played:
    """A repository as a play: its commits in the order in which they came to be, and the one that the branch points at."""

    def __init__(self, **commits: str | SourceError) -> None:
        """The branch points at the first.

        Args:
            commits: the desired state of each, or why it may not be acted on.
        """
        self.commits: dict[str, str | SourceError] = dict(commits)
        self.head = next(iter(commits))
        self.gone: SourceError | None = None
        """Why there is nothing to follow at all."""
        self.opened: Final[list[str]] = []
        self.note = ""
        self.location = LOCATION
        self.moves_to = ""
        """Where the branch is moved while it is looked at."""

    def poll(self) -> str:
        """The commit that the branch points at."""
        if self.gone is not None:
            raise self.gone
        return self.head

    def open(self, last: Revision | None, *, allow_rollback: bool) -> Opened:
        """That commit, unless it may not be acted on, or is older than the last one."""
        name, order = self.poll(), list(self.commits)
        self.opened.append(name)
        found = self.commits[name]
        if isinstance(found, SourceError):
            raise found
        if last is not None and not allow_rollback and last.id in order and order.index(last.id) > order.index(name):
            raise SourceError(reason="RolledBack", message=f"HEAD went back from {last.id} to {name}", hint="do not")
        if self.moves_to:
            self.head, self.moves_to = self.moves_to, ""
        revision = Revision(kind="git", id=name, location=self.location, path="cluster-pki.yaml", ref="HEAD", note=self.note)
        return Opened(revision=revision, source=MemorySource({"cluster-pki.yaml": found.encode()}))

    def watched(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def release(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing was opened."""


def settings(home: Path, **fields: Any) -> Settings:  # noqa: ANN401 - any field
    """How a reconciler runs in a directory of a test; its state directory is below it, whether or not it is named."""
    return Settings(**{"root": str(home / "root"), "environ": {}, "actor": "test"} | fields)


def follow(source: Played, home: Path, **fields: Any) -> Following:  # noqa: ANN401 - any field of the settings
    """Follows it; `fields` may name the state directory."""
    return Following(source, settings(home, **fields), origin=ORIGIN)
