"""The life of a keypair: the same phases as a CA's, with public keys for trust outputs and private keys for certificates.

The ``.pub`` of a replica says whose signatures are accepted, its ``.key`` signs. A generation from the second on stands
beside the first replica for itself (``sa.g2.key``), and the first leaves it for ``sa.g1`` when its turn is over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial

import msgspec
from msgspec.structs import replace

from reconciler.desired.model import Keypair, Replica, generation_address
from reconciler.observed.model import Absent, Key, ObservedKeypair, ObservedState, PublicKey
from reconciler.plan.context import Situation
from reconciler.plan.document import DiagnosticEntry
from reconciler.plan.rotation.by_hand import by_hand
from reconciler.plan.rotation.evidence import Evidence, Leaf, Output
from reconciler.plan.rotation.generations import signing_number, wanted_number
from reconciler.plan.rotation.lifecycle import Standing
from reconciler.plan.rotation.lost import STILL_TRUSTED
from reconciler.plan.rotation.observe import in_use
from reconciler.plan.rotation.phase import Phase
from reconciler.plan.rotation.standing import Terms, standing_of
from reconciler.x509.facts import KeyFacts

NOTHING_THERE = ObservedKeypair(key=Absent(), public=Absent())


class KeypairLife(msgspec.Struct, frozen=True, kw_only=True):
    """A keypair with all its generations."""

    desired: Keypair
    reference: str
    """Address of the replica whose key counts."""
    standing: Standing
    keys: Mapping[int, KeyFacts]
    """The generations whose private key is there, by number."""
    beside: frozenset[int]
    """Those that stand for themselves."""
    making: bool = False
    """Whether this plan makes the one that comes in."""
    refusal: DiagnosticEntry | None = None
    """Why nothing is written: what comes in cannot be made here, or what is still accepted is gone."""

    @property
    def numbers(self) -> Mapping[str, int]:
        """Numbers by the SHA-256 of the public key."""
        return {facts.spki_sha256: number for number, facts in self.keys.items()}

    @property
    def number(self) -> int:
        """The generation that signs."""
        return self.standing.issues(client=False)

    @property
    def signing_key(self) -> KeyFacts:
        """Its key."""
        return self.keys[self.number]

    @property
    def accepted(self) -> tuple[str, ...]:
        """SHA-256 of the public keys that belong into every replica's file, that of the signing one first."""
        others = (number for number in self.standing.trusted if number != self.number and number in self.keys)
        return tuple(self.keys[number].spki_sha256 for number in (self.number, *others))


def live(keypair: Keypair, reference: Replica, situation: Situation) -> KeypairLife:
    """Decides where a keypair stands.

    Args:
        keypair: one with a usable key.
        reference: the replica that has it.
        situation: what was found.
    """
    observed = situation.observed
    beside = _beside(keypair, observed)
    own = _key_at(reference.address, observed)
    signing = signing_number(own.spki_sha256 if own else "", {number: facts.spki_sha256 for number, facts in beside.items()})
    keys = {**beside, **({signing: own} if own is not None else {})}
    wanted = wanted_number(keypair.generation, signing, frozenset(keys), keypair.rotation, due=lambda _: False)
    if not beside and wanted.number == signing:
        number = wanted.number
        standing = Standing(source=number, target=number, signing=number, trusted=(number,), note=wanted.note)
    else:
        standing = standing_of(wanted, _evidence(keypair, keys, signing, situation), _terms(keypair, wanted.number, situation))
    making = standing.phase is Phase.STAGE and standing.target not in keys
    lost = sorted(in_use(situation.records.get(keypair.replicas[0].address), signing) - keys.keys())
    if lost:
        refusal: DiagnosticEntry | None = _gone(keypair, lost[0])
    else:
        refusal = _not_here(keypair, standing.target) if making and not keypair.creatable else None
    return KeypairLife(
        desired=keypair,
        reference=reference.address,
        standing=replace(standing, trusted=tuple(sorted({*standing.trusted, *lost}))),
        keys=keys,
        beside=frozenset(beside),
        making=making and keypair.creatable and not lost,
        refusal=refusal,
    )


