"""What a certificate signing request asks for (RFC 2986, RFC 2985 section 5.4.2): facts, judged by nobody yet."""

from __future__ import annotations

from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import AttributeOID, ExtensionOID

from reconciler.x509.csr import SigningRequest, read_request
from reconciler.x509.der import attributes_of
from reconciler.x509.errors import Problem, UnreadableError
from reconciler.x509.facts import AskedFacts
from reconciler.x509.keys import PARSE_ERRORS, describe
from reconciler.x509.read import key_usage_names, subject_of, usage_names
from reconciler.x509.sans import canonical

#: Extensions whose wishes are understood; a key identifier is ours to choose and harms nobody.
_UNDERSTOOD: Final = frozenset(
    {
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    }
)
#: Microsoft's name for the same attribute (szOID_CERT_EXTENSIONS) is read by nobody here.
_EXTENSION_REQUEST: Final = "1.2.840.113549.1.9.14"
_SAFE_EXPONENT: Final = 65537
#: Tags of UTF8String and PrintableString.
_PLAIN_TEXTS: Final = frozenset({0x0C, 0x13})
#: commonName and organizationName: what programs read as user and groups.
_READ_AS_NAMES: Final = frozenset({bytes.fromhex("0603550403"), bytes.fromhex("060355040a")})


def read_asked(data: bytes) -> AskedFacts:
    """Reads one PEM request, whose signature is checked.

    Raises:
        UnreadableError: it is none, its own key did not sign it, or something in it cannot be parsed.
    """
    return asked_of(read_request(data))


def asked_of(request: SigningRequest) -> AskedFacts:
    """Reads what a request asks for.

    Raises:
        UnreadableError: an extension or attribute cannot be parsed, or is there twice, or a name is no plain text.
    """
    _check_texts(request.subject)
    try:
        return _facts(request)
    except (*PARSE_ERRORS, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise UnreadableError(
            Problem.UNPARSABLE, f"what the signing request asks for cannot be parsed ({type(error).__name__})"
        ) from error


def _check_texts(subject: x509.Name) -> None:
    """User and groups as RFC 5280 section 4.1.2.4 has them: older types are read as other texts, or not at all."""
    for attribute in attributes_of(subject.public_bytes()):
        if attribute.oid in _READ_AS_NAMES and attribute.tag not in _PLAIN_TEXTS:
            detail = f"a name in its subject has the ASN.1 type {attribute.tag}: it is neither UTF8String nor PrintableString"
            raise UnreadableError(Problem.UNPARSABLE, detail)


def _check_once(parsed: x509.CertificateSigningRequest) -> None:
    """Of an attribute that is there twice every program reads what it likes: we the first, Go (and so Vault) all of them."""
    oids = [each.oid for each in parsed.attributes]
    if len(set(oids)) != len(oids):
        raise UnreadableError(Problem.UNPARSABLE, "the signing request holds one attribute twice")


def _facts(request: SigningRequest) -> AskedFacts:
    parsed = x509.load_der_x509_csr(request.der)
    _check_once(parsed)
    found = {extension.oid: extension.value for extension in parsed.extensions}
    names = found.get(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    usages = found.get(ExtensionOID.EXTENDED_KEY_USAGE)
    bits = found.get(ExtensionOID.KEY_USAGE)
    basic = found.get(ExtensionOID.BASIC_CONSTRAINTS)
    key = request.public_key
    exponent = key.public_numbers().e if isinstance(key, rsa.RSAPublicKey) else _SAFE_EXPONENT
    return AskedFacts(
        spki_sha256=request.spki_sha256,
        key=describe(key),
        subject=subject_of(parsed.subject),
        sans=tuple(map(canonical, names)) if isinstance(names, x509.SubjectAlternativeName) else (),
        usages=usage_names(usages if isinstance(usages, x509.ExtendedKeyUsage) else ()),
        key_usages=key_usage_names(bits if isinstance(bits, x509.KeyUsage) else None),
        is_ca=isinstance(basic, x509.BasicConstraints) and basic.ca,
        extensions=tuple(oid.dotted_string for oid in found if oid not in _UNDERSTOOD),
        attributes=tuple(
            sorted({each.oid.dotted_string for each in parsed.attributes} - {_EXTENSION_REQUEST}),
        ),
        small_exponent=exponent if exponent < _SAFE_EXPONENT else 0,
    )


#: What people call the attributes that may stand in a request.
ATTRIBUTE_NAMES: Final = {
    AttributeOID.CHALLENGE_PASSWORD.dotted_string: "a challenge password",
    AttributeOID.UNSTRUCTURED_NAME.dotted_string: "an unstructured name",
}
