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

from reconciler.desired.model import (
    CA,
    Bundle,
    Component,
    DesiredState,
    Keypair,
    Kubeconfig,
    Place,
    Replica,
    address_of,
    parse_address,
)
from reconciler.observed.model import (
    Absent,
    Certificates,
    DerivedOutput,
    FileMeta,
    Key,
    KubeconfigFile,
    ObservedBundle,
    ObservedKeypair,
    ObservedPair,
    ObservedState,
    PublicKey,
    Unusable,
)
from reconciler.plan.build import Plan, Work, make_plan
from reconciler.plan.document import ResourceChange, Source
from reconciler.plan.inventory import Inventory, Record
from reconciler.plan.keypairs import reference_replica
from reconciler.plan.kubeconfigs import kubeconfig_request
from reconciler.plan.options import Options
from reconciler.plan.published import paths_of
from reconciler.plan.reasons import Action, Reason
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


def state(*things: CA | Component | Bundle | Kubeconfig | Keypair, **fields: Any) -> DesiredState:  # noqa: ANN401 - any field
    """A desired state of these things."""
    return DesiredState(
        cluster="test",
        cas={each.name: each for each in things if isinstance(each, CA)},
        keypairs={each.name: each for each in things if isinstance(each, Keypair)},
        components={each.address: each for each in things if isinstance(each, Component)},
        bundles={each.address: each for each in things if isinstance(each, Bundle)},
        kubeconfigs={each.address: each for each in things if isinstance(each, Kubeconfig)},
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
    records: dict[str, Record] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)

    @property
    def observed(self) -> ObservedState:
        """What was found; a component without files of its own is what its kubeconfig holds."""
        return ObservedState(
            pairs=self.pairs,
            bundles=self.bundles,
            kubeconfigs=self.kubeconfigs,
            keypairs=self.keypairs,
            owners=self.owners,
            groups=self.owners,
        )

    def plan(self, **options: Any) -> Plan:  # noqa: ANN401 - any planning option
        """A plan of the world as it is."""
        return make_plan(
            self.desired,
            self.observed,
            Inventory(cluster="test", records=self.records),
            now=self.now,
            options=Options(**options),
            source=Source(path="cluster-pki.yaml", sha256=digest("source")),
            tool_version="0",
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
        }[kind]
        things: Any = dict(getattr(self.desired, attribute))
        key = name if kind in {"ca", "keypair"} else address
        things[key] = replace(things[key], **fields)
        changed: dict[str, Any] = {attribute: things}
        self.desired = replace(self.desired, **changed)

    def apply(self, **options: Any) -> Plan:  # noqa: ANN401 - any planning option
        """Plans and pretends to carry it out."""
        plan = self.plan(**options)
        for work in plan.work:
            _carry_out(self, work)
        return plan


def steps(*taken: Callable[[World], object]) -> Callable[[World], object]:
    """Several differences, one after the other."""

    def take(world: World) -> object:
        return [step(world) for step in taken]

    return take


def settled(*things: CA | Component | Bundle | Kubeconfig | Keypair, **fields: Any) -> World:  # noqa: ANN401 - any field
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


def _carry_out(world: World, work: Work) -> None:
    """What apply would leave behind."""
    if work.previous is not None and work.previous in world.records:
        world.records[work.address] = world.records.pop(work.previous)
    if work.action in {Action.DESTROY, Action.FORGET}:
        del world.records[work.address]
    elif work.action != Action.NONE:
        _BY_KIND[work.kind](world, work)


def _authority(world: World, work: Work) -> None:
    wanted = world.desired.cas[parse_address(work.address)[1]]
    pair = world.pairs.get(wanted.address)
    if work.address == wanted.address and work.action == Action.CREATE:
        key = key_facts(wanted.key)
        issuer = world.leaf(f"ca.{wanted.issuer}") if wanted.issuer is not None else None
        leaf = certificate(wanted, key, issuer, world.now)
        signer = issuer.spki_sha256 if issuer is not None else key.spki_sha256
        pair = ObservedPair(
            certificate=Certificates(chain=(leaf,), meta=PUBLIC), key=Key(facts=key, meta=SECRET), signed_by=signer, owned=True
        )
    assert pair is not None
    world.pairs[work.address] = _with_modes(pair, wanted.access.mode)
    world.records[work.address] = _pair_record(world, work.address, wanted, "ca")


