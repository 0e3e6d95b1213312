"""Certificate signing requests (PKCS #10, RFC 2986): made from what is asked for, and read with their signature checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from reconciler.x509 import pem
from reconciler.x509.build import asked_extensions, distinguished_name
from reconciler.x509.errors import Problem, UnprovenError, UnreadableError
from reconciler.x509.keys import PARSE_ERRORS, describe, spki_sha256
from reconciler.x509.profile import WEAK_HASHES, Request
from reconciler.x509.signing import SigningKey

_LABELS: Final = frozenset({"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningRequest:
    """A request whose signature was checked: whoever made it holds the private key. Two are equal when their bytes are."""

    der: bytes = field(repr=False)
    public_key: CertificateIssuerPublicKeyTypes = field(compare=False, repr=False)
    spki_sha256: str = field(compare=False)
    subject: x509.Name = field(compare=False, repr=False)

    @property
    def pem(self) -> str:
        """One ``CERTIFICATE REQUEST`` block, as text: it goes into JSON."""
        return pem.join("CERTIFICATE REQUEST", self.der).decode("ascii")


def signing_request(request: Request, key: SigningKey, *, subject: x509.Name | None = None) -> SigningRequest:
    """Asks for what a request says, all but dates and serial number, which a CSR cannot hold.

    Args:
        request: what is asked for.
        key: the key that the certificate is for.
        subject: the name to the byte, when it has one already; otherwise that of the request, in our order.
    """
    builder = x509.CertificateSigningRequestBuilder(
        subject or distinguished_name(request.subject), list(asked_extensions(request, key.facts.key))
    )
    return read_request(pem.join("CERTIFICATE REQUEST", key.sign_request(builder).public_bytes(Encoding.DER)))


def read_request(data: bytes) -> SigningRequest:
    """Reads one PEM request.

    Raises:
        UnreadableError: not exactly one, it cannot be parsed, its key is of no use, or did not sign it.
    """
    blocks = pem.split(data)
    if len(blocks) != 1 or blocks[0].label not in _LABELS:
        raise UnreadableError(Problem.WRONG_TYPE, "one certificate signing request was expected")
    try:
        parsed = x509.load_der_x509_csr(blocks[0].der)
        key, valid = parsed.public_key(), parsed.is_signature_valid
        subject = parsed.subject  # parsed only now
    except (*PARSE_ERRORS, UnsupportedAlgorithm) as error:
        raise UnreadableError(Problem.UNPARSABLE, f"the signing request cannot be parsed ({type(error).__name__})") from error
    if not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey):
        raise UnreadableError(Problem.WRONG_TYPE, f"a {describe(key)} key cannot be used for certificates")
    digest = parsed.signature_hash_algorithm
    if digest is not None and digest.name in WEAK_HASHES:  # not verified: anybody could have moved the signature
        raise UnprovenError(Problem.UNPARSABLE, f"the signing request is signed with {digest.name}, which proves nothing")
    if not valid:
        raise UnprovenError(Problem.UNPARSABLE, "the signing request is not signed by its own key")
    return SigningRequest(der=blocks[0].der, public_key=key, spki_sha256=spki_sha256(key), subject=subject)
