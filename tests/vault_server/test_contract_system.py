"""What the client relies on about health, mounts, capabilities, namespaces and fields: on every server alike."""

from __future__ import annotations

import pytest

from tests.vault_server.api import Vault
from tests.vault_server.pki_mounts import PkiMount


def test_health_is_for_everybody(vault: Vault) -> None:
    """200 without a token, and a body without an envelope."""
    reply = vault.call("GET", "sys/health", token="")
    assert reply.status == 200
    assert {name: reply.body[name] for name in ("initialized", "sealed", "standby")} == {
        "initialized": True,
        "sealed": False,
        "standby": False,
    }
    assert isinstance(reply.body["version"], str)
    seal = vault.call("GET", "sys/seal-status", token="").body
    assert (seal["sealed"], seal["initialized"]) == (False, True)


def test_mounts_say_what_they_are(vault: Vault) -> None:
    """Listed with a slash; KV says its version in the options."""
    kv, pki = vault.mounted("kv"), vault.mounted("pki")
    listed = vault.call("GET", "sys/mounts").data
    told = {path: listed[f"{path}/"] for path in (kv, pki)}
    assert all(isinstance(entry, dict) for entry in told.values())
    shown = {path: (entry["type"], entry["options"] or {}) for path, entry in told.items() if isinstance(entry, dict)}
    assert shown == {kv: ("kv", {"version": "2"}), pki: ("pki", {})}


def test_whoever_may_use_a_mount_may_ask_what_it_is(vault: Vault) -> None:
    """``sys/internal/ui/mounts/PATH`` needs no policy of its own; without any use of the mount it is 403."""
    mount = vault.mounted("kv")
    token = vault.allowed({f"{mount}/data/a/*": ("read",)})
    found = vault.call("GET", f"sys/internal/ui/mounts/{mount}/a/b", token=token).data
    assert {name: found[name] for name in ("path", "type", "options")} == {
        "path": f"{mount}/",
        "type": "kv",
        "options": {"version": "2"},
    }
    for path, given in ((f"{mount}/a", vault.token("default")), ("nowhere/a", token)):
        reply = vault.call("GET", f"sys/internal/ui/mounts/{path}", token=given)
        assert (reply.status, reply.errors[0].startswith("preflight capability check returned 403")) == (403, True)


def test_capabilities_are_told_to_whoever_asks(vault: Vault) -> None:
    """Of the root token: ``root``; of nothing: ``deny``; without a path: 400."""
    told = vault.call("POST", "sys/capabilities-self", {"paths": ["a/b", "c"]}).data
    assert told == {"a/b": ["root"], "c": ["root"]}
    single = vault.call("POST", "sys/capabilities-self", {"paths": ["a/b"]}, token=vault.token("default")).data
    assert single == {"a/b": ["deny"], "capabilities": ["deny"]}
    assert vault.call("POST", "sys/capabilities-self", {}).status == 400


def test_a_mount_is_made_once(vault: Vault) -> None:
    """A path in use is 400, and so is a kind that nobody knows."""
    mount = vault.mounted("pki")
    taken = vault.call("POST", f"sys/mounts/{mount}", {"type": "pki"})
    assert (taken.status, taken.errors) == (400, [f"path is already in use at {mount}/"])
    assert vault.call("POST", "sys/mounts/other", {"type": "nothing"}).status == 400


def test_the_lifetimes_of_a_mount_can_be_tuned(vault: Vault) -> None:
    """In seconds; what is not said stays."""
    mount = vault.mounted("pki", max_lease_ttl="100h")
    assert vault.call("POST", f"sys/mounts/{mount}/tune", {"default_lease_ttl": "2h"}).status == 204
    tuned = vault.call("GET", f"sys/mounts/{mount}/tune").data
    assert (tuned["default_lease_ttl"], tuned["max_lease_ttl"]) == (7200, 360000)


def test_policies_are_read_back_as_they_were_written(vault: Vault) -> None:
    """404 when there is none."""
    text = 'path "a/*" {\n  capabilities = ["read", "list"]\n}\n'
    name = vault.policy(text)
    assert vault.call("GET", f"sys/policies/acl/{name}").data["policy"] == text
    assert vault.call("GET", "sys/policies/acl/none-of-these").status == 404


