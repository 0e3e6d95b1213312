"""What a plan would leave behind: the same facts that a look would find after it, with made-up keys. Pure.

For proving a plan before anything is signed, and for walking through every state of a rotation. The keys and serials that
apply would choose at random are digests here: the same plan foresees the same state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

from msgspec.structs import replace

from reconciler.desired.kubeconfig_entries import KubeCluster
from reconciler.desired.model import (
    CA,
    Bundle,
    DesiredState,
    Keypair,
    Kubeconfig,
    generation_address,
    parse_address,
)
from reconciler.observed.model import (
    Absent,
    Certificates,
    CertificateState,
    CrlState,
    DerivedOutput,
    FileMeta,
    Key,
    KubeconfigFile,
    KubeconfigState,
    ObservedBundle,
    ObservedCrl,
    ObservedKeypair,
    ObservedPair,
    ObservedState,
    PublicKey,
    RevocationLists,
    source_address,
)
from reconciler.plan.build import Plan, Work
from reconciler.plan.context import NOTHING_THERE
from reconciler.plan.foreseen import PUBLIC, certificate, derived, fresh_key, meta_of, revocation_list, still_out
from reconciler.plan.foreseen_copies import fetched_bundle, fetched_kubeconfig, fetched_pair, pair_within, with_modes
from reconciler.plan.foreseen_entries import with_entries
from reconciler.plan.reasons import Action, Reason
from reconciler.plan.revocation.data import ListPlan
from reconciler.plan.revocation.lists import signers_of
from reconciler.plan.rotation.keypair_life import KeypairLife
from reconciler.plan.rotation.lifecycle import Lifecycle
from reconciler.plan.trust import fresh, unexpired
from reconciler.x509.facts import CertificateFacts, KeyFacts

_ACCESS: Final = frozenset({Reason.MODE_DRIFT, Reason.OWNER_DRIFT})


def foresee(
    desired: DesiredState, observed: ObservedState, plan: Plan, *, now: datetime, only: Iterable[str] | None = None
) -> ObservedState:
    """The state after a plan, or after a part of it.

    Args:
        desired: what should be.
        observed: what the plan was made from.
        plan: the plan.
        now: when it is carried out.
        only: the addresses that are reached before it stops; None for all.
    """
    reached = None if only is None else frozenset(only)
    after = _After(
        desired=desired,
        lives=plan.lives,
        keypair_lives=plan.keypairs,
        now=now,
        pairs=dict(observed.pairs),
        bundles=dict(observed.bundles),
        kubeconfigs=dict(observed.kubeconfigs),
        keypairs=dict(observed.keypairs),
        generations={address: frozenset(numbers) for address, numbers in observed.generations.items()},
        crls=dict(observed.crls),
        lists=plan.lists,
        anchors=observed.anchors,
    )
    for work in plan.work:
        if reached is None or work.address in reached:
            _BY_ACTION.get(work.action, _change)(after, work)
    return replace(
        observed,
        pairs=after.pairs,
        bundles=after.bundles,
        kubeconfigs=after.kubeconfigs,
        keypairs=after.keypairs,
        crls=after.crls,
        requests=still_out(observed.requests, [work for work in plan.work if reached is None or work.address in reached]),
        generations={address: tuple(sorted(numbers)) for address, numbers in after.generations.items() if numbers},
    )


@dataclass(slots=True, kw_only=True)
class _After:
    """The state as it becomes."""

    desired: DesiredState
    lives: Mapping[str, Lifecycle]
    keypair_lives: Mapping[str, KeypairLife]
    now: datetime
    pairs: dict[str, ObservedPair]
    bundles: dict[str, ObservedBundle]
    kubeconfigs: dict[str, KubeconfigState]
    keypairs: dict[str, ObservedKeypair]
    generations: dict[str, frozenset[int]]
    crls: dict[str, ObservedCrl]
    lists: Mapping[str, ListPlan]
    anchors: Mapping[str, CertificateState]
    made: dict[tuple[str, int], CertificateFacts] = field(default_factory=dict)
    keys: dict[str, KeyFacts] = field(default_factory=dict)

    def generation(self, name: str, number: int) -> CertificateFacts:
        """The certificate of a generation: made on the way, or found before."""
        known = self.made.get((name, number)) or self.lives[name].authorities[number].certificate
        if known is None:
            raise KeyError(name, number)
        return known

    def files(self, name: str, number: int) -> ObservedPair:
        """Certificate and key of a generation, wherever it stands."""
        beside = self.pairs.get(generation_address(f"ca.{name}", number))
        return beside if beside is not None else self.pairs[f"ca.{name}"]

    def served(self, name: str, link: CertificateFacts) -> tuple[CertificateFacts, ...]:
        """What follows a leaf of this CA certificate: it, and the CAs above it without the root."""
        if link.self_signed:
            return ()
        parent = self.desired.cas[name].issuer
        if parent is None:
            return (link,)
        life = self.lives[parent]
        above = [each for number in life.authorities if (each := self.generation(parent, number)).ski == link.aki]
        return (link, *self.served(parent, above[0] if above else self.generation(parent, life.standing.target)))


def _change(after: _After, work: Work) -> None:
    _BY_KIND[work.kind](after, work)


def _remove(after: _After, work: Work) -> None:
    for held in (after.pairs, after.bundles, after.kubeconfigs, after.keypairs, after.crls):
        held.pop(work.address, None)


def _leave(after: _After, work: Work) -> None:
    """Only a record changes."""


def _authority(after: _After, work: Work) -> None:
    _, name, node = parse_address(work.address)
    ca, life = after.desired.cas[name], after.lives[name]
    if work.findings and all(finding.reason in _ACCESS for finding in work.findings):
        after.pairs[work.address] = with_modes(after.pairs[work.address], ca.access.mode)
    elif node is not None:
        after.pairs[work.address] = after.pairs[ca.address]
    else:
        _TASKS[work.task](after, ca, life)


def _create(after: _After, ca: CA, life: Lifecycle) -> None:
    number = life.standing.target
    made = _ca_pair(after, ca, number)
    after.pairs[ca.address] = made
    if number > 1:
        _put_beside(after, ca, number, made)


def _stage(after: _After, ca: CA, life: Lifecycle) -> None:
    _put_beside(after, ca, life.standing.target, _ca_pair(after, ca, life.standing.target))


def _promote(after: _After, ca: CA, life: Lifecycle) -> None:
    old, number = life.standing.signing, life.standing.issues(client=False)
    if old and old not in after.generations.get(ca.address, frozenset()):
        _put_beside(after, ca, old, after.pairs[ca.address])
    after.pairs[ca.address] = after.files(ca.name, number)


def _renew(after: _After, ca: CA, life: Lifecycle) -> None:
    number = life.standing.signing
    found = after.files(ca.name, number)
    renewed = _ca_pair(after, ca, number, key=found.key.facts if isinstance(found.key, Key) else None)
    after.pairs[ca.address] = renewed
    if number in after.generations.get(ca.address, frozenset()):
        _put_beside(after, ca, number, renewed)


def _retire(after: _After, ca: CA, life: Lifecycle) -> None:
    for number in life.standing.retiring:
        after.pairs.pop(generation_address(ca.address, number), None)
    after.generations[ca.address] = after.generations[ca.address] - frozenset(life.standing.retiring)


def _put_beside(after: _After, ca: CA, number: int, pair: ObservedPair) -> None:
    after.pairs[generation_address(ca.address, number)] = pair
    after.generations[ca.address] = after.generations.get(ca.address, frozenset()) | {number}


def _ca_pair(after: _After, ca: CA, number: int, *, key: KeyFacts | None = None) -> ObservedPair:
    wanted = after.lives[ca.name].authorities[number].desired
    key = key or fresh_key(after.now, f"{ca.address}@g{number}", wanted.key)
    parent = None
    if wanted.issuer is not None:
        parent = after.generation(wanted.issuer, after.lives[wanted.issuer].standing.issues(client=False))
    facts = certificate(after.now, wanted, key, parent)
    after.made[ca.name, number] = facts
    return ObservedPair(
        certificate=Certificates(chain=(facts,), meta=PUBLIC),
        key=Key(facts=key, meta=FileMeta(mode=ca.access.mode, uid=0, gid=0)),
        owned=True,
        signed_by=parent.spki_sha256 if parent is not None else key.spki_sha256,
    )


def _component(after: _After, work: Work) -> None:
    wanted = after.desired.components[work.address]
    old = after.pairs.get(work.address, NOTHING_THERE)
    if work.findings and all(finding.reason in _ACCESS for finding in work.findings):
        outputs = {
            output: replace(found, meta=meta_of(output, wanted)) if isinstance(found, DerivedOutput) else found
            for output, found in old.outputs.items()
        }
        after.pairs[work.address] = replace(with_modes(old, wanted.access.mode), outputs=outputs)
        return
    if wanted.source is not None:
        after.pairs[work.address] = fetched_pair(after.pairs.get(source_address(work.address), NOTHING_THERE), wanted)
        return
    life = after.lives[wanted.ca]
    if work.action == Action.REPAIR:
        if not isinstance(old.certificate, Certificates) or not isinstance(old.key, Key):
            return
        leaf, key, signer = old.certificate.chain[0], old.key.facts, old.signed_by
        issuer = after.generation(wanted.ca, life.behind(wanted, old).desired.generation)
    else:
        keeps = work.action == Action.REISSUE and not wanted.rotate_key and isinstance(old.key, Key)
        key = old.key.facts if keeps and isinstance(old.key, Key) else fresh_key(after.now, work.address, wanted.key, old)
        key = wanted.request.key if wanted.request is not None else key
        issuer = after.generation(wanted.ca, life.issuing(wanted).desired.generation)
        leaf, signer = certificate(after.now, wanted, key, issuer), issuer.spki_sha256
    chain = (leaf, *after.served(wanted.ca, issuer))
    after.pairs[work.address] = ObservedPair(
        certificate=Certificates(chain=chain, meta=PUBLIC),
        key=Key(facts=key, meta=FileMeta(mode=wanted.access.mode, uid=0, gid=0)),
        outputs={output: derived(output, chain, wanted) for output in wanted.outputs if output != "pem"},
        owned=wanted.place is not None,
        signed_by=signer,
    )


def _trusted(after: _After, wanted: Bundle | Kubeconfig | KubeCluster) -> tuple[CertificateFacts, ...]:
    held = [after.generation(name, number) for name in wanted.cas for number in unexpired(after.lives[name], after.now)]
    for path in wanted.files:
        state = after.anchors.get(path, Absent())
        held += fresh(state.chain, after.now) if isinstance(state, Certificates) else ()
    found = {facts.fingerprint: facts for facts in held}
    return tuple(found[fingerprint] for fingerprint in sorted(found))


def _bundle(after: _After, work: Work) -> None:
    if after.desired.bundles[work.address].source is not None:
        after.bundles[work.address] = fetched_bundle(after.bundles[source_address(work.address)])
        return
    trusted = _trusted(after, after.desired.bundles[work.address])
    after.bundles[work.address] = ObservedBundle(certificates=Certificates(chain=trusted, meta=PUBLIC))


def _kubeconfig(after: _After, work: Work) -> None:
    wanted = after.desired.kubeconfigs[work.address]
    if wanted.source is not None:
        state = fetched_kubeconfig(after.kubeconfigs[source_address(work.address)], wanted)
        after.kubeconfigs[work.address] = state
        owner = after.desired.components[wanted.component]
        if owner.place is None and isinstance(state, KubeconfigFile):
            links = [authority.certificate for authority in after.lives[owner.ca].authorities.values()]
            after.pairs[owner.address] = pair_within(state, links)
        return
    pair = after.pairs.get(wanted.component, NOTHING_THERE)
    trusted = _trusted(after, wanted)
    made = KubeconfigFile(
        server=wanted.server,
        ca_fingerprints=tuple(facts.fingerprint for facts in trusted),
        ca_keys=tuple(facts.spki_sha256 for facts in trusted),
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
    if wanted.entries is not None:
        made = with_entries(made, wanted.entries, partial(_trusted, after), lambda one: after.pairs.get(one, NOTHING_THERE))
    after.kubeconfigs[work.address] = made


def _keypair(after: _After, work: Work) -> None:
    wanted = after.desired.keypairs[parse_address(work.address)[1]]
    life = after.keypair_lives.get(wanted.name)
    if life is None:
        number = wanted.generation
        _keypair_generation(after, wanted, number, beside=number > 1)
        trusted: tuple[int, ...] = (number,)
    else:
        number = life.number
        trusted = (number, *(each for each in life.standing.trusted if each != number))
        if life.making:
            _keypair_generation(after, wanted, life.standing.target, beside=True)
        if life.standing.signing not in {0, number, *life.beside}:
            _keypair_generation(after, wanted, life.standing.signing, beside=True)
    meta = FileMeta(mode=wanted.access.mode, uid=0, gid=0)
    keys = [_keypair_generation(after, wanted, each, beside=False) for each in trusted]
    after.keypairs[work.address] = ObservedKeypair(
        key=Key(facts=keys[0], meta=meta),
        public=PublicKey(spki_sha256=keys[0].spki_sha256, others=tuple(key.spki_sha256 for key in keys[1:]), meta=meta),
    )
    if life is not None and work.address == wanted.replicas[0].address:
        for retired in life.standing.retiring:
            after.keypairs.pop(generation_address(wanted.address, retired), None)
        left = after.generations.get(wanted.address, frozenset()) - frozenset(life.standing.retiring)
        after.generations[wanted.address] = left


def _keypair_generation(after: _After, wanted: Keypair, number: int, *, beside: bool) -> KeyFacts:
    """The key of a generation, made when there is none; put beside the first replica when asked."""
    life = after.keypair_lives.get(wanted.name)
    address = generation_address(wanted.address, number)
    facts = life.keys.get(number) if life is not None else None
    facts = facts or after.keys.setdefault(address, fresh_key(after.now, address, wanted.key))
    if beside:
        meta = FileMeta(mode=wanted.access.mode, uid=0, gid=0)
        public = PublicKey(spki_sha256=facts.spki_sha256, meta=meta)
        after.keypairs[address] = ObservedKeypair(key=Key(facts=facts, meta=meta), public=public)
        after.generations[wanted.address] = after.generations.get(wanted.address, frozenset()) | {number}
    return facts


def _crl(after: _After, work: Work) -> None:
    """A list of each generation in use, with the same entries; DER holds that of the one that signs."""
    wanted = after.desired.crls[work.address]
    if work.findings and all(finding.reason in _ACCESS for finding in work.findings):
        found = after.crls[work.address]
        mended = {
            form: replace(state, meta=PUBLIC) if isinstance(state, RevocationLists) else state
            for form, state in found.files.items()
        }
        after.crls[work.address] = replace(found, files=mended)
        return
    plan, life = after.lists[wanted.name], after.lives[wanted.name]
    if plan.reference is not None:
        reference = after.crls[plan.reference.address].files[plan.reference.form]
        after.crls[work.address] = ObservedCrl(files=dict.fromkeys(wanted.formats, reference), owned=True)
        return
    issuers = [after.generation(wanted.name, number) for number in signers_of(life, after.now)]
    lists = tuple(revocation_list(after.now, wanted, plan, issuer) for issuer in issuers)
    files: dict[str, CrlState] = {
        form: RevocationLists(
            lists=lists if form == "pem" else lists[:1],
            signers=tuple(issuer.spki_sha256 for issuer in (issuers if form == "pem" else issuers[:1])),
            meta=PUBLIC,
        )
        for form in wanted.formats
    }
    after.crls[work.address] = ObservedCrl(files=files, owned=True)


_BY_ACTION: Final[dict[Action, Callable[[_After, Work], None]]] = {
    Action.DESTROY: _remove,
    Action.FORGET: _leave,
    Action.NONE: _leave,
    Action.REQUEST: _leave,
}
_BY_KIND: Final[dict[str, Callable[[_After, Work], None]]] = {
    "ca": _authority,
    "component": _component,
    "request": _component,
    "bundle": _bundle,
    "kubeconfig": _kubeconfig,
    "keypair": _keypair,
    "crl": _crl,
}
_TASKS: Final[dict[str, Callable[[_After, CA, Lifecycle], None]]] = {
    "create": _create,
    "stage": _stage,
    "promote": _promote,
    "renew": _renew,
    "retire": _retire,
}
