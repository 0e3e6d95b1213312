"""Every state that a rotation can get into: nodes apply, crash and restart in any order, time passes, git changes its mind.

A process uses what it loaded when it was last restarted, whatever is on disk by then. Nodes of one kind are interchangeable:
of states that differ in their names alone, one is looked at.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Final

from msgspec.structs import replace

from reconciler.apply.records import settle_rotations
from reconciler.desired.model import DesiredState, generation_address, parse_address
from reconciler.observed.model import Certificates, Key, KubeconfigFile, ObservedState, PublicKey
from reconciler.plan.build import Plan, Work, make_plan
from reconciler.plan.document import Source
from reconciler.plan.foresee import foresee
from reconciler.plan.inventory import Inventory, Record
from reconciler.plan.options import Options
from reconciler.plan.reasons import Action
from reconciler.plan.rotation.phase import is_client
from reconciler.trust.edges import graph_of
from reconciler.trust.graph import Family

START: Final = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
ISSUING: Final = frozenset({Action.REISSUE, Action.REKEY, Action.REPLACE, Action.CREATE})
_SOURCE: Final = Source(path="cluster-pki.yaml", sha256="0" * 64)


@dataclass(frozen=True, slots=True)
class Hold:
    """What somebody has of one address: the key that signed for it, and the keys that it trusts."""

    signer: str = ""
    trusted: frozenset[str] = frozenset()


@cache
def word(hold: Hold) -> tuple[str, ...]:
    """The same, to be sorted by."""
    return (hold.signer, *sorted(hold.trusted))


@dataclass(frozen=True, kw_only=True)
class Model:
    """A cluster, one of its CAs or keypairs, and what git may ask of that."""

    subject: str
    """Address of the CA or keypair."""
    desired: Mapping[int, DesiredState]
    """By the generation that git asks for."""
    asks: tuple[int, ...]
    """What git asks for, one after the other, each from any moment on."""
    connections: frozenset[tuple[str, str]]
    """Who presents something, and who verifies it by its trust."""
    distinct: frozenset[str] = frozenset()
    """Nodes that are like no other."""
    cold: frozenset[str] | None = None
    """What is read at start alone, where nothing tells who has loaded what but the word of people; the rest is read at once.
    None where everything is read at start and hooks tell."""
    whole: bool = False
    """Whether a node never stops within its part of a plan, and is restarted only when nothing is left of it."""

    @cached_property
    def addresses(self) -> tuple[str, ...]:
        """Everything that a node has a copy of in its memory."""
        desired = self.desired[1]
        replicas = (replica.address for keypair in desired.keypairs.values() for replica in keypair.replicas)
        return (*desired.components, *desired.bundles, *desired.kubeconfigs, *replicas)

    @cached_property
    def by_node(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Names and addresses of what each node has."""
        found: dict[str, list[tuple[str, str]]] = {}
        for address in self.addresses:
            kind, name, node = parse_address(address)
            found.setdefault(node or "", []).append((f"{kind}.{name}", address))
        return {node: tuple(sorted(each)) for node, each in found.items()}

    @cached_property
    def verifiers(self) -> tuple[str, ...]:
        """Every address with a trust of its own."""
        return tuple(address for address in self.addresses if not address.startswith("component."))


#: What a node has on disk and loaded, by the names of the things.
NodeMark = tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]


@dataclass(frozen=True, kw_only=True)
class World:
    """What is on disk, what is loaded, what is recorded, what git asks for, and what time it is."""

    observed: ObservedState
    disk: Mapping[str, Hold]
    loaded: Mapping[str, Hold]
    marks: Mapping[str, NodeMark]
    """What each node has, without its name."""
    records: Mapping[str, Record]
    asked: int
    """How many of the model's wishes git has told."""
    now: datetime

    @property
    def unready(self) -> dict[str, str]:
        """Who uses something else than what is on disk."""
        return {address: "is not loaded yet" for address, hold in self.disk.items() if self.loaded[address] != hold}

    def signers(self, address: str) -> frozenset[str]:
        """Every key by which something may be signed that is presented now, or after a restart."""
        return frozenset({self.disk[address].signer, self.loaded[address].signer})

    def trusted(self, address: str) -> frozenset[str]:
        """The keys that are trusted now and after a restart."""
        return self.disk[address].trusted & self.loaded[address].trusted


