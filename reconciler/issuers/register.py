"""What a PKI mount has signed: found by its public key, and revoked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from reconciler.issuers.answers import certificate_of, text_of
from reconciler.vault.engines.pki import Pki
from reconciler.vault.errors import Kind, VaultError
from reconciler.x509.read import Certificate

#: How much earlier than it was signed a certificate may begin: roles back-date, and the server has a clock of its own.
ALLOWANCE: Final = timedelta(minutes=15)
_MOST: Final = 4096
_AT_ONCE: Final = 8


class Register:
    """The certificates that a mount has stored. What it has signed without storing it nobody can find."""

    def __init__(self, pki: Pki, *, now: Callable[[], datetime], most: int = _MOST) -> None:
        """Takes the mount, the clock, and how many certificates are looked at before it is given up."""
        self._pki = pki
        self._now = now
        self._most = most
        self._old: set[str] = set()
        """Serial numbers of certificates that were read and are too old: they are not read again."""

    def find(self, spki_sha256: str, since: datetime) -> tuple[Certificate, ...]:
        """The certificates of a public key that live and are not revoked, newest first.

        Args:
            spki_sha256: of the public key, in hex.
            since: nothing that was signed before is wanted.

        Raises:
            VaultError: the server cannot be asked, or there are too many to look at and it is not among those looked at.
        """
        begin = since - ALLOWANCE
        serials, complete = self._candidates(begin)
        with ThreadPoolExecutor(_AT_ONCE, "pki-store") as pool:
            read = [each for each in pool.map(self._read, serials) if each is not None]
        for each in read:
            if each.facts.not_before < begin:
                self._old.add(each.facts.serial)
        now = self._now()
        found = [
            each
            for each in read
            if each.facts.spki_sha256 == spki_sha256 and begin <= each.facts.not_before and now < each.facts.not_after
        ]
        if not found and not complete:
            path, problem = f"{self._pki.mount}/certs", f"more than {self._most} certificates are stored, too many to look at"
            hint = "tidy the store, or let the role not store what is short-lived"
            raise VaultError(self._pki.client.name, path, Kind.UNKNOWN, problem, hint=hint)
        return tuple(sorted(found, key=lambda each: (each.facts.not_before, each.facts.serial), reverse=True))

    def revoke(self, certificate: Certificate) -> bool:
        """Revokes by serial number, and by the certificate itself where it was not stored.

        Returns:
            Whether it is revoked; an expired certificate is not, unless the mount is configured so.

        Raises:
            VaultError: it is not.
        """
        try:
            return self._pki.revoke(serial=certificate.facts.serial)
        except VaultError as error:
            if error.kind not in {Kind.REFUSED, Kind.ABSENT}:
                raise
        return self._pki.revoke(certificate=text_of(certificate))

    def _candidates(self, begin: datetime) -> tuple[list[str], bool]:
        """Serial numbers to look at, and whether those are all; the newest first where the server tells their dates."""
        listed = self._pki.detailed()
        if listed is None:
            unknown: Iterable[str] = (each for each in self._pki.serials() if each not in self._old)
        else:
            recent = [each for each in listed if begin <= each.not_before]
            unknown = (each.serial for each in sorted(recent, key=lambda each: each.not_before, reverse=True))
        serials = list(islice(unknown, self._most + 1))
        return serials[: self._most], len(serials) <= self._most

    def _read(self, serial: str) -> Certificate | None:
        """A certificate; None when it is revoked, gone meanwhile, or not to be read: then it is not one of ours."""
        stored = self._pki.stored(serial)
        if stored is None or stored.revoked:
            return None
        try:
            return certificate_of(self._pki, stored.certificate)
        except VaultError:
            return None
