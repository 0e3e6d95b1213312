"""What may go wrong with one address, and what is remembered of it."""

from __future__ import annotations

import errno

import pytest

from reconciler.apply.run import is_refusal
from reconciler.issuers.comparison import Deviation, DeviationError
from reconciler.stores.errors import StoreError
from reconciler.vault.errors import Kind, VaultError
from reconciler.x509.errors import LintError, Problem, UnreadableError


def answered(kind: Kind, path: str = "pki/sign/web") -> VaultError:
    """What a server said."""
    return VaultError("main", path, kind, "it said so")


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (StoreError("/x", "no permission", errno=errno.EACCES), False),
        (StoreError("/x", "the key is not the certificate's"), False),
        (StoreError("vault://main/kv/data/x", "the policy denies it", refused=True), True),
        (UnreadableError(Problem.EMPTY, "the file is empty"), False),
        (LintError(("the user does not exist on this machine",)), False),
        (LintError(("the issuer answered with another subject",), retryable=False), True),
        (DeviationError((Deviation(matter="sans", problem="it has other names"),), "correct the role web"), True),
        (OSError(errno.EIO, "no"), False),
        *((answered(kind), kind in {Kind.DENIED, Kind.REFUSED}) for kind in Kind),
        (answered(Kind.DENIED, "auth/kubernetes/login"), False),
    ],
    ids=str,
)
def test_only_who_would_say_no_again_has_refused(error: Exception, *, refusal: bool) -> None:
    """A disk, a file or a server that is away gets its further tries."""
    assert is_refusal(error) is refusal