@dataclass(frozen=True, slots=True)
class Step:
    """What happened, in a few words, and the world after it."""

    what: str
    world: World


#: Says what is wrong with a world and its plan; empty when nothing is.
Law = Callable[[Model, World, Plan], str]


@dataclass(kw_only=True)
class Exploration:
    """What was found."""

    states: int = 0
    broken: str = ""
    """The first thing that is wrong, and how it came to that; empty when nothing is."""
    stuck: tuple[str, ...] = ()
    """States from which the end cannot be reached any more."""
    phases: set[tuple[int, str]] = field(default_factory=set)
    """How many wishes git had told, and the phase that this was seen in."""


def one_ca(desired: DesiredState, name: str, generation: int, without: frozenset[str]) -> DesiredState:
    """One CA with what belongs to it."""
    return replace(
        desired,
        kubernetes=None,
        keypairs={},
        cas={name: replace(desired.cas[name], generation=generation)},
        components={
            address: component
            for address, component in desired.components.items()
            if component.ca == name and component.name not in without
        },
        bundles={address: bundle for address, bundle in desired.bundles.items() if bundle.cas == (name,)},
        kubeconfigs={
            address: kubeconfig
            for address, kubeconfig in desired.kubeconfigs.items()
            if kubeconfig.cas == (name,) and kubeconfig.name not in without
        },
    )


def one_keypair(desired: DesiredState, name: str, generation: int) -> DesiredState:
    """One keypair and nothing else."""
    keypairs = {name: replace(desired.keypairs[name], generation=generation)}
    return replace(desired, kubernetes=None, keypairs=keypairs, cas={}, components={}, bundles={}, kubeconfigs={})


def model_of(
    desired: DesiredState,
    subject: str,
    *asks: int,
    whole: bool = False,
    cold: frozenset[str] | None = None,
    without: frozenset[str] = frozenset(),
) -> Model:
    """The model of one CA or keypair of a cluster.

    Args:
        desired: the cluster.
        subject: address of the CA or keypair.
        asks: the generations that git asks for, one after the other.
        whole: whether nodes carry out their parts without a crash.
        cold: see `Model`.
        without: names of components and kubeconfigs that are left out.
    """
    kind, name, _ = parse_address(subject)
    states = {
        number: one_ca(desired, name, number, without) if kind == "ca" else one_keypair(desired, name, number)
        for number in {1, *asks}
    }
    replicas = [replica.address for keypair in states[1].keypairs.values() for replica in keypair.replicas]
    connections = {(signer, verifier) for signer in replicas for verifier in replicas}
    for family in graph_of(desired).families:
        connections |= set(_connections(family, states[1]))
    return Model(
        subject=subject,
        desired=states,
        asks=asks,
        connections=frozenset(connections),
        distinct=frozenset(parse_address(replica)[2] or "" for replica in replicas[:1]),
        whole=whole,
        cold=cold,
    )


def _connections(family: Family, desired: DesiredState) -> Iterator[tuple[str, str]]:
    """Both directions of every connection in which a certificate of this CA is verified."""
    for client in family.clients:
        for server in family.servers:
            if family.pairs != "all" and (client.node == server.node) is not (family.pairs == "same-node"):
                continue
            for presented, trust in ((client.presents, server.trusts), (server.presents, client.trusts)):
                kubeconfig = desired.kubeconfigs.get(presented)
                address = kubeconfig.component if kubeconfig is not None else presented
                if address in desired.components and (trust in desired.bundles or trust in desired.kubeconfigs):
                    yield address, trust


def _hold(address: str, observed: ObservedState) -> Hold:
    """What is on disk at an address."""
    kind = address.partition(".")[0]
    if kind == "component":
        return Hold(signer=observed.pairs[address].signed_by)
    if kind == "bundle":
        found = observed.bundles[address].certificates
        assert isinstance(found, Certificates)
        return Hold(trusted=frozenset(link.spki_sha256 for link in found.chain))
    if kind == "kubeconfig":
        file = observed.kubeconfigs[address]
        assert isinstance(file, KubeconfigFile)
        return Hold(trusted=frozenset(file.ca_keys))
    pair = observed.keypairs[address]
    assert isinstance(pair.key, Key)
    assert isinstance(pair.public, PublicKey)
    return Hold(signer=pair.key.facts.spki_sha256, trusted=frozenset(pair.public.keys))


