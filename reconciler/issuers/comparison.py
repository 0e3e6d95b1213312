"""What came back from a server against what was asked for. Decisions.

A role fills in what a request leaves open and overrules some of what it says, and a mount caps lifetimes; the answer is a
success all the same. So every field is looked at before a certificate is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from reconciler.desired.durations import format_duration
from reconciler.x509.errors import LintError
from reconciler.x509.profile import BACKDATE, Request, key_usages_of
from reconciler.x509.read import Certificate
from reconciler.x509.verify import signed_by

#: What differs. The first four can be accepted (`PkiKey.accept`), the others never.
Matter = Literal["lifetime", "usages", "subject", "sans", "key", "issuer", "authority", "dates"]

ACCEPTABLE: Final[frozenset[str]] = frozenset({"lifetime", "usages", "subject", "sans"})
_ENOUGH: Final = 0.9
_SIGNING: Final = frozenset({"cert sign", "crl sign"})


class Deviation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that came out other than asked for."""

    matter: Matter
    problem: str


class DeviationError(LintError):
    """A certificate that must not be used, because it is not what was asked for."""

    def __init__(self, deviations: tuple[Deviation, ...], hint: str) -> None:
        """Takes what must not be, and the way out."""
        *others, last = (each.problem for each in deviations)
        super().__init__((*others, f"{last}; {hint}" if hint else last), retryable=False)
        self.deviations: Final = deviations
        self.hint: Final = hint


def compare(
    came: Certificate,
    request: Request,
    *,
    issuer: Certificate | None,
    spki: str,
    now: datetime,
    old: Certificate | None = None,
    accept: frozenset[str] | None = None,
    remedy: str = "",
) -> tuple[Deviation, ...]:
    """The deviations that are accepted.

    Args:
        came: what the server signed.
        request: what was asked for; serial number and exact dates are the server's to choose.
        issuer: the certificate of the CA that we believe in; None for a root.
        spki: SHA-256 of the public key that it was asked for.
        now: the time.
        old: the certificate that is renewed; None when there is none.
        accept: what may differ, of `ACCEPTABLE`; None where nobody can accept anything, as with CAs.
        remedy: what a person can do about it, such as ``correct the role NAME``.

    Raises:
        DeviationError: anything else differs.
    """
    found = (*_deviations(came, request, issuer, spki, now), *(_renewal(came, old) if old is not None else ()))
    allowed = (accept or frozenset()) & ACCEPTABLE
    refused = tuple(each for each in found if each.matter not in allowed)
    if refused:
        raise DeviationError(refused, remedy if accept is None else _hint(refused, remedy))
    return found


def _hint(refused: tuple[Deviation, ...], remedy: str) -> str:
    matters = sorted({each.matter for each in refused})
    if not remedy or not ACCEPTABLE.issuperset(matters):
        return remedy
    return f"{remedy}, or accept it by `accept: [{', '.join(matters)}]`"


def _deviations(came: Certificate, request: Request, issuer: Certificate | None, spki: str, now: datetime) -> Iterator[Deviation]:
    """1. Key and issuer: whose it is; 2. what it may do; 3. whom it names; 4. for how long."""
    facts = came.facts
    if facts.spki_sha256 != spki:
        yield Deviation(matter="key", problem="the certificate is for another key than the one it was asked for")
    yield from _issuer(came, issuer)
    yield from _authority(came, request)
    yield from _usages(came, request)
    if not facts.subject.same_as(request.subject):
        yield Deviation(matter="subject", problem=f"subject: asked for {request.subject}, got {facts.subject}")
    if set(facts.sans) != set(request.sans):
        asked, got = _words(sorted(request.sans)), _words(facts.sans)
        yield Deviation(matter="sans", problem=f"subject alternative names: asked for {asked}, got {got}")
    yield from _dates(came, request, issuer, now)


