"""Signing requests: the chain of checks for a certificate whose key is somebody else's, and what is told of the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from reconciler.desired.requested import Requested
from reconciler.observed.model import Absent, Certificates, Unusable
from reconciler.plan import checks_files as files
from reconciler.plan import checks_pair as pair
from reconciler.plan import checks_time as time
from reconciler.plan.context import Check, Context, Situation
from reconciler.plan.document import DiagnosticEntry
from reconciler.plan.reasons import Action, Finding, Reason

#: The codes of what is told.
PENDING: Final = "request-pending"
CHANGED: Final = "request-changed"

#: The address of a request begins with this.
KIND: Final = "request"

_COMPROMISED: Final = "keyCompromise"


def missing(context: Context) -> Iterator[Finding]:
    """Nothing was signed for it yet, or what was is gone."""
    if isinstance(context.pair.certificate, Absent):
        yield Finding(reason=Reason.MISSING, action=Action.CREATE, message="there is no certificate", path="certificate")


def unreadable(context: Context) -> Iterator[Finding]:
    """The certificate cannot be used."""
    certificate = context.pair.certificate
    if isinstance(certificate, Unusable):
        yield pair.unreadable_finding(certificate, action=Action.REISSUE, path="certificate")


def other_key(context: Context) -> Iterator[Finding]:
    """The request is for another key than the certificate."""
    for finding in pair.key_mismatch(context):
        yield replace(
            finding,
            action=Action.REISSUE,
            message="the request is for another key than the certificate",
            path="spki_sha256",
            current=finding.planned,
            planned=finding.current,
        )


def revoked(context: Context) -> Iterator[Finding]:
    """Its serial is revoked. A key that is in wrong hands is never signed for again: a new request has to come."""
    leaf = context.leaf
    known = context.authority.revoked.get(leaf.serial) if leaf is not None else None
    for finding in pair.revoked(context):
        same = leaf is not None and context.key is not None and leaf.spki_sha256 == context.key.spki_sha256
        if known is not None and known.reason == _COMPROMISED and same:
            message = "its key is compromised: only a request with a new key can be signed"
            yield Finding(reason=finding.reason, action=Action.NONE, message=message, path="serial", current=finding.current)
        else:
            yield finding


def asked_anew(context: Context) -> Iterator[Finding]:
    """`reissue` was changed, or ``--replace`` names it; the key stays, because it is not ours."""
    yield from (replace(finding, action=Action.REISSUE) for finding in pair.reissue_requested(context))


#: What may cost a new certificate. A key is never made: it is not ours.
CERTIFICATE_CHAIN: Final[tuple[Check, ...]] = (
    missing,  # Missing -> create
    unreadable,  # Unreadable: corrupt, truncated, another type -> reissue
    other_key,  # KeyMismatch: the request has changed -> reissue
    pair.wrong_issuer,  # WrongIssuer -> reissue
    pair.issuer_rotated,  # IssuerRotated -> reissue
    pair.chain_broken,  # ChainBroken -> repair
    pair.subject_mismatch,  # SubjectMismatch -> reissue
    pair.san_mismatch,  # SanMismatch -> reissue
    pair.usage_mismatch,  # UsageMismatch -> reissue
    pair.weak_signature,  # WeakSignature -> reissue
    time.not_yet_valid,  # NotYetValid -> reissue
    time.expired,  # Expired -> reissue
    time.renewal_due,  # RenewalDue -> reissue
    time.lifetime_mismatch,  # LifetimeMismatch -> reissue
    time.outlives_issuer,  # OutlivesIssuer -> reissue
    revoked,  # Revoked -> replace; of a compromised key nothing
    asked_anew,  # ReissueRequested -> reissue
    files.mode_drift,  # ModeDrift -> repair
    files.owner_drift,  # OwnerDrift -> repair
)


def tell_requests(situation: Situation) -> Iterator[DiagnosticEntry]:
    """Which requests wait for somebody, and which are others than were signed for.

    Those that were denied stand in the status and in the audit log, not in every plan.
    """
    for address, requested in situation.desired.requests.items():
        if not situation.covers(address) or requested.approval == "denied":
            continue
        if requested.approval == "approved":
            yield from _tell_changed(situation, requested)
            continue
        names = f" ({', '.join(requested.facts.sans)})" if requested.facts.sans else ""
        uses = ", ".join((*requested.usages, *requested.key_usages))
        asks = f"{requested.facts.subject}{names} asks ca.{requested.ca} for {uses}"
        record = situation.records.get(address)
        stays = "Nothing is signed."
        if record is not None and record.serial:
            end = f" until {record.not_after:%Y-%m-%d}" if record.not_after is not None else ""
            stays = f"What was signed before (serial {record.serial}) stays{end} and is not renewed; deny it to revoke that."
        yield DiagnosticEntry(
            severity="warning",
            code=PENDING,
            summary=f"{address} waits for approval",
            detail=f"{asks}. {stays}",
            address=address,
        )


def _tell_changed(situation: Situation, requested: Requested) -> Iterator[DiagnosticEntry]:
    """An approval without a digest is for whatever stands in the file: a change of that alone grants what nobody looked at."""
    address, facts = requested.address, requested.facts
    found = situation.pair(address).certificate
    if requested.pinned or address not in situation.records or not isinstance(found, Certificates):
        return
    leaf = found.chain[0]
    sans = [", ".join(sorted(set(names))) or "none" for names in (leaf.sans, facts.sans)]
    others = [
        *([f"the key sha256:{facts.spki_sha256}"] if facts.spki_sha256 != leaf.spki_sha256 else []),
        *([f"{facts.subject} instead of {leaf.subject}"] if not leaf.subject.same_as(facts.subject) else []),
        *([f"the names {sans[1]} instead of {sans[0]}"] if sans[0] != sans[1] else []),
    ]
    if others:
        yield DiagnosticEntry(
            severity="warning",
            code=CHANGED,
            summary=f"{address} asks for something else than what was signed",
            detail=f"{requested.file} now asks for {'; '.join(others)}. Its approval names no `digest`: "
            "make sure that its owner has changed it.",
            address=address,
        )


def renamed_to(situation: Situation, address: str) -> dict[str, str]:
    """Who has the files of a request that left, when it is the same request under another name: by path; else nobody.

    It has to be for the same key and user, and what is there has to be what was signed: nothing is taken back then.
    """
    record = situation.records[address]
    for heir, component in situation.desired.components.items():
        place, request = component.place, component.request
        if request is None or place is None or (place.root, place.path) != (record.root, record.path):
            continue
        found = situation.pair(heir).certificate
        if not isinstance(found, Certificates) or found.chain[0].fingerprint != record.fingerprint:
            continue
        leaf = found.chain[0]
        if leaf.spki_sha256 == request.facts.spki_sha256 and leaf.subject.same_as(component.subject):
            return dict.fromkeys(record.paths, heir)
    return {}


def withdrawn(situation: Situation) -> dict[str, str]:
    """Why each request of which we have a record is signed for no more, by address."""
    found: dict[str, str] = {}
    if situation.desired.partial:  # nothing is taken away in it
        return found
    for address, record in sorted(situation.records.items()):
        if record.kind != KIND or not situation.covers(address):
            continue
        requested = situation.desired.requests.get(address)
        if requested is None:
            found[address] = "the request was withdrawn"
        elif requested.approval == "denied":
            found[address] = f"the request was denied: {requested.reason}"
    return found