def plan_of(model: Model, world: World) -> Plan:
    """The plan that anybody would make now. What people have to restart is done when everything is loaded."""
    return make_plan(
        model.desired[model.asks[world.asked]],
        world.observed,
        Inventory(cluster="demo", records=world.records),
        now=world.now,
        options=Options(confirmed=not world.unready),
        source=_SOURCE,
        tool_version="0",
        unready=world.unready if model.cold is None else {},
    )


def beginning(model: Model) -> World:
    """Everything was applied at generation 1, and is loaded."""
    desired = model.desired[1]
    nothing = ObservedState(pairs={}, bundles={}, kubeconfigs={}, keypairs={})
    first = World(observed=nothing, disk={}, loaded={}, marks={}, records={}, asked=0, now=START)
    plan = plan_of(Model(subject=model.subject, desired=model.desired, asks=(1,), connections=model.connections), first)
    observed = foresee(desired, nothing, plan, now=START)
    disk = {address: _hold(address, observed) for address in model.addresses}
    embedded = (address for address, component in desired.components.items() if component.place is None)
    ours = (*embedded, *desired.bundles, *desired.kubeconfigs, *([model.subject] if desired.cas else _replicas(model)))
    records = {address: Record(kind=address.partition(".")[0], paths=(f"/{address}",)) for address in ours}
    marks = {node: _mark(model, node, disk, disk) for node in model.by_node}
    return World(observed=observed, disk=disk, loaded=disk, marks=marks, records=records, asked=0, now=START)


def _mark(model: Model, node: str, disk: Mapping[str, Hold], loaded: Mapping[str, Hold]) -> NodeMark:
    return tuple((name, word(disk[address]), word(loaded[address])) for name, address in model.by_node[node])


def _replicas(model: Model) -> tuple[str, ...]:
    return tuple(replica.address for keypair in model.desired[1].keypairs.values() for replica in keypair.replicas)


def explore(model: Model, laws: Iterable[Law], *, deep: bool = False) -> Exploration:
    """Goes everywhere, and stops at the first thing that is wrong.

    Args:
        model: the cluster.
        laws: what must hold in every state.
        deep: whether to follow one way to its end before another: finds something wrong earlier, by a longer way.
    """
    checks = tuple(laws)
    start = beginning(model)
    found = Exploration()
    came_from: dict[object, tuple[object, str]] = {canonical(model, start): (None, "everything is at generation 1")}
    before: dict[object, list[object]] = {}
    ends: list[object] = []
    waiting = deque([(canonical(model, start), start)])
    while waiting:
        key, world = waiting.pop() if deep else waiting.popleft()
        found.states += 1
        plan = plan_of(model, world)
        found.phases |= {(world.asked, entry.phase) for entry in plan.document.rotations}
        wrong = next((text for law in checks if (text := law(model, world, plan))), "")
        if wrong:
            found.broken = "\n".join((wrong, *_way(came_from, key)))
            return found
        if is_end(model, world, plan):
            ends.append(key)
        for step in steps(model, world, plan):
            after = canonical(model, step.world)
            before.setdefault(after, []).append(key)
            if after not in came_from:
                came_from[after] = (key, step.what)
                waiting.append((after, step.world))
    good = _reaching(ends, before)
    found.stuck = tuple("\n".join(_way(came_from, key)) for key in came_from if key not in good)
    return found


def canonical(model: Model, world: World) -> object:
    """The same for all states that differ only in the names of nodes of one kind."""
    nodes = sorted((node if node in model.distinct else "", mark) for node, mark in world.marks.items())
    generations = world.observed.generations.get(model.subject, ())
    signing = world.observed.pairs[model.subject].certificate if model.subject in world.observed.pairs else None
    signer = signing.chain[0].spki_sha256 if isinstance(signing, Certificates) else ""
    return (world.asked, tuple(nodes), generations, signer, _soaked(model, world))