def _component(world: World, work: Work) -> None:
    wanted = world.desired.components[work.address]
    issuer = world.leaf(f"ca.{wanted.ca}")
    served = _served(world, wanted.ca)
    if work.action == Action.REPAIR:
        found = world.pairs[work.address]
        leaf = world.leaf(work.address)
        assert isinstance(found.key, Key)
        key = found.key.facts
    else:
        old = world.pairs.get(work.address)
        keep = work.action == Action.REISSUE and not wanted.rotate_key and old is not None and isinstance(old.key, Key)
        key = old.key.facts if keep and old is not None and isinstance(old.key, Key) else key_facts(wanted.key)
        leaf = certificate(wanted, key, issuer, world.now)
    if work.action == Action.REPAIR and {finding.reason for finding in work.findings} <= FILE_ONLY:
        served = _behind(world.pairs[work.address])
    chain = (leaf, *served)
    pair = ObservedPair(
        certificate=Certificates(chain=chain, meta=PUBLIC),
        key=Key(facts=key, meta=SECRET),
        outputs={output: _derived(output, chain, wanted) for output in wanted.outputs if output != "pem"},
        signed_by=issuer.spki_sha256,
        owned=wanted.place is not None,
    )
    world.pairs[work.address] = _with_modes(pair, wanted.access.mode)
    world.records[work.address] = _pair_record(world, work.address, wanted, "component")


def _behind(pair: ObservedPair) -> tuple[CertificateFacts, ...]:
    return pair.certificate.chain[1:] if isinstance(pair.certificate, Certificates) else ()


def _served(world: World, name: str | None) -> tuple[CertificateFacts, ...]:
    if name is None:
        return ()
    link = world.leaf(f"ca.{name}")
    above = _served(world, world.desired.cas[name].issuer)
    return above if link.self_signed else (link, *above)


def _derived(output: str, chain: tuple[CertificateFacts, ...], wanted: Component) -> DerivedOutput:
    links = chain[:1] if output == "der" else chain
    secret = output in {"combined", "pkcs12"}
    return DerivedOutput(
        fingerprints=tuple(link.fingerprint for link in links),
        spki_sha256=chain[0].spki_sha256 if secret else "",
        meta=FileMeta(mode=wanted.access.mode if secret else 0o644, uid=0, gid=0),
    )


def _with_modes(pair: ObservedPair, mode: int) -> ObservedPair:
    assert isinstance(pair.key, Key)
    key = Key(facts=pair.key.facts, meta=FileMeta(mode=mode, uid=0, gid=0))
    certificates = pair.certificate
    assert isinstance(certificates, Certificates)
    return msgspec.structs.replace(pair, key=key, certificate=msgspec.structs.replace(certificates, meta=PUBLIC))


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
        generation=wanted.generation if isinstance(wanted, CA) else 1,
        mode=None if embedded else wanted.access.mode,
        prevent_destroy=is_ca,
        source="cluster-pki.yaml:12",
    )


def _bundle(world: World, work: Work) -> None:
    wanted = world.desired.bundles[work.address]
    links = {world.leaf(f"ca.{name}").fingerprint: world.leaf(f"ca.{name}") for name in wanted.cas}
    chain = tuple(links[fingerprint] for fingerprint in sorted(links))
    world.bundles[work.address] = ObservedBundle(certificates=Certificates(chain=chain, meta=PUBLIC))
    world.records[work.address] = Record(kind="bundle", paths=(wanted.place.absolute,), mode=0o644)


def _kubeconfig(world: World, work: Work) -> None:
    wanted = world.desired.kubeconfigs[work.address]
    pair = world.pairs[wanted.component]
    assert isinstance(pair.certificate, Certificates)
    assert isinstance(pair.key, Key)
    world.kubeconfigs[work.address] = KubeconfigFile(
        server=wanted.server,
        ca_fingerprints=tuple(world.leaf(f"ca.{name}").fingerprint for name in wanted.cas),
        cluster_name=wanted.cluster_name,
        user_name=wanted.user_name,
        context=f"{wanted.user_name}@{wanted.cluster_name}",
        certificate=pair.certificate if wanted.embed else Absent(),
        key=pair.key if wanted.embed else Absent(),
        client_certificate_path=wanted.client_certificate,
        client_key_path=wanted.client_key,
        extras=(),
        meta=FileMeta(mode=wanted.access.mode, uid=0, gid=0),
    )
    world.records[work.address] = Record(
        kind="kubeconfig", paths=(wanted.place.absolute,), mode=wanted.access.mode, requested=kubeconfig_request(wanted)
    )


def _keypair(world: World, work: Work) -> None:
    wanted = world.desired.keypairs[parse_address(work.address)[1]]
    reference = reference_replica(wanted, world.observed, world.records)
    found = world.keypairs[reference.address].key if reference is not None else None
    facts = found.facts if isinstance(found, Key) else key_facts(wanted.key)
    meta = FileMeta(mode=wanted.access.mode, uid=0, gid=0)
    world.keypairs[work.address] = ObservedKeypair(
        key=Key(facts=facts, meta=meta), public=PublicKey(spki_sha256=facts.spki_sha256, meta=meta)
    )
    world.records[work.address] = Record(
        kind="keypair",
        paths=paths_of(work.address, world.desired),
        spki_sha256=facts.spki_sha256,
        generation=wanted.generation,
        mode=wanted.access.mode,
    )


_BY_KIND: Final[dict[str, Callable[[World, Work], None]]] = {
    "ca": _authority,
    "component": _component,
    "bundle": _bundle,
    "kubeconfig": _kubeconfig,
    "keypair": _keypair,
}
