"""Material for trials of what does not exist yet: twins.

A twin says what its original says: subject, names, usages, CA bits, path length, constraints, dates, key identifiers, and it is
signed by the twin of the key that signed the original. Its key is another one: the keys of CAs that exist sign nothing here,
and those that are planned are not made yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from reconciler.proof.credentials import Credentials, certificates_pem
from reconciler.proof.trials import UnavailableError
from reconciler.trust.scene import Party, Trust
from reconciler.x509.build import distinguished_name, key_usage, name_constraints
from reconciler.x509.facts import CertificateFacts, KeyAlgorithm
from reconciler.x509.keys import PrivateKey
from reconciler.x509.names import EXTENDED_USAGES, Subject
from reconciler.x509.sans import general_name


class Twins:
    """The twins of one proof; the same original has the same twin."""

    def __init__(self) -> None:
        """Begins with none."""
        self._keys: Final[dict[str, PrivateKey]] = {}
        self._certificates: Final[dict[tuple[str, str], bytes]] = {}

    def credentials(self, party: Party, signers: Mapping[str, str]) -> Credentials:
        """The twins of a chain, and the key of the twin of its leaf."""
        leaf, *above = party.chain
        chain = (self._twin(leaf, party.signed_by), *(self._twin(each, signers.get(each.fingerprint, "")) for each in above))
        return Credentials(chain=chain, key=self._key(leaf.spki_sha256))

    def anchors(self, trust: Trust, signers: Mapping[str, str]) -> bytes:
        """The twins of what somebody trusts. A CA of which only a fingerprint is known has none."""
        return certificates_pem([self._twin(each, signers.get(each.fingerprint, "")) for each in trust.anchors])

    def _twin(self, facts: CertificateFacts, signer: str) -> bytes:
        if facts.self_signed:
            signer = facts.spki_sha256
        known = facts.fingerprint, signer
        if known not in self._certificates:
            public = self._key(facts.spki_sha256).public_key
            # Whoever it was, it is nobody of ours: a key that signs this one alone.
            key = self._key(signer or f"who signed {facts.fingerprint}")
            try:
                builder = x509.CertificateBuilder(
                    _name(facts.issuer),
                    _name(facts.subject),
                    public,
                    abs(int(facts.serial, 16)) or 1,
                    facts.not_before.replace(tzinfo=None),
                    facts.not_after.replace(tzinfo=None),
                    list(_extensions(facts)),
                )
                self._certificates[known] = key.sign_certificate(builder).public_bytes(Encoding.DER)
            except (ValueError, TypeError) as error:
                msg = f"a certificate such as that of {facts.subject} cannot be made anew ({error})"
                raise UnavailableError(msg) from error
        return self._certificates[known]

    def _key(self, name: str) -> PrivateKey:
        if name not in self._keys:
            self._keys[name] = PrivateKey.generate(KeyAlgorithm.ECDSA_P256)
        return self._keys[name]


def _name(subject: Subject) -> x509.Name:
    others = (other.partition("=") for other in subject.others)
    return x509.Name(
        [*distinguished_name(subject), *(x509.NameAttribute(x509.ObjectIdentifier(oid), value) for oid, _, value in others)]
    )


def _extensions(facts: CertificateFacts) -> Iterator[x509.Extension[x509.ExtensionType]]:
    """What the original has; names of forms that nobody here asks for are left out."""
    if facts.key_usages:
        yield _extension(key_usage(*facts.key_usages), critical=True)
    if facts.usages:
        usages = [x509.ObjectIdentifier(EXTENDED_USAGES.get(usage, usage)) for usage in facts.usages]
        yield _extension(x509.ExtendedKeyUsage(usages), critical=False)
    yield _extension(x509.BasicConstraints(ca=facts.is_ca, path_length=facts.path_length), critical=True)
    if facts.ski:
        yield _extension(x509.SubjectKeyIdentifier(bytes.fromhex(facts.ski)), critical=False)
    if facts.aki:
        yield _extension(x509.AuthorityKeyIdentifier(bytes.fromhex(facts.aki), None, None), critical=False)
    names = [general_name(san) for san in facts.sans if not san.startswith("other:")]
    if names:
        yield _extension(x509.SubjectAlternativeName(names), critical=not list(distinguished_name(facts.subject)))
    if facts.name_constraints is not None:
        yield _extension(name_constraints(facts.name_constraints), critical=True)


def _extension(value: x509.ExtensionType, *, critical: bool) -> x509.Extension[x509.ExtensionType]:
    return x509.Extension(value.oid, critical, value)
