"""The certificates and keys of CAs, their replicas and components, and which of our CAs signed each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

from reconciler.desired.external import is_external
from reconciler.desired.model import CA, OUTPUT_SUFFIX, Component, DesiredState, generation_address
from reconciler.desired.place import Place
from reconciler.observed.cache import Cache
from reconciler.observed.entries import see_kubeconfig
from reconciler.observed.keys import NOTHING, Held, held_key, key_elsewhere
from reconciler.observed.look import CERTIFICATES, COMBINED, KEY, View
from reconciler.observed.model import (
    Certificates,
    CertificateState,
    CombinedPair,
    DerivedOutput,
    DerivedState,
    Key,
    KeyState,
    KubeconfigFile,
    KubeconfigState,
    ObservedPair,
    source_address,
)
from reconciler.observed.signers import Checks, Question, in_order_of_claim, recall_signer
from reconciler.stores.store import Store
from reconciler.x509.facts import KeyFacts
from reconciler.x509.read import Certificate

_SEPARATE: Final = (".crt", ".key")
_ALONE: Final = (".crt",)
_TOGETHER: Final = (OUTPUT_SUFFIX["combined"],)


class _Sight(NamedTuple):
    """A certificate and key at one moment."""

    certificate: CertificateState
    key: KeyState
    leaf: Certificate | None
    """The certificate to check signatures on; None when it did not have to be parsed."""

    @property
    def torn(self) -> bool:
        """Whether the two do not belong together, as when a publication passed between looking at the one and the other."""
        return (
            isinstance(self.certificate, Certificates)
            and isinstance(self.key, Key)
            and self.certificate.chain[0].spki_sha256 != self.key.facts.spki_sha256
        )

    @property
    def together(self) -> DerivedState:
        """The combined output, where it is the one file of both."""
        if not isinstance(self.certificate, Certificates):
            return self.certificate
        if not isinstance(self.key, Key):
            return self.key
        return DerivedOutput(
            fingerprints=tuple(facts.fingerprint for facts in self.certificate.chain),
            spki_sha256=self.key.facts.spki_sha256,
            meta=self.certificate.meta,
        )


@dataclass(slots=True, kw_only=True)
class _Draft:
    """A pair whose signature is still being checked."""

    sight: _Sight
    outputs: dict[str, DerivedState]
    place: Place | None
    suffixes: tuple[str, ...]
    source_of: str = ""
    """Address of the copy, when this is where it comes from."""
    expected: frozenset[str] = frozenset()
    """SPKI SHA-256 of each generation of the CA that should have signed it; empty for CAs, and while that CA is not there."""
    signer: str = ""


class Pairs:
    """The pairs of one pass; CAs are seen first, because they are who may have signed the others."""

    def __init__(
        self, desired: DesiredState, view: View, cache: Cache, checks: Checks, *, store: Store, held: Mapping[str, Held]
    ) -> None:
        self.kubeconfigs: dict[str, KubeconfigState] = {}
        """Those that were looked at because a component lives in them, by address."""
        self.generations: dict[str, tuple[int, ...]] = {}
        """The numbers of the generations beside each CA that has any, by its address."""
        self._desired = desired
        self._view = view
        self._cache = cache
        self._checks = checks
        self._store = store
        self._held = held
        self._drafts: dict[str, _Draft] = {}
        self._issuers: dict[str, Certificate] = {}
        self._own: dict[str, str] = {}
        self._family: dict[str, frozenset[str]] = {}

    def see_authorities(self) -> None:
        """Looks at every CA and replica; then, since a parent may come later and a root is its own, asks who signed them."""
        seen: list[tuple[CA, str, Place, _Sight]] = []
        for ca in self._desired.cas.values():
            for address, place in self._places(ca):
                sight = self._see_authority(ca, place, afresh=True)
                seen.append((ca, address, place, sight))
                if sight.leaf is not None:
                    self._issuers[sight.leaf.facts.fingerprint] = sight.leaf
                    self._own.setdefault(ca.name, sight.leaf.facts.spki_sha256)
                    self._family[ca.name] = self._family.get(ca.name, frozenset()) | {sight.leaf.facts.spki_sha256}
            if ca.name not in self._family:  # our store has lost it: what the server keeps says whom it has signed
                kept = self._held.get(ca.address, NOTHING).certificates
                self._issuers.update((each.facts.fingerprint, each) for each in kept)
                self._family[ca.name] = frozenset(each.facts.spki_sha256 for each in kept)
        for ca, address, place, sight in seen:
            draft = _Draft(sight=sight, outputs={}, place=place, suffixes=ca.suffixes)
            self._drafts[address] = draft
            self._find_signer(address, draft, ca.issuer or ca.name, partial(self._see_authority, ca, place))

    def _see_authority(self, ca: CA, place: Place, *, afresh: bool) -> _Sight:
        """A certificate of a CA, and its key: from the file beside it, or from whoever keeps it for good."""
        if ca.key_in is None:
            return self._see_files(place, _SEPARATE, afresh=afresh)
        certificate, leaf = self._view.look(CERTIFICATES, place.file(".crt"), afresh=afresh)
        return _Sight(certificate, held_key(certificate, self._held.get(ca.address, NOTHING).state), leaf)

    def _places(self, ca: CA) -> Iterator[tuple[str, Place]]:
        """Everywhere that a certificate and key of a CA stand: its own place, copies, and its generations for themselves."""
        yield ca.address, ca.place
        yield from ((replica.address, replica.place) for replica in ca.replicas)
        numbers = () if is_external(ca) else self._store.numbers_beside(ca.place)
        if numbers:
            self.generations[ca.address] = numbers
        yield from ((generation_address(ca.address, number), ca.place.of_generation(number)) for number in numbers)

    @property
    def authorities(self) -> tuple[Certificate, ...]:
        """The certificates of all CAs that were found, each once."""
        return tuple(self._issuers.values())

    def see_components(self, components: Iterable[Component]) -> None:
        """Looks at components where they live: a pair, a combined file, or a kubeconfig."""
        for component in components:
            self._see_component(component)
            if component.source is not None and component.source != component.place:
                self._see_source(component, component.source)

    def settle(self) -> None:
        """Waits for the signature checks."""
        for answer in self._checks.answers():
            for issuer in answer.others:
                self._cache.remember_verdict(answer.fingerprint, issuer.facts.fingerprint, signed=False)
            if answer.signer is not None:
                self._cache.remember_verdict(answer.fingerprint, answer.signer.facts.fingerprint, signed=True)
                self._drafts[answer.address].signer = answer.signer.facts.spki_sha256

    def finish(self) -> dict[str, ObservedPair]:
        """Everything about each pair, when all of them were seen."""
        self.settle()
        return {
            address: ObservedPair(
                certificate=draft.sight.certificate,
                key=draft.sight.key,
                outputs=draft.outputs if draft.suffixes is not _TOGETHER else {**draft.outputs, "combined": draft.sight.together},
                owned=self._owned(address, draft),
                signed_by=draft.signer,
            )
            for address, draft in self._drafts.items()
        }

    def _see_component(self, component: Component) -> None:
        place = component.place
        see: Callable[..., _Sight]
        if place is None:
            see = partial(self._see_kubeconfig, component)
            draft = _Draft(sight=see(afresh=False), outputs={}, place=None, suffixes=())
        else:
            draft, see = self._drafted(component, place)
        self._judge(component.address, draft, component.ca, see)

    def _see_source(self, component: Component, place: Place) -> None:
        """Where a component comes from that this view only copies."""
        draft, see = self._drafted(component, place)
        draft.source_of = component.address
        self._judge(source_address(component.address), draft, component.ca, see)

    def _drafted(self, component: Component, place: Place) -> tuple[_Draft, Callable[..., _Sight]]:
        """The files of a component at a place, and how to look at the pair again."""
        suffixes = _SEPARATE if "pem" in component.outputs else _TOGETHER
        see: Callable[..., _Sight] = partial(self._see_files, place, suffixes)
        if component.request is not None:
            suffixes, see = _ALONE, partial(self._see_granted, place, component.request.key)
        derived: dict[str, DerivedState] = {
            output: self._view.derived(output, place.file(OUTPUT_SUFFIX[output]), component.pkcs12_password_file)
            for output in component.outputs
            if output != "pem" and (output != "combined" or suffixes is not _TOGETHER)
        }
        return _Draft(sight=see(afresh=False), outputs=derived, place=place, suffixes=suffixes), see

    def _judge(self, address: str, draft: _Draft, ca: str, see: Callable[..., _Sight]) -> None:
        draft.expected = self._family.get(ca, frozenset())
        self._drafts[address] = draft
        self._find_signer(address, draft, ca, see)

    def _find_signer(self, address: str, draft: _Draft, ca: str, see: Callable[..., _Sight]) -> None:
        """Answers from the cache, or asks; looks again where the first look was torn or left nothing to check."""
        issuers, signer = self._recall(draft.sight, ca)
        if draft.sight.torn or (signer is None and draft.sight.leaf is None):
            draft.sight = see(afresh=True)
            issuers, signer = self._recall(draft.sight, ca)
        draft.signer = signer or ""
        if signer is None and draft.sight.leaf is not None:
            self._checks.ask(Question(address, draft.sight.leaf, issuers))

    def _recall(self, sight: _Sight, ca: str) -> tuple[tuple[Certificate, ...], str | None]:
        """Who may have signed it, in the order to try them, and who did, None when that has to be checked."""
        if not isinstance(sight.certificate, Certificates):
            return (), ""
        facts = sight.certificate.chain[0]
        issuers = in_order_of_claim(facts, self._own.get(ca, ""), self._issuers.values())
        return issuers, recall_signer(self._cache, facts.fingerprint, issuers)

    def _see_files(self, place: Place, suffixes: tuple[str, ...], *, afresh: bool) -> _Sight:
        if suffixes is _TOGETHER:
            state, leaf = self._view.look(COMBINED, place.file(suffixes[0]), afresh=afresh)
            if isinstance(state, CombinedPair):
                return _Sight(state.certificate, state.key, leaf)
            return _Sight(state, state, None)
        certificate, leaf = self._view.look(CERTIFICATES, place.file(suffixes[0]), afresh=afresh)
        key, _ = self._view.look(KEY, place.file(suffixes[1]), afresh=afresh)
        return _Sight(certificate, key, leaf)

    def _see_granted(self, place: Place, key: KeyFacts, *, afresh: bool) -> _Sight:
        """A certificate whose key is with whoever asked for it."""
        certificate, leaf = self._view.look(CERTIFICATES, place.file(".crt"), afresh=afresh)
        return _Sight(certificate, key_elsewhere(certificate, key), leaf)

    def _see_kubeconfig(self, component: Component, *, afresh: bool) -> _Sight:
        wanted = self._desired.kubeconfigs[component.kubeconfig]
        user = wanted.user_of(component.address)
        state, leaf = see_kubeconfig(self._view, wanted, wanted.place.absolute, user=user, afresh=afresh)
        self.kubeconfigs[component.kubeconfig] = state
        if isinstance(state, KubeconfigFile):
            held = state.of_user(user)
            return _Sight(held.certificate, held.key, leaf)
        return _Sight(state, state, None)

    def _owned(self, address: str, draft: _Draft) -> bool:
        """Whether the files are ours by where they stand. A CA can sign itself as anybody can, which vouches for nothing."""
        if draft.place is None:
            return False
        sight = draft.sight
        whole = isinstance(sight.certificate, Certificates) and isinstance(sight.key, Key) and not sight.torn
        vouched = whole and draft.signer in draft.expected and not draft.source_of  # that one has to say whose it is
        owner = draft.source_of or address
        return self._store.is_owned(draft.place, draft.suffixes, address=owner, cluster=self._desired.cluster, vouched=vouched)
