"""Reasons in a few words, for whoever sees one for the first time. docs/reasons.md has the whole story."""

from __future__ import annotations

from typing import Final

from reconciler.plan.reasons import Reason

WORDS: Final[dict[str, str]] = {
    Reason.MISSING: "files are not there",
    Reason.UNREADABLE: "a file cannot be used",
    Reason.KEY_MISMATCH: "the key does not belong to the certificate",
    Reason.WRONG_ISSUER: "signed by another CA than git says",
    Reason.ISSUER_ROTATED: "signed by an earlier generation of its CA",
    Reason.CHAIN_BROKEN: "the intermediates in the file are not the current ones",
    Reason.SUBJECT_MISMATCH: "the subject is another",
    Reason.SAN_MISMATCH: "the names are others",
    Reason.USAGE_MISMATCH: "the key usages are others",
    Reason.KEY_POLICY_MISMATCH: "the key is of another kind",
    Reason.LIFETIME_MISMATCH: "it lives longer than git says",
    Reason.NOT_YET_VALID: "it begins in the future",
    Reason.RENEWAL_DUE: "it is time to renew it",
    Reason.EXPIRED: "it has expired",
    Reason.OUTLIVES_ISSUER: "it would outlive its CA",
    Reason.REVOKED: "it is revoked",
    Reason.WEAK_SIGNATURE: "its signature is too weak",
    Reason.REISSUE_REQUESTED: "git asks for a new one",
    Reason.MODE_DRIFT: "the mode of a file is another",
    Reason.OWNER_DRIFT: "the owner of a file is another",
    Reason.OUTPUT_STALE: "a derived file is not made from it",
    Reason.BUNDLE_STALE: "the CAs in it are others",
    Reason.CRL_DUE: "its revocation list is due",
    Reason.ORPHANED: "git does not name it any more",
    Reason.FOREIGN: "somebody else made it",
    Reason.REQUEST_PENDING: "its external CA has not signed its request yet",
    Reason.REQUEST_STALE: "its signing request is for something else",
    Reason.REQUEST_ANSWERED: "its certificate came back from its external CA",
    Reason.ANSWER_UNFIT: "what came back is not what was asked for",
}


def in_words(reason: str) -> str:
    """What a reason means; empty for one that a later version has added."""
    return WORDS.get(reason, "")
