"""The expanded desired state: every preset, default and `forEach` resolved, every value typed and valid."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from reconciler.desired.connected import Edge, KubernetesFacts
from reconciler.desired.diagnostics import Path
from reconciler.desired.kubeconfig_entries import KubeconfigContent
from reconciler.desired.limits import Guards
from reconciler.desired.live import AnyHook, Probe
from reconciler.desired.moves import Move, Removal
from reconciler.desired.place import Place
from reconciler.desired.requested import Requested
from reconciler.desired.vault import Connection, ExternalKey, Lock, PkiKey, TransitKey
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.names import NameConstraints, Subject

Output = Literal["pem", "fullchain", "combined", "der", "pkcs12", "answer"]
CrlFormat = Literal["pem", "der"]

#: File suffixes by output; pem is the pair .crt and .key, or .crt alone; answer is a Kubernetes object with its certificate.
OUTPUT_SUFFIX: dict[str, str] = {
    "fullchain": ".fullchain.crt",
    "combined": ".pem",
    "der": ".der",
    "pkcs12": ".p12",
    "answer": ".yaml",
}


def address_of(kind: str, name: str, node: str | None = None) -> str:
    """``component.apiserver[cp-1]``, or without the node ``component.jane``."""
    return f"{kind}.{name}[{node}]" if node else f"{kind}.{name}"


def parse_address(address: str) -> tuple[str, str, str | None]:
    """The kind, name and node of an address.

    Raises:
        ValueError: it is not an address.
    """
    kind, dot, rest = address.partition(".")
    name, bracket, index = rest.partition("[")
    if not dot or not name or (bracket and not index.endswith("]")):
        msg = f"not an address: {address!r}"
        raise ValueError(msg)
    return kind, name, index[:-1] if bracket else None


def generation_address(address: str, number: int) -> str:
    """``ca.kubernetes@g2``: where what was found of one generation stands among what was found. Never shown to people."""
    return f"{address}@g{number}"


def is_generation(address: str) -> bool:
    """Whether an address is that of one generation beside a CA or keypair; the inventory knows only the signing pair."""
    return "@g" in address


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Who may read: mode of secret files (octal int, or `vault.NO_MODE`), owner and group (None to leave them)."""

    mode: int = 0o600
    owner: str | int | None = None
    group: str | int | None = None


class Replica(msgspec.Struct, frozen=True, kw_only=True):
    """A copy of a CA's or keypair's files on a node, with an address of its own: ``ca.kubernetes[cp-1]``."""

    address: str
    node: str | None
    place: Place


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Components and bundles whose hooks belong together."""

    name: str
    members: tuple[str, ...]
    """Addresses, in the order in which their hooks run."""
    serial: bool = True
    """One at a time, each only after the one before works again; the first failure stops the rest."""


RotationPhase = Literal["stage", "clients", "servers", "soak", "distrust"]


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """How a new generation comes in, and what the end of the present one's life starts."""

    strategy: Literal["staged", "renew", "manual"] = "manual"
    """What falling due starts: a new key in phases, the same key with new dates, or nothing but a warning."""
    soak: timedelta = timedelta(hours=24)
    """How long both generations stay trusted after everything has moved."""
    hold: RotationPhase | None = None
    """Stop before this phase."""
    proceed: RotationPhase | None = None
    """The last phase that a view of one node may enter: it cannot see whether the other nodes are ready."""
    retired: Literal["keep", "destroy"] = "keep"
    """What becomes of the key of a generation that nobody trusts any more."""


