"""From what was found to the evidence about one CA: who holds which generation, who signed what, who has loaded it. Decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from reconciler.desired.model import CA, Component, DesiredState, generation_address
from reconciler.observed.model import Absent, Certificates, Key, KubeconfigFile, ObservedPair, ObservedState, RevocationLists
from reconciler.plan.context import Situation
from reconciler.plan.inventory import Record
from reconciler.plan.rotation.evidence import Evidence, Leaf, Output
from reconciler.plan.rotation.generations import signing_number
from reconciler.plan.rotation.phase import is_client
from reconciler.x509.facts import CertificateFacts
from reconciler.x509.profile import BACKDATE


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """The generations of a CA that are there."""

    signing: int
    """The number of the signing pair's; 0 when there is none, or its number cannot be told."""
    addresses: Mapping[int, str]
    """Where each was found, by number: the signing pair counts before what stands beside it."""
    keys: Mapping[str, int]
    """Numbers by the SHA-256 of the public key, of those that can be read."""
    beside: frozenset[int]
    """Those that stand for themselves."""


def family_of(ca: CA, observed: ObservedState, record: Record | None) -> Family:
    """The generations of a CA by number."""
    beside = {number: generation_address(ca.address, number) for number in observed.generations.get(ca.address, ())}
    keys = {number: key_at(address, observed) for number, address in beside.items()}
    key = key_at(ca.address, observed)
    noted = record.generation if record is not None and record.spki_sha256 == key else 0
    signing = signing_number(key, keys, noted=noted)
    addresses = {**beside, signing: ca.address} if signing else beside
    known = {key_at(address, observed): number for number, address in addresses.items()}
    return Family(
        signing=signing,
        addresses=addresses,
        keys={key: number for key, number in known.items() if key},
        beside=frozenset(beside),
    )


def facts_at(address: str, observed: ObservedState) -> CertificateFacts | None:
    """The first certificate at the address of a CA or a generation of it."""
    pair = observed.pairs.get(address)
    found = pair.certificate if pair is not None else Absent()
    return found.chain[0] if isinstance(found, Certificates) else None


def key_at(address: str, observed: ObservedState) -> str:
    """SHA-256 of the public key at the address of a CA or a generation of it; empty when it cannot be told."""
    facts = facts_at(address, observed)
    return facts.spki_sha256 if facts is not None else ""


def evidence_of(ca: CA, family: Family, families: Mapping[str, Family], situation: Situation) -> Evidence:
    """Everything that the phase of a CA is derived from.

    Args:
        ca: the CA.
        family: its generations.
        families: those of every CA, for intermediates.
        situation: what was found.
    """
    return Evidence(
        address=ca.address,
        noted=in_use(situation.records.get(ca.address), family.signing) & family.addresses.keys(),
        numbers=frozenset(family.addresses),
        signing=family.signing,
        outputs=tuple(_outputs(ca, family, situation)),
        lists=tuple(_lists(ca, family, situation)),
        leaves=tuple(_leaves(ca, family, families, situation)),
        copies={
            copy.address: family.keys.get(key_at(copy.address, situation.observed), 0)
            for copy in ca.replicas
            if not _is_absent(situation.pair(copy.address))
        },
    )


def in_use(record: Record | None, signing: int, *, unsigned: bool = False) -> frozenset[int]:
    """The generations between which a rotation is under way by our record, as far as anybody may use them.

    One that came in and never signed anything is missed by nobody.

    Args:
        record: what we know of the CA or keypair.
        signing: the generation that signs; 0 for none.
        unsigned: whether a certificate is there that leads to no generation that is there.
    """
    if record is None or not signing:
        return frozenset()
    return frozenset(n for n in record.trusted if n <= signing or unsigned or record.settled is not None)


def _outputs(ca: CA, family: Family, situation: Situation) -> Iterator[Output]:
    observed, unready = situation.observed, situation.unready
    for bundle in situation.desired.bundles.values():
        if ca.name in bundle.cas:
            seen = observed.bundles.get(bundle.address)
            found = seen.certificates if seen is not None else Absent()
            held = tuple(link.spki_sha256 for link in found.chain) if isinstance(found, Certificates) else ()
            holds = None if isinstance(found, Absent) else _numbers(held, family)
            yield Output(address=bundle.address, holds=holds, unready=unready.get(bundle.address, ""))
    for kubeconfig in situation.desired.kubeconfigs.values():
        state = observed.kubeconfigs.get(kubeconfig.address, Absent())
        for cluster in kubeconfig.clusters:
            if ca.name in cluster.cas:
                trusted = state.trusted_in(cluster.name) if isinstance(state, KubeconfigFile) else ()
                holds = None if isinstance(state, Absent) else _numbers(trusted, family)
                yield Output(address=kubeconfig.address, holds=holds, unready=unready.get(kubeconfig.address, ""))


