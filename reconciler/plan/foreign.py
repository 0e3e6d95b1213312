"""Files that are not ours: what makes them so, and how findings become a decision that respects it."""

from __future__ import annotations

from typing import Final

from reconciler.plan.context import Decision
from reconciler.plan.reasons import Action, Finding, Reason

#: What time, policy or a rotation does to a certificate of ours; it does not make it somebody else's.
AGEING: Final = frozenset({Reason.RENEWAL_DUE, Reason.EXPIRED, Reason.LIFETIME_MISMATCH, Reason.REVOKED, Reason.ISSUER_ROTATED})


def is_foreign(findings: tuple[Finding, ...], *, issued_here: bool) -> bool:
    """Whether files without a record do not fit, in a way that only a new certificate would change.

    Args:
        findings: what was found about files that are there.
        issued_here: whether the certificate verifies with the key of a generation of its CA.
    """
    return any(finding.action >= Action.REISSUE and not (issued_here and finding.reason in AGEING) for finding in findings)


def foreign(path: str, why: str = "it was not issued here and does not fit") -> Finding:
    """The finding that keeps files from being overwritten."""
    return Finding(reason=Reason.FOREIGN, action=Action.NONE, message=f"{path}: {why}")


def blocks(finding: Finding) -> bool:
    """Whether nothing may be done to the address until somebody has looked.

    A finding without an action blocks, except a renewal that the end of the CA makes pointless: that one is only told.
    """
    return finding.action == Action.NONE and finding.reason != Reason.RENEWAL_DUE


def settle(address: str, kind: str, findings: tuple[Finding, ...], *, held_by: str = "") -> Decision:
    """The decision that findings lead to: blocked, held back, or the strongest of what they ask for.

    Args:
        address: what it is about.
        kind: of address.
        findings: at least one.
        held_by: address of a CA that cannot sign or be read, or name of a guard; empty when nothing holds it back.
    """
    blocked = any(blocks(finding) for finding in findings)
    action = Action.NONE if blocked or held_by else max(finding.action for finding in findings)
    return Decision(
        address=address,
        kind=kind,
        action=action,
        findings=findings,
        blocked=blocked or bool(held_by),
        held_by="" if blocked else held_by,
    )
