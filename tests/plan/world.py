"""A PKI in memory: desired things, observed facts and records as plain data, and an apply that only pretends."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from reconciler.apply.records import noted
from reconciler.desired.model import (
    CA,
    Bundle,
    Component,
    Crl,
    DesiredState,
    Keypair,
    Kubeconfig,
    Replica,
    address_of,
    parse_address,
)
from reconciler.desired.place import Place
from reconciler.observed.model import (
    Certificates,
    FileMeta,
    HeldKey,
    Key,
    ObservedBundle,
    ObservedCrl,
    ObservedKeypair,
    ObservedPair,
    ObservedRequest,
    ObservedState,
    RevocationLists,
    Served,
    Unusable,
)
from reconciler.plan.build import Plan, make_plan
from reconciler.plan.document import ResourceChange, Source
from reconciler.plan.foresee import foresee
from reconciler.plan.inventory import Inventory, Record, Revoked
from reconciler.plan.kubeconfig_names import kubeconfig_request
from reconciler.plan.options import Options
from reconciler.plan.published import paths_of
from reconciler.plan.reasons import Action, Reason
from reconciler.plan.revocation.lists import LEFT
from reconciler.plan.rotation.observe import family_of
from reconciler.x509.facts import CertificateFacts, KeyAlgorithm, KeyFacts
from reconciler.x509.names import Subject

NOW: Final = datetime(2026, 11, 20, 10, 30, 15, tzinfo=UTC)
YEAR: Final = timedelta(days=365)
DAY: Final = timedelta(days=1)
SECRET: Final = FileMeta(mode=0o600, uid=0, gid=0)
PUBLIC: Final = FileMeta(mode=0o644, uid=0, gid=0)
CORRUPT: Final = Unusable(problem="unparsable", detail="the certificate cannot be parsed")
NOT_OURS_TO_READ: Final = Unusable(problem="permission-denied", detail="permission denied")
FILE_ONLY: Final = frozenset({Reason.MODE_DRIFT, Reason.OWNER_DRIFT})

_count = itertools.count(1)

Thing = CA | Component | Bundle | Kubeconfig | Keypair | Crl


def place(path: str) -> Place:
    """A place under the root of the only store."""
    return Place(store="files", root="/", path=path)


def ca(name: str = "main", **fields: Any) -> CA:  # noqa: ANN401 - any field of the model
    """A CA with the usual defaults."""
    defaults: dict[str, Any] = {
        "address": address_of("ca", name),
        "name": name,
        "place": place(f"ca/{name}"),
        "subject": Subject(common_name=name),
        "key": KeyAlgorithm.ECDSA_P256,
        "lifetime": 10 * YEAR,
        "renew_before": YEAR,
    }
    return CA(**defaults | fields)


def component(name: str = "api", node: str | None = None, **fields: Any) -> Component:  # noqa: ANN401 - any field of the model
    """A component with the usual defaults, signed by `ca()`."""
    stem = f"{name}-{node}" if node else name
    defaults: dict[str, Any] = {
        "address": address_of("component", name, node),
        "name": name,
        "node": node,
        "ca": "main",
        "subject": Subject(common_name=name),
        "usages": ("server auth",),
        "sans": (f"dns:{name}.example.com", "ip:192.0.2.1"),
        "key": KeyAlgorithm.ECDSA_P256,
        "lifetime": YEAR,
        "renew_before": 30 * DAY,
        "place": place(f"pki/{stem}"),
    }
    return Component(**defaults | fields)


def bundle(name: str = "trust", node: str | None = None, **fields: Any) -> Bundle:  # noqa: ANN401 - any field of the model
    """A bundle of `ca()`."""
    defaults: dict[str, Any] = {
        "address": address_of("bundle", name, node),
        "name": name,
        "node": node,
        "cas": ("main",),
        "place": place(f"pki/{name}{node or ''}.crt"),
    }
    return Bundle(**defaults | fields)


def kubeconfig(name: str = "admin", **fields: Any) -> Kubeconfig:  # noqa: ANN401 - any field of the model
    """A kubeconfig with the certificate of ``component.api``."""
    defaults: dict[str, Any] = {
        "address": address_of("kubeconfig", name),
        "name": name,
        "node": None,
        "component": "component.api",
        "cas": ("main",),
        "server": "https://api.example.com:6443",
        "cluster_name": "kubernetes",
        "user_name": name,
        "place": place(f"{name}.conf"),
    }
    return Kubeconfig(**defaults | fields)


def keypair(name: str = "sa", nodes: Iterable[str] = ("cp-1", "cp-2"), **fields: Any) -> Keypair:  # noqa: ANN401 - any field
    """A keypair with a replica on each node."""
    defaults: dict[str, Any] = {
        "address": address_of("keypair", name),
        "name": name,
        "key": KeyAlgorithm.RSA_2048,
        "replicas": tuple(
            Replica(address=address_of("keypair", name, node), node=node, place=place(f"{node}/{name}")) for node in nodes
        ),
    }
    return Keypair(**defaults | fields)


def crl(name: str = "main", node: str | None = None, **fields: Any) -> Crl:  # noqa: ANN401 - any field of the model
    """The revocation list of `ca()`, or a copy of it on a node."""
    defaults: dict[str, Any] = {
        "address": address_of("crl", name, node),
        "name": name,
        "node": node,
        "place": place(f"{node or 'ca'}/{name}.crl"),
        "formats": ("pem", "der"),
        "validity": 7 * DAY,
        "keep": 3 * YEAR,
    }
    return Crl(**defaults | fields)


def state(*things: Thing, **fields: Any) -> DesiredState:  # noqa: ANN401 - any field
    """A desired state of these things."""
    return DesiredState(
        cluster="test",
        cas={each.name: each for each in things if isinstance(each, CA)},
        keypairs={each.name: each for each in things if isinstance(each, Keypair)},
        components={each.address: each for each in things if isinstance(each, Component)},
        bundles={each.address: each for each in things if isinstance(each, Bundle)},
        kubeconfigs={each.address: each for each in things if isinstance(each, Kubeconfig)},
        crls={each.address: each for each in things if isinstance(each, Crl)},
        **fields,
    )


def digest(text: str) -> str:
    """A hex word that stands for a fingerprint or a public key."""
    return hashlib.sha256(text.encode()).hexdigest()


def key_facts(algorithm: str = "ecdsa-p256") -> KeyFacts:
    """A key that was never seen before."""
    return KeyFacts(spki_sha256=digest(f"key {next(_count)}"), key=algorithm)


def certificate(wanted: CA | Component, key: KeyFacts, issuer: CertificateFacts | None, now: datetime) -> CertificateFacts:
    """The certificate that would be issued for something desired."""
    serial = f"{next(_count):x}"
    not_before, not_after = now.replace(microsecond=0) - timedelta(minutes=5), now.replace(microsecond=0) + wanted.lifetime
    return CertificateFacts(
        fingerprint=digest(f"certificate {serial}"),
        spki_sha256=key.spki_sha256,
        subject=wanted.subject,
        issuer=issuer.subject if issuer is not None else wanted.subject,
        serial=serial,
        not_before=max(not_before, issuer.not_before) if issuer is not None else not_before,
        not_after=min(not_after, issuer.not_after) if issuer is not None else not_after,
        sans=tuple(sorted(wanted.sans)),
        usages=() if isinstance(wanted, CA) else wanted.usages,
        key_usages=_key_usages(wanted),
        key=key.key,
        signature_hash="sha256",
        is_ca=isinstance(wanted, CA),
        path_length=wanted.path_length if isinstance(wanted, CA) else None,
        ski=key.spki_sha256[:40],
        aki=issuer.ski if issuer is not None else "",
        self_signed=issuer is None,
    )


def _key_usages(wanted: CA | Component) -> tuple[str, ...]:
    if isinstance(wanted, CA):
        return ("cert sign", "crl sign", "digital signature")
    return tuple(sorted({"digital signature", *wanted.key_usages}))


@dataclass(slots=True, kw_only=True)
class World:
    """What is desired, found and recorded, and what time it is."""

    desired: DesiredState
    now: datetime = NOW
    pairs: dict[str, ObservedPair] = field(default_factory=dict)
    bundles: dict[str, ObservedBundle] = field(default_factory=dict)
    kubeconfigs: dict[str, Any] = field(default_factory=dict)
    keypairs: dict[str, ObservedKeypair] = field(default_factory=dict)
    generations: dict[str, tuple[int, ...]] = field(default_factory=dict)
    crls: dict[str, ObservedCrl] = field(default_factory=dict)
    held: dict[str, tuple[HeldKey, ...] | Unusable] = field(default_factory=dict)
    requests: dict[str, ObservedRequest] = field(default_factory=dict)
    revoked: tuple[Revoked, ...] = ()
    records: dict[str, Record] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)
    served: dict[str, Served] = field(default_factory=dict)
    unready: dict[str, str] = field(default_factory=dict)

    @property
    def observed(self) -> ObservedState:
        """What was found; a component without files of its own is what its kubeconfig holds."""
        return ObservedState(
            pairs=self.pairs,
            bundles=self.bundles,
            kubeconfigs=self.kubeconfigs,
            keypairs=self.keypairs,
            generations=self.generations,
            crls=self.crls,
            held=self.held,
            requests=self.requests,
            owners=self.owners,
            groups=self.owners,
        )

    def plan(self, **options: Any) -> Plan:  # noqa: ANN401 - any planning option
        """A plan of the world as it is."""
        return make_plan(
            self.desired,
            self.observed,
            Inventory(cluster="test", records=self.records, revoked=self.revoked),
            now=self.now,
            options=Options(**options),
            source=Source(path="cluster-pki.yaml", sha256=digest("source")),
            tool_version="0",
            served=self.served,
            unready=self.unready,
        )

    def advance(self, **span: float) -> None:
        """Lets time pass."""
        self.now += timedelta(**span)

    def leaf(self, address: str) -> CertificateFacts:
        """The certificate at an address."""
        found = self.pairs[address].certificate
        assert isinstance(found, Certificates)
        return found.chain[0]

    def change_leaf(self, address: str, **fields: Any) -> None:  # noqa: ANN401 - any fact
        """Another certificate than ours at an address: a few facts differ."""
        pair = self.pairs[address]
        assert isinstance(pair.certificate, Certificates)
        leaf = msgspec.structs.replace(pair.certificate.chain[0], **fields)
        self.change_pair(
            address, certificate=msgspec.structs.replace(pair.certificate, chain=(leaf, *pair.certificate.chain[1:]))
        )

    def change_pair(self, address: str, **fields: Any) -> None:  # noqa: ANN401 - any field
        """Something else was found at an address."""
        self.pairs[address] = msgspec.structs.replace(self.pairs[address], **fields)

    def want(self, address: str, **fields: Any) -> None:  # noqa: ANN401 - any field
        """The desired state says something else of an address (of a CA, by ``ca.NAME``)."""
        kind, name, _ = parse_address(address)
        attribute = {
            "ca": "cas",
            "component": "components",
            "bundle": "bundles",
            "kubeconfig": "kubeconfigs",
            "keypair": "keypairs",
            "crl": "crls",
        }[kind]
        things: Any = dict(getattr(self.desired, attribute))
        key = name if kind in {"ca", "keypair"} else address
        things[key] = replace(things[key], **fields)
        changed: dict[str, Any] = {attribute: things}
        self.desired = replace(self.desired, **changed)

    def apply(self, **options: Any) -> Plan:  # noqa: ANN401 - any planning option
        """Plans and pretends to carry it out."""
        plan = self.plan(**options)
        _carry_out(self, plan)
        return plan


def steps(*taken: Callable[[World], object]) -> Callable[[World], object]:
    """Several differences, one after the other."""

    def take(world: World) -> object:
        return [step(world) for step in taken]

    return take


def settled(*things: Thing, **fields: Any) -> World:  # noqa: ANN401 - any field
    """A world in which everything was applied."""
    world = World(desired=state(*things, **fields))
    world.apply()
    assert changes(world.plan()) == {}
    return world


def changes(plan: Plan) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Class and reasons by address."""
    return {
        entry.address: (entry.change.class_, tuple(reason.code for reason in entry.change.reasons))
        for entry in plan.document.resource_changes
    }