class CA(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate authority. ``ca.NAME``."""

    address: str
    name: str
    place: Place
    subject: Subject
    key: KeyAlgorithm
    lifetime: timedelta
    renew_before: timedelta
    issuer: str | None = None
    """Name of the parent CA; None for a root."""
    key_in: PkiKey | TransitKey | ExternalKey | None = None
    """Where its key is when that is not the file beside its certificate: then there is none."""
    sans: tuple[str, ...] = ()
    path_length: int | None = None
    name_constraints: NameConstraints | None = None
    generation: int = 1
    """The one that git asks for."""
    rotation: Rotation = Rotation()
    numbered: bool = False
    """Whether the common name of a later generation gets its number: it was not written by hand."""
    access: Access = msgspec.field(default_factory=Access)
    creatable: bool = True
    """False where this view of the cluster is not its home: on a node other than the first, it is copied, not made."""
    followed: bool = False
    """Whether this view only follows what is done with it in another: it signs nothing here, and nothing becomes of it."""
    home: str | None = None
    """The node on which it is made when stores are per node; None for a store of its own."""
    replicas: tuple[Replica, ...] = ()
    publishes: bool = False
    """Whether it has a revocation list, in this view or in another."""
    suspended: bool = False
    """Looked at and told, never changed."""
    origin: Path = ()
    """Where it stands in the document, for diagnostics; empty for what a preset added."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Of its files: a key that is elsewhere has none."""
        return (".crt", ".key") if self.key_in is None else (".crt",)

    @property
    def taken_as_it_is(self) -> bool:
        """Whether somebody else makes it, on a server or outside: name, key and lifetime are theirs to choose."""
        return isinstance(self.key_in, ExternalKey) or (isinstance(self.key_in, PkiKey) and not self.key_in.create)


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """One instance of a component: a certificate and key for one identity. ``component.NAME[NODE]``."""

    address: str
    name: str
    node: str | None
    ca: str
    """Name of the CA that signs it."""
    subject: Subject
    usages: tuple[str, ...]
    """Extended key usages by Kubernetes name, sorted."""
    key_usages: tuple[str, ...] = ()
    """keyUsage bits asked for by name, sorted; empty for the profile's own choice."""
    sans: tuple[str, ...] = ()
    """Canonical SAN strings in the order they are written into the certificate."""
    key: KeyAlgorithm
    lifetime: timedelta
    renew_before: timedelta
    rotate_key: bool = True
    """Whether a reissue makes a new key."""
    accepts: frozenset[str] = frozenset()
    """What its issuer may grant otherwise; see `PkiKey.accept`."""
    place: Place | None
    """None when it lives only inside its kubeconfig."""
    source: Place | None = None
    """Where certificate and key come from when this view does not issue them; what is there is made by another view."""
    outputs: tuple[Output, ...] = ("pem",)
    """In a fixed order; holds pem or combined whenever `place` is set."""
    pkcs12_password_file: str = ""
    """Absolute, ``--root`` applied."""
    kubeconfig: str = ""
    """Address of the kubeconfig it lives in when `place` is None."""
    access: Access = msgspec.field(default_factory=Access)
    reissue: str = ""
    after: tuple[AnyHook, ...] = ()
    """What is done when its files, or the kubeconfigs that embed them, have changed."""
    probe: Probe | None = None
    request: Requested | None = None
    """What it is signed for when somebody else made it: that one has the key, and there is none here."""
    suspended: bool = False
    """Looked at and told, never changed."""
    origin: Path = ()

    @property
    def pair(self) -> tuple[str, str]:
        """The suffixes of what holds certificate and key; twice the same without the pem output."""
        return (".crt", ".key") if "pem" in self.outputs else (OUTPUT_SUFFIX["combined"],) * 2

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Of its files, certificate first."""
        pair = (".crt", ".key") if self.request is None else (".crt",)
        found = (pair if output == "pem" else (OUTPUT_SUFFIX[output],) for output in self.outputs)
        return tuple(suffix for each in found for suffix in each)


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """A file of CA certificates. ``bundle.NAME[NODE]``."""

    address: str
    name: str
    node: str | None
    cas: tuple[str, ...]
    files: tuple[str, ...] = ()
    """Absolute paths, ``--root`` applied, of files with further anchors."""
    place: Place
    """With the file's full name. Mode is always 0644."""
    source: Place | None = None
    """Where it is made, when this view only copies it."""
    access: Access = msgspec.field(default_factory=lambda: Access(mode=0o644))
    after: tuple[AnyHook, ...] = ()
    origin: Path = ()


class Kubeconfig(KubeconfigContent, frozen=True, kw_only=True):
    """A kubeconfig file. ``kubeconfig.NAME[NODE]``."""

    address: str
    name: str
    node: str | None
    place: Place
    source: Place | None = None
    """Where it is made, when this view only copies it."""
    access: Access = msgspec.field(default_factory=Access)
    after: tuple[AnyHook, ...] = ()
    origin: Path = ()


class Keypair(msgspec.Struct, frozen=True, kw_only=True):
    """A key without a certificate, the same on every replica. ``keypair.NAME``."""

    address: str
    name: str
    key: KeyAlgorithm
    replicas: tuple[Replica, ...]
    """At least one. A keypair without nodes has one replica with the keypair's own address."""
    generation: int = 1
    """The one that git asks for."""
    rotation: Rotation = Rotation()
    access: Access = msgspec.field(default_factory=Access)
    """Of the .key and of the .pub alike: kubeadm writes both 0600."""
    creatable: bool = True
    home: str | None = None
    origin: Path = ()


class Crl(msgspec.Struct, frozen=True, kw_only=True):
    """The revocation list of a CA at one place. ``crl.NAME``, and for copies ``crl.NAME[NODE]``."""

    address: str
    name: str
    """Of the CA."""
    node: str | None
    place: Place
    """With the full name of the first format's file; a further format adds its own suffix."""
    formats: tuple[CrlFormat, ...]
    """At least one, each once."""
    validity: timedelta
    """nextUpdate minus the time of signing."""
    keep: timedelta
    """How long after its revocation an entry stays when nobody knows when its certificate ends."""
    access: Access = msgspec.field(default_factory=lambda: Access(mode=0o644))
    origin: Path = ()

    @property
    def suffixes(self) -> dict[CrlFormat, str]:
        """What each format adds to the path, in the order of the formats."""
        return {form: f".{form}" if index else "" for index, form in enumerate(self.formats)}

    @property
    def paths(self) -> dict[CrlFormat, str]:
        """The absolute path of each format."""
        return {form: self.place.file(suffix) for form, suffix in self.suffixes.items()}


class Revocation(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that must not be trusted any more, by the word of git."""

    component: str
    """Address of whose it was; it need not exist any more, and may lack the node."""
    ca: str
    """Name of the CA that signed it."""
    serial: str
    """Hex, without leading zeros or separators, in lower case."""
    reason: str = "unspecified"
    """RFC 5280 section 5.3.1."""
    at: datetime | None = None
    """Aware UTC, whole seconds; None for the time at which it is first listed."""
    origin: Path = ()


class DesiredState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that should be, in dependency order, keyed by address (CAs by name)."""

    cluster: str
    cas: Mapping[str, CA]
    """By name; parents before children."""
    keypairs: Mapping[str, Keypair]
    """By name."""
    components: Mapping[str, Component]
    bundles: Mapping[str, Bundle]
    kubeconfigs: Mapping[str, Kubeconfig]
    crls: Mapping[str, Crl] = msgspec.field(default_factory=dict)
    """By address: the list beside its CA, then its copies."""
    revocations: tuple[Revocation, ...] = ()
    """Of the CAs of this view."""
    groups: Mapping[str, Group] = msgspec.field(default_factory=dict)
    """By name; a component is in one at most."""
    requests: Mapping[str, Requested] = msgspec.field(default_factory=dict)
    """By address, whatever was said to them; those that are approved are among `components`, under the same address."""
    edges: Mapping[str, Edge] = msgspec.field(default_factory=dict)
    """Declared connections, by name; those of a preset are not among them."""
    kubernetes: KubernetesFacts | None = None
    """None where there is no preset."""
    node_addresses: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """IP addresses of every node, also of those outside this view; the first is the advertise address."""
    connections: Mapping[str, Connection] = msgspec.field(default_factory=dict)
    """By name."""
    lock: Lock | None = None
    """None where the lock of the state directory is enough."""
    suspended: bool = False
    """Everything is looked at and told, nothing is changed."""
    guards: Guards = msgspec.field(default_factory=Guards)
    prune: bool = False
    moves: tuple[Move, ...] = ()
    imports: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Address to the path of the certificate that is taken over (absolute, ``--root`` applied)."""
    adopted: frozenset[str] = frozenset()
    """Addresses whose files we did not issue and may replace all the same."""
    removals: tuple[Removal, ...] = ()
    node: str | None = None
    """The node this view is restricted to, when `--node` was given."""
    spread: bool = False
    """Whether nodes hold copies of what is made in this view, which does not see them."""
    partial: bool = False
    """Whether it is a part that was cut out of a larger one: what it holds says nothing about the rest."""

    def is_copied(self, component: Component) -> bool:
        """Whether a component is fetched from where another view issues it: by itself, or with the kubeconfig it lives in."""
        if component.place is None:
            return self.kubeconfigs[component.kubeconfig].source is not None
        return component.source is not None

    @property
    def size(self) -> int:
        """How many things are desired."""
        return len(self.cas) + len(self.keypairs) + len(self.components) + len(self.bundles) + len(self.kubeconfigs)
