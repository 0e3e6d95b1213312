"""Reading certificates and public keys into facts."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeVar, cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import NameOID

from reconciler.x509 import pem
from reconciler.x509.der import key_type, parts_of, serial_is_positive
from reconciler.x509.errors import Problem, UnreadableError
from reconciler.x509.facts import CertificateFacts
from reconciler.x509.keys import PARSE_ERRORS, describe, spki_sha256
from reconciler.x509.names import EXTENDED_USAGES, KEY_USAGES, NameConstraints, Subject
from reconciler.x509.sans import canonical
from reconciler.x509.signatures import verifies

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

_USAGE_NAMES: Final = {oid: name for name, oid in EXTENDED_USAGES.items()}
_ATTRIBUTES: Final = {
    NameOID.ORGANIZATION_NAME: "organizations",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "organizational_units",
    NameOID.COUNTRY_NAME: "countries",
    NameOID.STATE_OR_PROVINCE_NAME: "provinces",
    NameOID.LOCALITY_NAME: "localities",
}
_MAX_ISSUERS: Final = 256
_EXTENSION_ERRORS: Final = (*PARSE_ERRORS, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate: its bytes, and what they say. Two are equal when their bytes are."""

    der: bytes = field(repr=False)
    facts: CertificateFacts = field(compare=False)
    parsed: x509.Certificate = field(compare=False, repr=False)
    """For signing and verifying."""

    @property
    def pem(self) -> bytes:
        """One ``CERTIFICATE`` block."""
        return pem.join("CERTIFICATE", self.der)


def read_certificates(data: bytes) -> tuple[Certificate, ...]:
    """Every certificate of a PEM file, in its order.

    Raises:
        UnreadableError: anything in it is cut short, of another type, or cannot be parsed.
    """
    blocks = pem.split(data)
    for block in blocks:
        if block.label != "CERTIFICATE":
            raise UnreadableError(Problem.WRONG_TYPE, f"a certificate was expected, the file holds a {block.label}")
    return tuple(read_der(block.der) for block in blocks)


def read_der(der: bytes) -> Certificate:
    """One certificate.

    Raises:
        UnreadableError: it cannot be parsed.
    """
    try:
        if serial_is_positive(der):
            return _read(der)
        # The CAs of k3s have serial 0, which is what `cryptography` warns of.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            return _read(der)
    except _EXTENSION_ERRORS as error:
        raise UnreadableError(Problem.UNPARSABLE, f"the certificate cannot be parsed ({type(error).__name__})") from error


def _read(der: bytes) -> Certificate:
    parsed = x509.load_der_x509_certificate(der)
    return Certificate(der=der, facts=_facts(parsed, der), parsed=parsed)


def read_public_keys(data: bytes) -> tuple[str, ...]:
    """The SHA-256 of each SubjectPublicKeyInfo in a file of ``PUBLIC KEY`` blocks, in its order; at least one.

    Raises:
        UnreadableError: anything in it is cut short, of another type, or cannot be parsed.
    """
    blocks = pem.split(data)
    if not blocks or any(block.label != "PUBLIC KEY" for block in blocks):
        labels = ", ".join(block.label for block in blocks)
        raise UnreadableError(Problem.WRONG_TYPE, f"public keys were expected, the file holds: {labels}")
    try:
        return tuple(spki_sha256(load_der_public_key(block.der)) for block in blocks)
    except PARSE_ERRORS as error:
        raise UnreadableError(Problem.UNPARSABLE, f"the public key cannot be parsed ({type(error).__name__})") from error


