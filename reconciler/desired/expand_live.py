"""What happens outside of files: hooks after a change, and the live check of an endpoint."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from msgspec import UNSET, UnsetType

from reconciler.desired.diagnostics import Path
from reconciler.desired.durations import InvalidDurationError, format_duration, parse_duration
from reconciler.desired.expand_context import Context, Nodes
from reconciler.desired.expand_stores import under
from reconciler.desired.live import AnyHook, ExecHook, HttpHook, Probe, SignalHook, SystemdHook, TouchHook
from reconciler.desired.model import address_of
from reconciler.desired.names import InvalidNameError, canonical_dns
from reconciler.desired.report import did_you_mean
from reconciler.desired.spec import ComponentSpec
from reconciler.desired.spec_parts import Hook as HookSpec
from reconciler.desired.spec_parts import Probe as ProbeSpec
from reconciler.desired.templates import MissingAddressError, Node, Template

HooksOf = Callable[[Node | None], tuple[AnyHook, ...]]
ProbeOf = Callable[[Node | None], Probe | None]

HOOK_TIMEOUT: Final = timedelta(seconds=60)
PROBE_TIMEOUT: Final = timedelta(seconds=5)
#: No program may keep the others waiting for longer.
LONGEST: Final = timedelta(hours=1)
#: Nor may an endpoint: while its answer is waited for, nothing else says that the reconciler lives.
LONGEST_ANSWER: Final = timedelta(minutes=1)
_PORTS: Final = range(1, 65536)
#: RFC 3986 section 3.2: a host name or IPv4 address, or an IPv6 address in brackets, and a port.
_ENDPOINT: Final = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\[\]:/\s]+)):(?P<port>[0-9]{1,5})")


def hooks(context: Context, here: Path, specs: Sequence[HookSpec] | UnsetType, nodes: Nodes, root: str) -> HooksOf:
    """The hooks of an entry.

    Args:
        context: the cluster; takes the mistakes.
        here: the entry in the document.
        specs: as written.
        nodes: the entry's instances.
        root: ``--root``, put before files that hooks read or touch.

    Returns:
        A function from node to hooks.
    """
    makers = [_hook(context, (*here, "after", index), spec, nodes, root) for index, spec in enumerate(specs or ())]
    sound = [make for make in makers if make is not None]
    return lambda node: tuple(make(node) for make in sound)


def probe(
    context: Context,
    here: Path,
    spec: ProbeSpec | UnsetType,
    nodes: Nodes,
    *,
    known: Mapping[str, ComponentSpec],
    identity: Callable[[Node | None], str],
) -> ProbeOf:
    """The live check of a component.

    Args:
        context: the cluster; takes the mistakes.
        here: the component in the document.
        spec: as written.
        nodes: the component's instances.
        known: all components by name.
        identity: address of the component itself on a node when it can be a TLS client, else empty: it then presents its
            own certificate unless the probe names another.

    Returns:
        A function from node to probe, None where there is none.
    """
    at: Path = (*here, "probe")
    if spec is UNSET or spec.address is UNSET:
        return lambda _node: None
    address = context.template((*at, "address"), spec.address, nodes)
    server_name = context.template((*at, "serverName"), "" if spec.server_name is UNSET else spec.server_name, nodes)
    limit = _timeout(context, at, spec.timeout, PROBE_TIMEOUT, longest=LONGEST_ANSWER)
    if spec.client is not UNSET and spec.client not in known:
        hint = did_you_mean(spec.client, known) or "declare it under `components`"
        context.report.add("CPK202", f'there is no component "{spec.client}"', at=(*at, "client"), hint=hint)
        return lambda _node: None
    if address is None or server_name is None or limit is None:
        return lambda _node: None

    def probe_of(node: Node | None) -> Probe | None:
        try:
            text, sni = address.render(node), server_name.render(node)
        except MissingAddressError:
            if node is not None:
                context.lacks_address(node, address_of("component", str(here[1]), node.name))
            return None
        endpoint = _endpoint(text)
        if endpoint is None:
            hint = 'such as "api.example.com:6443", "192.0.2.1:6443" or "[2001:db8::1]:6443"'
            context.report.add_once("CPK234", f'"{text}" is not host:port', at=(*at, "address"), hint=hint)
            return None
        host, port = endpoint
        return Probe(
            host=host,
            port=port,
            server_name=sni or ("" if _is_ip(host) else host),
            starttls=None if spec.starttls is UNSET else spec.starttls,
            client=identity(node) if spec.client is UNSET else _client(spec.client, known[spec.client], node),
            timeout=limit,
        )

    return probe_of


def _client(name: str, spec: ComponentSpec, node: Node | None) -> str:
    """The client's address: its instance on the same node where it has one a node."""
    return address_of("component", name, node.name if node is not None and spec.for_each is not UNSET else None)


