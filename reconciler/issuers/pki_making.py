"""Making and renewing CAs in a PKI mount, in steps each of which leaves a name or a key by which the next run finds it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from reconciler.issuers import bodies
from reconciler.issuers.answers import certificate_of, request_of, text_of
from reconciler.issuers.comparison import DeviationError, compare
from reconciler.issuers.held import UNCERTAIN, WAITS, certified, fits, made_then
from reconciler.issuers.pki_mount import Entry, Mount
from reconciler.issuers.protocol import Issuer
from reconciler.vault.errors import Kind, VaultError
from reconciler.x509.csr import SigningRequest
from reconciler.x509.errors import LintError
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.profile import Request
from reconciler.x509.read import Certificate

_Thing = TypeVar("_Thing")


class Making:
    """What makes CAs in one mount."""

    def __init__(self, mount: Mount, *, now: Callable[[], datetime], sleep: Callable[[float], None]) -> None:
        """Takes the mount, the clock, and what waits."""
        self._mount = mount
        self._pki = mount.pki
        self._now = now
        self._sleep = sleep

    def new(self, name: str, algorithm: KeyAlgorithm, request: Request, parent: Issuer | None) -> Certificate:
        """A CA of that name: the one that is there, or a new one.

        Raises:
            LintError: what is there, or came out, is something else.
            VaultError: the server does not do it, or with `Kind.UNKNOWN` may have.
        """
        there = self._mount.named(name)
        if there is not None:
            return self._judged(there, request, parent)
        key_id = self._mount.key_named(name)
        if parent is None:
            return self._root(name, algorithm, key_id, request)
        for entry in self._mount.entries() if key_id else ():
            spki = entry.certificate.facts.spki_sha256
            if entry.about.key_id == key_id and fits(
                entry.certificate, request, parent.certificate, spki, now=self._now(), old=None
            ):
                return self._called(entry, name)
        csr, key_id, resumed = self._asked(name, algorithm, key_id, request)
        certificate = certified(parent, request, csr, None, resumed=resumed, now=self._now())
        return self._taken_in(certificate, key_id, name)

    def anew(self, name: str, holder: Entry, old: Certificate, request: Request, parent: Issuer | None) -> Certificate:
        """A new certificate around the key of an issuer: one that is there and fits, or a new one of that name.

        Raises:
            LintError, VaultError: see `new`.
        """
        key_id = holder.about.key_id
        above = parent.certificate if parent is not None else None
        for entry in self._mount.entries():
            if entry.about.key_id != key_id or entry.certificate.der == old.der:
                continue
            if fits(entry.certificate, request, above, old.facts.spki_sha256, now=self._now(), old=old):
                return self._called(entry, name)
            if entry.about.name == name:  # of a run that died long ago, used by nobody: it is named after what it replaces
                self._pki.delete_issuer(entry.about.id)
        body = bodies.authority(request, self._now()) | {"key_ref": key_id}
        if parent is None:
            return self._generated(name, body | {"issuer_name": name}, request, key_id, old)
        csr = request_of(self._pki, self._pki.generate_intermediate("existing", body).csr)
        certificate = certified(parent, request, csr, old, resumed=True, now=self._now())
        return self._taken_in(certificate, key_id, name)

    def _root(self, name: str, algorithm: KeyAlgorithm, key_id: str, request: Request) -> Certificate:
        body = bodies.authority(request, self._now()) | {"issuer_name": name}
        body |= {"key_ref": key_id} if key_id else {"key_name": name, **bodies.algorithm(algorithm)}
        return self._generated(name, body, request, key_id, None)

    def _generated(self, name: str, body: bodies.Body, request: Request, key_id: str, old: Certificate | None) -> Certificate:
        """A root, compared with what was asked for, and removed again when it is something else; its key if that is new."""
        try:
            made = self._pki.generate_root("existing" if key_id else "internal", body)
            issuer_id, new_key, certificate = made.issuer_id, made.key_id, certificate_of(self._pki, made.certificate)
        except VaultError as error:
            entry = self._appeared(error, lambda: self._mount.named(name))
            issuer_id, new_key, certificate = entry.about.id, entry.about.key_id, entry.certificate
        try:
            spki = old.facts.spki_sha256 if old is not None else certificate.facts.spki_sha256
            compare(certificate, request, issuer=None, spki=spki, now=self._now(), old=old, remedy=self._remedy())
        except DeviationError as error:
            removed = self._mount.removed(issuer_id, "" if key_id else new_key)
            raise LintError((*error.problems, removed), retryable=error.retryable) from error
        return certificate

    def _asked(self, name: str, algorithm: KeyAlgorithm, key_id: str, request: Request) -> tuple[SigningRequest, str, bool]:
        """A signing request, the id of its key, and whether that has been there before."""
        body, resumed = bodies.authority(request, self._now()), bool(key_id)
        if not key_id:
            try:
                asked = self._pki.generate_intermediate("internal", body | {"key_name": name} | bodies.algorithm(algorithm))
                return request_of(self._pki, asked.csr), asked.key_id, False
            except VaultError as error:
                key_id = self._appeared(error, lambda: self._mount.key_named(name) or None)
        asked = self._pki.generate_intermediate("existing", body | {"key_ref": key_id})
        return request_of(self._pki, asked.csr), key_id, resumed

    def _taken_in(self, certificate: Certificate, key_id: str, name: str) -> Certificate:
        issuer_id, found = self._pki.import_certificate(text_of(certificate))
        if found != key_id:
            path, problem = f"{self._pki.mount}/issuer/{issuer_id}", "the certificate was not joined with its key"
            raise VaultError(self._pki.client.name, path, Kind.NONSENSE, problem)
        self._pki.rename(issuer_id, name)
        return certificate

    def _called(self, entry: Entry, name: str) -> Certificate:
        if not entry.about.name:
            self._pki.rename(entry.about.id, name)
        return entry.certificate

    def _judged(self, there: Entry, request: Request, parent: Issuer | None) -> Certificate:
        """An issuer that has the name already: of a run that died before anybody saw it, or after our files were lost."""
        if not there.about.key_id:
            raise LintError((f"the issuer {there.about.name} of {self._pki.mount} has no key",))
        above = parent.certificate if parent is not None else None
        spki = there.certificate.facts.spki_sha256
        remedy = f"the issuer {there.about.name} of {self._pki.mount} is there already: remove it, or let the CA be what it is"
        asked = made_then(request, there.certificate)
        compare(there.certificate, asked, issuer=above, spki=spki, now=self._now(), remedy=remedy)
        return there.certificate

    def _appeared(self, error: VaultError, look: Callable[[], _Thing | None]) -> _Thing:
        """What was made although we did not get the answer; never made a second time.

        Raises:
            VaultError: it was not, for all that can be seen.
        """
        if error.kind not in UNCERTAIN:
            raise error
        for wait in WAITS:
            self._sleep(wait)
            found = look()
            if found is not None:
                return found
        raise error

    def _remedy(self) -> str:
        return f"look at the longest lease of the mount {self._pki.mount}"
