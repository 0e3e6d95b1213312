"""What waits for external CAs: the keys and requests beside components, and the certificates that came back for them."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.desired.external import asked_outside, waiting_of
from reconciler.desired.model import DesiredState
from reconciler.observed.interpret import interpret_key
from reconciler.observed.model import Absent, AskedFile, Key, KeyState, ObservedRequest, Returned, Unusable
from reconciler.stores.read import ReadFile
from reconciler.stores.store import Store
from reconciler.x509.asked import read_asked
from reconciler.x509.errors import UnreadableError
from reconciler.x509.read import Certificate, read_certificates
from reconciler.x509.verify import signed_by


def see_requests(desired: DesiredState, authorities: Iterable[Certificate], store: Store) -> dict[str, ObservedRequest]:
    """Whatever stands beside each component that an external CA signs; nothing of those beside which nothing does.

    Args:
        desired: what to look for.
        authorities: the certificates of all CAs that were found.
        store: where they are.
    """
    issuers = tuple(authorities)
    found: dict[str, ObservedRequest] = {}
    for component in asked_outside(desired):
        waiting = waiting_of(component, desired)
        key = _key(store, waiting.key)
        seen = ObservedRequest(
            key=key,
            request=_request(store, waiting.request),
            answer=_answer(store, waiting.answer, key.facts.spki_sha256 if isinstance(key, Key) else "", issuers),
        )
        if not all(isinstance(each, Absent) for each in (seen.key, seen.request, seen.answer)):
            found[component.address] = seen
    return found


def leaf_of(chain: tuple[Certificate, ...], spki_sha256: str) -> Certificate:
    """The certificate of a key; CAs send what they send, in any order. Without one, the first."""
    return next((each for each in chain if each.facts.spki_sha256 == spki_sha256), chain[0])


def _key(store: Store, path: str) -> KeyState:
    found = store.read(path)
    return interpret_key(found.data, found.meta) if isinstance(found, ReadFile) else found


def _request(store: Store, path: str) -> AskedFile | Unusable | Absent:
    found = store.read(path)
    if not isinstance(found, ReadFile):
        return found
    try:
        return AskedFile(asked=read_asked(found.data))
    except UnreadableError as error:
        return Unusable(problem=error.problem, detail=error.detail)


def _answer(store: Store, path: str, spki: str, issuers: tuple[Certificate, ...]) -> Returned | Unusable | Absent:
    found = store.read(path)
    if not isinstance(found, ReadFile):
        return found
    try:
        leaf = leaf_of(read_certificates(found.data), spki)
    except UnreadableError as error:
        return Unusable(problem=error.problem, detail=error.detail)
    signer = next((each.facts.spki_sha256 for each in issuers if signed_by(leaf, each)), "")
    return Returned(leaf=leaf.facts, signed_by=signer)