def _hook(context: Context, at: Path, spec: HookSpec, nodes: Nodes, root: str) -> Callable[[Node | None], AnyHook] | None:
    limit = _timeout(context, at, spec.timeout, HOOK_TIMEOUT, longest=LONGEST if spec.http is UNSET else LONGEST_ANSWER)
    running = spec.only_if_running is not False
    if limit is None:
        return None
    if spec.exec is not UNSET:
        words = [context.template((*at, "exec", index), word, nodes, words=True) for index, word in enumerate(spec.exec)]
        known = [word for word in words if word is not None]
        if len(known) != len(words):
            return None
        return lambda node: ExecHook(argv=tuple(_render(context, word, node) for word in known), timeout=limit)
    if spec.systemd is not UNSET:
        unit, action = context.template((*at, "systemd", "unit"), spec.systemd.unit, nodes), spec.systemd.action
        if unit is None:
            return None
        return lambda node: SystemdHook(unit=_render(context, unit, node), action=action, only_if_running=running, timeout=limit)
    if spec.signal is not UNSET:
        pidfile, name = _file(context, (*at, "signal", "pidfile"), spec.signal.pidfile, nodes, root), spec.signal.name
        if pidfile is None:
            return None
        return lambda node: SignalHook(pidfile=_render(context, pidfile, node), name=name, only_if_running=running, timeout=limit)
    if spec.touch is not UNSET:
        touched = _file(context, (*at, "touch"), spec.touch, nodes, root)
        if touched is None:
            return None
        return lambda node: TouchHook(path=_render(context, touched, node), timeout=limit)
    return _http(context, at, spec, nodes, root=root, limit=limit)


def _http(
    context: Context, at: Path, spec: HookSpec, nodes: Nodes, *, root: str, limit: timedelta
) -> Callable[[Node | None], AnyHook] | None:
    if spec.http is UNSET:
        return None
    target = spec.http
    url = context.template((*at, "http", "url"), target.url, nodes)
    ca_file = Template(text="", uses=frozenset())
    if target.ca_file is not UNSET:
        named = _file(context, (*at, "http", "caFile"), target.ca_file, nodes, root)
        if named is None:
            return None
        ca_file = named
    if url is None:
        return None
    if not _is_http(target.url):
        hint = "such as https://127.0.0.1:8443/reload"
        context.report.add("CPK233", f'"{target.url}" is not an http or https URL', at=(*at, "http", "url"), hint=hint)
        return None
    method = "POST" if target.method is UNSET else target.method
    return lambda node: HttpHook(
        url=_render(context, url, node), method=method, ca_file=_render(context, ca_file, node), timeout=limit
    )


def _file(context: Context, at: Path, text: str, nodes: Nodes, root: str) -> Template | None:
    """An absolute path, below ``--root``."""
    template = context.template(at, text, nodes)
    if template is None:
        return None
    if not text.startswith("/") or ".." in text.split("/"):
        context.report.add("CPK233", f'"{text}" is not a plain absolute path', at=at, hint="begin with a slash, without `..`")
        return None
    return Template(text=under(root, text), uses=template.uses)


def _render(context: Context, template: Template, node: Node | None) -> str:
    """The text on one node; one whose missing address is reported stays as it is."""
    try:
        return template.render(node)
    except MissingAddressError:
        if node is not None:
            context.lacks_address(node, "a hook")
        return template.text


def _timeout(context: Context, at: Path, text: str | UnsetType, default: timedelta, *, longest: timedelta) -> timedelta | None:
    if text is UNSET:
        return default
    try:
        length = parse_duration(text)
    except InvalidDurationError as problem:
        context.report.add("CPK229", problem.message, at=(*at, "timeout"), hint=problem.hint)
        return None
    if not timedelta(0) < length <= longest:
        hint = f"write 1s to {format_duration(longest)}"
        context.report.add("CPK229", f'a timeout of "{text}"', at=(*at, "timeout"), hint=hint)
        return None
    return length


def _endpoint(text: str) -> tuple[str, int] | None:
    found = _ENDPOINT.fullmatch(text)
    if found is None or int(found["port"]) not in _PORTS:
        return None
    host = (found["v6"] or found["host"]).lower()
    if _is_ip(host):
        return host, int(found["port"])
    try:
        return (canonical_dns(host, wildcard=False), int(found["port"])) if not found["v6"] else None
    except InvalidNameError:
        return None


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
            and url.isprintable()
        )
    except ValueError:
        return False
