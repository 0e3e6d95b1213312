"""What differs between a copy of a certificate and key and what it is a copy of. Decisions."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.desired.model import Access
from reconciler.observed.model import Absent, Certificates, CertificateState, Key, KeyState, ObservedPair, ObservedState, Unusable
from reconciler.plan.checks_files import owners, public_mode, secret_mode
from reconciler.plan.checks_pair import unreadable_finding
from reconciler.plan.reasons import Action, Finding, Reason

#: Attributes of what a copy brings: a finding about one of them asks for what the original holds.
CONTENT = frozenset({"", "certificate", "key", "chain", "file", "certificates"})


def certificate_differs(found: CertificateState, wanted: str, whose: str) -> Iterator[Finding]:
    """The certificate is missing, unusable, or another.

    Args:
        found: of the copy.
        wanted: fingerprint of the original; empty when it is not known yet.
        whose: what the original is called, for people.
    """
    match found:
        case Absent():
            yield repair(Reason.MISSING, "there is no certificate", "certificate")
        case Unusable() as unusable:
            yield unreadable_finding(unusable, action=Action.REPAIR, path="certificate")
        case Certificates(chain=chain) if chain[0].fingerprint != wanted:
            yield repair(Reason.OUTPUT_STALE, f"it is not the current certificate of {whose}", "certificate")


def key_differs(found: KeyState, original: KeyState, whose: str) -> Iterator[Finding]:
    """The key is missing, unusable, or another; see `certificate_differs`."""
    match found, original:
        case Unusable() as unusable, _:
            yield unreadable_finding(unusable, action=Action.REPAIR, path="key")
        case Absent(), Key():
            yield repair(Reason.MISSING, "there is no key", "key")
        case Key(facts=ours), Key(facts=wanted) if ours.spki_sha256 != wanted.spki_sha256:
            yield repair(Reason.KEY_MISMATCH, f"it is not the key of {whose}", "key")


def access_differs(found: ObservedPair, access: Access, observed: ObservedState) -> Iterator[Finding]:
    """Modes and owners, where both files are there."""
    if isinstance(found.certificate, Certificates) and isinstance(found.key, Key):
        yield from secret_mode(found.key.meta, access.mode, "mode")
        yield from public_mode(found.certificate.meta, "certificate_mode")
        yield from owners(access, [found.key.meta, found.certificate.meta], observed)


def repair(reason: Reason, message: str, path: str) -> Finding:
    """A finding that is mended by copying once more."""
    return Finding(reason=reason, action=Action.REPAIR, message=message, path=path)
