"""Which of the CAs at hand signed each of many certificates, by their signatures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from reconciler.x509.read import Certificate
from reconciler.x509.verify import signed_by


def signers(certificates: Iterable[Certificate]) -> dict[str, tuple[str, ...]]:
    """By fingerprint, the SPKI SHA-256 of every CA among the certificates that signed it; empty where none did.

    A CA is asked only for what names it as issuer: the rest is not signed by it whatever its key.
    """
    known = {certificate.facts.fingerprint: certificate for certificate in certificates}
    authorities: dict[str, list[Certificate]] = defaultdict(list)
    for certificate in known.values():
        # A root of version 1 has no extension that says so; Go and OpenSSL take it for a CA all the same.
        if certificate.facts.is_ca or certificate.facts.self_signed:
            authorities[str(certificate.facts.subject)].append(certificate)
    return {
        fingerprint: tuple(
            sorted(
                {
                    authority.facts.spki_sha256
                    for authority in authorities.get(str(certificate.facts.issuer), ())
                    if signed_by(certificate, authority)
                }
            )
        )
        for fingerprint, certificate in known.items()
    }
