"""The revocation list of an issuer in a PKI mount: the server makes it, we see to it that it has what has to be on it.

A revocation need not be on the list at once: with ``auto_rebuild`` the server makes a new one when the old one ends
(hashicorp/vault issue 19088). So the list is fetched and looked at, and made anew when it has to be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from reconciler.issuers.answers import certificate_of
from reconciler.issuers.held import WAITS
from reconciler.issuers.register import Register
from reconciler.vault.engines.pki import Pki
from reconciler.vault.errors import Kind, VaultError
from reconciler.x509.crl import RevocationList, read_crl, signed_by
from reconciler.x509.errors import LintError, UnreadableError
from reconciler.x509.facts import CrlEntry
from reconciler.x509.read import Certificate
from reconciler.x509.verify import signed_by as signed_certificate


class UnlistedError(LintError):
    """A list without some of what has to be on it, because the server cannot revoke it; the rest is in force."""

    def __init__(self, problems: tuple[str, ...], made: RevocationList) -> None:
        """Takes why, and the list as it is."""
        super().__init__(problems)
        self.made: Final = made


class Lists:
    """The revocation list of one issuer."""

    def __init__(
        self,
        pki: Pki,
        reference: str,
        register: Register,
        certificate: Certificate,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
        at_hand: Callable[[str], Certificate | None],
    ) -> None:
        """Takes the issuer by its id and certificate, and what gives a certificate by its serial number."""
        self._pki = pki
        self._reference = reference
        self._register = register
        self._certificate = certificate
        self._now = now
        self._sleep = sleep
        self._at_hand = at_hand

    def bring(self, entries: Sequence[CrlEntry]) -> RevocationList:
        """1. Looks; 2. revokes what is not on the list; 3. looks again; 4. has the list made anew when it has to be.

        Raises:
            UnlistedError: some of it cannot be revoked there.
            LintError: the list is not this CA's, or lacks what was revoked.
            VaultError: the server cannot be asked.
        """
        made = self._fetch()
        listed = made.facts.serials if made is not None else frozenset()
        lacking = [entry.serial for entry in entries if entry.serial not in listed]
        ended, problems = self._revoke(lacking)
        made = self._fetch() if lacking else made
        wanted = {entry.serial for entry in entries} - ended - problems.keys()
        wanted -= self._others(wanted - (made.facts.serials if made is not None else frozenset()))
        if made is None or not wanted <= made.facts.serials or not self._lasts(made):
            made = self._renewed(wanted)
        if problems:
            raise UnlistedError(tuple(problems.values()), made)
        return made

    def _revoke(self, serials: Sequence[str]) -> tuple[set[str], dict[str, str]]:
        """Which have ended, so that no list needs them, and which cannot be revoked, with the reason."""
        ended: set[str] = set()
        problems: dict[str, str] = {}
        for serial in serials:
            try:
                if not self._revoke_one(serial):
                    ended.add(serial)
            except VaultError as error:
                if error.kind not in {Kind.REFUSED, Kind.ABSENT}:
                    raise
                problems[serial] = f"serial {serial} cannot be revoked by {self._pki.mount}, which does not know it: {error}"
        return ended, problems

    def _others(self, serials: Iterable[str]) -> set[str]:
        """Those that another issuer of the mount has signed, such as another generation: its list has them, and this has not."""
        found: set[str] = set()
        for serial in serials:
            stored = self._pki.stored(serial)
            if stored is not None and not signed_certificate(certificate_of(self._pki, stored.certificate), self._certificate):
                found.add(serial)
        return found

    def _revoke_one(self, serial: str) -> bool:
        certificate = self._at_hand(serial)
        return self._register.revoke(certificate) if certificate is not None else self._pki.revoke(serial=serial)

    def _renewed(self, wanted: set[str]) -> RevocationList:
        before = self._fetch()
        self._pki.rotate_crl()
        made = None
        for wait in WAITS:
            self._sleep(wait)
            made = self._fetch()
            if made is not None and wanted <= made.facts.serials and (before is None or made.der != before.der):
                return made
        if made is None:
            raise LintError((f"{self._pki.mount} makes no revocation list; look at its config/crl",))
        if wanted <= made.facts.serials:
            return made
        lacking = ", ".join(sorted(wanted - made.facts.serials))
        raise LintError((f"the revocation list of {self._pki.mount} lacks what was revoked: {lacking}; look at its config/crl",))

    def _lasts(self, made: RevocationList) -> bool:
        """Whether more than half of its time is left: whoever asks for a list wants one that is new."""
        end = made.facts.next_update
        return end is not None and end - self._now() > (end - made.facts.this_update) / 2

    def _fetch(self) -> RevocationList | None:
        """The list as it is; None when there is none.

        Raises:
            LintError: it cannot be read, or is not this CA's.
        """
        try:
            der = self._pki.crl(self._reference)
        except VaultError as error:
            if error.kind is Kind.ABSENT:
                return None
            raise
        if not der:
            return None
        try:
            made = read_crl(der)
        except UnreadableError as error:
            raise LintError((f"the revocation list of {self._pki.mount}: {error.detail}",)) from error
        if not signed_by(made, self._certificate):
            raise LintError((f"the revocation list of {self._pki.mount} is not signed by {self._certificate.facts.subject}",))
        return made
