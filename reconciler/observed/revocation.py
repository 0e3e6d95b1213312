"""Revocation lists as they stand on disk, and which of our CAs signed each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from reconciler.desired.model import Crl, CrlFormat
from reconciler.observed.model import CrlState, ObservedCrl, RevocationLists, Unusable
from reconciler.stores.read import ReadFile
from reconciler.stores.store import Store
from reconciler.x509.crl import RevocationList, read_crl, read_crls, signed_by
from reconciler.x509.errors import UnreadableError
from reconciler.x509.facts import CrlFacts
from reconciler.x509.read import Certificate

#: A million entries; other files are far smaller.
LIMIT: Final = 64 << 20

_Lists = tuple[tuple[CrlFacts, ...], tuple[str, ...]]


class Revocations:
    """The lists of one pass. Copies are equal, and long: equal bytes are parsed and verified once."""

    def __init__(self, authorities: Sequence[Certificate], *, cluster: str, store: Store) -> None:
        self._authorities: Final = tuple(authorities)
        self._store: Final = store
        self._cluster: Final = cluster
        self._known: Final[dict[tuple[CrlFormat, bytes], _Lists | Unusable]] = {}

    def see(self, crl: Crl) -> ObservedCrl:
        """The files of one address."""
        suffixes = tuple(crl.suffixes.values())
        return ObservedCrl(
            files={form: self._look(form, path) for form, path in crl.paths.items()},
            owned=self._store.is_owned(crl.place, suffixes, address=crl.address, cluster=self._cluster, vouched=False),
        )

    def _look(self, form: CrlFormat, path: str) -> CrlState:
        found = self._store.read(path, limit=LIMIT)
        if not isinstance(found, ReadFile):
            return found
        key = (form, hashlib.sha256(found.data).digest())
        if key not in self._known:
            self._known[key] = self._read(form, found.data)
        known = self._known[key]
        if isinstance(known, Unusable):
            return known
        return RevocationLists(lists=known[0], signers=known[1], meta=found.meta)

    def _read(self, form: CrlFormat, data: bytes) -> _Lists | Unusable:
        try:
            lists = read_crls(data) if form == "pem" else (read_crl(data),)
        except UnreadableError as error:
            return Unusable(problem=error.problem, detail=error.detail)
        return tuple(crl.facts for crl in lists), tuple(map(self._signer, lists))

    def _signer(self, crl: RevocationList) -> str:
        signer = next((each for each in self._authorities if signed_by(crl, each)), None)
        return signer.facts.spki_sha256 if signer is not None else ""
