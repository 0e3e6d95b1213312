"""Looking at one file: what it is now, from the cache while it did not change, else read and interpreted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from reconciler.observed import interpret
from reconciler.observed.cache import Cache
from reconciler.observed.model import (
    Absent,
    Certificates,
    CombinedPair,
    DerivedOutput,
    DerivedState,
    FileMeta,
    Key,
    KubeconfigEntries,
    KubeconfigFile,
    PublicKey,
    Unusable,
)
from reconciler.stores.disk import DISK
from reconciler.stores.read import Identity, ReadFile, read_file
from reconciler.stores.store import Store
from reconciler.x509.facts import KeyFacts
from reconciler.x509.keys import read_key_facts
from reconciler.x509.read import Certificate

Seen = TypeVar("Seen", Certificates, CombinedPair, Key, PublicKey, DerivedOutput, KubeconfigFile, KubeconfigEntries)
_Interpret = Callable[[bytes, FileMeta, interpret.Readers], tuple[Seen | Unusable, Certificate | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens(Generic[Seen]):
    """As what a file is read. One file can be read as several things."""

    name: str
    """Its name in the cache."""
    sees: type[Seen]
    interpret: _Interpret[Seen]


def _derived(output: str) -> Lens[DerivedOutput]:
    return Lens(
        name=output,
        sees=DerivedOutput,
        interpret=lambda data, meta, _readers: (interpret.interpret_derived(output, data, meta), None),
    )


CERTIFICATES: Final = Lens(name="certificates", sees=Certificates, interpret=interpret.interpret_certificates)
KEY: Final = Lens(
    name="key", sees=Key, interpret=lambda data, meta, readers: (interpret.interpret_key(data, meta, readers), None)
)
COMBINED: Final = Lens(name="combined-pair", sees=CombinedPair, interpret=interpret.interpret_combined)
PUBLIC_KEY: Final = Lens(
    name="public-key", sees=PublicKey, interpret=lambda data, meta, _readers: (interpret.interpret_public_key(data, meta), None)
)
KUBECONFIG: Final = Lens(name="kubeconfig", sees=KubeconfigFile, interpret=interpret.interpret_kubeconfig)
#: The pkcs12 output is missing: what it says depends on a second file, its password.
DERIVED: Final[Mapping[str, Lens[DerivedOutput]]] = {output: _derived(output) for output in ("fullchain", "combined", "der")} | {
    "answer": Lens(
        name="answer",
        sees=DerivedOutput,
        interpret=lambda data, meta, _readers: (interpret.interpret_answer(data, meta), None),
    )
}


class View:
    """The files as one pass sees them.

    A CA certificate stands in 5,000 bundles and kubeconfigs, a client's key in a pair and a kubeconfig: equal bytes are
    parsed once and share their facts. They are known again by a digest, for keys one with a secret of this pass: nothing
    else of a key stays but its facts.
    """

    def __init__(self, cache: Cache, store: Store = DISK) -> None:
        self._cache = cache
        self._store = store
        self._chains: dict[bytes, interpret.Chain] = {}
        self._keys: dict[bytes, KeyFacts] = {}
        self._secret = os.urandom(32)
        self._readers = interpret.Readers(self._read_chain, self._read_key)
        self._metas: dict[tuple[int, int, int], FileMeta] = {}

    def look(self, lens: Lens[Seen], path: str, *, afresh: bool = False) -> tuple[Seen | Unusable | Absent, Certificate | None]:
        """What a file is, and its first certificate if it had to be parsed for that.

        Args:
            lens: as what it is read.
            path: absolute.
            afresh: read and parse it whatever is known of it.
        """
        if not afresh and self._cache.knows(lens.name, path):
            now = self._store.look(path)
            known = self._cache.recall(lens.name, path, now) if now is not None else None
            if isinstance(known, (lens.sees, Unusable)):
                return known, None
        found = self._store.read(path)
        if not isinstance(found, ReadFile):
            return found, None
        state, leaf = lens.interpret(found.data, self._meta(found.identity), interpret.AFRESH if afresh else self._readers)
        self._cache.remember(lens.name, path, found.identity, state)
        return state, leaf

    def read(self, path: str) -> bytes:
        """The bytes of a file; none where there is none."""
        found = self._store.read(path)
        return found.data if isinstance(found, ReadFile) else b""

    def derived(self, output: str, path: str, password_file: str) -> DerivedState:
        """A derived output. What is wrong with the password file makes a pkcs12 output unusable."""
        if output in DERIVED:
            return self.look(DERIVED[output], path)[0]
        found = self._store.read(path)
        if not isinstance(found, ReadFile):
            return found
        password = read_file(password_file)
        if isinstance(password, Absent):
            return Unusable(problem="unparsable", detail="its password file is missing")
        if isinstance(password, Unusable):
            return Unusable(problem=password.problem, detail=f"its password file cannot be used: {password.detail}")
        # A line break at the end is the editor's, as with the password files of OpenSSL and keytool.
        return interpret.interpret_derived(output, found.data, found.meta, password.data.rstrip(b"\r\n"))

    def _read_chain(self, data: bytes) -> tuple[interpret.Chain, Certificate | None]:
        digest = hashlib.blake2b(data, digest_size=32).digest()
        known = self._chains.get(digest)
        if known is not None:
            return known, None
        chain, leaf = interpret.read_chain(data)
        self._chains[digest] = chain
        return chain, leaf

    def _read_key(self, data: bytes) -> KeyFacts:
        digest = hashlib.blake2b(data, digest_size=32, key=self._secret).digest()
        known = self._keys.get(digest)
        return known if known is not None else self._keys.setdefault(digest, read_key_facts(data))

    def _meta(self, identity: Identity) -> FileMeta:
        key = (identity.mode, identity.uid, identity.gid)
        return self._metas.get(key) or self._metas.setdefault(key, identity.meta)
