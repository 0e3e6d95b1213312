"""Secrets to log in with, from files and variables of the environment, as they are now."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from reconciler.desired.vault import Auth
from reconciler.vault.errors import Kind, VaultError

#: Bytes of a secret: JSON Web Tokens with many groups are some thousands long.
LARGEST: Final = 64 << 10
KUBERNETES_TOKEN: Final = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105 - a path


class Credentials:
    """What a login needs. The repr shows none of it."""

    __slots__ = ("_values", "fingerprint")

    def __init__(self, values: Mapping[str, str], certificate: bytes = b"") -> None:
        self._values: Final = dict(values)
        joined = "\0".join(f"{name}={value}" for name, value in sorted(values.items()))
        self.fingerprint: Final = hashlib.sha256(joined.encode() + b"\0" + certificate).digest()
        """Another one when a secret, or the certificate that is presented, was replaced."""

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __repr__(self) -> str:
        return f"Credentials({', '.join(self._values)})"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in any text."""
        return tuple(self._values.values())


def read(connection: str, auth: Auth, environ: Mapping[str, str]) -> Credentials:
    """The secrets of a method.

    Args:
        connection: for errors.
        auth: says where they are.
        environ: has variables.

    Raises:
        VaultError: one is missing or cannot be one: CONFIGURATION, which names the file or the variable.
    """
    values: dict[str, str] = {}
    for name, (file, variable) in _places(auth).items():
        try:
            values[name] = _one(file, variable, environ)
        except ValueError as error:
            raise VaultError(connection, "", Kind.CONFIGURATION, str(error), hint="nobody can log in without it") from None
    return Credentials(values, _certificate(auth))


def named(auth: Auth) -> str:
    """Where the secrets are, for people."""
    return " and ".join(file or f"${variable}" for file, variable in _places(auth).values() if file or variable)


def _places(auth: Auth) -> Mapping[str, tuple[str, str]]:
    match auth.method:
        case "token":
            return {"token": (auth.token_file, auth.token_env)}
        case "approle":
            return {
                "role_id": (auth.role_id_file, auth.role_id_env),
                "secret_id": (auth.secret_id_file, auth.secret_id_env),
            }
        case "kubernetes":
            return {"jwt": (auth.jwt_file or KUBERNETES_TOKEN, "")}
        case "jwt":
            return {"jwt": (auth.jwt_file, "")}
        case "cert":
            return {}


def _certificate(auth: Auth) -> bytes:
    """What is presented; whether it can be, the transport tells."""
    if auth.method != "cert":
        return b""
    try:
        return Path(auth.certificate_file).read_bytes()
    except OSError:
        return b""


def _one(file: str, variable: str, environ: Mapping[str, str]) -> str:
    if file:
        where, value = file, _from_file(file)
    elif variable:
        where, value = f"the variable {variable}", environ.get(variable, "")
        if not value:
            msg = f"{where} is not set"
            raise ValueError(msg)
    else:
        msg = "neither a file nor a variable is named for a secret of its auth method"
        raise ValueError(msg)
    value = value.rstrip("\r\n")
    # It becomes part of a header or of JSON: a line end in it would be a second header.
    if not value or not value.isascii() or not value.isprintable():
        msg = f"{where} holds {'nothing' if not value else 'something else than one line of text'}"
        raise ValueError(msg)
    return value


def _from_file(file: str) -> str:
    path = Path(file)
    try:
        if path.exists() and not path.is_file():
            msg = f"{file} is not a regular file"
            raise ValueError(msg)
        with path.open("rb") as opened:
            data = opened.read(LARGEST + 1)
    except OSError as error:
        msg = f"{file} cannot be read ({error.strerror or type(error).__name__})"
        raise ValueError(msg) from None
    if len(data) > LARGEST:
        msg = f"{file} is larger than {LARGEST >> 10} KiB"
        raise ValueError(msg)
    return data.decode("utf-8", errors="replace")
