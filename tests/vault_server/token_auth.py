"""The token auth method: ``auth/token/``."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.vault_server.engine import Call, Engine, Route, route
from tests.vault_server.tokens import Grant, Token, TokenStore
from tests.vault_server.wire import EMPTY, Refused, Response

_CREATE = "policies ttl lease explicit_max_ttl period renewable type num_uses meta display_name no_parent no_default_policy id"


@dataclass(slots=True, kw_only=True)
class TokenAuth(Engine):
    """What tokens can do with tokens."""

    store: TokenStore = field(default_factory=TokenStore)

    def routes(self) -> tuple[Route, ...]:
        """See auth/token in the API."""
        return (
            route("GET", "lookup-self", self.lookup_self),
            route("POST", "lookup-self", self.lookup_self, "token"),
            route("POST", "lookup", self.lookup, "token"),
            route("POST", "lookup-accessor", self.lookup_accessor, "accessor"),
            route("POST", "renew-self", self.renew_self, "increment token"),
            route("POST", "revoke-self", self.revoke_self),
            route("POST", "revoke", self.revoke, "token"),
            route("POST", "revoke-accessor", self.revoke_accessor, "accessor"),
            route("POST", "create", self.create, _CREATE),
            route("POST", "create-orphan", self.create, _CREATE, sudo=True),
        )

    def lookup_self(self, call: Call) -> Response:
        """The caller's own."""
        return Response(data=call.caller.described(call.now))

    def lookup(self, call: Call) -> Response:
        """Another's."""
        found = self.store.tokens.get(call.fields.text("token"))
        if found is None or found.dead(call.now):
            raise Refused(403, "bad token")
        return Response(data=found.described(call.now))

    def lookup_accessor(self, call: Call) -> Response:
        """Another's, of which only the accessor is known."""
        return Response(data=self._by_accessor(call).described(call.now) | {"id": ""})

    def renew_self(self, call: Call) -> Response:
        """Lets the caller's own live longer."""
        warnings = self.store.renew(call.caller, call.fields.seconds("increment"), call.now)
        return Response(auth=call.caller.granted(call.now), warnings=warnings)

    def revoke_self(self, call: Call) -> Response:
        """Ends the caller's own."""
        if call.caller.batch:
            raise Refused(400, "batch tokens cannot be revoked")
        self.store.revoke(call.caller)
        return EMPTY

    def revoke(self, call: Call) -> Response:
        """Ends another."""
        found = self.store.tokens.get(call.fields.text("token"))
        if found is not None:
            self.store.revoke(found)
        return EMPTY

    def revoke_accessor(self, call: Call) -> Response:
        """Ends another, of which only the accessor is known."""
        try:
            self.store.revoke(self._by_accessor(call))
        except Refused:
            return Response(warnings=("No token found with this accessor",))
        return EMPTY

    def create(self, call: Call) -> Response:
        """Makes one: never with more policies than the caller has, unless that is root."""
        root = "root" in call.caller.policies
        policies = call.fields.texts("policies") or call.caller.policies
        if not root and not {*policies} <= {*call.caller.policies, "default"}:
            raise Refused(400, "child policies must be subset of parent")
        orphan = call.fields.flag("no_parent") or call.request.path.endswith("create-orphan")
        ttl = call.fields.seconds("ttl") or call.fields.seconds("lease")
        name = call.fields.text("display_name")
        made = self.store.make(
            Grant(
                policies=policies,
                ttl=ttl if "root" in policies else ttl or self.tuning.usual,
                longest=0 if "root" in policies else self.tuning.longest,
                meta=call.fields.pairs("meta"),
                renewable=call.fields.flag("renewable", default=True),
                batch=call.fields.text("type", "service") == "batch",
                uses=call.fields.number("num_uses"),
                parent="" if orphan else call.caller.id,
                namespace=call.caller.namespace if not call.request.namespace else call.request.namespace.strip("/"),
                explicit_max_ttl=call.fields.seconds("explicit_max_ttl"),
                period=call.fields.seconds("period"),
                default_policy=not call.fields.flag("no_default_policy"),
                display_name=f"token-{name}" if name else "token",
                id=call.fields.text("id") if root else "",
            ),
            call.now,
        )
        return Response(auth=made.granted(call.now))

    def _by_accessor(self, call: Call) -> Token:
        for token in self.store.tokens.values():
            if token.accessor == call.fields.text("accessor") and not token.batch and not token.dead(call.now):
                return token
        raise Refused(400, "1 error occurred:\n\t* invalid accessor\n\n")
