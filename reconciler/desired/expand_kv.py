"""Stores in Vault's KV: which engine, and below which prefix."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Final

from msgspec import UNSET

from reconciler.desired.diagnostics import Path
from reconciler.desired.report import Report, did_you_mean
from reconciler.desired.spec import StoreSpec
from reconciler.desired.store import KV_LAYOUT, Store
from reconciler.desired.templates import NAME, Template, TemplateError, parse_template
from reconciler.desired.vault import kv_root
from reconciler.desired.vault_paths import InvalidNameError, kv_mount, vault_path

#: The fields of each type of store.
_FIELDS: Final = {"file": ("root", "layout"), KV_LAYOUT: ("connection", "mount", "prefix")}


def kv_store(name: str, spec: StoreSpec, connections: Collection[str], report: Report) -> Store:
    """A store in KV. ``--root`` leaves it alone: it is not on this machine."""
    at: Path = ("stores", name)
    connection, mount, prefix = (name if value is UNSET else value for value in (spec.connection, spec.mount, spec.prefix))
    if spec.connection is not UNSET:
        knows_connection(report, connection, connections, (*at, "connection"))
    if spec.mount is not UNSET:
        checked(report, kv_mount, mount, (*at, "mount"))
    template = Template(text=name, uses=frozenset())
    try:
        template = parse_template("" if spec.prefix is UNSET else prefix)
        if template.uses - {NAME}:
            report.add("CPK401", f'"{prefix}": a prefix can hold only {NAME}', at=(*at, "prefix"), hint='such as "nodes/{node}"')
        elif spec.prefix is not UNSET:
            checked(report, partial(vault_path, what="prefix"), prefix.replace(NAME, "node"), (*at, "prefix"))
    except TemplateError as problem:
        report.add("CPK210", problem.message, at=(*at, "prefix"), hint=problem.hint)
    root = kv_root(connection, mount, template.text)
    # What stands below the node's part of a prefix is carried to where it belongs on the node, as from a directory tree.
    parts = template.text.strip("/").split("/")
    node_root = next((f"/{'/'.join(parts[index + 1 :])}" for index, part in enumerate(parts) if NAME in part), "")
    return Store(name=name, root=Template(text=root, uses=template.uses & {NAME}), layout=KV_LAYOUT, node_root=node_root)


def knows_connection(report: Report, name: str, connections: Collection[str], at: Path) -> bool:
    """Whether a connection exists; reports it otherwise."""
    if name not in connections:
        hint = did_you_mean(name, connections) or "declare it under `connections`"
        report.add("CPK238", f'there is no connection "{name}"', at=at, hint=hint)
    return name in connections


def checked(report: Report, check: Callable[[str], str], text: str, at: Path) -> bool:
    """Whether a mount, prefix or path in Vault is sound; reports it otherwise."""
    try:
        check(text)
    except InvalidNameError as problem:
        report.add("CPK403", problem.message, at=at, hint=problem.hint)
        return False
    return True


def check_fields(name: str, spec: StoreSpec, report: Report) -> None:
    """Each type of store has fields of its own."""
    others = _FIELDS["file" if spec.type == KV_LAYOUT else KV_LAYOUT]
    for field in others:
        if getattr(spec, field) is not UNSET:
            message = f'store "{name}" is of type {spec.type}, which has no `{field}`'
            hint = f"remove it; type {spec.type} has {' and '.join(f'`{known}`' for known in _FIELDS[spec.type])}"
            report.add("CPK402", message, at=("stores", name, field), hint=hint)
    missing = [field for field in ("connection", "mount") if spec.type == KV_LAYOUT and getattr(spec, field) is UNSET]
    if missing:
        listed = " and ".join(f"`{field}`" for field in missing)
        report.add(
            "CPK402", f'store "{name}" of type {spec.type} needs {listed}', at=("stores", name), hint=f"add {listed}", key=True
        )
