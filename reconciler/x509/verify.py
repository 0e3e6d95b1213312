"""Verifying signatures and certification paths (RFC 5280 section 6), as strict as the strictest consumer.

It judges what is about to be published, and what was found: a path that passes here passes Go, OpenSSL and GnuTLS. A root is
whatever is in the bundle, self-signed or not, as in Go (OpenSSL needs ``-partial_chain`` to agree).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import pairwise

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from reconciler.x509.constraints import violation
from reconciler.x509.der import parts_of
from reconciler.x509.facts import CertificateFacts
from reconciler.x509.names import EXTENDED_USAGES
from reconciler.x509.profile import WEAK_HASHES, issuer_problems, weak_key
from reconciler.x509.read import Certificate
from reconciler.x509.signatures import verifies

_ANY_USAGE = "2.5.29.37.0"


def signed_by(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether the issuer's subject is the certificate's issuer, and its key verifies the signature.

    Some 80 microseconds for ECDSA P-256; OpenSSL releases the interpreter lock meanwhile.
    """
    child, parent = certificate.parsed, issuer.parsed
    named = parts_of(child.tbs_certificate_bytes).issuer == _subject(issuer) or child.issuer == parent.subject
    return named and verifies(child, _public_key(issuer))


@lru_cache(maxsize=64)
def _subject(issuer: Certificate) -> bytes:
    """The DER of a CA's name, likewise."""
    return parts_of(issuer.parsed.tbs_certificate_bytes).subject


@lru_cache(maxsize=64)
def _public_key(issuer: Certificate) -> PublicKeyTypes:
    """The key of a CA, which is asked for with every certificate below it."""
    return issuer.parsed.public_key()


@lru_cache(maxsize=64)
def _signed_by(certificate: Certificate, issuer: Certificate) -> bool:
    """Once per pair: finding the path and judging it ask the same."""
    return signed_by(certificate, issuer)


def chain_problem(chain: Sequence[Certificate], roots: Sequence[Certificate], *, at: datetime, usage: str) -> str | None:
    """Why a consumer would refuse this chain; None when it would accept it.

    Args:
        chain: leaf first, each signed by the next, as a server presents it. The root may be there or not.
        roots: what the consumer trusts.
        at: the time of judgement, aware.
        usage: extended key usage by Kubernetes name; empty for a CA, which has none of its own.
    """
    return next(_problems(chain, roots, at, usage), None)


def _problems(chain: Sequence[Certificate], roots: Sequence[Certificate], at: datetime, usage: str) -> Iterator[str]:
    """1. The path to a root; 2. each signature; 3. each certificate alone; 4. each issuer over those below; 5. usages."""
    if not chain:
        yield "there is no certificate"
        return
    path = _path(chain, roots)
    if path is None:
        yield f"it does not lead to a trusted root (the last issuer is {chain[-1].facts.issuer})"
        return
    for certificate, issuer in pairwise(path):
        yield from _signature(certificate, issuer)
    for certificate in path:
        yield from _alone(certificate, at)
    for depth, issuer in enumerate(path[1:], start=1):
        yield from _as_issuer(issuer, path[:depth])
        yield from _names(issuer.facts, path[:depth])
    if usage:
        yield from _usages(path, usage)


def _path(chain: Sequence[Certificate], roots: Sequence[Certificate]) -> tuple[Certificate, ...] | None:
    """The chain up to the first certificate that is trusted itself, or with the root that signed its last one."""
    trusted = {root.der for root in roots}
    for length, certificate in enumerate(chain, start=1):
        if certificate.der in trusted:
            return tuple(chain[:length])
    for root in roots:
        if _signed_by(chain[-1], root):
            return (*chain, root)
    return None


def _signature(certificate: Certificate, issuer: Certificate) -> Iterator[str]:
    if not _signed_by(certificate, issuer):
        yield f"{_named(certificate)} is not signed by {_named(issuer)}, which follows it"
    if certificate.facts.signature_hash in WEAK_HASHES:
        yield f"{_named(certificate)} is signed with {certificate.facts.signature_hash}"


def _alone(certificate: Certificate, at: datetime) -> Iterator[str]:
    facts = certificate.facts
    if at < facts.not_before:
        yield f"{_named(certificate)} is not valid before {facts.not_before:%Y-%m-%dT%H:%M:%SZ}"
    if at > facts.not_after:
        yield f"{_named(certificate)} expired at {facts.not_after:%Y-%m-%dT%H:%M:%SZ}"
    if weak_key(facts.key):
        yield f"{_named(certificate)} has a weak key ({facts.key})"
    for extension in certificate.parsed.extensions:
        if extension.critical and isinstance(extension.value, x509.UnrecognizedExtension):
            yield f"{_named(certificate)} has a critical extension {extension.oid.dotted_string} that is not understood"


def _as_issuer(issuer: Certificate, below: Sequence[Certificate]) -> Iterator[str]:
    """What an issuer must be, given the certificates below it (the leaf first, the one it signed last)."""
    for problem in issuer_problems(issuer.facts):
        yield f"{_named(issuer)}: {problem}"
    limit = issuer.facts.path_length
    # Self-issued certificates do not count (RFC 5280 section 6.1.4 (l)).
    between = sum(not certificate.facts.subject.same_as(certificate.facts.issuer) for certificate in below[1:])
    if limit is not None and between > limit:
        yield f"{_named(issuer)} allows {limit} CAs below it, there are {between}"
    aki, ski = below[-1].facts.aki, issuer.facts.ski
    if aki and ski and aki != ski:
        yield f"{_named(below[-1])} names another issuer key ({aki}) than that of {_named(issuer)} ({ski})"


def _usages(path: Sequence[Certificate], usage: str) -> Iterator[str]:
    """The leaf must have the usage; so must each CA that limits its usages (Go nests them)."""
    accepted = {usage, EXTENDED_USAGES.get(usage, usage), _ANY_USAGE}
    for position, certificate in enumerate(path):
        if (position == 0 or certificate.facts.usages) and not accepted & set(certificate.facts.usages):
            yield f"{_named(certificate)} is not for {usage}"


def _names(issuer: CertificateFacts, below: Sequence[Certificate]) -> Iterator[str]:
    constraints = issuer.name_constraints
    if constraints is None:
        return
    if any(subtree.startswith("other:") for subtree in (*constraints.permitted, *constraints.excluded)):
        yield f"the name constraints of {issuer.subject} are of a form that is not understood"
    for position, certificate in enumerate(below):
        facts = certificate.facts
        if position and facts.subject.same_as(facts.issuer):
            continue  # self-issued: exempt unless it is the leaf (RFC 5280 section 6.1.3 (b))
        for san in facts.sans:
            if violation(constraints.permitted, constraints.excluded, san):
                yield f"{san} is outside the name constraints of {issuer.subject}"


def _named(certificate: Certificate) -> str:
    return str(certificate.facts.subject) or f"serial {certificate.facts.serial}"
