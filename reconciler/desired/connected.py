"""What is known about who connects to whom: the cluster that a preset was made for, and declared connections. Data."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from reconciler.desired.diagnostics import Path


class KubernetesFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What everything about a Kubernetes cluster must know of it."""

    version: tuple[int, int]
    endpoint: str
    """Host and port of the API, as a URL has them."""
    service_ip: str = ""
    """Address of the service ``kubernetes``, by which pods reach the API."""


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """A connection that somebody makes, declared for ``verify``. ``edges.NAME``."""

    name: str
    server: str
    """Name of the component that serves."""
    hosts: Mapping[str, tuple[str, ...]]
    """Names and addresses under which clients reach it, by the address of its instance."""
    trust: str
    """Name of the bundle by which the client verifies the server."""
    trust_cas: tuple[str, ...]
    """The CAs of that bundle, for where a CA's own file stands in for it."""
    client: str = ""
    """Name of the component that connects; empty for whoever holds the bundle."""
    client_trust: str = ""
    """Name of the bundle by which the server verifies the client; empty when it asks for no certificate."""
    client_trust_cas: tuple[str, ...] = ()
    same_node: bool = False
    """Whether clients connect to the server on their own node alone."""
    origin: Path = ()
