"""Connections to Vault and OpenBao servers, and the lock that several reconcilers share."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from reconciler.desired.diagnostics import Path
from reconciler.desired.durations import InvalidDurationError, format_duration, parse_duration
from reconciler.desired.expand_auth import auth, complete_auth
from reconciler.desired.expand_kv import checked, knows_connection
from reconciler.desired.expand_stores import under
from reconciler.desired.names import InvalidNameError, canonical_dns, canonical_ip
from reconciler.desired.report import Report
from reconciler.desired.spec import Document
from reconciler.desired.spec_vault import ConnectionSpec, LockSpec
from reconciler.desired.vault import Connection, Lock
from reconciler.desired.vault_paths import kv_mount, vault_path

DEADLINE: Final = timedelta(seconds=30)
TTL: Final = timedelta(seconds=60)
#: A call that takes longer keeps everybody else waiting.
LONGEST_CALL: Final = timedelta(minutes=10)
#: A lease is renewed when a third of it is gone: several tries must fit into it, and nobody waits longer for a dead holder.
SHORTEST_LEASE, LONGEST_LEASE = timedelta(seconds=10), timedelta(hours=1)


def complete(document: Document) -> Document:
    """The document with every default of its connections and its lock written out."""
    connections, lock = document.connections, document.lock
    if connections is not UNSET:
        connections = {
            name: replace(
                spec,
                deadline=format_duration(DEADLINE) if spec.deadline is UNSET else spec.deadline,
                auth=complete_auth(spec.auth),
            )
            for name, spec in connections.items()
        }
    if lock is not UNSET and lock.ttl is UNSET:
        lock = replace(lock, ttl=format_duration(TTL))
    return replace(document, connections=connections, lock=lock)


def expand_connections(specs: Mapping[str, ConnectionSpec], root: str, report: Report) -> dict[str, Connection]:
    """The connections that are sound, by name.

    Args:
        specs: with their defaults.
        root: ``--root``, put before every file.
        report: takes the mistakes.
    """
    found = ((name, _connection(name, spec, root, report)) for name, spec in sorted(specs.items()))
    return {name: connection for name, connection in found if connection is not None}


def expand_lock(spec: LockSpec, connections: Mapping[str, ConnectionSpec], node: str | None, report: Report) -> Lock | None:
    """The lock of this view; None after a mistake.

    Args:
        spec: as written.
        connections: all of them.
        node: ``--node``. Reconcilers of different nodes work beside each other, so each has a lock of its own.
        report: takes the mistakes.
    """
    known = knows_connection(report, spec.connection, connections, ("lock", "connection"))
    mounted = checked(report, kv_mount, spec.mount, ("lock", "mount"))
    placed = checked(report, partial(vault_path, what="path"), spec.path, ("lock", "path"))
    ttl = _length(report, spec.ttl, TTL, SHORTEST_LEASE, LONGEST_LEASE, at=("lock", "ttl"))
    if not (known and mounted and placed) or ttl is None:
        return None
    path = spec.path if node is None else f"{spec.path}/{node}"
    return Lock(connection=spec.connection, mount=spec.mount, path=path, ttl=ttl)


def _connection(name: str, spec: ConnectionSpec, root: str, report: Report) -> Connection | None:
    here: Path = ("connections", name)
    refused = [index for index, text in enumerate(spec.addresses) if not _address(report, text, (*here, "addresses", index))]
    deadline = _length(report, spec.deadline, DEADLINE, timedelta(seconds=1), LONGEST_CALL, at=(*here, "deadline"))
    login = auth(name, spec.auth, root, report)
    named = spec.namespace is UNSET or checked(
        report, partial(vault_path, what="namespace"), spec.namespace, (*here, "namespace")
    )
    served = spec.server_name is UNSET or _server_name(report, spec.server_name, (*here, "serverName"))
    if refused or deadline is None or login is None or not (named and served):
        return None
    return Connection(
        name=name,
        addresses=tuple(dict.fromkeys(spec.addresses)),
        auth=login,
        namespace="" if spec.namespace is UNSET else spec.namespace,
        ca_file="" if spec.ca_file is UNSET else under(root, spec.ca_file),
        server_name="" if spec.server_name is UNSET else spec.server_name,
        deadline=deadline,
    )


def _address(report: Report, text: str, at: Path) -> bool:
    """Whether an address is ``https://host:port``, or ``http`` on loopback, and nothing more."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    shown = f'"{parts.scheme}://…@{host}"' if "@" in text else f'"{text}"'  # what stands before the @ may be a password
    if parts.scheme not in {"https", "http"} or not _is_host(host) or port == 0:
        report.add("CPK501", f"{shown} is not the address of a server", at=at, hint="such as https://vault.example.com:8200")
        return False
    plain = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if text != plain:
        message = f"{shown} is more than a server's address: no path, no query, no user"
        report.add("CPK501", message, at=at, hint=f'write "{plain}"')
        return False
    if parts.scheme == "http" and not _is_loopback(host):
        message = f"{shown} would send tokens and keys over the network in the clear"
        report.add("CPK501", message, at=at, hint=f'write "https{text.removeprefix("http")}"; http is for loopback alone')
        return False
    return True


def _is_host(host: str) -> bool:
    try:
        _ = canonical_ip(host) if ":" in host or host.replace(".", "").isdigit() else canonical_dns(host, wildcard=False)
    except InvalidNameError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _server_name(report: Report, text: str, at: Path) -> bool:
    if _is_host(text):
        return True
    report.add("CPK503", f'"{text}" is not a name that a certificate can have', at=at, hint="such as vault.example.com")
    return False


def _length(
    report: Report, text: str | UnsetType, default: timedelta, shortest: timedelta, longest: timedelta, *, at: Path
) -> timedelta | None:
    """A duration inside its limits; None after a mistake."""
    if text is UNSET:
        return default
    try:
        length = parse_duration(text)
    except InvalidDurationError as problem:
        report.add("CPK229", problem.message, at=at, hint=problem.hint)
        return None
    if shortest <= length <= longest:
        return length
    limits = f"{format_duration(shortest)} to {format_duration(longest)}"
    report.add("CPK503", f'{at[-1]} "{text}" is out of reach', at=at, hint=f"{limits}; {format_duration(default)} is usual")
    return None
