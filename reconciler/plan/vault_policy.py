"""What a token must be allowed to do on a Vault or OpenBao server, worked out from the desired state alone.

The tables below are the whole of it, an engine each: a path of the API, what is done with it, from which mode on, and why.
``{…}`` is filled in; ``+`` and a ``*`` at the end are the wildcards of policies (Vault, "Policies").
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from enum import IntEnum
from typing import Final

import msgspec

from reconciler.desired.model import CA, DesiredState
from reconciler.desired.vault import PkiKey, TransitKey
from reconciler.plan.vault_secrets import Secrets, secrets_in_kv


class Mode(IntEnum):
    """What the token is for; each may do all that those before it may."""

    PLAN = 0
    """Looks, and changes nothing."""
    APPLY = 1
    """Signs components, writes secrets, revokes."""
    CREATE = 2
    """Makes CAs and their next generations, and destroys keys where that is asked for."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One path, as a policy has it."""

    connection: str
    path: str
    capabilities: tuple[str, ...]
    """In the order of `CAPABILITIES`."""
    why: str
    """One line for people, without a full stop."""


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the tables."""

    path: str
    capabilities: tuple[str, ...]
    mode: Mode
    why: str
    when: str = ""
    """A word that must hold for the thing in question; empty for always."""


CAPABILITIES: Final = ("create", "read", "update", "delete", "list")


def _need(mode: Mode, path: str, capabilities: str, why: str, when: str = "") -> Need:
    return Need(path=path, capabilities=tuple(capabilities.split()), mode=mode, why=why, when=when)


#: Of every token.
_TOKEN: Final = (
    _need(Mode.PLAN, "auth/token/lookup-self", "read", "how long the token lives"),
    _need(Mode.PLAN, "auth/token/renew-self", "update", "keep the token alive"),
    _need(Mode.PLAN, "auth/token/revoke-self", "update", "give the token back in the end"),
    _need(Mode.PLAN, "sys/capabilities-self", "update", "say which capability is missing when something is refused"),
)
#: Of every folder of secrets, or of every secret. `{secret}` may end in a wildcard.
_KV: Final = (
    _need(Mode.PLAN, "{mount}/data/{secret}", "read", "see what is there"),
    _need(Mode.APPLY, "{mount}/data/{secret}", "create update", "write keys, certificates and bundles"),
    _need(Mode.APPLY, "{mount}/metadata/{secret}", "create update", "note beside a secret whose it is"),
    _need(Mode.APPLY, "{mount}/data/{secret}", "delete", "remove what has left", "leaves"),
    _need(Mode.APPLY, "{mount}/metadata/{secret}", "delete", "destroy retired keys with all their versions", "destroys"),
    _need(Mode.APPLY, "{mount}/destroy/{secret}", "update", "destroy the versions that retired keys were in", "destroys"),
    _need(Mode.CREATE, "{mount}/metadata/{secret}", "delete", "remove a generation that was given up", "numbered"),
    _need(Mode.CREATE, "{mount}/destroy/{secret}", "update", "destroy the versions that its key was in", "numbered"),
)
#: Of every folder in which CAs and keypairs stand.
_KV_FOLDERS: Final = (_need(Mode.PLAN, "{mount}/metadata{folder}", "list", "find generations"),)
_LOCK: Final = (_need(Mode.APPLY, "{mount}/data/{path}", "create read update", "take, renew and give back the lock"),)
#: Of every CA in a PKI engine. Where a key is there already, of a run that died, a certificate is made for it ("existing").
_PKI: Final = (
    _need(Mode.PLAN, "{mount}/issuers", "list", "find the issuers"),
    _need(Mode.PLAN, "{mount}/issuer/+", "read", "see the certificates of issuers"),
    _need(Mode.PLAN, "{mount}/keys", "list", "find the keys by their names"),
    _need(Mode.PLAN, "{mount}/key/+", "read", "see the identifier of a key"),
    _need(Mode.APPLY, "{mount}/issuer/+/sign/{role}", "update", "sign components", "role"),
    _need(Mode.APPLY, "{mount}/issuer/+/sign-verbatim", "update", "sign components as asked", "verbatim"),
    _need(Mode.APPLY, "{mount}/issuer/+/sign-verbatim/{role}", "update", "sign components as asked", "verbatim by role"),
    _need(Mode.APPLY, "{mount}/roles/{role}", "read", "say whether the role stores what it signs", "role"),
    _need(Mode.APPLY, "{mount}/roles/{role}", "read", "say whether the role stores what it signs", "verbatim by role"),
    _need(Mode.APPLY, "{mount}/certs", "list", "look up what was signed when a connection was cut", "works"),
    _need(Mode.APPLY, "{mount}/certs/detailed", "list", "look up what was signed when a connection was cut", "works"),
    _need(Mode.APPLY, "{mount}/cert/+", "read", "look up what was signed, and whether it is revoked", "works"),
    _need(Mode.APPLY, "{mount}/revoke", "update", "revoke certificates", "works"),
    _need(Mode.APPLY, "{mount}/crl/rotate", "read", "bring a revocation onto the list at once", "works"),
    _need(Mode.APPLY, "{mount}/issuer/+/crl/der", "read", "publish the list", "works"),
    _need(Mode.CREATE, "{mount}/root/generate/internal", "update", "make the CA", "root"),
    _need(Mode.CREATE, "{mount}/root/generate/existing", "update", "make or renew it around a key that is there", "root"),
    _need(Mode.CREATE, "{mount}/intermediate/generate/internal", "update", "make the CA", "below"),
    _need(
        Mode.CREATE, "{mount}/intermediate/generate/existing", "update", "make or renew it around a key that is there", "below"
    ),
    _need(Mode.CREATE, "{mount}/intermediate/set-signed", "update", "bring back what the CA above has signed", "below"),
    _need(Mode.CREATE, "{mount}/issuer/+", "update", "name the issuer", "created"),
    _need(Mode.CREATE, "{mount}/issuer/+", "delete", "remove an issuer that was given up or came out wrong", "created"),
    _need(Mode.CREATE, "{mount}/key/+", "delete", "destroy the key of such an issuer", "created"),
    _need(Mode.CREATE, "{mount}/issuer/+/sign-intermediate", "update", "sign the CAs below", "parent"),
)
#: Of every CA whose key is in a transit engine; each generation has a key of its own.
_TRANSIT: Final = (
    _need(Mode.PLAN, "{mount}/keys", "list", "find the keys of all generations"),
    _need(Mode.PLAN, "{mount}/keys/{name}-g*", "read", "see the public keys of all generations"),
    _need(Mode.APPLY, "{mount}/sign/{name}-g*", "update", "sign certificates and revocation lists", "works"),
    _need(Mode.CREATE, "{mount}/keys/{name}-g*", "create update", "make the key of a generation", "created"),
    _need(Mode.CREATE, "{mount}/keys/{name}-g*", "update delete", "destroy the key of a generation that was given up", "created"),
)


def policy(desired: DesiredState, mode: Mode, *, own_prefix: Collection[str] = ()) -> tuple[Rule, ...]:
    """The rules of every connection that something of the desired state uses, by connection and path.

    Args:
        desired: what the token is to look after. A view of one node needs what that node has, and no more.
        mode: what it may do.
        own_prefix: the stores in KV whose prefix says which node their secrets are of: all of it is a node's own.
    """
    found: dict[tuple[str, str], tuple[set[str], dict[str, None]]] = {}
    for connection, need, values in _needs(desired, mode, own_prefix):
        if need.mode > mode:
            continue
        capabilities, whys = found.setdefault((connection, need.path.format(**values)), (set(), {}))
        capabilities.update(need.capabilities)
        whys[need.why] = None
    return tuple(
        Rule(
            connection=connection,
            path=path,
            capabilities=tuple(each for each in CAPABILITIES if each in capabilities),
            why="; ".join(whys),
        )
        for (connection, path), (capabilities, whys) in sorted(found.items())
    )


def connections_used(desired: DesiredState, *, own_prefix: Collection[str] = ()) -> tuple[str, ...]:
    """The connections that the desired state needs for anything, by name."""
    return tuple(dict.fromkeys(rule.connection for rule in policy(desired, Mode.CREATE, own_prefix=own_prefix)))


_Wanted = tuple[str, Need, dict[str, str]]


def _needs(desired: DesiredState, mode: Mode, own_prefix: Collection[str]) -> Iterator[_Wanted]:
    connections: set[str] = set()
    for connection, need, values in _engines(desired, mode, own_prefix):
        connections.add(connection)
        yield connection, need, values
    yield from ((connection, need, {}) for connection in sorted(connections) for need in _TOKEN)


def _engines(desired: DesiredState, mode: Mode, own_prefix: Collection[str]) -> Iterator[_Wanted]:
    secrets = secrets_in_kv(desired, own_prefix)
    yield from _kv(desired, secrets)
    if desired.lock is not None and mode >= Mode.APPLY:
        values = {"mount": desired.lock.mount, "path": desired.lock.path}
        yield from ((desired.lock.connection, need, values) for need in _LOCK)
    for ca in desired.cas.values():
        if ca.followed:  # nobody is asked about its key
            continue
        words = _words(ca, desired)
        match ca.key_in:
            case PkiKey(connection=connection, mount=mount, role=role):
                values = {"mount": mount, "role": role}
                yield from ((connection, need, values) for need in _PKI if not need.when or need.when in words)
            case TransitKey(connection=connection, mount=mount, name=name):
                values = {"mount": mount, "name": name}
                yield from ((connection, need, values) for need in _TRANSIT if not need.when or need.when in words)
            case _:
                continue


def _kv(desired: DesiredState, secrets: Secrets) -> Iterator[_Wanted]:
    leaves = desired.prune or any(removal.destroy for removal in desired.removals)
    holds = {"": True, "leaves": leaves, "destroys": _destroys_keys(desired), "numbered": bool(secrets.folders)}
    for connection, mount, secret in secrets.read:
        values = {"mount": mount, "secret": secret}
        yield from ((connection, need, values) for need in _KV if need.mode is Mode.PLAN)
    for connection, mount, secret in secrets.written:
        values = {"mount": mount, "secret": secret}
        yield from ((connection, need, values) for need in _KV if holds[need.when])
    for connection, mount, folder in secrets.folders:
        yield from ((connection, need, {"mount": mount, "folder": f"/{folder}".rstrip("/")}) for need in _KV_FOLDERS)


def _destroys_keys(desired: DesiredState) -> bool:
    """Whether keys that are retired are destroyed."""
    rotations = [*(ca.rotation for ca in desired.cas.values()), *(keypair.rotation for keypair in desired.keypairs.values())]
    return any(rotation.retired == "destroy" for rotation in rotations)


def _words(ca: CA, desired: DesiredState) -> frozenset[str]:
    """What holds for a CA, in the words of the tables."""
    words: set[str] = set()
    signs = any(component.ca == ca.name for component in desired.components.values())
    parent = any(child.issuer == ca.name and child.creatable and _is_made_here(child) for child in desired.cas.values())
    made = ca.creatable and _is_made_here(ca)
    # A node that only trusts a CA neither signs nor revokes; whoever sees the whole also revokes what has left.
    if signs or parent or ca.creatable or desired.node is None:
        words.add("works")
    if parent:
        words.add("parent")
    if made:
        words |= {"created"} | ({"destroys"} if ca.rotation.retired == "destroy" else set())
    if isinstance(ca.key_in, PkiKey):
        if signs:
            words.add(("verbatim by role" if ca.key_in.role else "verbatim") if ca.key_in.verbatim else "role")
        if made:
            words.add("root" if ca.issuer is None else "below")
    return frozenset(words)


def _is_made_here(ca: CA) -> bool:
    """Whether a CA is ours to make, rather than taken over as it is."""
    return not ca.taken_as_it_is
