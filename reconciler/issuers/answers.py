"""Between the certificates and signing requests of answers, which are text, and ours."""

from __future__ import annotations

from reconciler.vault.engines.pki import Pki
from reconciler.vault.errors import Kind, VaultError
from reconciler.x509.csr import SigningRequest, read_request
from reconciler.x509.errors import UnreadableError
from reconciler.x509.read import Certificate, read_certificates


def certificate_of(pki: Pki, text: str) -> Certificate:
    """The certificate of an answer.

    Raises:
        VaultError: it is not exactly one.
    """
    try:
        found = read_certificates(text.encode())
    except UnreadableError as error:
        raise _nonsense(pki, f"a certificate of the answer is of no use: {error.detail}") from None
    if len(found) != 1:
        raise _nonsense(pki, f"one certificate was expected, the answer holds {len(found)}")
    return found[0]


def request_of(pki: Pki, text: str) -> SigningRequest:
    """The signing request of an answer, signed by its own key.

    Raises:
        VaultError: it is not exactly one, or not signed.
    """
    try:
        return read_request(text.encode())
    except UnreadableError as error:
        raise _nonsense(pki, f"the signing request of the answer is of no use: {error.detail}") from None


def text_of(certificate: Certificate) -> str:
    """A certificate as it goes into JSON."""
    return certificate.pem.decode("ascii")


def _nonsense(pki: Pki, problem: str) -> VaultError:
    return VaultError(pki.client.name, pki.mount, Kind.NONSENSE, problem)
