"""The issuer that is a PKI engine of Vault or OpenBao: it gets a signing request, and decides itself what it signs.

So what it signs is compared with what was asked for, and revoked at once when it must not be used. It is always told which of
the mount's issuers has to sign; the mount's default may be another one tomorrow. When the answer was lost, the certificate is
looked up by its public key, and never asked for a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from reconciler.desired.vault import PkiKey
from reconciler.issuers import bodies
from reconciler.issuers.answers import certificate_of
from reconciler.issuers.authority import Authority
from reconciler.issuers.comparison import DeviationError, compare
from reconciler.issuers.held import UNCERTAIN, WAITS
from reconciler.issuers.lists import Lists
from reconciler.issuers.register import Register
from reconciler.vault.engines.pki import Pki
from reconciler.vault.errors import Kind, VaultError
from reconciler.x509.crl import RevocationList
from reconciler.x509.csr import SigningRequest, signing_request
from reconciler.x509.errors import LintError
from reconciler.x509.facts import CrlEntry
from reconciler.x509.keys import PrivateKey, describe
from reconciler.x509.profile import Request
from reconciler.x509.read import Certificate


class VaultPkiIssuer(Authority):
    """One issuer of a mount, by its id."""

    remote: Final = True

    def __init__(
        self,
        pki: Pki,
        reference: str,
        key: PkiKey,
        certificate: Certificate,
        above: tuple[Certificate, ...] = (),
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
        at_hand: Callable[[str], Certificate | None] = lambda _serial: None,
    ) -> None:
        """Takes the mount, and which of its issuers signs.

        Args:
            pki: the mount.
            reference: id of the issuer.
            key: what the desired state says of it.
            certificate: the CA's, as we hold it.
            above: the certificates of the CAs above it, up to its root.
            now: the time, aware.
            sleep: waits some seconds.
            at_hand: a certificate of this CA by its serial number, to revoke what the mount has not stored.
        """
        super().__init__(certificate, above)
        self._pki = pki
        self._reference = reference
        self._key = key
        self._now = now
        self._sleep = sleep
        self._register = Register(pki, now=now)
        self._lists = Lists(pki, reference, self._register, certificate, now=now, sleep=sleep, at_hand=at_hand)

    def prepare(self, request: Request) -> None:
        """First half: refuses what must not be signed, or cannot be; the server is not asked.

        Raises:
            LintError: with every problem found.
        """
        super().prepare(request)
        if not request.is_ca and not self._key.role and not self._key.verbatim:
            raise LintError((f"nobody has said by which role {self._pki.mount} signs; name one, or `signVerbatim: true`",))

    def sign(self, request: Request, key: PrivateKey | SigningRequest, *, instead: str = "") -> Certificate:
        """Second half: has it signed, and compares the result with the request.

        Raises:
            LintError: something else came out; it is revoked already.
            VaultError: nothing was signed, or with `Kind.UNKNOWN` something may have been and cannot be found.
        """
        self.prepare(request)
        csr = key if isinstance(key, SigningRequest) else signing_request(request, key)
        began = self._now()
        try:
            signed = certificate_of(self._pki, self._ask(request, csr, describe(csr.public_key)))
        except VaultError as error:
            signed = self._after(error, csr.spki_sha256, began, instead)
        return self._checked(signed, request, csr.spki_sha256, self._remedy(), accept=self._key.accept)

    def sign_ca(self, request: Request, csr: SigningRequest, old: Certificate | None) -> Certificate:
        """A certificate for a CA below this one; with `old`, around its name and key identifier.

        Raises:
            LintError, VaultError: see `sign`.
        """
        self.prepare(request)
        began = self._now()
        try:
            body = bodies.subordinate(request, csr, old, began)
            signed = certificate_of(self._pki, self._pki.sign_intermediate(self._reference, body))
        except VaultError as error:
            signed = self._after(error, csr.spki_sha256, began, old.facts.fingerprint if old is not None else "")
        remedy = f"look at the longest lease of the mount {self._pki.mount}"
        return self._checked(signed, request, csr.spki_sha256, remedy, old=old)

    def sign_list(
        self, entries: Sequence[CrlEntry], *, number: int, this_update: datetime, next_update: datetime
    ) -> RevocationList:
        """The server's own list, after everything of `entries` has been revoked there; number and dates are the server's.

        Raises:
            UnlistedError: some of `entries` cannot be revoked there; the others are, and the list comes with the error.
            LintError: the list is not this CA's, or lacks what was revoked.
            VaultError: the server cannot be asked.
        """
        del number, this_update, next_update
        return self._lists.bring(entries)

    def find(self, spki_sha256: str, since: datetime) -> tuple[Certificate, ...]:
        """The certificates of a public key that live and are not revoked, newest first; not what a role did not store.

        Raises:
            VaultError: the server cannot be asked, or has too many to look at.
        """
        return self._register.find(spki_sha256, since)

    def revoke(self, certificate: Certificate) -> None:
        """Revokes a certificate; one that is revoked already, or has expired, stays as it is.

        Raises:
            VaultError: it is not revoked.
        """
        self._register.revoke(certificate)

    def _ask(self, request: Request, csr: SigningRequest, key: str) -> str:
        now, role = self._now(), self._key.role
        try:
            if self._key.verbatim:
                body = bodies.verbatim(request, csr, self.certificate, now, key)
                return self._pki.sign_verbatim(self._reference, role, body)
            return self._pki.sign(self._reference, role, bodies.leaf(request, csr, self.certificate, now))
        except VaultError as error:
            if error.kind is Kind.REFUSED and not error.hint:
                raise error.hinted(self._remedy()) from error
            raise

    def _after(self, error: VaultError, spki: str, began: datetime, instead: str) -> Certificate:
        """What was signed although we did not get it. What it takes the place of has the same key, and may be as young.

        Raises:
            VaultError: nothing was, for all that can be seen.
        """
        if error.kind not in UNCERTAIN:
            raise error
        for wait in WAITS:
            self._sleep(wait)
            try:
                found = [each for each in self._register.find(spki, began) if each.facts.fingerprint != instead]
            except VaultError as other:
                raise _lost(error, f"what was signed cannot be looked up: {other}") from other
            if found:
                return found[0]
        raise _lost(error, self._unseen())

    def _unseen(self) -> str:
        """Why a certificate may be there although it is not found."""
        role = self._key.role
        try:
            stores = self._pki.role_stores(role) if role else True
        except VaultError:
            return f"no such certificate is stored; nothing was signed, or the role {role} does not store what it signs"
        if not stores:
            return f"the role {role} does not store what it signs (no_store), so nobody can tell"
        return "no such certificate is stored, for all that can be seen nothing was signed"

    def _checked(
        self,
        signed: Certificate,
        request: Request,
        spki: str,
        remedy: str,
        *,
        old: Certificate | None = None,
        accept: frozenset[str] | None = None,
    ) -> Certificate:
        try:
            compare(
                signed,
                request,
                issuer=self.certificate,
                spki=spki,
                now=self._now(),
                old=old,
                accept=accept,
                remedy=remedy,
            )
        except DeviationError as error:
            raise LintError((*error.problems, self._withdrawn(signed)), retryable=error.retryable) from error
        return signed

    def _withdrawn(self, signed: Certificate) -> str:
        """Revokes what must not be used, and says so; nobody has it but us."""
        try:
            revoked = self._register.revoke(signed)
        except VaultError as error:
            return f"serial {signed.facts.serial} was signed and could not be revoked: {error}"
        done = "was revoked again" if revoked else "could not be revoked, because it has ended"
        return f"serial {signed.facts.serial} was signed and {done}"

    def _remedy(self) -> str:
        mount, role = self._pki.mount, self._key.role
        return f"correct the role {role} of {mount}" if role else f"look at the longest lease of the mount {mount}"


def _lost(error: VaultError, why: str) -> VaultError:
    hint = "it is not asked for again before somebody has looked"
    problem = f"{error.problem}; {why}"
    return VaultError(error.connection, error.path, Kind.UNKNOWN, problem, hint=hint, status=error.status)
