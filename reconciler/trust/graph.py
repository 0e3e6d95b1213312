"""The trust graph as data: families of edges, whose ends are addresses of the desired state."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import msgspec

Check = Literal["etcd-peer-san", "requestheader-name", "kubelet-client", "kubelet-serving"]
Pairs = Literal["all", "same-node", "other-nodes"]


class End(msgspec.Struct, frozen=True, kw_only=True):
    """One instance at one end of an edge."""

    who: str
    """Its address, or a name in words for somebody whose files we do not manage (``pods``)."""
    kind: str
    """Name of what it is an instance of: all instances of one kind are one thing in a picture."""
    node: str | None = None
    presents: str = ""
    """Address of the component or kubeconfig whose certificate it presents; empty for none."""
    trusts: str = ""
    """Address of the bundle, kubeconfig or CA by which it verifies the other; empty when it does not verify."""
    hosts: tuple[str, ...] = ()
    """Of a server: the names and addresses that clients use. Of a client: the one it uses, whatever the server has; of one
    with a kubeconfig, the one that should be in it."""

    @property
    def id(self) -> str:
        """Tells instances apart, also those without an address of their own."""
        return f"{self.who} {self.trusts}"


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """Edges of one kind: every pair of a client and a server that connect for one purpose."""

    id: str
    """``E1`` to ``E22`` for Kubernetes, the declared name for others."""
    title: str
    clients: tuple[End, ...]
    servers: tuple[End, ...]
    pairs: Pairs = "all"
    checks: tuple[Check, ...] = ()
    """What programs check beyond TLS."""
    apart: tuple[str, ...] = ()
    """Names of CAs whose clients must not be accepted here."""
    refusal: Literal["alert", "request"] = "alert"
    """How a server says no: in the handshake, or to each request (kube-apiserver and kubelet answer 401)."""

    @property
    def connections(self) -> int:
        """How many pairs it stands for."""
        everything = len(self.clients) * len(self.servers)
        if self.pairs == "all":
            return everything
        servers = Counter(server.node for server in self.servers)
        beside = sum(servers[client.node] for client in self.clients)
        return beside if self.pairs == "same-node" else everything - beside


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """Edges that nothing is said about."""

    id: str
    title: str
    why: str


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """All edges of a desired state."""

    families: tuple[Family, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def connections(self) -> int:
        """How many connections it stands for."""
        return sum(family.connections for family in self.families)
