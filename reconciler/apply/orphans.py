"""Certificates that a server signed for an intent that came to nothing: looked for by their key, and revoked.

A run that died, or never got the answer, does not know whether anything was signed, and its key is gone. What is found is
used by nobody; but for a key that stays, the certificate in use may be among it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Final

from reconciler.apply.journal import Intent
from reconciler.desired.place import Place
from reconciler.issuers.keyrings import Keyring
from reconciler.stores.read import ReadFile
from reconciler.stores.store import Store
from reconciler.vault.errors import Kind, VaultError
from reconciler.x509.errors import UnreadableError
from reconciler.x509.kubeconfig_entries import certificates_in
from reconciler.x509.outputs import separate
from reconciler.x509.read import read_certificates

#: Servers date certificates back, and their clocks may differ from ours.
SKEW: Final = timedelta(hours=1)


def revoke_orphans(intent: Intent, keyrings: Mapping[str, Keyring], store: Store) -> int:
    """Revokes what was signed for an intent and is not in use; gives their number.

    Raises:
        VaultError: it cannot be told, or not be revoked now: the intent stays open.
    """
    keyring = keyrings.get(intent.asked)
    if keyring is None or intent.at is None:
        problem, hint = "its key is on no server any more", "declare it as it was until the next apply has settled this"
        whose = f"of ca.{intent.asked}"
        raise VaultError(whose, "", Kind.CONFIGURATION, problem, hint=hint)
    used = frozenset(_fingerprints(intent.place, store))
    found = [each for each in keyring.issued_for(intent.spki_sha256, intent.at - SKEW) if each.facts.fingerprint not in used]
    for certificate in found:
        keyring.revoke(certificate)
    return len(found)


def _fingerprints(place: Place, store: Store) -> Iterator[str]:
    """SHA-256 of every certificate that stands at a place, in whatever form."""
    for suffix, certificates in _FORMS.items():
        found = store.read(place.file(suffix))
        if isinstance(found, ReadFile):
            try:
                yield from (each.facts.fingerprint for each in read_certificates(certificates(found.data)))
            except UnreadableError:
                continue


def _whole(certificates: Iterable[bytes]) -> Iterator[bytes]:
    """Those that can be read: a torn one of somebody else's says nothing about ours."""
    for pem in certificates:
        try:
            read_certificates(pem)
        except UnreadableError:
            continue
        yield pem


_FORMS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    ".crt": lambda data: data,
    ".pem": lambda data: separate(data)[0],
    "": lambda data: b"".join(_whole(certificates_in(data))),
}
