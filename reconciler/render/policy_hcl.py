"""A policy in the language of Vault and OpenBao, with a comment on each rule that says why it is needed; or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence

from reconciler.desired.vault import Connection
from reconciler.plan.vault_policy import Mode, Rule

_FOR = {
    Mode.PLAN: "looks, and changes nothing",
    Mode.APPLY: "signs, writes and revokes",
    Mode.CREATE: "signs, writes and revokes, and makes CAs",
}


def render_hcl(rules: Sequence[Rule], *, cluster: str, node: str | None, connection: Connection, mode: Mode) -> str:
    """The text that ``vault policy write NAME -`` takes.

    Args:
        rules: of one connection.
        cluster: whose policy it is.
        node: the node that it is restricted to.
        connection: the server.
        mode: what the token may do.
    """
    whose = f"cluster {cluster}" + (f", node {node}" if node else "")
    words = _FOR[Mode.PLAN if node and rules and all(_only_looks(rule) for rule in rules) else mode]
    head = [f"# cluster-pki: {whose}, connection {connection.name}: a token that {words}."]
    if connection.namespace:
        head.append(f"# Belongs into the namespace {connection.namespace}.")
    return "\n".join([*head, *(_block(rule) for rule in rules)]) + "\n"


def render_json(rules: Sequence[Rule], *, cluster: str, node: str | None, connection: Connection, mode: Mode) -> str:
    """The same for programs."""
    document = {
        "cluster": cluster,
        "node": node,
        "connection": connection.name,
        "namespace": connection.namespace,
        "mode": mode.name.lower(),
        "rules": [{"path": rule.path, "capabilities": list(rule.capabilities), "why": rule.why} for rule in rules],
    }
    return json.dumps(document, indent=2) + "\n"


def _only_looks(rule: Rule) -> bool:
    """Whether a rule changes nothing but the life of the token itself."""
    return set(rule.capabilities) <= {"read", "list"} or rule.path.startswith(("auth/token/", "sys/"))


def _block(rule: Rule) -> str:
    capabilities = ", ".join(f'"{each}"' for each in rule.capabilities)
    why = f"{rule.why[0].upper()}{rule.why[1:]}"
    return f'\n# {why}.\npath "{rule.path}" {{\n  capabilities = [{capabilities}]\n}}'