def _soaked(model: Model, world: World) -> tuple[object, ...]:
    """What the clock means for a rotation: nothing but whether it has soaked."""
    _, name, _ = parse_address(model.subject)
    desired = model.desired[1]
    owner = desired.cas.get(name) or desired.keypairs[name]
    pairs = [world.observed.pairs[address].certificate for address in desired.components]
    begun = [pair.chain[0].not_before for pair in pairs if isinstance(pair, Certificates)]
    record = world.records[_recorded(model)]
    youngest = max(begun, default=None)
    return (
        youngest is None or world.now - youngest >= owner.rotation.soak,
        record.settled_generation,
        record.trusted,
        record.settled is not None and world.now - record.settled >= owner.rotation.soak,
    )


def _recorded(model: Model) -> str:
    return (*_replicas(model), model.subject)[0]


def steps(model: Model, world: World, plan: Plan) -> Iterator[Step]:
    """Everything that may happen next."""
    parts = _parts(plan)
    for node, work in parts.items():
        everything = tuple(each.address for each in work)
        for only in (everything,) if model.whole else _cuts(model, work):
            part = "its part" if len(only) == len(work) else f"up to {only[-1]} and crashes"
            yield Step(f"{node or model.subject} applies {part}", _applied(model, world, plan, node, only))
        yield from _torn(model, world, plan, node, work)
    for node, owned in model.by_node.items():
        stale = any(world.disk[address] != world.loaded[address] for _, address in owned)
        if stale and not (model.whole and node in parts):
            loaded = {**world.loaded, **{address: world.disk[address] for _, address in owned}}
            marks = {**world.marks, node: _mark(model, node, world.disk, loaded)}
            yield Step(f"{node} restarts", _changed(world, loaded=loaded, marks=marks))
    ends = [entry.soaks_until for entry in plan.document.rotations if entry.soaks_until is not None]
    if ends and ends[0] > world.now:
        yield Step("it soaks", _changed(world, now=ends[0], records=settle_rotations(world.records, plan)))
    if world.asked + 1 < len(model.asks):
        yield Step(f"git asks for generation {model.asks[world.asked + 1]}", _changed(world, asked=world.asked + 1))


def _parts(plan: Plan) -> dict[str, tuple[Work, ...]]:
    """The work of each node, and of the CA itself; a CA that is made now comes before everybody."""
    parts: dict[str, list[Work]] = {}
    for work in plan.work:
        parts.setdefault(parse_address(work.address)[2] or "", []).append(work)
    first = any(work.task in {"create", "stage"} for work in parts.get("", []))
    return {node: tuple(work) for node, work in parts.items() if node == "" or not first}


def _cuts(model: Model, work: tuple[Work, ...]) -> Iterator[tuple[str, ...]]:
    """Where a node may stop: after the first of each kind, after the last of each kind, at the end."""
    items = [(each.kind, _with_its_file(model, each)) for each in work if _with_its_file(model, each)]
    seen: set[tuple[str, ...]] = set()
    for index, (kind, _) in enumerate(items):
        first = index == 0 or items[index - 1][0] != kind
        last = index + 1 == len(items) or items[index + 1][0] != kind
        reached = tuple(address for _, addresses in items[: index + 1] for address in addresses)
        if (first or last) and reached not in seen:
            seen.add(reached)
            yield reached if index + 1 < len(items) else tuple(each.address for each in work)


def _with_its_file(model: Model, work: Work) -> tuple[str, ...]:
    """What is written at once: a component that lives in a kubeconfig, and that; which then is no item of its own."""
    component = model.desired[1].components.get(work.address)
    if component is not None and component.place is None:
        return (work.address, component.kubeconfig)
    return (work.address,)


def _applied(model: Model, world: World, plan: Plan, node: str, only: tuple[str, ...]) -> World:
    desired = model.desired[model.asks[world.asked]]
    observed = foresee(desired, world.observed, plan, now=world.now, only=only)
    records = settle_rotations(world.records, plan)
    if not node:
        return _changed(world, observed=observed, records=records)
    disk = {**world.disk, **{address: _hold(address, observed) for address in only}}
    warm = {address: disk[address] for address in only if model.cold is not None and address not in model.cold}
    loaded = {**world.loaded, **warm}
    marks = {**world.marks, node: _mark(model, node, disk, loaded)}
    return _changed(world, observed=observed, disk=disk, loaded=loaded, marks=marks, records=records)


