"""A desired state that was read, and where its records live."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from reconciler.apply.state import StateDirectory, default_path
from reconciler.desired.compile import Compiled, compile_state
from reconciler.desired.diagnostics import Diagnostic, Path
from reconciler.desired.load import Loaded, load
from reconciler.desired.source import Source as DesiredSource
from reconciler.passes.outside import ON_DISK, Outside, outside_of
from reconciler.plan.document import Source

if TYPE_CHECKING:
    from reconciler.source.revision import Revision
    from reconciler.source.snapshot import Snapshot
    from reconciler.vault.clients import Clients


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """The desired state and where its records live."""

    loaded: Loaded
    compiled: Compiled
    state: StateDirectory
    snapshot: Snapshot | None = None
    """What was read, when it was read from a source that is followed."""
    clients: Clients | None = None
    """How servers are reached; None where nothing is on any."""

    def outside(self) -> Outside:
        """The stores and keyrings for one pass: what they have read they keep, as one picture."""
        return ON_DISK if self.clients is None else outside_of(self.compiled.state, self.clients)

    def close(self) -> None:
        """Gives back what servers gave to this process."""
        if self.clients is not None:
            self.clients.close()

    @property
    def revision(self) -> str:
        """The commit, or another word for what was read; empty for files that a command reads once as they stand."""
        return self.snapshot.revision.id if self.snapshot is not None else ""

    @property
    def version(self) -> str:
        """A word that changes with the desired state."""
        return self.revision or self.loaded.sha256

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What was found in the desired state without being an error."""
        return self.compiled.diagnostics

    @property
    def source(self) -> Source:
        """Where the desired state came from, for plan documents."""
        return Source(path=self.loaded.name, sha256=self.loaded.sha256, revision=self.revision or None)

    def where(self, path: Path) -> str:
        """``cluster-pki.yaml:12`` for a path of the document, empty for what a preset added."""
        span = self.loaded.locate(path) if path else None
        return f"{span.file}:{span.line}" if span else ""


def new_session(
    source: DesiredSource,
    *,
    node: str | None,
    root: str,
    state_dir: str | None,
    environ: Mapping[str, str],
    revision: Revision | None = None,
    clients: Clients | None = None,
) -> Session:
    """Reads and expands a desired state, and finds its state directory.

    Args:
        source: where to read.
        node: restricts everything to one node.
        root: absolute, put before every path; empty for none.
        state_dir: where the records live; None for the default place.
        environ: for ``XDG_STATE_HOME`` and ``HOME``.
        revision: what the source reads, when it is followed.
        clients: those of the process, to go on with; None to begin with new ones when they are needed.

    Raises:
        InvalidDesiredStateError: with every mistake.
        StateError: there is no place for the records.
    """
    snapshot = None
    if revision is None:
        loaded = load(source)
    else:
        from reconciler.source.snapshot import recording  # noqa: PLC0415 - a file that is read once needs none of it

        recorder = recording(source)
        loaded = load(recorder)
        snapshot = recorder.snapshot(revision)
    compiled = compile_state(loaded, node=node, root=root)
    if state_dir:
        path = os.path.abspath(state_dir)  # noqa: PTH100 - importing pathlib costs more than it gives
    else:
        path = default_path(euid=os.geteuid(), environ=environ, cluster=compiled.state.cluster, root=root)
    if clients is None and compiled.state.connections:
        from reconciler.vault.clients import Clients  # noqa: PLC0415 - most desired states are on this machine alone

        clients = Clients(environ)
    return Session(loaded=loaded, compiled=compiled, state=StateDirectory(path), snapshot=snapshot, clients=clients)