def change(plan: Plan, address: str) -> ResourceChange:
    """The change of one address."""
    return next(entry for entry in plan.document.resource_changes if entry.address == address)


def codes(plan: Plan, severity: str | None = None) -> list[str]:
    """The codes of all diagnostics."""
    return [entry.code for entry in plan.document.diagnostics if severity in {None, entry.severity}]


def _carry_out(world: World, plan: Plan) -> None:
    """What apply would leave behind: the files that a plan foresees, and our records of them."""
    after = foresee(world.desired, world.observed, plan, now=world.now)
    world.pairs, world.bundles = dict(after.pairs), dict(after.bundles)
    world.kubeconfigs, world.keypairs = dict(after.kubeconfigs), dict(after.keypairs)
    world.generations, world.crls = dict(after.generations), dict(after.crls)
    world.requests = dict(after.requests)
    for work in plan.work:
        if work.previous is not None and work.previous in world.records:
            world.records[work.address] = world.records.pop(work.previous)
        if work.action in {Action.DESTROY, Action.FORGET}:
            left = world.records.pop(work.address)
            if work.action == Action.DESTROY and left.kind == "component":
                world.revoked += (_taken_away(world, work.address, left),)
        elif work.action not in {Action.NONE, Action.REQUEST}:
            world.records[work.address] = _RECORDS[work.kind](world, work.address)
    for life in plan.lives.values():
        if (record := world.records.get(life.desired.address)) is not None:
            world.records[life.desired.address] = noted(record, life.standing)


