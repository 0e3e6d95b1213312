"""Where to listen, as a person writes it. Decisions."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final, TypeVar

import msgspec

from reconciler.daemon.tls import TlsFiles
from reconciler.desired.model import DesiredState
from reconciler.plan.status import component_paths

T = TypeVar("T")

_OFF: Final = "off"
_LAST_PORT: Final = 65535


def parse_listen(text: str) -> tuple[str, int] | None:
    """Host and port of ``127.0.0.1:9808``, ``[::1]:9808`` or ``localhost:9808``; None for ``off``. Port 0 is any free one.

    Raises:
        ValueError: it is none of these; says what to write.
    """
    if text == _OFF:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > _LAST_PORT:
        msg = f'"{text}" is no address with a port; write 127.0.0.1:9808, [::1]:9808 or off'
        raise ValueError(msg)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        msg = f'"{text}": an IPv6 address stands in brackets: [{host}]:{port}'
        raise ValueError(msg)
    if not host or not set(host).isdisjoint("[]/@ "):
        msg = f'"{text}" names no address; for all of this machine write 0.0.0.0:{port} or [::]:{port}'
        raise ValueError(msg)
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address: 127.0.0.0/8, ::1, ``localhost`` (RFC 6761 section 6.3)."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


class ListenError(ValueError):
    """What was asked to be served, or told, cannot be: a mistake of the command line."""


class Listening(msgspec.Struct, frozen=True, kw_only=True):
    """Where to serve status over HTTP, and with what."""

    host: str
    port: int
    asked_for: bool = True
    """Whether somebody named the place, rather than leaving the default."""
    component: str | None = None
    """Name or address of the component whose certificate is served with; None for plain HTTP."""
    client_bundle: str | None = None
    """Name or address of the bundle that vouches for clients; None for all clients."""


def listening(text: str | None, *, default: str, component: str | None, client_bundle: str | None) -> Listening | None:
    """What the options ask for; None for nothing.

    Args:
        text: host and port, ``off``, or None for the default.
        default: host and port when nobody says.
        component: whose certificate to serve with.
        client_bundle: which CAs vouch for clients.

    Raises:
        ListenError: it is no address, or one beyond loopback without a certificate.
    """
    try:
        place = parse_listen(text if text is not None else default)
    except ValueError as error:
        msg = f"--listen {error}"
        raise ListenError(msg) from error
    if client_bundle is not None and component is None:
        msg = "--listen-client-ca needs --listen-tls COMPONENT: client certificates are a part of TLS"
        raise ListenError(msg)
    if place is None:
        if component is not None:
            msg = "--listen-tls says how to serve, and nothing is served: add --listen ADDR:PORT"
            raise ListenError(msg)
        return None
    if not is_loopback(place[0]) and component is None:
        msg = (
            f"--listen {text}: others than this machine can reach that address. "
            "Add --listen-tls COMPONENT to serve by TLS, or listen on 127.0.0.1"
        )
        raise ListenError(msg)
    return Listening(host=place[0], port=place[1], asked_for=text is not None, component=component, client_bundle=client_bundle)


def tls_files(asked: Listening, desired: DesiredState) -> TlsFiles | None:
    """The files to serve with; None for plain HTTP.

    Raises:
        ListenError: there is no such component or bundle, or it keeps no files of its own.
    """
    if asked.component is None:
        return None
    component = _find("--listen-tls", asked.component, "component", desired.components, desired.node)
    paths = component_paths(component, desired)
    if component.place is None or paths.certificate is None or paths.key is None:
        msg = f"--listen-tls {asked.component}: it lives inside a kubeconfig; name a component with a path"
        raise ListenError(msg)
    client_ca = None
    if asked.client_bundle is not None:
        client_ca = _find("--listen-client-ca", asked.client_bundle, "bundle", desired.bundles, desired.node).place.absolute
    return TlsFiles(certificate=paths.fullchain or paths.certificate, key=paths.key, client_ca=client_ca)


def _find(option: str, name: str, kind: str, known: Mapping[str, T], node: str | None) -> T:
    """By address, or by name: with ``--node`` the instance of that node."""
    wanted = (name, f"{kind}.{name}", f"{kind}.{name}[{node}]")
    found = next((known[address] for address in wanted if address in known), None)
    if found is None:
        instances = [address for address in known if address.startswith(f"{kind}.{name}[")]
        hint = f"name one of its instances, such as {instances[0]}" if instances else f"declare it under `{kind}s`"
        msg = f"{option} {name}: there is no such {kind} here; {hint}"
        raise ListenError(msg)
    return found
