"""The auth method AppRole."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.vault_server.engine import Call, Engine, Route, route
from tests.vault_server.tokens import Grant, TokenStore
from tests.vault_server.wire import EMPTY, Fields, Refused, Response, data, listing

#: What the roles of all auth methods may say of the tokens that they give out.
GRANT_FIELDS: Final = (
    "token_policies token_ttl token_max_ttl token_explicit_max_ttl token_period token_type token_num_uses token_bound_cidrs "
    "token_no_default_policy token_strictly_bind_ip"
)


@dataclass(slots=True, kw_only=True)
class Login(Engine):
    """What every auth method has: a place, and tokens to give out."""

    store: TokenStore = field(default_factory=TokenStore)
    namespace: str = ""
    path: str = ""
    logins: int = 0

    def grant(self, call: Call, role: Mapping[str, object], *, name: str, meta: Mapping[str, str]) -> Response:
        """Gives out the token that a role describes."""
        told = Fields(role)
        kind = told.text("token_type")
        longest = min(told.seconds("token_max_ttl") or self.tuning.longest, self.tuning.longest)
        explicit = told.seconds("token_explicit_max_ttl")
        self.logins += 1
        made = self.store.make(
            Grant(
                policies=told.texts("token_policies"),
                ttl=min(told.seconds("token_ttl") or self.tuning.usual, longest),
                longest=longest,
                explicit_max_ttl=explicit,
                period=told.seconds("token_period"),
                batch=kind == "batch",
                uses=told.number("token_num_uses"),
                path=f"{self.path}login",
                display_name=name,
                meta=meta,
                namespace=self.namespace,
                default_policy=not told.flag("token_no_default_policy"),
            ),
            call.now,
        )
        return Response(auth=made.granted(call.now))


@dataclass(slots=True, kw_only=True)
class SecretId:
    """A secret id that was given out."""

    id: str
    accessor: str
    role: str
    issued: float
    uses: int
    """0 is without end."""
    ttl: int


@dataclass(slots=True, kw_only=True)
class AppRole(Login):
    """Roles, their ids, and their secret ids."""

    roles: dict[str, dict[str, object]] = field(default_factory=dict)
    secret_ids: dict[str, SecretId] = field(default_factory=dict)

    def routes(self) -> tuple[Route, ...]:
        """See auth/approle in the API."""
        known = f"bind_secret_id secret_id_bound_cidrs secret_id_num_uses secret_id_ttl local_secret_ids policies {GRANT_FIELDS}"
        return (
            route("POST", "login", self.login, "role_id secret_id", open=True),
            route("LIST", "role", self.names),
            route("POST", "role/:name", self.write, known, exists=lambda call: call.params["name"] in self.roles),
            route("GET", "role/:name", self.read),
            route("DELETE", "role/:name", self.delete),
            route("GET", "role/:name/role-id", self.role_id),
            route("POST", "role/:name/role-id", self.set_role_id, "role_id"),
            route("POST", "role/:name/secret-id", self.secret_id, "metadata cidr_list token_bound_cidrs num_uses ttl"),
            route("POST", "role/:name/secret-id-accessor/destroy", self.destroy, "secret_id_accessor"),
        )

    def names(self, _call: Call) -> Response:
        """The roles."""
        return listing(sorted(self.roles))

    def write(self, call: Call) -> Response:
        """Makes or changes a role."""
        name = call.params["name"]
        role = self.roles.setdefault(name, {"role_id": str(uuid.uuid4()), "bind_secret_id": True})
        role.update(call.request.body)
        if "policies" in role:
            role["token_policies"] = role.pop("policies")
        return EMPTY

    def read(self, call: Call) -> Response:
        """A role."""
        told = Fields(self._role(call))
        return data(
            bind_secret_id=told.flag("bind_secret_id"),
            local_secret_ids=False,
            secret_id_bound_cidrs=None,
            secret_id_num_uses=told.number("secret_id_num_uses"),
            secret_id_ttl=told.seconds("secret_id_ttl"),
            token_bound_cidrs=[],
            token_explicit_max_ttl=told.seconds("token_explicit_max_ttl"),
            token_max_ttl=told.seconds("token_max_ttl"),
            token_no_default_policy=told.flag("token_no_default_policy"),
            token_num_uses=told.number("token_num_uses"),
            token_period=told.seconds("token_period"),
            token_policies=list(told.texts("token_policies")),
            token_strictly_bind_ip=False,
            token_ttl=told.seconds("token_ttl"),
            token_type=told.text("token_type", "default"),
        )

    def delete(self, call: Call) -> Response:
        """Takes a role away."""
        self.roles.pop(call.params["name"], None)
        return EMPTY

    def role_id(self, call: Call) -> Response:
        """The half that is no secret."""
        return data(role_id=self._role(call)["role_id"])

    def set_role_id(self, call: Call) -> Response:
        """Chooses it."""
        self._role(call)["role_id"] = call.fields.text("role_id")
        return EMPTY

    def secret_id(self, call: Call) -> Response:
        """Makes a secret id."""
        told = Fields(self._role(call))
        made = SecretId(
            id=str(uuid.uuid4()),
            accessor=str(uuid.uuid4()),
            role=call.params["name"],
            issued=call.now,
            uses=call.fields.number("num_uses", told.number("secret_id_num_uses")),
            ttl=call.fields.seconds("ttl", told.seconds("secret_id_ttl")),
        )
        self.secret_ids[made.id] = made
        return data(secret_id=made.id, secret_id_accessor=made.accessor, secret_id_num_uses=made.uses, secret_id_ttl=made.ttl)

    def destroy(self, call: Call) -> Response:
        """Ends a secret id."""
        for secret in [kept for kept in self.secret_ids.values() if kept.accessor == call.fields.text("secret_id_accessor")]:
            del self.secret_ids[secret.id]
        return EMPTY

    def login(self, call: Call) -> Response:
        """A token for both halves; counts a use of the secret id."""
        wanted = call.fields.text("role_id")
        if not wanted:
            raise Refused(500, "missing role_id")
        found = [name for name, role in self.roles.items() if secrets.compare_digest(str(role["role_id"]), wanted)]
        if not found:
            raise Refused(400, "invalid role or secret ID")
        role = self.roles[found[0]]
        meta = {"role_name": found[0]}
        if Fields(role).flag("bind_secret_id", default=True):
            self._spend(call, found[0])
        return self.grant(call, role, name="approle", meta=meta)

    def _spend(self, call: Call, role: str) -> None:
        given = call.fields.text("secret_id")
        if not given:
            raise Refused(400, "missing secret_id")
        secret = self.secret_ids.get(given)
        if secret is None or secret.role != role or (secret.ttl and call.now >= secret.issued + secret.ttl):
            raise Refused(400, "invalid role or secret ID")
        if secret.uses == 1:
            del self.secret_ids[given]
        elif secret.uses:
            secret.uses -= 1

    def _role(self, call: Call) -> dict[str, object]:
        found = self.roles.get(call.params["name"])
        if found is None:
            raise Refused(404)
        return found
