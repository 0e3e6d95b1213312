"""``cluster-pki vault policy``: what a Vault or OpenBao server has to allow a token. Asks no server."""

from __future__ import annotations

import argparse

from msgspec import UNSET

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.options import UsageError, add_common
from reconciler.cli.session import open_session, print_result
from reconciler.cli.sources import add_source
from reconciler.desired.compile import Compiled
from reconciler.desired.report import did_you_mean
from reconciler.desired.templates import NAME
from reconciler.plan.vault_policy import Mode, connections_used, policy
from reconciler.render.policy_hcl import render_hcl, render_json

MODES = tuple(mode.name.lower() for mode in Mode)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``vault``."""
    parser.add_argument("what", choices=("policy",), help="the policy that a token needs")
    group = parser.add_argument_group("policy")
    group.add_argument(
        "--mode",
        default="apply",
        choices=MODES,
        help="a token that looks (plan), signs and writes (apply), or makes CAs too (create) (default %(default)s)",
    )
    group.add_argument("--connection", default=None, metavar="NAME", help="of which server, when there are several")
    add_source(parser)
    add_common(parser)


def run(arguments: argparse.Namespace) -> int:
    """Prints the policy of one connection."""
    compiled = open_session(arguments).compiled
    desired, mode, own_prefix = compiled.state, Mode[arguments.mode.upper()], _own_prefix(compiled)
    name = _connection(arguments.connection, compiled, own_prefix)
    rules = [rule for rule in policy(desired, mode, own_prefix=own_prefix) if rule.connection == name]
    render = render_json if arguments.format == "json" else render_hcl
    text = render(rules, cluster=desired.cluster, node=desired.node, connection=desired.connections[name], mode=mode)
    print_result(text)
    return ExitCode.SUCCESS


def _own_prefix(compiled: Compiled) -> frozenset[str]:
    """The stores in KV whose prefix says which node their secrets are of."""
    stores = compiled.expanded.stores
    return frozenset(name for name, spec in ({} if stores is UNSET else stores).items() if spec.prefix and NAME in spec.prefix)


def _connection(wanted: str | None, compiled: Compiled, own_prefix: frozenset[str]) -> str:
    """The connection that the policy is for.

    Raises:
        UsageError: there is none, or it is not said which.
    """
    used = connections_used(compiled.state, own_prefix=own_prefix)
    if wanted is None and len(used) == 1:
        return used[0]
    if not used:
        where = f" on node {compiled.state.node}" if compiled.state.node else ""
        msg = f"nothing of this desired state is in Vault{where}, so no token is needed"
        raise UsageError(msg)
    if wanted is None:
        msg = f"several servers are used: add --connection {', or --connection '.join(used)}"
        raise UsageError(msg)
    if wanted not in used:
        known = "is used by nothing" if wanted in compiled.state.connections else "is not declared"
        hint = did_you_mean(wanted, used)
        msg = f"--connection: {wanted} {known}; {hint}"
        raise UsageError(msg)
    return wanted
