"""What a 403 lacks."""

from __future__ import annotations

import pytest

from reconciler.vault.errors import Kind, VaultError
from reconciler.vault.exchange import Method, Request
from reconciler.vault.permission import MISSING, denied
from tests.vault.scene import connection


@pytest.mark.parametrize(
    ("method", "answer", "problem"),
    [
        ("GET", {"a": ["list"]}, 'the token lacks the capability "read" (it has list)'),
        ("GET", {"capabilities": ["deny"]}, 'the token lacks the capability "read" (it has none)'),
        ("LIST", {"a": ["read"]}, 'the token lacks the capability "list" (it has read)'),
        ("POST", {"a": ["read"]}, 'the token lacks the capability "update" (it has read)'),
        ("POST", {"a": ["create"]}, 'although the token has the capability "update"'),
        ("DELETE", {"a": ["root"]}, 'although the token has the capability "delete"'),
        ("DELETE", {"a": ["deny", "delete"]}, 'the token lacks the capability "delete" (it has delete)'),
        ("PATCH", MISSING, "permission denied to patch there"),
        ("GET", {"a": 7}, "permission denied to read there"),
        ("GET", {"a": [7]}, 'the token lacks the capability "read" (it has none)'),
    ],
)
def test_what_is_missing(method: Method, answer: dict[str, object], problem: str) -> None:
    """Whatever the server says of it, or does not say."""
    error = denied(
        VaultError("main", "a", Kind.DENIED, "permission denied", status=403),
        Request(method=method, path="a"),
        connection("https://127.0.0.1:1", namespace="team"),
        answer,
    )
    assert (error.kind, error.status, problem in str(error)) == (Kind.DENIED, 403, True)
    assert '"a" in namespace team' in error.hint


def test_a_list_that_is_asked_for_by_get_lacks_the_other_capability() -> None:
    """``GET …?list=true`` needs what LIST needs, not what reading needs."""
    error = denied(
        VaultError("main", "a", Kind.DENIED, "permission denied", status=403),
        Request(method="GET", path="a", params={"list": "true"}),
        connection("https://127.0.0.1:1"),
        {"a": ["read"]},
    )
    assert 'the token lacks the capability "list" (it has read)' in str(error)
