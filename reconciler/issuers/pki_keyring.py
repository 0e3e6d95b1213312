"""The keys of a CA in a PKI engine: an issuer and a key for each generation, called ``CLUSTER-NAME-gN``."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from reconciler.desired.model import CA
from reconciler.desired.vault import PkiKey
from reconciler.issuers.answers import certificate_of
from reconciler.issuers.held import Held, fits
from reconciler.issuers.pki_making import Making
from reconciler.issuers.pki_mount import Entry, Mount
from reconciler.issuers.protocol import Issuer
from reconciler.issuers.register import Register
from reconciler.issuers.vault_pki import VaultPkiIssuer
from reconciler.vault.engines.pki import Pki
from reconciler.vault.errors import Kind, VaultError
from reconciler.x509.errors import LintError
from reconciler.x509.profile import Request
from reconciler.x509.read import Certificate


class PkiKeyring:
    """The keys of one CA in one mount."""

    def __init__(
        self,
        pki: Pki,
        key: PkiKey,
        prefix: str,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
        at_hand: Callable[[str], Certificate | None] = lambda _serial: None,
    ) -> None:
        """Takes the mount, what the desired state says of it, and ``CLUSTER-NAME``; for the rest see `VaultPkiIssuer`."""
        self._pki = pki
        self._mount = Mount(pki)
        self._register = Register(pki, now=now)
        self._key = key
        self._prefix = prefix
        self._now = now
        self._sleep = sleep
        self._at_hand = at_hand

    def held(self) -> tuple[Held, ...]:
        """Every issuer of the mount that has a key.

        Raises:
            VaultError: they cannot be looked at.
        """
        keys = self._key_names()
        return tuple(
            Held(
                reference=entry.about.id,
                spki_sha256=entry.certificate.facts.spki_sha256,
                key=entry.certificate.facts.key,
                certificate=entry.certificate,
                generation=self._number(keys.get(entry.about.key_id, "")) or self._number(entry.about.name),
                name=entry.about.name,
                default=entry.about.default,
            )
            for entry in self._mount.entries()
            if entry.about.key_id
        )

    def open(self, certificate: Certificate, above: tuple[Certificate, ...]) -> Issuer:
        """The issuer of a certificate, by its id: whatever the mount's default is.

        Raises:
            VaultError: the mount has no key for it, or cannot be looked at.
        """
        return VaultPkiIssuer(
            self._pki,
            self._holder(certificate).about.id,
            self._key,
            certificate,
            above,
            now=self._now,
            sleep=self._sleep,
            at_hand=self._at_hand,
        )

    def create(self, ca: CA, number: int, request: Request, parent: Issuer | None) -> Certificate:
        """Makes a generation; one that is somebody else's is taken over as it is.

        Raises:
            LintError: what is there, or came out, is something else.
            VaultError: the server does not do it.
        """
        if not self._key.create:
            return self._taken_over()
        making = Making(self._mount, now=self._now, sleep=self._sleep)
        return making.new(f"{self._prefix}-g{number}", ca.key, request, parent)

    def renew(self, ca: CA, old: Certificate, request: Request, parent: Issuer | None) -> Certificate:
        """A new certificate around the same key; of what is somebody else's the one that they have made.

        Raises:
            LintError: something else came out, or nobody has made one.
            VaultError: the server does not do it.
        """
        holder = self._holder(old)
        if not self._key.create:
            return self._renewed_by_others(ca, holder, old, request, parent)
        base = self._key_names().get(holder.about.key_id, "") or self._prefix
        making = Making(self._mount, now=self._now, sleep=self._sleep)
        return making.anew(f"{base}-{old.facts.fingerprint[:8]}", holder, old, request, parent)

    def destroy(self, certificate: Certificate) -> None:
        """Takes the key away, and first every issuer that has it.

        Raises:
            LintError: we did not make it.
            VaultError: something is still there.
        """
        if not self._key.create:
            raise LintError((f"the key of {certificate.facts.subject} in {self._pki.mount} is not ours to destroy",))
        entries = self._mount.entries()
        doomed = {
            entry.about.key_id
            for entry in entries
            if entry.about.key_id and entry.certificate.facts.spki_sha256 == certificate.facts.spki_sha256
        }
        for entry in entries:
            if entry.about.key_id in doomed:
                self._pki.delete_issuer(entry.about.id)
        # A run that died here has left keys without an issuer; that of a CA that is being made is one, too.
        used = {entry.about.key_id for entry in entries}
        orphans = (each for each, name in self._key_names().items() if each not in used and self._number(name))
        doomed |= {each for each in orphans if self._pki.key_identifier(each) == certificate.facts.ski}
        for key_id in doomed:
            self._pki.delete_key(key_id)

    def issued_for(self, spki_sha256: str, since: datetime) -> tuple[Certificate, ...]:
        """The certificates of a public key that live and are not revoked, newest first.

        Raises:
            VaultError: they cannot be looked for.
        """
        return self._register.find(spki_sha256, since)

    def revoke(self, certificate: Certificate) -> None:
        """Revokes a certificate.

        Raises:
            VaultError: it is not revoked.
        """
        self._register.revoke(certificate)

    def revoke_serial(self, serial: str) -> None:
        """Revokes what the mount has stored.

        Raises:
            VaultError: it is not revoked.
        """
        self._pki.revoke(serial=serial)

    def _holder(self, certificate: Certificate) -> Entry:
        found = self._mount.holder(certificate)
        if found is None:
            problem = f"no issuer has the key of {certificate.facts.subject} (fingerprint {certificate.facts.fingerprint})"
            hint = "import it there, or rotate the CA"
            raise VaultError(self._pki.client.name, f"{self._pki.mount}/issuers", Kind.ABSENT, problem, hint=hint)
        return found

    def _taken_over(self) -> Certificate:
        reference = self._key.issuer or "default"
        found = self._pki.issuer(reference)
        certificate = certificate_of(self._pki, found.certificate)
        if not found.key_id or not certificate.facts.is_ca:
            what = "is no CA" if found.key_id else "has no key"
            raise LintError((f"the issuer {reference} of {self._pki.mount} {what}; name another one, or `create: true`",))
        return certificate

    def _renewed_by_others(self, ca: CA, holder: Entry, old: Certificate, request: Request, parent: Issuer | None) -> Certificate:
        above = parent.certificate if parent is not None else None
        for entry in self._mount.entries():
            if entry.about.key_id == holder.about.key_id and fits(
                entry.certificate, request, above, old.facts.spki_sha256, now=self._now(), old=old
            ):
                return entry.certificate
        problem = f"{ca.address} is not ours to renew, and {self._pki.mount} has no newer issuer with its key"
        raise LintError((f"{problem}; renew it there, or let it be ours by `create: true`",))

    def _key_names(self) -> dict[str, str]:
        """The names of keys by id. Where we make none, a token need not be allowed to list them."""
        return {key.id: key.name for key in self._pki.mount_keys()} if self._key.create else {}

    def _number(self, name: str) -> int:
        found = re.fullmatch(rf"{re.escape(self._prefix)}-g([0-9]+)(-[0-9a-f]{{8}})?", name)
        return int(found[1]) if found else 0