def _issuer(came: Certificate, issuer: Certificate | None) -> Iterator[Deviation]:
    if issuer is None:
        if not came.facts.self_signed:
            yield Deviation(matter="issuer", problem="a root was asked for, and it is not signed by itself")
        return
    wrong_key = came.facts.aki and issuer.facts.ski and came.facts.aki != issuer.facts.ski
    if came.parsed.issuer != issuer.parsed.subject or wrong_key or not signed_by(came, issuer):
        problem = f"another CA signed it ({came.facts.issuer}, key {came.facts.aki or 'unknown'}) than {issuer.facts.subject}"
        yield Deviation(matter="issuer", problem=f"{problem}, key {issuer.facts.ski or 'unknown'}")


def _authority(came: Certificate, request: Request) -> Iterator[Deviation]:
    facts = came.facts
    for what, got, asked in (
        ("CA bit", facts.is_ca, request.is_ca),
        ("path length", facts.path_length, request.path_length),
        ("name constraints", facts.name_constraints, request.name_constraints),
    ):
        if got != asked:
            yield Deviation(matter="authority", problem=f"{what}: asked for {asked}, got {got}")
    if not request.is_ca and _SIGNING & set(facts.key_usages):
        yield Deviation(matter="authority", problem="it may sign certificates or revocation lists, which is for CAs")
    elif request.is_ca and not _SIGNING.issubset(facts.key_usages):
        yield Deviation(matter="authority", problem=f"a CA that may only do: {_words(facts.key_usages)}")


def _usages(came: Certificate, request: Request) -> Iterator[Deviation]:
    """Other bits of keyUsage are tolerated: a role's default adds key agreement and key encipherment."""
    facts = came.facts
    if set(facts.usages) != set(request.usages):
        asked, got = _words(sorted(set(request.usages))), _words(facts.usages)
        yield Deviation(matter="usages", problem=f"extended key usages: asked for {asked}, got {got}")
    wanted = set(request.key_usages if request.is_ca else key_usages_of(request, facts.key)) - _SIGNING
    if not wanted.issubset(facts.key_usages):
        asked, got = _words(sorted(wanted)), _words(facts.key_usages)
        yield Deviation(matter="usages", problem=f"key usages: asked for {asked}, got {got}")


def _dates(came: Certificate, request: Request, issuer: Certificate | None, now: datetime) -> Iterator[Deviation]:
    facts = came.facts
    if facts.not_before > now:
        problem = f"it is not valid before {facts.not_before:%Y-%m-%dT%H:%M:%SZ}, which is in the future; compare the clocks"
        yield Deviation(matter="dates", problem=problem)
    if facts.not_after <= now:
        yield Deviation(matter="dates", problem=f"it has ended already ({facts.not_after:%Y-%m-%dT%H:%M:%SZ})")
    asked, got = request.not_after - request.not_before, facts.not_after - facts.not_before
    outlives = issuer is not None and facts.not_after > issuer.facts.not_after
    if got < asked * _ENOUGH or got > asked + BACKDATE or outlives:
        beyond = ", and outlives its CA" if outlives else ""
        yield Deviation(matter="lifetime", problem=f"lifetime: asked for {_span(asked)}, got {_span(got)}{beyond}")


def _renewal(came: Certificate, old: Certificate) -> Iterator[Deviation]:
    """Verifiers compare the encoded name, and key identifiers: another spelling of the same name breaks every chain."""
    if came.parsed.subject.public_bytes() != old.parsed.subject.public_bytes():
        yield Deviation(matter="authority", problem="the name is encoded otherwise than in the certificate that is renewed")
    if came.facts.ski != old.facts.ski:
        yield Deviation(matter="authority", problem="the key identifier is another than in the certificate that is renewed")


def _span(length: timedelta) -> str:
    """As durations are written in the desired state; without the minutes of back-dating where they do not count."""
    unit = timedelta(hours=1) if length >= timedelta(days=1) else timedelta(minutes=1)
    return format_duration(round(length / unit) * unit)


def _words(words: tuple[str, ...] | list[str]) -> str:
    return ", ".join(words) or "none"
