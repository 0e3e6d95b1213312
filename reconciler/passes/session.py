"""A desired state that was read, and where its records live."""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec

from reconciler.apply.state import StateDirectory, default_path
from reconciler.desired.compile import Compiled, compile_state
from reconciler.desired.diagnostics import Diagnostic, Path
from reconciler.desired.load import Loaded, load
from reconciler.desired.source import Source as DesiredSource
from reconciler.plan.document import Source


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """The desired state and where its records live."""

    loaded: Loaded
    compiled: Compiled
    state: StateDirectory
    revision: str = ""
    """The commit it was read from; empty for files as they stand."""

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
    revision: str = "",
) -> Session:
    """Reads and expands a desired state, and finds its state directory.

    Args:
        source: where to read.
        node: restricts everything to one node.
        root: absolute, put before every path; empty for none.
        state_dir: where the records live; None for the default place.
        environ: for ``XDG_STATE_HOME`` and ``HOME``.
        revision: the commit that the source reads.

    Raises:
        InvalidDesiredStateError: with every mistake.
        StateError: there is no place for the records.
    """
    loaded = load(source)
    compiled = compile_state(loaded, node=node, root=root)
    if state_dir:
        path = os.path.abspath(state_dir)  # noqa: PTH100 - importing pathlib costs more than it gives
    else:
        path = default_path(euid=os.geteuid(), environ=environ, cluster=compiled.state.cluster, root=root)
    return Session(loaded=loaded, compiled=compiled, state=StateDirectory(path), revision=revision)