def _torn(model: Model, world: World, plan: Plan, node: str, work: tuple[Work, ...]) -> Iterator[Step]:
    """A crash after a generation was put beside, and before it was put to use."""
    if work[0].kind not in {"ca", "keypair"}:
        return
    after = _applied(model, world, plan, node, (work[0].address,)).observed
    if after.generations == world.observed.generations:
        return
    subject = model.subject
    beside = {generation_address(subject, number) for number in after.generations.get(subject, ())}
    pairs = {**world.observed.pairs, **{address: pair for address, pair in after.pairs.items() if address in beside}}
    keypairs = {**world.observed.keypairs, **{address: pair for address, pair in after.keypairs.items() if address in beside}}
    observed = replace(world.observed, pairs=pairs, keypairs=keypairs, generations=after.generations)
    yield Step(f"{node or subject} crashes after putting a generation beside", _changed(world, observed=observed))


def is_end(model: Model, world: World, plan: Plan) -> bool:
    """Whether nothing is left to do or to load, and nothing of another generation is left."""
    if plan.work or world.unready or plan.document.rotations:
        return False
    used = {hold.signer for hold in world.disk.values() if hold.signer}
    trusted = frozenset(key for hold in world.disk.values() for key in hold.trusted)
    return used == trusted == {target_key(model, plan)}


def target_key(model: Model, plan: Plan) -> str:
    """The key that git asks for, or that which stays."""
    _, name, _ = parse_address(model.subject)
    if name in plan.keypairs:
        return plan.keypairs[name].keys[plan.keypairs[name].standing.target].spki_sha256
    life = plan.lives[name]
    return life.authorities[life.standing.target].spki


def _changed(world: World, **fields: object) -> World:
    kept = {name: getattr(world, name) for name in ("observed", "disk", "loaded", "marks", "records", "asked", "now")}
    return World(**{**kept, **fields})


def _way(came_from: Mapping[object, tuple[object, str]], key: object) -> list[str]:
    way: list[str] = []
    current: object = key
    while current is not None:
        current, what = came_from[current]
        way.append(f"  {what}")
    return way[::-1]


def _reaching(ends: list[object], before: Mapping[object, list[object]]) -> set[object]:
    """Everything from which one of the ends can be reached."""
    good, waiting = set(ends), list(ends)
    while waiting:
        for key in before.get(waiting.pop(), ()):
            if key not in good:
                good.add(key)
                waiting.append(key)
    return good


# What must hold everywhere.


def connectable(model: Model, world: World, _plan: Plan) -> str:
    """Whoever presents something is believed: by what is on disk and by what is loaded, at both ends."""
    for presented, trust in model.connections:
        if not world.signers(presented) <= world.trusted(trust):
            return f"{trust} does not trust {presented}"
    return ""


def issued_for_everybody(model: Model, world: World, plan: Plan) -> str:
    """Nothing is issued by a generation that somebody does not trust yet, or any more."""
    for work in plan.work:
        key = _issuer(model, world, plan, work)
        for verifier in model.verifiers:
            if key and key not in world.trusted(verifier):
                return f"the plan issues {work.address} by a key that {verifier} does not trust"
    return ""


def _issuer(model: Model, world: World, plan: Plan, work: Work) -> str:
    """The key that signs for what is carried out; empty when nothing is issued."""
    component = model.desired[1].components.get(work.address)
    if component is not None and work.action in ISSUING:
        return plan.lives[component.ca].issuing(component).spki
    if work.kind != "keypair":
        return ""
    key = plan.keypairs[parse_address(work.address)[1]].signing_key.spki_sha256
    return key if key != world.disk[work.address].signer else ""


def clients_first(model: Model, world: World, _plan: Plan) -> str:
    """While a generation comes in, no server has a certificate of it before every client has, and uses it (policy R5)."""
    first = model.desired[1].components
    if world.asked > 0 or not first:
        return ""
    old = world.observed.pairs.get(generation_address(model.subject, 1)) or world.observed.pairs[model.subject]
    assert isinstance(old.certificate, Certificates)
    key = old.certificate.chain[0].spki_sha256
    late = [address for address, each in first.items() if is_client(each.usages) and key in world.signers(address)]
    early = [address for address, each in first.items() if not is_client(each.usages) and world.signers(address) != {key}]
    return f"{early[0]} has moved before {late[0]}" if early and late else ""
