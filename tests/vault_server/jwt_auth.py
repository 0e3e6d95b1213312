"""The auth methods JWT and Kubernetes: both take a signed token, and keep what they saw."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tests.vault_server.approle import GRANT_FIELDS, Login
from tests.vault_server.engine import Call, Route, route
from tests.vault_server.wire import EMPTY, Fields, Refused, Response, data, listing

_JWT_ROLE = (
    "role_type bound_audiences bound_subject bound_claims bound_claims_type user_claim groups_claim claim_mappings "
    "expiration_leeway not_before_leeway clock_skew_leeway allowed_redirect_uris verbose_oidc_logging"
)
_KUBERNETES_ROLE = "bound_service_account_names bound_service_account_namespaces audience alias_name_source"
_JWT_CONFIG = "jwt_validation_pubkeys jwks_url bound_issuer default_role jwt_supported_algs oidc_discovery_url"
_KUBERNETES_CONFIG = (
    "kubernetes_host kubernetes_ca_cert token_reviewer_jwt pem_keys issuer disable_iss_validation disable_local_ca_jwt"
)

#: Seconds that a token is taken after its end.
_LEEWAY: Final = 150


@dataclass(slots=True, kw_only=True)
class JwtAuth(Login):
    """Roles, and the tokens that are taken."""

    kubernetes: bool = False
    roles: dict[str, dict[str, object]] = field(default_factory=dict)
    settings: dict[str, object] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    """What a test says is a good token, besides those that a configured key has signed."""
    seen: list[str] = field(default_factory=list)
    """Every token that was shown, oldest first."""

    def routes(self) -> tuple[Route, ...]:
        """See auth/jwt and auth/kubernetes in the API."""
        known, config = (_KUBERNETES_ROLE, _KUBERNETES_CONFIG) if self.kubernetes else (_JWT_ROLE, _JWT_CONFIG)
        return (
            route("POST", "login", self.login, "role jwt", open=True),
            route("POST", "config", self.configure, config),
            route("LIST", "role", self.names),
            route("POST", "role/:name", self.write, f"{known} {GRANT_FIELDS}"),
            route("GET", "role/:name", self.read),
            route("DELETE", "role/:name", self.delete),
        )

    def configure(self, call: Call) -> Response:
        """Says whose tokens are taken."""
        self.settings.update(call.request.body)
        return EMPTY

    def names(self, _call: Call) -> Response:
        """The roles."""
        return listing(sorted(self.roles))

    def write(self, call: Call) -> Response:
        """Makes or changes a role."""
        known = self.roles.get(call.params["name"], {})
        if not self.kubernetes and not Fields({**known, **call.request.body}).text("user_claim"):
            raise Refused(400, "a user claim must be defined on the role")
        self.roles[call.params["name"]] = {**known, **call.request.body}
        return EMPTY

    def read(self, call: Call) -> Response:
        """A role."""
        if call.params["name"] not in self.roles:
            raise Refused(404)
        return data(**self.roles[call.params["name"]])

    def delete(self, call: Call) -> Response:
        """Takes a role away."""
        self.roles.pop(call.params["name"], None)
        return EMPTY

    def login(self, call: Call) -> Response:
        """A token for a token."""
        name, shown = call.fields.text("role"), call.fields.text("jwt")
        if not shown:
            raise Refused(400, "missing jwt" if self.kubernetes else "missing token")
        if not name:
            raise Refused(400, "missing role")
        self.seen.append(shown)
        if name not in self.roles:
            raise Refused(400, f'invalid role name "{name}"' if self.kubernetes else f'role "{name}" could not be found')
        role = Fields(self.roles[name])
        claims = self._service_account(shown, role) if self.kubernetes else self._claims(shown, call.now)
        meta = {"role": name}
        if self.kubernetes:
            space, _, account = str(claims.get("sub", "")).removeprefix("system:serviceaccount:").partition(":")
            meta |= {"service_account_name": account, "service_account_namespace": space}
        elif shown not in self.accepted:
            _check(claims, role)
        return self.grant(call, self.roles[name], name=str(claims.get("sub", name)), meta=meta)

    def _service_account(self, shown: str, role: Fields) -> Mapping[str, object]:
        """What a token of a service account says; whether it is good is up to the test, as it is to Kubernetes otherwise."""
        claims = _decoded(shown.split(".")[1]) if shown.count(".") == 2 else {}
        space, _, account = str(claims.get("sub", "")).removeprefix("system:serviceaccount:").partition(":")
        if claims:
            names, spaces = (role.texts(f"bound_service_account_{kind}") for kind in ("names", "namespaces"))
            if "*" not in spaces and space not in spaces:
                raise Refused(403, "namespace not authorized")
            if "*" not in names and account not in names:
                raise Refused(403, "service account name not authorized")
        if shown not in self.accepted:
            raise Refused(403, "permission denied")
        return claims

    def _claims(self, shown: str, now: float) -> Mapping[str, object]:
        if shown in self.accepted:
            return _decoded(shown.split(".")[1]) if shown.count(".") == 2 else {}
        keys = Fields(self.settings).texts("jwt_validation_pubkeys")
        if shown.count(".") != 2 or not any(_signed(shown, key) for key in keys):
            raise Refused(400, "error validating token: error verifying token signature")
        claims = _decoded(shown.split(".")[1])
        expires = claims.get("exp")
        if not isinstance(expires, int | float) or now > expires + _LEEWAY:
            raise Refused(400, "error validating token: invalid expiration time (exp) claim: token is expired")
        return claims


def _check(claims: Mapping[str, object], role: Fields) -> None:
    """Whether the role takes who shows these claims."""
    audience = claims.get("aud", ())
    given = {audience} if isinstance(audience, str) else {*audience} if isinstance(audience, list) else set()
    wanted = role.texts("bound_audiences")
    if given.isdisjoint(wanted) and (given or wanted):
        raise Refused(400, "error validating token: invalid audience (aud) claim")
    claim = role.text("user_claim")
    if claim not in claims:
        raise Refused(400, f'claim "{claim}" not found in token')
    subject = role.text("bound_subject")
    if subject and claims.get("sub") != subject:
        raise Refused(400, "error validating token: invalid subject (sub) claim")


def _decoded(part: str) -> Mapping[str, object]:
    try:
        found = json.loads(_bytes(part))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _bytes(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error as problem:
        raise Refused(400, "error validating token: error verifying token signature: malformed") from problem


def _signed(shown: str, pem: str) -> bool:
    """Whether a key has signed it, by ES256 or RS256."""
    signed, _, signature = shown.rpartition(".")
    key, made = load_pem_public_key(pem.encode()), _bytes(signature)
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            half = len(made) // 2
            encoded = utils.encode_dss_signature(int.from_bytes(made[:half], "big"), int.from_bytes(made[half:], "big"))
            key.verify(encoded, signed.encode(), ec.ECDSA(hashes.SHA256()))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(made, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        else:
            return False
    except InvalidSignature:
        return False
    return True
