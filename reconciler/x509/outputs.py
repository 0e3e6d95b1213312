"""The other shapes of a certificate and key: one chain file, one file with the key, DER, PKCS#12."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.serialization import Encoding

from reconciler.x509 import pem
from reconciler.x509.errors import Problem, UnreadableError
from reconciler.x509.keys import PARSE_ERRORS, PrivateKey, facts_of, read_key_facts
from reconciler.x509.read import Certificate, read_certificates, read_der


def fullchain(chain: Sequence[Certificate]) -> bytes:
    """The certificates as PEM, leaf first, as TLS servers present them."""
    return b"".join(certificate.pem for certificate in chain)


def combined(chain: Sequence[Certificate], key: PrivateKey) -> bytes:
    """Chain, then key, in one file: as HAProxy wants it and the kubelet writes kubelet-client-current.pem."""
    return fullchain(chain) + key.pem()


def der(chain: Sequence[Certificate]) -> bytes:
    """The leaf alone."""
    return chain[0].der


def pkcs12(chain: Sequence[Certificate], key: PrivateKey, password: bytes, friendly_name: str) -> bytes:
    """A PKCS#12 store. Its salts are random: two of the same content differ, so compare what `read_derived` says."""
    return key.pkcs12([certificate.parsed for certificate in chain], password, friendly_name)


def separate(data: bytes) -> tuple[bytes, bytes]:
    """The certificates and the key of a combined file, as two PEM texts.

    Raises:
        UnreadableError: either of them is missing.
    """
    certificates, key = b"", b""
    for block in pem.split(data):
        text = pem.join(block.label, block.der)
        if block.label == "CERTIFICATE":
            certificates += text
        else:
            key += text
    if not certificates or not key:
        missing = "certificate" if not certificates else "private key"
        raise UnreadableError(Problem.WRONG_TYPE, f"there is no {missing} in the file")
    return certificates, key


def read_derived(output: str, data: bytes, password: bytes | None = None) -> tuple[tuple[str, ...], str]:
    """What a derived file says: the SHA-256 fingerprints of its certificates in order, and the SPKI of its key, if any.

    Args:
        output: ``fullchain``, ``combined``, ``der`` or ``pkcs12``.
        data: the file.
        password: of a PKCS#12 store.

    Raises:
        UnreadableError: it is not what it should be; ``encrypted`` for a PKCS#12 store with another password.
    """
    if output == "pkcs12":
        return _read_pkcs12(data, password)
    if not data:
        raise UnreadableError(Problem.EMPTY, "the file is empty")
    if output == "der":
        return (read_der(data).facts.fingerprint,), ""
    if output == "combined":
        certificates, key = separate(data)
        return _fingerprints(read_certificates(certificates)), read_key_facts(key).spki_sha256
    return _fingerprints(read_certificates(data)), ""


def _read_pkcs12(data: bytes, password: bytes | None) -> tuple[tuple[str, ...], str]:
    if not data:
        raise UnreadableError(Problem.EMPTY, "the file is empty")
    from cryptography.hazmat.primitives.serialization import pkcs12 as p12  # noqa: PLC0415 - slow to import, rarely used

    try:
        store = p12.load_pkcs12(data, password)
    except PARSE_ERRORS as error:
        # The library raises one type for both; only its message tells a wrong password from damage.
        if "password" in str(error).lower():
            raise UnreadableError(Problem.ENCRYPTED, "the PKCS#12 store does not open with this password") from None
        raise UnreadableError(Problem.UNPARSABLE, f"the PKCS#12 store cannot be parsed ({type(error).__name__})") from None
    certificates = [entry.certificate for entry in (store.cert, *store.additional_certs) if entry is not None]
    fingerprints = _fingerprints([read_der(certificate.public_bytes(Encoding.DER)) for certificate in certificates])
    return fingerprints, facts_of(store.key).spki_sha256 if store.key is not None else ""


def _fingerprints(certificates: Sequence[Certificate]) -> tuple[str, ...]:
    return tuple(certificate.facts.fingerprint for certificate in certificates)