def _taken_away(world: World, address: str, record: Record) -> Revoked:
    at = world.now.replace(microsecond=0)
    return Revoked(
        serial=record.serial,
        issuer=record.issuer,
        at=at,
        reason=LEFT,
        address=address,
        not_after=record.not_after,
        fingerprint=record.fingerprint,
    )


def _authority_record(world: World, address: str) -> Record:
    return _pair_record(world, address, world.desired.cas[parse_address(address)[1]], "ca")


def _component_record(world: World, address: str) -> Record:
    return _pair_record(world, address, world.desired.components[address], "component")


def _pair_record(world: World, address: str, wanted: CA | Component, kind: str) -> Record:
    leaf = world.leaf(address)
    is_ca = isinstance(wanted, CA)
    embedded = isinstance(wanted, Component) and wanted.place is None
    return Record(
        kind=kind,
        paths=paths_of(address, world.desired),
        fingerprint=leaf.fingerprint,
        spki_sha256=leaf.spki_sha256,
        serial=leaf.serial,
        issuer=f"ca.{wanted.ca}" if isinstance(wanted, Component) else f"ca.{wanted.issuer or wanted.name}",
        not_after=leaf.not_after,
        reissue=wanted.reissue if isinstance(wanted, Component) else "",
        generation=family_of(wanted, world.observed, None).signing if isinstance(wanted, CA) else 1,
        mode=None if embedded else wanted.access.mode,
        prevent_destroy=is_ca,
        source="cluster-pki.yaml:12",
    )


