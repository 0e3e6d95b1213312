"""What the client relies on about logins by JWT, by service account and by certificate: on every server alike."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.vault_server.api import Reply, Vault
from tests.vault_server.fixtures import ClientPair
from tests.vault_server.jwt import Signer, token_reviews
from tests.vault_server.tls import make


class Jwt:
    """An auth method with a role."""

    def __init__(self, vault: Vault) -> None:
        """Mounts it."""
        self.vault, self.signer = vault, Signer()
        self.mount = vault.auth("jwt")
        vault.must("POST", f"auth/{self.mount}/config", {"jwt_validation_pubkeys": [self.signer.public]})
        role = {
            "role_type": "jwt",
            "user_claim": "sub",
            "bound_audiences": ["vault"],
            "token_policies": ["default"],
            "token_ttl": "20s",
        }
        vault.must("POST", f"auth/{self.mount}/role/tester", role)
        self.good: dict[str, object] = {"sub": "a", "aud": "vault", "exp": int(time.time()) + 60}

    def login(self, jwt: str, role: str = "tester") -> Reply:
        """Shows a token."""
        return self.vault.call("POST", f"auth/{self.mount}/login", {"jwt": jwt, "role": role}, token="")


@pytest.fixture
def jwt(vault: Vault) -> Jwt:
    """JWT on each server."""
    return Jwt(vault)


def test_a_signed_token_is_taken(jwt: Jwt) -> None:
    """The answer is that of any login."""
    reply = jwt.login(jwt.signer.sign(jwt.good))
    assert (reply.status, reply.auth["policies"], reply.auth["lease_duration"], reply.auth["metadata"]) == (
        200,
        ["default"],
        20,
        {"role": "tester"},
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"exp": 1_000_000_000}, "token is expired"),
        ({"aud": "other"}, "invalid audience (aud) claim"),
        ({"sub": None}, 'claim "sub" not found in token'),
    ],
    ids=["expired", "audience", "subject"],
)
def test_claims_that_do_not_fit_are_refused(jwt: Jwt, change: dict[str, object], problem: str) -> None:
    """By 400, which is not 403: only a person can help."""
    claims = {name: value for name, value in {**jwt.good, **change}.items() if value is not None}
    reply = jwt.login(jwt.signer.sign(claims))
    assert (reply.status, problem in reply.errors[0]) == (400, True)


def test_tokens_that_nobody_signed_are_refused(jwt: Jwt) -> None:
    """By 400: those of another key, and text that is none."""
    told = [jwt.login(text) for text in (Signer().sign(jwt.good), "a.b.c", "text")]
    assert [(reply.status, "error verifying token signature" in reply.errors[0]) for reply in told] == [(400, True)] * 3


def test_what_is_missing_from_a_login_is_named(jwt: Jwt) -> None:
    """The token, the role, a role that is there."""
    token = jwt.signer.sign(jwt.good)
    told = [jwt.login(""), jwt.login(token, ""), jwt.login(token, "none")]
    assert [(reply.status, reply.errors) for reply in told] == [
        (400, ["missing token"]),
        (400, ["missing role"]),
        (400, ['role "none" could not be found']),
    ]


def test_a_service_account_logs_in(vault: Vault, tmp_path: Path) -> None:
    """By its projected token; one that Kubernetes does not know is 403, as is one of somebody else."""
    signer, ca = Signer(), make("Kubernetes")
    good = signer.service_account("cluster-pki", "reconciler", time.time() + 600)
    forged = Signer().service_account("cluster-pki", "reconciler", time.time() + 600)
    other = signer.service_account("cluster-pki", "other", time.time() + 600)
    mount = vault.auth("kubernetes")
    role = {
        "bound_service_account_names": "reconciler",
        "bound_service_account_namespaces": "cluster-pki",
        "token_policies": ["default"],
        "token_ttl": "20s",
    }
    vault.must("POST", f"auth/{mount}/role/tester", role)
    if vault.scripted:
        vault.scripted.jwt(mount).accepted.add(good)
    with token_reviews(make("api", ca, hosts=("127.0.0.1",)), tmp_path, {good: ("cluster-pki", "reconciler")}) as address:
        config = {"kubernetes_host": address, "kubernetes_ca_cert": ca.pem.decode(), "disable_local_ca_jwt": True}
        vault.must("POST", f"auth/{mount}/config", config)
        told = [
            vault.call("POST", f"auth/{mount}/login", {"jwt": token, "role": name}, token="")
            for token, name in (
                (good, "tester"),
                (forged, "tester"),
                (other, "tester"),
                (good, "none"),
                ("", "tester"),
                (good, ""),
            )
        ]
    assert [(reply.status, reply.errors) for reply in told] == [
        (200, []),
        (403, ["permission denied"]),
        (403, ["service account name not authorized"]),
        (400, ['invalid role name "none"']),
        (400, ["missing jwt"]),
        (400, ["missing role"]),
    ]
    metadata = told[0].auth["metadata"]
    assert isinstance(metadata, dict)
    shown = {name: metadata[name] for name in ("role", "service_account_name", "service_account_namespace")}
    assert shown == {"role": "tester", "service_account_name": "reconciler", "service_account_namespace": "cluster-pki"}


def test_a_certificate_logs_in(tls_vault: Vault, client_pair: ClientPair) -> None:
    """Its key is shown in the handshake; without a role all are tried."""
    mount = tls_vault.auth("cert")
    role = {"certificate": client_pair.ca.pem.decode(), "token_policies": ["default"], "token_ttl": "20s"}
    tls_vault.must("POST", f"auth/{mount}/certs/tester", {**role, "allowed_common_names": ["reconciler"]})
    tls_vault.must("POST", f"auth/{mount}/certs/other", {**role, "allowed_common_names": ["somebody else"]})
    path = f"auth/{mount}/login"
    told = [
        tls_vault.call("POST", path, {"name": "tester"}, token="", certificate=client_pair.files),
        tls_vault.call("POST", path, {}, token="", certificate=client_pair.files),
        tls_vault.call("POST", path, {"name": "other"}, token="", certificate=client_pair.files),
        tls_vault.call("POST", path, {"name": "tester"}, token=""),
    ]
    assert [reply.status for reply in told] == [200, 200, 400, 400]
    assert (told[0].auth["policies"], told[0].auth["lease_duration"]) == (["default"], 20)
    assert told[3].errors == ["no client certificate found"]
