"""The keys of CAs that servers keep: asked for once a pass, then compared with the certificates in our stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from reconciler.desired.vault import NO_MODE
from reconciler.observed.model import (
    UNREACHABLE,
    Absent,
    Certificates,
    CertificateState,
    FileMeta,
    HeldKey,
    Key,
    KeyState,
    Unusable,
)
from reconciler.vault.errors import VaultError
from reconciler.x509.facts import KeyFacts
from reconciler.x509.read import Certificate

if TYPE_CHECKING:  # a plan of files alone does without issuers
    from reconciler.issuers.keyrings import Keyring


class Held(NamedTuple):
    """What a keyring has for a CA."""

    state: tuple[HeldKey, ...] | Unusable
    certificates: tuple[Certificate, ...] = ()
    """Those that it keeps, parsed: some of what is found may be signed by them."""


NOTHING: Final = Held(())

_NO_FILE: Final = FileMeta(mode=NO_MODE, uid=NO_MODE, gid=NO_MODE)


def ask(keyring: Keyring) -> Held:
    """Every key that a CA may be signed for with. Raises for nothing that a server can be."""
    try:
        found = keyring.held()
    except VaultError as error:
        return Held(Unusable(problem=UNREACHABLE, detail=error.reason))
    keys = tuple(
        HeldKey(
            reference=each.reference,
            facts=KeyFacts(spki_sha256=each.spki_sha256, key=each.key),
            certificate=each.certificate.facts if each.certificate is not None else None,
            generation=each.generation,
            name=each.name,
            default=each.default,
        )
        for each in found
    )
    return Held(keys, tuple(each.certificate for each in found if each.certificate is not None))


def key_elsewhere(certificate: CertificateState, facts: KeyFacts) -> KeyState:
    """The key that a request is for, as if it stood in a file beside its certificate; without one there is nothing."""
    return Absent() if isinstance(certificate, Absent) else Key(facts=facts, meta=_NO_FILE)


def held_key(certificate: CertificateState, held: tuple[HeldKey, ...] | Unusable) -> KeyState:
    """The key of a certificate, as if it stood in a file beside it."""
    if isinstance(held, Unusable):
        return held
    if isinstance(certificate, Certificates):
        wanted = certificate.chain[0].spki_sha256
        for each in held:
            if each.facts.spki_sha256 == wanted:
                return Key(facts=each.facts, meta=_NO_FILE)
    return Absent()