def _facts(parsed: x509.Certificate, der: bytes) -> CertificateFacts:
    # One pass: a look-up by type walks the whole list, and isinstance on these classes is slow.
    found = {type(extension.value): extension.value for extension in parsed.extensions}
    basic = _get(found, x509.BasicConstraints)
    ski = _get(found, x509.SubjectKeyIdentifier)
    aki = _get(found, x509.AuthorityKeyIdentifier)
    constraints = _get(found, x509.NameConstraints)
    parts = parts_of(parsed.tbs_certificate_bytes)
    self_issued = parts.subject == parts.issuer
    self_signed = self_issued and verifies(parsed, parsed.public_key())
    named = subject_of(parsed.subject)
    return CertificateFacts(
        fingerprint=hashlib.sha256(der).hexdigest(),
        spki_sha256=hashlib.sha256(parts.spki).hexdigest(),
        subject=named,
        issuer=named if self_issued else _issuer(parts.issuer, parsed),
        serial=f"{parsed.serial_number:x}",
        not_before=parsed.not_valid_before_utc,
        not_after=parsed.not_valid_after_utc,
        sans=_sorted(canonical(name) for name in _get(found, x509.SubjectAlternativeName) or ()),
        usages=usage_names(_get(found, x509.ExtendedKeyUsage) or ()),
        key_usages=key_usage_names(_get(found, x509.KeyUsage)),
        key=key_type(parts.spki) or describe(parsed.public_key()),
        signature_hash=_signature_hash(parsed),
        is_ca=basic.ca if basic is not None else self_signed and parsed.version is x509.Version.v1,
        path_length=basic.path_length if basic is not None else None,
        ski=ski.digest.hex() if ski is not None else "",
        aki=(aki.key_identifier or b"").hex() if aki is not None else "",
        self_signed=self_signed,
        name_constraints=_name_constraints(constraints) if constraints is not None else None,
    )


def _get(found: dict[type[x509.ExtensionType], x509.ExtensionType], kind: type[_Extension]) -> _Extension | None:
    return cast("_Extension | None", found.get(kind))


def _sorted(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(words)))


def _name_constraints(value: x509.NameConstraints) -> NameConstraints:
    return NameConstraints(
        permitted=tuple(map(canonical, value.permitted_subtrees or ())),
        excluded=tuple(map(canonical, value.excluded_subtrees or ())),
    )


def usage_names(usages: Iterable[x509.ObjectIdentifier]) -> tuple[str, ...]:
    """Extended key usages by their Kubernetes names, else as dotted OIDs; sorted."""
    return _sorted(_USAGE_NAMES.get(oid.dotted_string, oid.dotted_string) for oid in usages)


def key_usage_names(value: x509.KeyUsage | None) -> tuple[str, ...]:
    """Bits of keyUsage by their Kubernetes names; sorted."""
    if value is None:
        return ()
    names = [name for name, attribute in KEY_USAGES.items() if getattr(value, attribute)]
    if value.key_agreement:  # without it the two other bits mean nothing, and asking for them raises
        names += ["encipher only"] * value.encipher_only + ["decipher only"] * value.decipher_only
    return _sorted(names)


def subject_of(name: x509.Name) -> Subject:
    """The attributes by kind. Of several common names the last counts, as in Go; the others are kept apart."""
    common_names: list[str] = []
    others: list[str] = []
    lists: dict[str, list[str]] = {}
    for attribute in name:
        value = attribute.value if isinstance(attribute.value, str) else attribute.value.hex()
        if attribute.oid == NameOID.COMMON_NAME:
            common_names.append(value)
        elif (kind := _ATTRIBUTES.get(attribute.oid)) is not None:
            lists.setdefault(kind, []).append(value)
        else:
            others.append(f"{attribute.oid.dotted_string}={value}")
    *unheeded, common_name = common_names or [""]
    others += [f"{NameOID.COMMON_NAME.dotted_string}={value}" for value in unheeded]
    return Subject(
        common_name=common_name,
        others=tuple(sorted(others)),
        **{kind: tuple(values) for kind, values in lists.items()},
    )


#: A CA's name stands in every certificate that it signed; it is parsed once.
_ISSUERS: Final[dict[bytes, Subject]] = {}


def _issuer(der: bytes, parsed: x509.Certificate) -> Subject:
    if der not in _ISSUERS:
        if len(_ISSUERS) >= _MAX_ISSUERS:
            _ISSUERS.clear()
        _ISSUERS[der] = subject_of(parsed.issuer)
    return _ISSUERS[der]


def _signature_hash(parsed: x509.Certificate) -> str:
    try:
        algorithm = parsed.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return parsed.signature_algorithm_oid.dotted_string
    return algorithm.name if algorithm is not None else "none"
