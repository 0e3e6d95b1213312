"""Why something changes: the words shared by plan, log, metric and status, and what each asks for."""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec


class Reason(StrEnum):
    """A finding's machine word. PascalCase, stable, documented under docs/reasons.md."""

    MISSING = "Missing"
    UNREADABLE = "Unreadable"
    KEY_MISMATCH = "KeyMismatch"
    WRONG_ISSUER = "WrongIssuer"
    ISSUER_ROTATED = "IssuerRotated"
    CHAIN_BROKEN = "ChainBroken"
    SUBJECT_MISMATCH = "SubjectMismatch"
    SAN_MISMATCH = "SanMismatch"
    USAGE_MISMATCH = "UsageMismatch"
    KEY_POLICY_MISMATCH = "KeyPolicyMismatch"
    LIFETIME_MISMATCH = "LifetimeMismatch"
    NOT_YET_VALID = "NotYetValid"
    RENEWAL_DUE = "RenewalDue"
    EXPIRED = "Expired"
    OUTLIVES_ISSUER = "OutlivesIssuer"
    REVOKED = "Revoked"
    WEAK_SIGNATURE = "WeakSignature"
    REISSUE_REQUESTED = "ReissueRequested"
    MODE_DRIFT = "ModeDrift"
    OWNER_DRIFT = "OwnerDrift"
    OUTPUT_STALE = "OutputStale"
    BUNDLE_STALE = "BundleStale"
    CRL_DUE = "CrlDue"
    ORPHANED = "Orphaned"
    FOREIGN = "Foreign"
    REQUEST_PENDING = "RequestPending"
    REQUEST_STALE = "RequestStale"
    REQUEST_ANSWERED = "RequestAnswered"
    ANSWER_UNFIT = "AnswerUnfit"


class Action(IntEnum):
    """What a finding asks for; of several, an address gets the greatest."""

    NONE = 0
    """Nothing can or may be done: told, not changed."""
    REPAIR = 10
    """Mode, owner, derived outputs, bundle text: key and certificate stay."""
    REQUEST = 15
    """A key and a signing request for a CA that is outside; certificate and key that are in use stay."""
    REISSUE = 20
    """A new certificate, with a new key when the component rotates keys."""
    REKEY = 30
    """A new key and certificate."""
    ROTATE = 40
    """A CA generation is phased in."""
    REPLACE = 50
    """Revoked, then issued anew."""
    CREATE = 60
    FORGET = 70
    DESTROY = 80

    @property
    def word(self) -> str:
        """The class in plan documents: ``repair``, ``reissue`` and so on."""
        return self.name.lower()


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One difference between what is desired and what was found."""

    reason: Reason
    action: Action
    message: str
    """One sentence for people, without a full stop."""
    path: str = ""
    """The attribute: ``sans``, ``mode``, ``not_after``, ``certificate``, ``key``, ``outputs.pkcs12``, …"""
    current: str | None = None
    planned: str | None = None