def _lists(ca: CA, family: Family, situation: Situation) -> Iterator[Output]:
    """Only PEM holds a list of each generation; whoever reads DER compares serials alone, as etcd does."""
    for crl in situation.desired.crls.values():
        seen = situation.observed.crls.get(crl.address) if crl.name == ca.name else None
        state = seen.files.get("pem") if seen is not None else None
        if isinstance(state, RevocationLists):
            yield Output(address=crl.address, holds=_numbers(state.signers, family))


def _numbers(keys: tuple[str, ...], family: Family) -> frozenset[int]:
    return frozenset(family.keys[key] for key in keys if key in family.keys)


def _leaves(ca: CA, family: Family, families: Mapping[str, Family], situation: Situation) -> Iterator[Leaf]:
    """What a CA signed itself, and what stands below its intermediates: that moves when they have been signed anew."""
    desired = situation.desired
    for component in desired.components.values():
        path = path_to(component.ca, ca.name, desired)
        if path is None:
            continue
        pair = situation.pair(component.address)
        link = path[-1] if path else None
        signer = _signer(pair, family, link, families, situation)
        yield Leaf(
            address=component.address,
            signer=signer,
            client=is_client(component.usages) and not path,
            issued=_moved(pair, link, families, situation),
            unready=_unready(component, situation),
        )
    for child in desired.cas.values():
        if child.issuer == ca.name:
            pair = situation.pair(child.address)
            signer = _signer(pair, family, None, families, situation)
            yield Leaf(address=child.address, signer=signer, client=False, issued=_issued(pair))


def path_to(name: str, top: str, desired: DesiredState) -> tuple[CA, ...] | None:
    """The CAs from the one of that name up to, but without, `top`; None when `top` does not stand above it."""
    path: list[CA] = []
    current: str | None = name
    while current is not None and current != top:
        path.append(desired.cas[current])
        current = desired.cas[current].issuer
    return tuple(path) if current == top else None


def _signer(
    pair: ObservedPair, family: Family, link: CA | None, families: Mapping[str, Family], situation: Situation
) -> int | None:
    """The generation that a certificate leads to: through the intermediate behind it, when there is one in between."""
    if _is_absent(pair):
        return None
    if not isinstance(pair.certificate, Certificates):
        return 0
    if link is None:
        return family.keys.get(pair.signed_by, 0)
    behind = _behind(pair, link, families, situation)
    return family.keys.get(behind.signed_by, 0) if behind is not None else 0


def _behind(pair: ObservedPair, link: CA, families: Mapping[str, Family], situation: Situation) -> ObservedPair | None:
    """The generation of an intermediate that stands in a chain; None when it is none that is there."""
    if not isinstance(pair.certificate, Certificates):
        return None
    chain = {each.fingerprint for each in pair.certificate.chain[1:]}
    for address in families[link.name].addresses.values():
        facts = facts_at(address, situation.observed)
        if facts is not None and facts.fingerprint in chain:
            return situation.pair(address)
    return None


def _is_absent(pair: ObservedPair) -> bool:
    return isinstance(pair.certificate, Absent) and isinstance(pair.key, Absent)


def _moved(pair: ObservedPair, link: CA | None, families: Mapping[str, Family], situation: Situation) -> datetime | None:
    """Since when a certificate leads where it leads: an intermediate that was signed anew moves older ones with it."""
    behind = _behind(pair, link, families, situation) if link is not None else None
    instants = [_issued(each) for each in (pair, behind) if each is not None]
    return max((instant for instant in instants if instant is not None), default=None)


def _issued(pair: ObservedPair) -> datetime | None:
    if not isinstance(pair.certificate, Certificates) or not isinstance(pair.key, Key):
        return None
    return pair.certificate.chain[0].not_before + BACKDATE


def _unready(component: Component, situation: Situation) -> str:
    """Why the process of a component may use another certificate than the one on disk."""
    owed = situation.unready.get(component.address, "")
    if owed or component.probe is None:
        return owed
    seen = situation.served.get(component.address)
    if seen is None:
        return "has a probe that has not been asked yet"
    if seen.state == "stale":
        return f"is served otherwise: {seen.endpoint} presents an older certificate"
    return f"cannot be asked what it serves: {seen.endpoint} is unreachable" if seen.state == "unreachable" else ""