def keypair_signing(keypair: Keypair, observed: ObservedState) -> int:
    """The number of the generation in the first replica with a key; 0 when there is none, or it cannot be told."""
    keys = (_key_at(replica.address, observed) for replica in keypair.replicas)
    own = next((facts.spki_sha256 for facts in keys if facts is not None), "")
    return signing_number(own, {number: facts.spki_sha256 for number, facts in _beside(keypair, observed).items()})


def _beside(keypair: Keypair, observed: ObservedState) -> dict[int, KeyFacts]:
    """The generations that stand for themselves."""
    return {
        number: facts
        for number in observed.generations.get(keypair.address, ())
        if (facts := _key_at(generation_address(keypair.address, number), observed)) is not None
    }


def _evidence(keypair: Keypair, keys: Mapping[int, KeyFacts], signing: int, situation: Situation) -> Evidence:
    numbers = {facts.spki_sha256: number for number, facts in keys.items()}
    return Evidence(
        address=keypair.address,
        noted=in_use(situation.records.get(keypair.replicas[0].address), signing) & keys.keys(),
        numbers=frozenset(keys),
        signing=signing,
        outputs=tuple(_outputs(keypair, numbers, situation.observed)),
        leaves=tuple(_leaves(keypair, numbers, situation.observed)),
    )


def _outputs(keypair: Keypair, numbers: Mapping[str, int], observed: ObservedState) -> Iterator[Output]:
    for replica in keypair.replicas:
        public = observed.keypairs.get(replica.address, NOTHING_THERE).public
        held = public.keys if isinstance(public, PublicKey) else ()
        holds = None if isinstance(public, Absent) else frozenset(numbers[key] for key in held if key in numbers)
        yield Output(address=replica.address, holds=holds)


def _leaves(keypair: Keypair, numbers: Mapping[str, int], observed: ObservedState) -> Iterator[Leaf]:
    for replica in keypair.replicas:
        key = observed.keypairs.get(replica.address, NOTHING_THERE).key
        signer = numbers.get(key.facts.spki_sha256, 0) if isinstance(key, Key) else 0
        yield Leaf(address=replica.address, signer=None if isinstance(key, Absent) else signer, client=False)


def _terms(keypair: Keypair, number: int, situation: Situation) -> Terms:
    record = situation.records.get(keypair.replicas[0].address)
    node = situation.desired.node
    return Terms(
        rotation=keypair.rotation,
        now=situation.now,
        settled=_settled(record.settled, record.settled_generation, number) if record is not None else None,
        blind=f"is seen from node {node} alone" if node is not None else "",
        frozen="is suspended" if situation.desired.suspended else "",
        confirmed=situation.options.confirmed,
        by_hand=partial(by_hand, keypair.address, situation.desired),
    )


def _settled(since: datetime | None, generation: int, number: int) -> datetime | None:
    return since if generation == number else None


def _key_at(address: str, observed: ObservedState) -> KeyFacts | None:
    found = observed.keypairs.get(address, NOTHING_THERE).key
    return found.facts if isinstance(found, Key) else None


def _gone(keypair: Keypair, number: int) -> DiagnosticEntry:
    why, files = "is gone, or cannot be read, while it is still accepted", _files(keypair, number)
    return _missing(keypair, number, why, f"Restore {files}. {STILL_TRUSTED}", keypair.replicas)


def _not_here(keypair: Keypair, number: int) -> DiagnosticEntry:
    way_out = f"It is made on node {keypair.home}, not here. Copy {_files(keypair, number)} from there."
    return _missing(keypair, number, "is not on this node", way_out, keypair.replicas[:1])


def _files(keypair: Keypair, number: int) -> str:
    place = keypair.replicas[0].place.of_generation(number).absolute
    return f"{place}.key and {place}.pub"


def _missing(keypair: Keypair, number: int, why: str, way_out: str, held_back: tuple[Replica, ...]) -> DiagnosticEntry:
    return DiagnosticEntry(
        severity="error",
        code="keypair-missing",
        summary=f"generation {number} of {keypair.address} {why}",
        detail=way_out,
        address=keypair.address,
        held_back=[replica.address for replica in held_back],
    )
