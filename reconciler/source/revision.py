"""Which desired state it is, and why a source could not give one."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Reason = Literal[
    "RepositoryNotFound",
    "RepositoryUnsupported",
    "RefNotFound",
    "RefAmbiguous",
    "CommitUnreadable",
    "GitMissing",
    "ScratchMissing",
    "UnsafeEntry",
    "Unsigned",
    "UnknownSigner",
    "SignatureExpired",
    "SignatureRevoked",
    "SignatureInvalid",
    "VerifierMissing",
    "VerifierUntrusted",
    "RolledBack",
    "ForcePushed",
    "AncestryUnknown",
    "UnfinishedMerge",
    "SourceUnstable",
]
"""The reason of the condition that a refusal turns into. docs and alerts name them: a word never changes its meaning."""


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """One desired state, named so that two of them can be compared. Holds no content."""

    kind: Literal["git", "directory"]
    id: str
    """A commit (40 or 64 hex digits), the one that a link of git-sync names, or ``sha256:`` and the digest of what was read."""
    location: str
    """The directory that is followed, absolute, its links not resolved: it stays the same when they move."""
    path: str
    """The main file; of a commit: inside the repository."""
    ref: str = ""
    """What is followed in a repository: ``HEAD``, a branch, a tag, a commit."""
    digest: str = ""
    """SHA-256 over names and contents of what was read; empty for a commit, whose id says it."""
    signed: bool = False
    """Whether the signature was verified."""
    signer: str = ""
    """Who signed: the principal of an SSH key, the fingerprint of an OpenPGP key. Never the author, who is only claimed."""
    key: str = ""
    """Fingerprint of the key that signed: ``SHA256:…`` (SSH) or 40 hex digits (OpenPGP)."""
    note: str = ""
    """What was let pass and should be told: that the history could not be checked, that a rollback was allowed."""

    @property
    def short(self) -> str:
        """For people: as git shortens a commit."""
        return shortened(self.id)


class SourceError(Exception):
    """There is no desired state that may be acted on: a word for a condition, one sentence, and the way out."""

    def __init__(self, *, reason: Reason, message: str, hint: str = "", retryable: bool = True) -> None:
        """Takes what a condition tells.

        Args:
            reason: PascalCase word.
            message: one sentence for people, without a full stop.
            hint: what to do about it.
            retryable: whether trying again can help although nobody changed the options it was started with.
        """
        super().__init__(message)
        self.reason: Final = reason
        self.message: Final = message
        self.hint: Final = hint
        self.retryable: Final = retryable


def shortened(revision: str) -> str:
    """The first digits of a revision's id; enough to tell two of them apart on a screen."""
    prefix, colon, digits = revision.rpartition(":")
    return f"{prefix}{colon}{digits[:12]}"
