"""Would a verifier accept a chain, whatever the date: certification paths over facts, as Go's crypto/x509 looks for them.

Dates have their own checks, so that a CA that expired is one finding. What is in the bundle is a root, self-signed or not; the
rest of what is presented may serve as intermediates in any order (reference: crypto/x509 verify.go).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from reconciler.health.context import Context
from reconciler.health.words import listed, subject_of
from reconciler.x509.constraints import violation
from reconciler.x509.facts import CertificateFacts
from reconciler.x509.names import EXTENDED_USAGES

_ANY_USAGE: Final = "2.5.29.37.0"
_LONGEST: Final = 8

Path = tuple[CertificateFacts, ...]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a chain is refused."""

    message: str
    """The end of a sentence about the chain; about the issuer where one is at fault."""
    issuer: CertificateFacts | None = None
    """A CA that could sign for nobody; None where it is not that."""


def refusal(context: Context, chain: Sequence[CertificateFacts], roots: Sequence[CertificateFacts], usage: str) -> Refusal | None:
    """Why a verifier refuses a chain; None when it would accept it.

    Args:
        context: who signed what.
        chain: leaf first, as it is presented.
        roots: what the verifier trusts.
        usage: what it is used for; CAs that limit their usages must have it.
    """
    problem = None
    for path in _paths(context, chain[:1], chain[1:], roots):
        found = next(_problems(path, usage), None)
        if found is None:
            return None
        problem = problem or found
    return problem or Refusal(message=_unrelated(chain, roots))


def allows(usages: Sequence[str], usage: str) -> bool:
    """Whether extended key usages allow one: no extension allows all (crypto/x509)."""
    return not usages or not {usage, EXTENDED_USAGES.get(usage, usage), _ANY_USAGE}.isdisjoint(usages)


def _paths(
    context: Context, path: Sequence[CertificateFacts], others: Sequence[CertificateFacts], roots: Sequence[CertificateFacts]
) -> Iterator[Path]:
    last = path[-1]
    if any(root.fingerprint == last.fingerprint for root in roots):
        yield tuple(path)
        return
    for root in roots:
        if context.signs(root, last):
            yield (*path, root)
    if len(path) < _LONGEST:
        for number, other in enumerate(others):
            if context.signs(other, last):
                yield from _paths(context, (*path, other), (*others[:number], *others[number + 1 :]), roots)


def _problems(path: Path, usage: str) -> Iterator[Refusal]:
    for issuer in path[1:]:
        if not issuer.is_ca:
            yield Refusal(message="is not a CA (basicConstraints)", issuer=issuer)
        if issuer.key_usages and "cert sign" not in issuer.key_usages:
            yield Refusal(message="may not sign certificates (keyUsage)", issuer=issuer)
        if not allows(issuer.usages, usage):
            yield Refusal(message=f"is not for {usage}", issuer=issuer)
    for depth, issuer in enumerate(path[1:], start=1):
        between = sum(not below.self_signed for below in path[1:depth])
        if issuer.path_length is not None and between > issuer.path_length:
            yield Refusal(message=f"{subject_of(issuer)} allows {issuer.path_length} CAs below it, there are {between}")
        constraints = issuer.name_constraints
        if constraints is not None:
            for san in path[0].sans:
                if violation(constraints.permitted, constraints.excluded, san):
                    yield Refusal(message=f"{san} is outside the name constraints of {subject_of(issuer)}")


def _unrelated(chain: Sequence[CertificateFacts], roots: Sequence[CertificateFacts]) -> str:
    last = chain[-1] if not chain[-1].self_signed or len(chain) == 1 else chain[-2]
    if last.self_signed:
        return f"it is self-signed, and trusted are {listed(map(subject_of, roots))}"
    if any(root.subject.same_as(last.issuer) for root in roots):
        return f"a CA {last.issuer} is trusted, but it was another one of this name, with another key, that signed it"
    return f"its issuer is {last.issuer}, and trusted are {listed(map(subject_of, roots))}"
