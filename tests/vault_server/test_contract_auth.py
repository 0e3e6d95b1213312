"""What the client relies on about tokens, logins and policies: on every server alike."""

from __future__ import annotations

import pytest

from tests.vault_server.api import Reply, Vault

SHORT = {"token_ttl": "20s", "token_max_ttl": "60s"}
DENIED = "1 error occurred:\n\t* permission denied\n\n"


def refusal(reply: Reply) -> tuple[int, list[str]]:
    """Status and errors."""
    return reply.status, reply.errors


@pytest.mark.parametrize("token", ["", "nonsense", "s.aaaaaaaaaaaaaaaaaaaaaaaa"])
def test_without_a_token_that_lives_everything_is_403(vault: Vault, token: str) -> None:
    """Whatever the path is, and whether or not there is anything."""
    mount = vault.mounted("kv")
    paths = [f"{mount}/data/x", "nowhere/x", "auth/token/lookup-self", "auth/nowhere/login"]
    assert [refusal(vault.call("GET", path, token=token)) for path in paths] == [(403, ["permission denied"])] * 4


def test_without_a_policy_everything_is_403(vault: Vault) -> None:
    """Paths without an engine, too: who may not look is not told what is there."""
    mount, token = vault.mounted("kv"), vault.token("default")
    paths = [f"{mount}/data/x", "nowhere/x", "sys/mounts"]
    assert [refusal(vault.call("GET", path, token=token)) for path in paths] == [(403, [DENIED])] * 3


def test_with_a_policy_for_everything_paths_without_an_engine_are_404(vault: Vault) -> None:
    """And unknown paths in one are, too; a method that is not there is 405."""
    mount = vault.mounted("transit")
    assert refusal(vault.call("GET", "nowhere/x")) == (
        404,
        ['no handler for route "nowhere/x". route entry not found.'],
    )
    assert refusal(vault.call("GET", f"{mount}/nothing")) == (404, ["1 error occurred:\n\t* unsupported path\n\n"])
    assert refusal(vault.call("GET", f"{mount}/sign/x")) == (405, ["1 error occurred:\n\t* unsupported operation\n\n"])


def test_policies_tell_create_from_update(vault: Vault) -> None:
    """In KV a new path needs ``create``, a known one ``update``."""
    mount = vault.mounted("kv")
    creator = vault.allowed({f"{mount}/data/*": ("create",)})
    updater = vault.allowed({f"{mount}/data/*": ("update",)})
    body = {"data": {"x": "1"}}
    path = f"{mount}/data/a"
    statuses = [vault.call("POST", path, body, token=token).status for token in (updater, creator, creator, updater)]
    assert statuses == [403, 200, 403, 200]


def test_the_best_fitting_rule_counts_and_deny_wins(vault: Vault) -> None:
    """Exact over glob, ``+`` over ``*``, longer over shorter; ``sys/capabilities-self`` says the same."""
    token = vault.allowed(
        {
            "kv/data/*": ("read",),
            "kv/data/a/*": ("update", "read"),
            "kv/data/+/c": ("delete",),
            "kv/data/a/b": ("deny",),
            "kv/metadata/": ("list",),
        }
    )
    paths = ["kv/data/x", "kv/data/a/x", "kv/data/q/c", "kv/data/a/b", "kv/metadata/", "kv/other"]
    reply = vault.call("POST", "sys/capabilities-self", {"paths": paths}, token=token)
    assert reply.data == {
        "kv/data/x": ["read"],
        "kv/data/a/x": ["read", "update"],
        "kv/data/q/c": ["delete"],
        "kv/data/a/b": ["deny"],
        "kv/metadata/": ["list"],
        "kv/other": ["deny"],
    }


@pytest.mark.parametrize(
    ("rule", "asked", "status"),
    [
        ("metadata/a/", "metadata/a", 200),
        ("metadata/a/", "metadata/a/", 200),
        ("metadata/a", "metadata/a", 200),
        ("metadata/a", "metadata/a/", 200),
        ("metadata/a/*", "metadata/a", 200),
        ("metadata/*", "metadata", 200),
        ("metadata/*", "metadata/a", 200),
        ("metadata/+/", "metadata/a", 200),
        ("metadata/a/b", "metadata/a", 403),
        ("metadata/b/*", "metadata/a", 403),
    ],
)
def test_folders_in_policies(vault: Vault, rule: str, asked: str, status: int) -> None:
    """The slash at the end of a folder is not needed, neither in a policy nor in a path."""
    mount = vault.mounted("kv")
    vault.must("POST", f"{mount}/data/a/b", {"data": {"x": "1"}})
    token = vault.allowed({f"{mount}/{rule}": ("list",)})
    assert vault.call("LIST", f"{mount}/{asked}", token=token).status == status


def test_several_policies_add_up(vault: Vault) -> None:
    """The same path in two policies has the capabilities of both."""
    one, two = (vault.policy(f'path "kv/data/x" {{ capabilities = ["{name}"] }}') for name in ("read", "create"))
    reply = vault.call("POST", "sys/capabilities-self", {"paths": ["kv/data/x"]}, token=vault.token(one, two))
    assert reply.data["kv/data/x"] == ["create", "read"]


@pytest.mark.parametrize("text", ["path", 'path "x" { capabilities = ["fly"] }', 'path "x" { capabilities = ["read"] '])
def test_text_that_is_no_policy_is_refused(vault: Vault, text: str) -> None:
    """By 400."""
    assert vault.call("POST", "sys/policies/acl/wrong", {"policy": text}).status == 400


