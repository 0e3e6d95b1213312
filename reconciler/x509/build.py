"""Building certificates: lint, sign, and compare what came out with what was asked for.

The order of extensions is kubeadm's (keyUsage, extendedKeyUsage, basicConstraints, key identifiers, names).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from reconciler.x509.errors import LintError
from reconciler.x509.facts import CertificateFacts, KeyAlgorithm
from reconciler.x509.keys import describe, spki_sha256
from reconciler.x509.names import EXTENDED_USAGES, KEY_USAGES, NameConstraints, Subject
from reconciler.x509.profile import Request, key_usages_of, lint
from reconciler.x509.read import Certificate, read_der
from reconciler.x509.sans import general_name
from reconciler.x509.signing import SigningKey

_SUPPORTED_KEYS: Final = frozenset(KeyAlgorithm)


def new_serial() -> int:
    """A positive serial of up to 159 random bits: 20 octets at most, as RFC 5280 section 4.1.2.2 allows."""
    return x509.random_serial_number()


def issue(
    request: Request,
    public_key: CertificateIssuerPublicKeyTypes,
    issuer: Certificate,
    issuer_key: SigningKey,
    *,
    subject: x509.Name | None = None,
) -> Certificate:
    """1. Lint, 2. sign, 3. read back and compare. The key is not touched when lint finds anything.

    Args:
        request: what is asked for.
        public_key: what is certified.
        issuer: the CA's certificate.
        issuer_key: its key.
        subject: the name to the byte, when it has one already; otherwise that of the request, in our order.

    Raises:
        LintError: the request must not be signed, or something else came out.
    """
    problems = lint(request, issuer.facts) + _key_problems(public_key)
    if issuer.facts.spki_sha256 != issuer_key.facts.spki_sha256:
        problems += ("the CA's key does not belong to its certificate",)
    if problems:
        raise LintError(problems)
    name, authority = issuer_parts(issuer)
    builder = _builder(request, public_key, name, authority, subject=subject)
    return _signed(builder, issuer_key, request, issuer.facts, spki_sha256(public_key))


def self_signed(request: Request, key: SigningKey) -> Certificate:
    """A root. It has no authority key identifier: RFC 5280 section 4.2.1.1 allows that, and kubeadm and Go leave it out.

    Raises:
        LintError: the request must not be signed, or something else came out.
    """
    problems = lint(request, None) + _key_problems(key.public_key)
    if problems:
        raise LintError(problems)
    builder = _builder(request, key.public_key, distinguished_name(request.subject), None)
    return _signed(builder, key, request, None, key.facts.spki_sha256)


def renewed(
    old: Certificate,
    request: Request,
    public_key: CertificateIssuerPublicKeyTypes,
    issuer: Certificate | None,
    issuer_key: SigningKey,
) -> Certificate:
    """The same CA with new dates: the same key, the same name and key identifier to the byte.

    Whatever chains to the old certificate chains to this one, and the other way round: verifiers compare the encoded
    name, and key identifiers where there are any.

    Args:
        old: the certificate that is renewed.
        request: what is asked for; its subject is that of `old`.
        public_key: the CA's own.
        issuer: the CA above; None for a root.
        issuer_key: its key; the CA's own for a root.

    Raises:
        LintError: the request must not be signed, or something else came out.
    """
    spki = spki_sha256(public_key)
    problems = lint(request, issuer.facts if issuer is not None else None) + _key_problems(public_key)
    if old.facts.spki_sha256 != spki or (issuer or old).facts.spki_sha256 != issuer_key.facts.spki_sha256:
        problems += ("the CA's key does not belong to its certificate",)
    if problems:
        raise LintError(problems)
    name, authority = (old.parsed.subject, None) if issuer is None else issuer_parts(issuer)
    identifier = x509.SubjectKeyIdentifier(bytes.fromhex(old.facts.ski)) if old.facts.ski else None
    builder = _builder(request, public_key, name, authority, subject=old.parsed.subject, identifier=identifier)
    return _signed(builder, issuer_key, request, issuer.facts if issuer is not None else None, spki)


def deviations(certificate: CertificateFacts, request: Request, *, issuer: CertificateFacts | None, spki: str) -> tuple[str, ...]:
    """Where a certificate differs from its request; empty when it does not.

    Args:
        certificate: what came back.
        request: what was asked for.
        issuer: the CA's certificate; None for a root.
        spki: SHA-256 of the public key that was sent.
    """
    ski = issuer.ski if issuer is not None else ""
    pairs = (
        ("public key", certificate.spki_sha256, spki),
        ("serial", certificate.serial, f"{request.serial:x}"),
        ("notBefore", certificate.not_before, request.not_before),
        ("notAfter", certificate.not_after, request.not_after),
        ("subject alternative names", certificate.sans, tuple(sorted(request.sans))),
        ("extended key usages", certificate.usages, tuple(sorted(set(request.usages)))),
        ("key usages", certificate.key_usages, key_usages_of(request, certificate.key)),
        ("CA bit", certificate.is_ca, request.is_ca),
        ("path length", certificate.path_length, request.path_length),
        ("name constraints", certificate.name_constraints, request.name_constraints),
    )
    found = [f"{what}: asked for {asked}, got {came}" for what, came, asked in pairs if came != asked]
    if not certificate.subject.same_as(request.subject):
        found.append(f"subject: asked for {request.subject}, got {certificate.subject}")
    parent = issuer.subject if issuer is not None else request.subject
    if not certificate.issuer.same_as(parent):
        found.append(f"issuer: asked for {parent}, got {certificate.issuer}")
    if not certificate.ski or (ski and certificate.aki != ski):
        found.append("key identifiers: not those of the key and of the issuer")
    return tuple(found)


def _key_problems(public_key: CertificateIssuerPublicKeyTypes) -> tuple[str, ...]:
    key = describe(public_key)
    return () if key in _SUPPORTED_KEYS else (f"certificates for {key} keys are not issued",)


def _builder(
    request: Request,
    public_key: CertificateIssuerPublicKeyTypes,
    issuer: x509.Name,
    authority: x509.AuthorityKeyIdentifier | None,
    *,
    subject: x509.Name | None = None,
    identifier: x509.SubjectKeyIdentifier | None = None,
) -> x509.CertificateBuilder:
    subject = subject or distinguished_name(request.subject)
    identifier = identifier or x509.SubjectKeyIdentifier.from_public_key(public_key)
    identifiers = (identifier,) if authority is None else (identifier, authority)
    asked = asked_extensions(request, describe(public_key), *identifiers, critical_names=not list(subject))
    # Handed over at once: each method of the builder copies all the extensions before it.
    return x509.CertificateBuilder(
        issuer,
        subject,
        public_key,
        request.serial,
        request.not_before.replace(tzinfo=None),
        request.not_after.replace(tzinfo=None),
        list(asked),
    )


def asked_extensions(
    request: Request, key: str, *identifiers: x509.ExtensionType, critical_names: bool | None = None
) -> Iterator[x509.Extension[x509.ExtensionType]]:
    """The extensions that a request asks for, in the order of certificates.

    Args:
        request: what is asked for.
        key: type of the key that is certified, as in `CertificateFacts.key`.
        identifiers: what whoever signs adds.
        critical_names: whether the names are all there is; None to go by the request's subject.
    """
    yield _extension(key_usage(*key_usages_of(request, key)), critical=True)
    if request.usages:
        usages = [x509.ObjectIdentifier(EXTENDED_USAGES[usage]) for usage in dict.fromkeys(request.usages)]
        yield _extension(x509.ExtendedKeyUsage(usages), critical=False)
    yield _extension(x509.BasicConstraints(ca=request.is_ca, path_length=request.path_length), critical=True)
    for identifier in identifiers:
        yield _extension(identifier, critical=False)
    if request.sans:
        names = x509.SubjectAlternativeName([general_name(san) for san in request.sans])
        critical = not list(distinguished_name(request.subject)) if critical_names is None else critical_names
        yield _extension(names, critical=critical)
    if request.name_constraints is not None:
        yield _extension(name_constraints(request.name_constraints), critical=True)


def _extension(value: x509.ExtensionType, *, critical: bool) -> x509.Extension[x509.ExtensionType]:
    return x509.Extension(value.oid, critical, value)


def key_usage(*names: str) -> x509.KeyUsage:
    """The extension of these bits, by their Kubernetes names."""
    bits = dict.fromkeys(KEY_USAGES.values(), False) | {KEY_USAGES[name]: True for name in names}
    return x509.KeyUsage(encipher_only=False, decipher_only=False, **bits)


def name_constraints(constraints: NameConstraints) -> x509.NameConstraints:
    """The extension of these subtrees."""
    return x509.NameConstraints(
        permitted_subtrees=[general_name(name) for name in constraints.permitted] or None,
        excluded_subtrees=[general_name(name) for name in constraints.excluded] or None,
    )


@lru_cache(maxsize=256)
def distinguished_name(subject: Subject) -> x509.Name:
    """One attribute per RDN, types in the order of Go's pkix.Name, so that both print alike."""
    attributes = [
        *((NameOID.COUNTRY_NAME, value) for value in subject.countries),
        *((NameOID.ORGANIZATION_NAME, value) for value in subject.organizations),
        *((NameOID.ORGANIZATIONAL_UNIT_NAME, value) for value in subject.organizational_units),
        *((NameOID.LOCALITY_NAME, value) for value in subject.localities),
        *((NameOID.STATE_OR_PROVINCE_NAME, value) for value in subject.provinces),
    ]
    if subject.common_name:
        attributes.append((NameOID.COMMON_NAME, subject.common_name))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


@lru_cache(maxsize=64)
def issuer_parts(issuer: Certificate) -> tuple[x509.Name, x509.AuthorityKeyIdentifier]:
    """The issuer's name, and the AKI: its SKI octets whatever they were made of, else the SHA-1 of its key.

    A key identifier alone, never issuer and serial: those would tie the leaf to one certificate of the CA, and a CA renewed
    with the same key would break it.
    """
    if issuer.facts.ski:
        authority = x509.AuthorityKeyIdentifier(bytes.fromhex(issuer.facts.ski), None, None)
    else:
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.parsed.public_key())  # type: ignore[arg-type]
    return issuer.parsed.subject, authority


def _signed(
    builder: x509.CertificateBuilder, key: SigningKey, request: Request, issuer: CertificateFacts | None, spki: str
) -> Certificate:
    certificate = read_der(key.sign_certificate(builder).public_bytes(Encoding.DER))
    found = deviations(certificate.facts, request, issuer=issuer, spki=spki)
    if found:
        raise LintError(found)
    return certificate
