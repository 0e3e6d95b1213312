"""What a desired state says of Vault and OpenBao servers: how they are reached, and which keys of CAs they keep. Data."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec

AuthMethod = Literal["token", "approle", "kubernetes", "jwt", "cert"]

#: Where certificate and key, bundles and kubeconfigs stand in KV: ``vault://CONNECTION/MOUNT/data/PREFIX/PATH``, which after
#: the connection is the path of the KV v2 API, as policies spell it.
SCHEME = "vault://"
#: The mode of what stands there: policies say who reads it.
NO_MODE = -1


class Auth(msgspec.Struct, frozen=True, kw_only=True):
    """How we log in. Secrets are in files or in variables of the environment, never here, and read again at each login."""

    method: AuthMethod
    mount: str = ""
    """Of the auth method, without slashes at its ends; empty for ``token``."""
    role: str = ""
    """Of ``kubernetes``, ``jwt`` and ``cert``."""
    token_file: str = ""
    """Absolute, ``--root`` applied, as all files here. Of ``token``."""
    token_env: str = ""
    """Name of the variable that holds the token; used when there is no file."""
    role_id_file: str = ""
    role_id_env: str = ""
    secret_id_file: str = ""
    secret_id_env: str = ""
    jwt_file: str = ""
    """Of ``kubernetes`` and ``jwt``: the projected token."""
    certificate_file: str = ""
    key_file: str = ""
    """Of ``cert``."""


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A server, or several that are one cluster. ``connections.NAME``."""

    name: str
    addresses: tuple[str, ...]
    """``https://host:port``, at least one; the first that answers is used. ``http`` only on loopback."""
    auth: Auth
    namespace: str = ""
    ca_file: str = ""
    """The CAs that its certificate is checked against; empty for those of the system."""
    server_name: str = ""
    """The name that its certificate must have, when that is not the host of the address."""
    deadline: timedelta = timedelta(seconds=30)
    """How long one call may take, all of it."""
    requests: int = 8
    """How many calls may be under way at a time."""


class PkiKey(msgspec.Struct, frozen=True, kw_only=True):
    """The key of a CA that stands in a PKI engine: it never leaves the server, which signs by itself."""

    connection: str
    mount: str
    role: str = ""
    """Signs components by this role. Empty with `verbatim`, or when nothing but CAs is signed."""
    verbatim: bool = False
    """Signs what the request says, by ``sign-verbatim``; with a role's limits where one is named."""
    issuer: str = ""
    """Reference of the issuer to use, by name or id, when it is not made by us; empty for the mount's default as it was
    when its certificate was taken over. From then on the certificate that we hold says which issuer signs."""
    create: bool = False
    """Whether we make it: the issuers are then called ``CLUSTER-NAME-gN``."""
    accept: frozenset[str] = frozenset()
    """What may differ from what was asked for: ``lifetime``, ``usages``, ``subject``, ``sans``."""


class TransitKey(msgspec.Struct, frozen=True, kw_only=True):
    """The key of a CA that stands in a transit engine: it never leaves the server; we build what it signs.

    The key of each generation is a transit key of its own: ``NAME-gN``.
    """

    connection: str
    mount: str
    name: str


class ExternalKey(msgspec.Struct, frozen=True, kw_only=True):
    """The key of a CA that nobody here has, nor any server that we know: requests go out as files, certificates come back."""

    accept: frozenset[str] = frozenset()
    """What may differ from what was asked for; see `PkiKey.accept`."""


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """A lease in KV that lets one of several reconcilers act."""

    connection: str
    mount: str
    path: str
    """Of the secret, under the mount; that of a view of one node has the node's name added."""
    ttl: timedelta = timedelta(seconds=60)


def kv_root(connection: str, mount: str, prefix: str) -> str:
    """The root of the places of a KV store."""
    return f"{SCHEME}{connection}/{mount}/data/{prefix}".rstrip("/")


def split_kv(path: str) -> tuple[str, str, str]:
    """Connection, mount and path in the mount, of a place in KV or of a root.

    Raises:
        ValueError: it is not one.
    """
    connection, slash, rest = path.removeprefix(SCHEME).partition("/")
    mount, data, inside = f"{rest}/".partition("/data/")
    if not (path.startswith(SCHEME) and connection and slash and mount and data):
        msg = f"not a place in KV: {path!r}"
        raise ValueError(msg)
    return connection, mount, inside.strip("/")
