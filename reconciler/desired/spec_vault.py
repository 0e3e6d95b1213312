"""What a desired-state document says about Vault and OpenBao servers: connections, issuers, transit keys, the lock.

No ``from __future__ import annotations`` here: msgspec would compile every annotation from its text at each start.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from reconciler.desired.spec_parts import Duration, Name, Spec

#: What the engines accept as a name (framework.GenericNameRegex of the server).
ENGINE_NAME_PATTERN = r"^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,126}[A-Za-z0-9_])?$"
VARIABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"

AbsoluteFile = Annotated[str, Meta(pattern=r"^/", min_length=2)]
Variable = Annotated[str, Meta(pattern=VARIABLE_PATTERN)]
EngineName = Annotated[str, Meta(pattern=ENGINE_NAME_PATTERN)]
ConnectionName = Annotated[Name, Meta(description="A connection, by its name under `connections`.")]


class AuthSpec(Spec, frozen=True, kw_only=True):
    """How to log in. Secrets stand in files or variables, which are read again at each login, and never here."""

    method: Annotated[
        Literal["token", "approle", "kubernetes", "jwt", "cert"],
        Meta(description="token needs tokenFile or tokenEnv; approle role id and secret id; jwt a role and a file."),
    ]
    mount: Annotated[str, Meta(description="Where the method is mounted; default its name.")] | UnsetType = UNSET
    role: Annotated[EngineName, Meta(description="Of kubernetes and jwt, where it is needed, and of cert.")] | UnsetType = UNSET
    token_file: Annotated[AbsoluteFile, Meta(description="File with the token.")] | UnsetType = UNSET
    token_env: Annotated[Variable, Meta(description="Variable with the token.")] | UnsetType = UNSET
    role_id_file: Annotated[AbsoluteFile, Meta(description="approle: file with the role id.")] | UnsetType = UNSET
    role_id_env: Annotated[Variable, Meta(description="approle: variable with the role id.")] | UnsetType = UNSET
    secret_id_file: Annotated[AbsoluteFile, Meta(description="approle: file with the secret id.")] | UnsetType = UNSET
    secret_id_env: Annotated[Variable, Meta(description="approle: variable with the secret id.")] | UnsetType = UNSET
    jwt_file: (
        Annotated[AbsoluteFile, Meta(description="kubernetes, jwt: file with the token; default the pod's projected one.")]
        | UnsetType
    ) = UNSET
    certificate_file: Annotated[AbsoluteFile, Meta(description="cert: file with the client certificate.")] | UnsetType = UNSET
    key_file: Annotated[AbsoluteFile, Meta(description="cert: file with its key.")] | UnsetType = UNSET


class ConnectionSpec(Spec, frozen=True, kw_only=True):
    """A Vault or OpenBao server, or several that are one cluster."""

    type: Annotated[Literal["vault"], Meta(description="The kind of server: Vault or OpenBao.")]
    addresses: Annotated[
        list[Annotated[str, Meta(min_length=1)]],
        Meta(min_length=1, description="https://host:port, one or several of one cluster; http only on loopback."),
    ]
    namespace: Annotated[str, Meta(description="The namespace that all paths are in.")] | UnsetType = UNSET
    ca_file: (
        Annotated[AbsoluteFile, Meta(description="CAs that its certificate is checked against; default the system's.")]
        | UnsetType
    ) = UNSET
    server_name: (
        Annotated[str, Meta(min_length=1, description="The name in its certificate, when that is not the address's host.")]
        | UnsetType
    ) = UNSET
    deadline: Annotated[Duration, Meta(description="How long one call may take, all of it; default 30s.")] | UnsetType = UNSET
    auth: Annotated[AuthSpec, Meta(description="How to log in.")]


class VaultIssuerSpec(Spec, frozen=True, kw_only=True):
    """A CA in a PKI engine: its key never leaves the server."""

    connection: ConnectionName
    mount: Annotated[str, Meta(description="Where the PKI engine is mounted, such as pki/kubernetes.")]
    role: Annotated[EngineName, Meta(description="The role that signs components.")] | UnsetType = UNSET
    sign_verbatim: Annotated[bool, Meta(description="Sign what the request says (sign-verbatim); default false.")] | UnsetType = (
        UNSET
    )
    issuer: (
        Annotated[EngineName, Meta(description="An issuer that exists, by name or id; default the mount's default.")] | UnsetType
    ) = UNSET
    create: Annotated[bool, Meta(description="Make the CA in the engine, and own it; default false: it exists.")] | UnsetType = (
        UNSET
    )
    parent: Annotated[Name, Meta(description="The CA of this document that stands above it.")] | UnsetType = UNSET
    accept: (
        Annotated[
            list[Literal["lifetime", "usages", "subject", "sans"]],
            Meta(description="What the engine may give otherwise than asked for."),
        ]
        | UnsetType
    ) = UNSET


class ExternalIssuerSpec(Spec, frozen=True, kw_only=True):
    """A CA whose key nobody here has: signing requests are written, and its certificates published when they come back."""

    parent: Annotated[Name, Meta(description="The CA of this document that stands above it.")] | UnsetType = UNSET
    accept: (
        Annotated[
            list[Literal["lifetime", "usages", "subject", "sans"]],
            Meta(description="What it may give otherwise than asked for."),
        ]
        | UnsetType
    ) = UNSET


class IssuerSpec(Spec, frozen=True, kw_only=True):
    """Who signs with a key that is not ours: exactly one of these."""

    vault: Annotated[VaultIssuerSpec, Meta(description="A PKI engine of Vault or OpenBao.")] | UnsetType = UNSET
    external: (
        Annotated[ExternalIssuerSpec, Meta(description="Somebody else, who is asked by signing requests in files.")] | UnsetType
    ) = UNSET


class TransitSpec(Spec, frozen=True, kw_only=True):
    """A CA's key in a transit engine: it never leaves the server, and the certificates are built here."""

    connection: ConnectionName
    mount: Annotated[str, Meta(description="Where the transit engine is mounted.")]
    name: Annotated[EngineName, Meta(description="Of the key; that of each generation is called NAME-gN.")]


class LockSpec(Spec, frozen=True, kw_only=True):
    """A lease in KV: one of several reconcilers acts at a time."""

    connection: ConnectionName
    mount: Annotated[str, Meta(description="Where the KV engine (version 2) is mounted.")]
    path: Annotated[str, Meta(description="Of the secret that is the lease, such as clusters/demo/lock.")]
    ttl: Annotated[Duration, Meta(description="How long a lease lasts unless it is renewed; default 60s.")] | UnsetType = UNSET
