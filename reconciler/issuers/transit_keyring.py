"""The keys of a CA in a transit engine: each generation is a key of its own, and we build what it signs."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from reconciler.desired.model import CA
from reconciler.issuers.held import Held, certified
from reconciler.issuers.local import LocalIssuer
from reconciler.issuers.protocol import Issuer
from reconciler.vault.engines.transit import SigningKeys, Transit
from reconciler.vault.errors import Kind, VaultError
from reconciler.x509.build import renewed, self_signed
from reconciler.x509.csr import signing_request
from reconciler.x509.errors import LintError
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.keys import PARSE_ERRORS
from reconciler.x509.profile import Request
from reconciler.x509.read import Certificate
from reconciler.x509.signing import RemoteKey

_KINDS: Final = frozenset(KeyAlgorithm)


class TransitKeyring:
    """The keys ``NAME-gN`` of one mount. Of each every version counts: somebody may have rotated it there."""

    def __init__(self, transit: Transit, name: str, *, now: Callable[[], datetime]) -> None:
        """Takes the mount, the name without the generation's number, and the clock."""
        self._transit = transit
        self._name = name
        self._now = now

    def held(self) -> tuple[Held, ...]:
        """Every version of every key of this name.

        Raises:
            VaultError: they cannot be looked at.
        """
        return tuple(
            Held(
                reference=f"{keys.name}:{version}",
                spki_sha256=key.facts.spki_sha256,
                key=key.facts.key,
                generation=number,
                name=keys.name,
                default=version == keys.latest,
            )
            for number, keys in self._known()
            for version, key in self._versions(keys)
        )

    def open(self, certificate: Certificate, above: tuple[Certificate, ...]) -> Issuer:
        """The issuer of a certificate, with the version of the key that is the certificate's.

        Raises:
            VaultError: there is no such key, or it cannot be looked at.
        """
        return LocalIssuer(certificate, self._find(certificate)[1], above)

    def create(self, ca: CA, number: int, request: Request, parent: Issuer | None) -> Certificate:
        """Makes the key unless it is there, and a certificate for it.

        Raises:
            LintError: the key that is there is of another type, or something else came out.
            VaultError: the key cannot be made, or does not sign.
        """
        name = f"{self._name}-g{number}"
        before = self._transit.key(name)
        if before is None:
            self._transit.create(name, ca.key.value)
        keys = before or self._transit.key(name)
        if keys is None:
            problem = "the key is not there although it was made"
            raise VaultError(self._transit.client.name, f"{self._transit.mount}/keys/{name}", Kind.NONSENSE, problem)
        if keys.kind != ca.key.value:
            raise LintError((f"the key {name} of {self._transit.mount} is of type {keys.kind}, and {ca.key.value} is asked for",))
        key = dict(self._versions(keys))[keys.latest]
        if parent is None:
            return self_signed(request, key)
        return certified(parent, request, signing_request(request, key), None, resumed=before is not None, now=self._now())

    def renew(self, ca: CA, old: Certificate, request: Request, parent: Issuer | None) -> Certificate:
        """A new certificate around the same key.

        Raises:
            LintError: something else came out.
            VaultError: there is no such key, or it does not sign.
        """
        del ca
        key = self._find(old)[1]
        if parent is None:
            return renewed(old, request, key.public_key, None, key)
        csr = signing_request(request, key, subject=old.parsed.subject)
        return certified(parent, request, csr, old, resumed=True, now=self._now())

    def destroy(self, certificate: Certificate) -> None:
        """Takes the key away, with all its versions.

        Raises:
            VaultError: it is still there.
        """
        try:
            name = self._find(certificate)[0]
        except VaultError as error:
            if error.kind is Kind.ABSENT:
                return
            raise
        self._transit.delete(name)

    def issued_for(self, spki_sha256: str, since: datetime) -> tuple[Certificate, ...]:
        """None: what is signed here is signed by us, and comes to nothing when we die."""
        del spki_sha256, since
        return ()

    def revoke(self, certificate: Certificate) -> None:
        """Nothing: our own list says what is revoked."""

    def revoke_serial(self, serial: str) -> None:
        """Nothing, likewise."""

    def _find(self, certificate: Certificate) -> tuple[str, RemoteKey]:
        for _, keys in self._known():
            for _, key in self._versions(keys):
                if key.facts.spki_sha256 == certificate.facts.spki_sha256:
                    return keys.name, key
        path, problem = f"{self._transit.mount}/keys", f"there is no key of {certificate.facts.subject}"
        hint = f"it would be called {self._name}-gN; restore it, or rotate the CA"
        raise VaultError(self._transit.client.name, path, Kind.ABSENT, problem, hint=hint)

    def _known(self) -> Iterator[tuple[int, SigningKeys]]:
        prefix = f"{self._name}-g"
        numbers = [name.removeprefix(prefix) for name in self._transit.names() if name.startswith(prefix)]
        for number in sorted(int(each) for each in numbers if each.isdecimal()):
            keys = self._transit.key(f"{prefix}{number}")
            if keys is not None and keys.kind in _KINDS:
                yield number, keys

    def _versions(self, keys: SigningKeys) -> Iterator[tuple[int, RemoteKey]]:
        for version, text in sorted(keys.versions.items(), reverse=True):
            yield version, RemoteKey(self._public(keys, text), partial(self._sign, keys.name, version))

    def _public(self, keys: SigningKeys, text: str) -> CertificateIssuerPublicKeyTypes:
        try:
            if keys.kind == KeyAlgorithm.ED25519:
                return ed25519.Ed25519PublicKey.from_public_bytes(b64decode(text, validate=True))
            key = load_pem_public_key(text.encode())
        except PARSE_ERRORS:
            key = None
        if isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
            return key
        path = f"{self._transit.mount}/keys/{keys.name}"
        raise VaultError(self._transit.client.name, path, Kind.NONSENSE, "a public key of the answer is of no use")

    def _sign(self, name: str, version: int, data: bytes, digest: str) -> bytes:
        """A list of revoked certificates may be large: only its digest is sent. Ed25519 has to see all of it."""
        return self._transit.sign(name, version, data if digest == "none" else hashlib.new(digest, data).digest(), digest)
