"""The auth methods that give a token for something else: one function each, and the registry of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from hvac.api.auth_methods import JWT, AppRole, Kubernetes

from reconciler.desired.vault import Auth, AuthMethod
from reconciler.vault.bridge import Bridge
from reconciler.vault.credentials import Credentials

Login = Callable[[Bridge, Auth, Credentials], Mapping[str, Mapping[str, object]]]


def approle(bridge: Bridge, auth: Auth, credentials: Credentials) -> Mapping[str, Mapping[str, object]]:
    """<https://developer.hashicorp.com/vault/api-docs/auth/approle#login-with-approle>."""
    api = AppRole(adapter=bridge)
    found: Mapping[str, Mapping[str, object]] = api.login(
        role_id=credentials["role_id"], secret_id=credentials["secret_id"], use_token=False, mount_point=mount_of(auth)
    )
    return found


def kubernetes(bridge: Bridge, auth: Auth, credentials: Credentials) -> Mapping[str, Mapping[str, object]]:
    """<https://developer.hashicorp.com/vault/api-docs/auth/kubernetes#login>."""
    api = Kubernetes(adapter=bridge)
    found: Mapping[str, Mapping[str, object]] = api.login(
        role=auth.role, jwt=credentials["jwt"], use_token=False, mount_point=mount_of(auth)
    )
    return found


def jwt(bridge: Bridge, auth: Auth, credentials: Credentials) -> Mapping[str, Mapping[str, object]]:
    """<https://developer.hashicorp.com/vault/api-docs/auth/jwt#jwt-login>."""
    api = JWT(adapter=bridge)
    found: Mapping[str, Mapping[str, object]] = api.jwt_login(
        role=auth.role, jwt=credentials["jwt"], use_token=False, path=mount_of(auth)
    )
    return found


def cert(bridge: Bridge, auth: Auth, credentials: Credentials) -> Mapping[str, Mapping[str, object]]:
    """<https://developer.hashicorp.com/vault/api-docs/auth/cert#login-with-tls-certificate-method>.

    Not by hvac's class for it, which wants to choose certificates, and what they are checked against, for this one request:
    every connection of the transport presents the pair, as the renewal of the token needs it, too.
    """
    del credentials
    body = {"name": auth.role} if auth.role else {}
    return bridge.request("post", f"/v1/auth/{mount_of(auth)}/login", json=body)  # type: ignore[return-value]  # hvac's shape


LOGINS: Final[Mapping[AuthMethod, Login]] = {"approle": approle, "kubernetes": kubernetes, "jwt": jwt, "cert": cert}


def mount_of(auth: Auth) -> str:
    """Where the auth method is mounted."""
    return auth.mount.strip("/") or auth.method