def _bundle_record(world: World, address: str) -> Record:
    return Record(kind="bundle", paths=(world.desired.bundles[address].place.absolute,), mode=0o644)


def _kubeconfig_record(world: World, address: str) -> Record:
    wanted = world.desired.kubeconfigs[address]
    return Record(
        kind="kubeconfig", paths=(wanted.place.absolute,), mode=wanted.access.mode, requested=kubeconfig_request(wanted)
    )


def _keypair_record(world: World, address: str) -> Record:
    wanted, found = world.desired.keypairs[parse_address(address)[1]], world.keypairs[address].key
    assert isinstance(found, Key)
    return Record(
        kind="keypair",
        paths=paths_of(address, world.desired),
        spki_sha256=found.facts.spki_sha256,
        generation=wanted.generation,
        mode=wanted.access.mode,
    )


def _crl_record(world: World, address: str) -> Record:
    found = next(iter(world.crls[address].files.values()))
    assert isinstance(found, RevocationLists)
    return Record(kind="crl", paths=paths_of(address, world.desired), number=found.lists[0].number or 0, mode=0o644)


_RECORDS: Final[dict[str, Callable[[World, str], Record]]] = {
    "ca": _authority_record,
    "component": _component_record,
    "bundle": _bundle_record,
    "kubeconfig": _kubeconfig_record,
    "keypair": _keypair_record,
    "crl": _crl_record,
}
