"""Facts of certificates, keys and lists that nobody has made yet: as apply would make them, with made-up keys. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from reconciler.desired.model import CA, Component, Crl
from reconciler.desired.requested import Requested
from reconciler.observed.model import DerivedOutput, FileMeta, Key, ObservedPair, ObservedRequest
from reconciler.plan.build import Work
from reconciler.plan.context import NOTHING_THERE
from reconciler.plan.reasons import Action, Reason
from reconciler.plan.renewal import planned_end
from reconciler.plan.revocation.data import ListPlan
from reconciler.x509.facts import CertificateFacts, CrlEntry, CrlFacts, KeyFacts
from reconciler.x509.names import KEY_USAGES
from reconciler.x509.profile import BACKDATE, Request, key_usages_of, validity

PUBLIC: Final = FileMeta(mode=0o644, uid=0, gid=0)
_SECRET: Final = frozenset({"combined", "pkcs12"})
_SKI_LENGTH: Final = 40
#: Reasons with which nothing of a request is left.
_SETTLED: Final = frozenset({Reason.REQUEST_ANSWERED, Reason.REQUEST_STALE})


def certificate(now: datetime, wanted: CA | Component, key: KeyFacts, issuer: CertificateFacts | None) -> CertificateFacts:
    """The certificate that would be issued."""
    not_before, not_after = validity(now, wanted.lifetime, issuer)
    is_ca = isinstance(wanted, CA)
    request = Request(
        subject=wanted.subject,
        sans=wanted.sans,
        usages=() if isinstance(wanted, CA) else wanted.usages,
        key_usages=() if isinstance(wanted, CA) else tuple(usage for usage in wanted.key_usages if usage in KEY_USAGES),
        is_ca=is_ca,
        path_length=wanted.path_length if isinstance(wanted, CA) else None,
        not_before=not_before,
        not_after=not_after,
        serial=1,
    )
    signer = issuer.spki_sha256 if issuer is not None else ""
    fingerprint = _digest("certificate", key.spki_sha256, signer, not_before.isoformat(), *sorted(wanted.sans))
    return CertificateFacts(
        fingerprint=fingerprint,
        spki_sha256=key.spki_sha256,
        subject=wanted.subject,
        issuer=issuer.subject if issuer is not None else wanted.subject,
        serial=_digest("serial", fingerprint)[: _SKI_LENGTH - 1].lstrip("0"),
        not_before=not_before,
        not_after=not_after,
        sans=tuple(sorted(wanted.sans)),
        usages=tuple(sorted(request.usages)),
        key_usages=key_usages_of(request, key.key),
        key=key.key,
        signature_hash="sha256",
        is_ca=is_ca,
        path_length=request.path_length,
        ski=key.spki_sha256[:_SKI_LENGTH],
        aki=issuer.ski if issuer is not None else "",
        self_signed=issuer is None,
        name_constraints=wanted.name_constraints if isinstance(wanted, CA) else None,
    )


def fresh_key(now: datetime, address: str, algorithm: str, old: ObservedPair = NOTHING_THERE) -> KeyFacts:
    """A key that was never there before."""
    before = old.key.facts.spki_sha256 if isinstance(old.key, Key) else ""
    return KeyFacts(spki_sha256=_digest("key", address, now.isoformat(), before), key=str(algorithm))


def revocation_list(now: datetime, wanted: Crl, plan: ListPlan, issuer: CertificateFacts) -> CrlFacts:
    """The list that is signed: the same for every place of a CA."""
    now = now.replace(microsecond=0)
    number = max(plan.previous + 1, int(now.timestamp()))
    return CrlFacts(
        fingerprint=_digest("list", plan.ca, str(number), issuer.spki_sha256),
        number=number,
        this_update=max(now - BACKDATE, issuer.not_before),
        next_update=planned_end(now, wanted.validity, issuer.not_after),
        aki=issuer.ski,
        signature_hash="sha256",
        entries=tuple(CrlEntry(serial=each.serial, at=each.at or now, reason=each.reason) for each in plan.entries),
    )


def derived(output: str, chain: tuple[CertificateFacts, ...], wanted: Component) -> DerivedOutput:
    """A derived output of a pair."""
    secret = output in _SECRET
    return DerivedOutput(
        fingerprints=tuple(link.fingerprint for link in (chain[:1] if output == "der" else chain)),
        spki_sha256=chain[0].spki_sha256 if secret else "",
        digest=_answer(wanted.request) if output == "answer" and wanted.request is not None else "",
        meta=meta_of(output, wanted),
    )


def _answer(requested: Requested) -> str:
    from reconciler.desired.answers import digest_of  # noqa: PLC0415 - few requests are Kubernetes objects

    return digest_of(requested)


def meta_of(output: str, wanted: Component) -> FileMeta:
    """The mode of a derived output; whoever applies owns it."""
    return FileMeta(mode=wanted.access.mode, uid=0, gid=0) if output in _SECRET else PUBLIC


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def still_out(requests: Mapping[str, ObservedRequest], done: Iterable[Work]) -> dict[str, ObservedRequest]:
    """The requests that still wait for external CAs once some work is done: not those that were answered or withdrawn."""
    settled = {
        work.address
        for work in done
        if work.action != Action.REQUEST and any(finding.reason in _SETTLED for finding in work.findings)
    }
    return {address: request for address, request in requests.items() if address not in settled}