def test_fields_that_the_api_does_not_have_are_never_passed_over_in_silence(vault: Vault) -> None:
    """A real server warns; the scripted one refuses, because the client would have a mistake."""
    mount = vault.mounted("transit")
    reply = vault.call("POST", f"{mount}/keys/k", {"type": "ed25519", "colour": "red"})
    told = reply.errors if vault.scripted else reply.warnings
    assert (reply.status, told) == (
        400 if vault.scripted else 200,
        ["Endpoint ignored these unrecognized parameters: [colour]"],
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [("ttl", [1]), ("ttl", "soon"), ("allow_any_name", "maybe"), ("key_bits", "many"), ("allowed_domains", {"a": 1})],
    ids=str,
)
def test_fields_of_the_wrong_type_are_refused(vault: Vault, field: str, value: object) -> None:
    """By 400."""
    mount = PkiMount(vault)
    reply = mount.post("roles/r", {field: value})
    assert (reply.status, len(reply.errors)) == (400, 1)


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [("ttl", "90m", 5400), ("ttl", 60, 60), ("ttl", "60", 60), ("allow_any_name", "true", True), ("ou", "a,b", ["a", "b"])],
    ids=str,
)
def test_fields_may_be_spelled_in_several_ways(vault: Vault, field: str, value: object, read: object) -> None:
    """Durations as numbers or text, lists as text with commas, booleans as text."""
    assert PkiMount(vault).post("roles/r", {field: value}).data[field] == read


def test_put_is_post(vault: Vault) -> None:
    """In KV and elsewhere."""
    mount = vault.mounted("kv")
    assert vault.call("PUT", f"{mount}/data/a", {"data": {"x": "1"}}).data["version"] == 1


def test_a_body_that_is_no_json_is_refused(vault: Vault) -> None:
    """An array is none that the API knows."""
    mount = vault.mounted("kv")
    assert vault.call("POST", f"{mount}/data/a", [1]).status == 400  # type: ignore[arg-type]


def test_namespaces_are_servers_of_their_own(vault: Vault) -> None:
    """Mounts, policies and tokens of one are not those of another."""
    inside = vault.namespace()
    vault.must("POST", "sys/mounts/kv", {"type": "kv", "options": {"version": "2"}}, namespace=inside)
    vault.must(
        "POST",
        "sys/policies/acl/reader",
        {"policy": 'path "kv/*" { capabilities = ["create", "read", "update"] }'},
        namespace=inside,
    )
    token = str(vault.call("POST", "auth/token/create", {"policies": ["reader"]}, namespace=inside).auth["client_token"])
    path = "kv/data/a"
    assert vault.call("POST", path, {"data": {"x": "1"}}, token=token, namespace=inside).status == 200
    assert vault.call("GET", path, token=token, namespace=inside).data["data"] == {"x": "1"}
    told = [
        vault.call("GET", path, token=token).status,
        vault.call("GET", path, token=vault.token("default"), namespace=inside).status,
        vault.call("GET", path, token=token, namespace="nowhere").status,
        vault.call("GET", path).status,
    ]
    assert told == [403, 403, 404, 404]
    assert vault.call("GET", path, token=token, namespace="nowhere").errors == ["namespace not found"]


def test_a_token_may_ask_about_itself_in_any_namespace(vault: Vault) -> None:
    """Whichever it belongs to: so that the answer says nothing about the namespace of a connection."""
    inside = vault.namespace()
    created = vault.call("POST", "auth/token/create", {"policies": ["default"], "ttl": "1h"}, namespace=inside)
    mine, other = str(created.auth["client_token"]), vault.token("default")
    told = [
        vault.call(method, f"auth/token/{path}", token=token, namespace=name).status
        for method, path in (("GET", "lookup-self"), ("POST", "renew-self"))
        for token, name in ((mine, inside), (mine, ""), (other, inside))
    ]
    assert told == [200] * 6
    assert vault.call("GET", "auth/token/lookup-self", token=mine).data["namespace_path"] == f"{inside}/"


def test_a_namespace_is_said_with_or_without_a_slash(vault: Vault) -> None:
    """At its end."""
    inside = vault.namespace()
    assert [vault.call("GET", "auth/token/lookup-self", namespace=name).status for name in (inside, f"{inside}/")] == [200, 200]
