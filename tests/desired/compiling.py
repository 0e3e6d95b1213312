"""Short ways to compile a desired state in a test, without files."""

from __future__ import annotations

from typing import Final

import yaml
from msgspec.structs import replace

from reconciler.desired.compile import Compiled, compile_state
from reconciler.desired.diagnostics import Diagnostic, InvalidDesiredStateError
from reconciler.desired.model import DesiredState
from tests.desired.memory_source import loaded

HEAD: Final = "apiVersion: cluster-pki/v1\ncluster: demo\n"
#: One CA beside no cluster.
ROOT: Final = HEAD + "cas: {root: {path: root}}\n"
#: Everything in one place, each node with a tree of its own.
CENTRAL: Final = (
    'stores:\n  files: {type: file, root: "/nodes/{node}"}\n  authority: {type: file, root: /authority}\n'
    "cas:\n"
    "  kubernetes: {store: authority, path: kubernetes/ca}\n"
    "  etcd: {store: authority, path: etcd/ca}\n"
    "  front-proxy: {store: authority, path: front-proxy/ca}\n"
)
#: Three control-plane nodes and two workers.
NODES: Final = (
    "nodes:\n"
    "  - {name: cp-1, roles: [control-plane], addresses: [192.0.2.11]}\n"
    "  - {name: cp-2, roles: [control-plane], addresses: [192.0.2.12]}\n"
    "  - {name: cp-3, roles: [control-plane], addresses: [192.0.2.13]}\n"
    "  - {name: w-1, roles: [worker], addresses: [192.0.2.21]}\n"
    "  - {name: w-2, roles: [worker], addresses: [192.0.2.22, '2001:db8::22']}\n"
)


def kubernetes(settings: str = "", *, nodes: str = NODES, stores: str = CENTRAL) -> str:
    """A cluster of the preset; `settings` are more lines of YAML flow under ``kubernetes``."""
    return f"{HEAD}kubernetes: {{preset: kubeadm, {settings}}}\n{nodes}{stores}"


def compiled(text: str, *, node: str | None = None, root: str = "") -> Compiled:
    """Loads and compiles one file."""
    return compile_state(loaded(text), node=node, root=root)


def state_of(text: str, *, node: str | None = None, root: str = "") -> DesiredState:
    """The desired state of one file."""
    return compiled(text, node=node, root=root).state


def diagnostics_of(text: str, *, node: str | None = None, root: str = "") -> tuple[Diagnostic, ...]:
    """Everything that is said about one file, whether it compiles or not."""
    try:
        return compiled(text, node=node, root=root).diagnostics
    except InvalidDesiredStateError as error:
        return error.diagnostics


def codes_of(text: str, *, node: str | None = None) -> list[str]:
    """The codes of what is said, in order."""
    return [diagnostic.code for diagnostic in diagnostics_of(text, node=node)]


def said_about(text: str, *, node: str | None = None) -> list[tuple[str, str, str, str]]:
    """Code, the text that is marked, message and hint of each diagnostic."""
    lines = text.splitlines()
    found = []
    for diagnostic in diagnostics_of(text, node=node):
        span = diagnostic.span
        marked = lines[span.line - 1][span.column - 1 : span.end_column - 1] if span and span.line == span.end_line else ""
        found.append((diagnostic.code, marked, diagnostic.message, diagnostic.hint))
    return found


def merged(text: str, more: dict[str, object]) -> str:
    """The document with other top-level sections added or replaced."""
    return yaml.safe_dump({**yaml.safe_load(text), **more})


def without_origins(state: DesiredState) -> DesiredState:
    """The state without the places of its entries, which differ between a preset and what it stands for.

    What is known of the cluster itself goes with the preset.
    """

    def bare(entries: object) -> dict[str, object]:
        assert isinstance(entries, dict)
        return {key: replace(entry, origin=()) for key, entry in entries.items()}

    names = ("cas", "keypairs", "components", "bundles", "kubeconfigs")
    return replace(state, kubernetes=None, **{name: bare(getattr(state, name)) for name in names})
