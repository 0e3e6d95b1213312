"""The issuers and keys of a PKI mount, with their certificates read; and what was made there and is of no use, removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from reconciler.issuers.answers import certificate_of
from reconciler.vault.engines.pki import MountIssuer, Pki
from reconciler.vault.errors import VaultError
from reconciler.x509.read import Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An issuer of the mount."""

    about: MountIssuer
    certificate: Certificate


class Mount:
    """A PKI mount as a set of certificates, some with keys."""

    def __init__(self, pki: Pki) -> None:
        """Takes the engine."""
        self.pki: Final = pki

    def entries(self) -> tuple[Entry, ...]:
        """Every issuer, newest first; one that cannot be read is somebody else's, and left out.

        Raises:
            VaultError: they cannot be looked at.
        """
        found = []
        for about in self.pki.issuers():
            try:
                found.append(Entry(about=about, certificate=certificate_of(self.pki, about.certificate)))
            except VaultError:
                continue
        return tuple(sorted(found, key=lambda each: each.certificate.facts.not_before, reverse=True))

    def named(self, name: str) -> Entry | None:
        """The issuer of that name.

        Raises:
            VaultError: they cannot be looked at.
        """
        return next((entry for entry in self.entries() if entry.about.name == name), None)

    def holder(self, certificate: Certificate) -> Entry | None:
        """The issuer that has the key of a certificate: that of the very certificate, else one of the same key and name.

        Raises:
            VaultError: they cannot be looked at.
        """
        held = [entry for entry in self.entries() if entry.about.key_id]
        exact = (each for each in held if each.certificate.der == certificate.der)
        alike = (
            each
            for each in held
            if each.certificate.facts.spki_sha256 == certificate.facts.spki_sha256
            and each.certificate.parsed.subject.public_bytes() == certificate.parsed.subject.public_bytes()
        )
        return next(exact, None) or next(alike, None)

    def key_named(self, name: str) -> str:
        """The id of the key of that name; empty when there is none.

        Raises:
            VaultError: they cannot be listed.
        """
        return next((key.id for key in self.pki.mount_keys() if key.name == name), "")

    def removed(self, issuer_id: str, key_id: str) -> str:
        """Takes away what was made and is of no use, and says so; with an empty `key_id` the key stays."""
        try:
            self.pki.delete_issuer(issuer_id)
            if key_id:
                self.pki.delete_key(key_id)
        except VaultError as error:
            return f"the issuer {issuer_id} was made and could not be removed: {error}"
        return f"the issuer {issuer_id} was made and is removed again"