def test_approle_gives_a_token_for_both_halves(vault: Vault) -> None:
    """The answer has ``auth`` and no ``data``."""
    policy = vault.policy('path "kv/data/x" { capabilities = ["read"] }')
    mount, role_id, secret_id = vault.approle(policy, **SHORT)
    reply = vault.call("POST", f"auth/{mount}/login", {"role_id": role_id, "secret_id": secret_id}, token="")
    shown = {name: reply.auth[name] for name in ("policies", "lease_duration", "renewable", "token_type", "metadata", "orphan")}
    assert (reply.status, reply.body["data"], shown) == (
        200,
        None,
        {
            "policies": ["default", policy],
            "lease_duration": 20,
            "renewable": True,
            "token_type": "service",
            "metadata": {"role_name": "tester"},
            "orphan": True,
        },
    )


def test_wrong_halves_are_refused_by_400(vault: Vault) -> None:
    """Which of them is wrong is not said."""
    mount, role_id, secret_id = vault.approle("default")
    path = f"auth/{mount}/login"
    wrong = [{"role_id": role_id, "secret_id": "no"}, {"role_id": "no", "secret_id": secret_id}]
    refused = [refusal(vault.call("POST", path, body, token="")) for body in wrong]
    assert refused == [(400, ["invalid role or secret ID"])] * 2
    assert refusal(vault.call("POST", path, {"role_id": role_id}, token="")) == (400, ["missing secret_id"])


def test_a_secret_id_for_one_use_is_good_once(vault: Vault) -> None:
    """The second login is refused as if it had never been."""
    mount, role_id, secret_id = vault.approle("default", secret_id_num_uses=1)
    body = {"role_id": role_id, "secret_id": secret_id}
    replies = [vault.call("POST", f"auth/{mount}/login", body, token="") for _ in range(2)]
    assert [(reply.status, reply.errors) for reply in replies] == [(200, []), (400, ["invalid role or secret ID"])]


def test_a_token_is_renewed_up_to_its_longest_life(vault: Vault) -> None:
    """Beyond that the server gives less, with a warning."""
    mount, role_id, secret_id = vault.approle("default", **SHORT)
    body = {"role_id": role_id, "secret_id": secret_id}
    token = str(vault.call("POST", f"auth/{mount}/login", body, token="").auth["client_token"])
    usual = vault.call("POST", "auth/token/renew-self", {}, token=token)
    assert (usual.auth["lease_duration"], usual.warnings) == (20, [])
    longer = vault.call("POST", "auth/token/renew-self", {"increment": "1h"}, token=token)
    assert longer.auth["lease_duration"] in {59, 60}
    assert len(longer.warnings) == 1


def test_what_cannot_be_renewed_says_so(vault: Vault) -> None:
    """By 400: tokens made so, and batch tokens, which cannot be revoked either."""
    fixed, batch = vault.token("default", renewable=False), vault.token("default", type="batch")
    assert refusal(vault.call("POST", "auth/token/renew-self", {}, token=fixed)) == (400, ["lease is not renewable"])
    assert refusal(vault.call("POST", "auth/token/renew-self", {}, token=batch)) == (400, ["batch tokens cannot be renewed"])
    assert refusal(vault.call("POST", "auth/token/revoke-self", token=batch)) == (400, ["batch tokens cannot be revoked"])


def test_a_token_says_what_it_is(vault: Vault) -> None:
    """The fields that a client reads of ``lookup-self``."""
    token = vault.token("default", meta={"a": "b"}, display_name="zz", explicit_max_ttl="2h")
    found = vault.call("GET", "auth/token/lookup-self", token=token).data
    assert {name: found[name] for name in ("id", "policies", "renewable", "type", "meta", "explicit_max_ttl", "path")} == {
        "id": token,
        "policies": ["default"],
        "renewable": True,
        "type": "service",
        "meta": {"a": "b"},
        "explicit_max_ttl": 7200,
        "path": "auth/token/create",
    }
    assert found["ttl"] in {3599, 3600}
    assert isinstance(found["expire_time"], str)


def test_the_root_token_never_ends(vault: Vault) -> None:
    """Its ``ttl`` is 0 and its ``expire_time`` null."""
    found = vault.call("GET", "auth/token/lookup-self").data
    assert (found["ttl"], found["expire_time"], found["renewable"], found["policies"]) == (0, None, False, ["root"])


def test_a_revoked_token_is_like_none_and_takes_its_children_along(vault: Vault) -> None:
    """``revoke-self`` answers 204; afterwards both are 403."""
    parent = vault.allowed({"auth/token/create": ("update",)})
    child = str(
        vault.call("POST", "auth/token/create", {"policies": ["default"], "ttl": "1h"}, token=parent).auth["client_token"]
    )
    assert vault.call("POST", "auth/token/revoke-self", token=parent).status == 204
    assert [vault.call("GET", "auth/token/lookup-self", token=token).status for token in (parent, child)] == [403, 403]


def test_a_token_for_two_uses_is_good_twice(vault: Vault) -> None:
    """Each request counts."""
    token = vault.token("default", num_uses=2)
    assert [vault.call("GET", "auth/token/lookup-self", token=token).status for _ in range(3)] == [200, 200, 403]
