"""What adopting works with: everything of a cluster that could be managed, as entries of a desired state. Data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from reconciler.adopting.pair_names import Names
from reconciler.cluster.model import Cluster, File, Node
from reconciler.observed.model import FileMeta
from reconciler.x509.facts import CertificateFacts

Spec = dict[str, object]
"""An entry as it would be written, with plain values and the field names of the document."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """A node as the document names it."""

    name: str
    """In the cluster's files."""
    label: str
    """In the document: that of its directory where the files of several nodes lie below one."""
    root: str
    """Absolute."""
    roles: tuple[str, ...]
    addresses: tuple[str, ...]

    @property
    def host(self) -> str:
        """Its first address as it stands in a URL; empty without one."""
        first = next(iter(self.addresses), "")
        return f"[{first}]" if ":" in first else first


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """Where the files are."""

    machines: tuple[Machine, ...]
    """By name."""
    nodeless: bool
    """Files of no cluster: the document has no nodes."""
    central: bool
    """One machine holds the files of all nodes, each in a directory of its own."""
    owner: tuple[int, int]
    """User and group that nearly everything belongs to: not worth a word."""

    def machine(self, name: str) -> Machine:
        """The one of that name in the cluster's files."""
        return next(machine for machine in self.machines if machine.name == name)


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing on one node, or a CA: what its entry would say."""

    section: str
    name: str
    node: str
    """Its label; empty for what belongs to no node."""
    spec: Spec
    """With placeholders where they fit, without forEach, lifetime and renewBefore."""
    paths: tuple[str, ...]
    """Its files on the node, for what was found about them."""
    remarks: tuple[str, ...] = ()
    apart: Spec = msgspec.field(default_factory=dict)
    """What keeps it apart from others of its name without being written: an identity goes with the file that it lives in."""
    lifetime: timedelta | None = None
    """None for the default."""
    renew_before: timedelta | None = None
    serves_as: str = ""
    """Of a bundle, the name of the CA whose own certificate file it is: there is no other file."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is not taken over."""

    node: str
    path: str
    why: str
    """A clause."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Items of several nodes that one entry of the document stands for."""

    section: str
    name: str
    nodes: tuple[str, ...]
    """Labels, in the order of the document; none for what belongs to no node."""
    spec: Spec
    paths: tuple[tuple[str, str], ...]
    """Node as its files name it, and path."""
    remarks: tuple[str, ...] = ()
    serves_as: str = ""


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What trying out a draft has taught."""

    left_out: Mapping[tuple[str, str, str], str] = {}
    """Section, name and node of what does not fit, and why."""
    signers: Mapping[tuple[str, str], str] = {}
    """Name and node of a component to the SHA-256 of the public key that really signed it."""
    softened: tuple[str, ...] = ()
    """Rules of policy that what is there breaks."""


class Spot(msgspec.Struct, frozen=True, kw_only=True):
    """A place where the certificate of a CA stands by itself."""

    node: Node
    names: Names
    file: File
    certificate: CertificateFacts
    meta: FileMeta
    """Of the key where there is one, else of the certificate."""
    has_key: bool
    wrong_key: bool = False
    """Something lies where its key would be, and is not it."""


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """A CA."""

    name: str
    certificate: CertificateFacts
    home: Spot
    copies: tuple[Spot, ...]
    """With the key, on other nodes or under other paths."""
    apart: tuple[Spot, ...] = ()
    """The same, called otherwise than at home."""
    parent: str = ""
    """Name of the CA that signed it; empty for a root, and for one whose root is not here."""

    @property
    def has_key(self) -> bool:
        """Whether it can sign."""
        return self.home.has_key

    @property
    def files(self) -> frozenset[tuple[str, str]]:
        """Node and path of each certificate file that is the CA's own."""
        return frozenset((spot.node.name, spot.names.certificate) for spot in (self.home, *self.copies))


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known when entries are made."""

    cluster: Cluster
    ground: Ground
    authorities: tuple[Authority, ...]
    """Those that are taken over."""
    choices: Choices
    now: datetime

    def machine(self, node: str) -> Machine | None:
        """A node; None where the document has none."""
        return None if self.ground.nodeless else self.ground.machine(node)

    def label(self, node: str) -> str:
        """What the document calls a node; empty where it has none."""
        return "" if self.ground.nodeless else self.ground.machine(node).label
