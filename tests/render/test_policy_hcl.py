"""A policy as text and as JSON: what is printed can be given to the server as it is."""

from __future__ import annotations

import json
from typing import Final

import pytest

from reconciler.desired.vault import Auth, Connection
from reconciler.plan.vault_policy import Mode, Rule, policy
from reconciler.render.policy_hcl import render_hcl, render_json
from tests.desired.compiling import HEAD, state_of
from tests.desired.vault_documents import KV, MAIN

STATE: Final = state_of(
    f"{HEAD}{MAIN}{KV}lock: {{connection: main, mount: secret, path: clusters/demo/lock}}\n"
    "cas: {root: {path: root, store: kv, transit: {connection: main, mount: transit, name: demo}}}\n"
)
GOLDEN: Final = """\
# cluster-pki: cluster demo, connection main: a token that signs, writes and revokes.

# How long the token lives.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}

# Keep the token alive.
path "auth/token/renew-self" {
  capabilities = ["update"]
}

# Give the token back in the end.
path "auth/token/revoke-self" {
  capabilities = ["update"]
}

# See what is there; write keys, certificates and bundles.
path "secret/data/clusters/demo/*" {
  capabilities = ["create", "read", "update"]
}

# Take, renew and give back the lock.
path "secret/data/clusters/demo/lock" {
  capabilities = ["create", "read", "update"]
}

# Find generations.
path "secret/metadata/clusters/demo" {
  capabilities = ["list"]
}

# Note beside a secret whose it is; find generations.
path "secret/metadata/clusters/demo/*" {
  capabilities = ["create", "update", "list"]
}

# Say which capability is missing when something is refused.
path "sys/capabilities-self" {
  capabilities = ["update"]
}

# Find the keys of all generations.
path "transit/keys" {
  capabilities = ["list"]
}

# See the public keys of all generations.
path "transit/keys/demo-g*" {
  capabilities = ["read"]
}

# Sign certificates and revocation lists.
path "transit/sign/demo-g*" {
  capabilities = ["update"]
}
"""


def test_the_text() -> None:
    """A comment on each rule, rules by path."""
    rules = policy(STATE, Mode.APPLY)
    text = render_hcl(rules, cluster="demo", node=None, connection=STATE.connections["main"], mode=Mode.APPLY)
    assert text == GOLDEN


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (Mode.PLAN, "a token that looks, and changes nothing"),
        (Mode.APPLY, "a token that signs, writes and revokes"),
        (Mode.CREATE, "a token that signs, writes and revokes, and makes CAs"),
    ],
)
def test_the_head_says_what_for(mode: Mode, words: str) -> None:
    """Whose policy it is, for which node, and in which namespace it belongs."""
    connection = Connection(name="main", addresses=("https://v",), auth=Auth(method="token"), namespace="team-a")
    text = render_hcl((), cluster="demo", node="n-1", connection=connection, mode=mode)
    assert text == (f"# cluster-pki: cluster demo, node n-1, connection main: {words}.\n# Belongs into the namespace team-a.\n")


def test_json() -> None:
    """The same for programs."""
    connection = Connection(name="main", addresses=("https://v",), auth=Auth(method="token"), namespace="team-a")
    rules = [Rule(connection="main", path="pki/issuers", capabilities=("list",), why="find the issuers")]
    assert json.loads(render_json(rules, cluster="demo", node=None, connection=connection, mode=Mode.PLAN)) == {
        "cluster": "demo",
        "node": None,
        "connection": "main",
        "namespace": "team-a",
        "mode": "plan",
        "rules": [{"path": "pki/issuers", "capabilities": ["list"], "why": "find the issuers"}],
    }
