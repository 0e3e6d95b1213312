"""Tokens: what they are, how long they live, and what hangs on them. Data and decisions; the time is an argument."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.vault_server.clocks import rfc3339
from tests.vault_server.wire import Refused, no_token

NO_ENTITY: Final = ""


@dataclass(slots=True, kw_only=True)
class Token:
    """A token that was given out."""

    id: str
    accessor: str
    policies: tuple[str, ...]
    issued: float
    ttl: int
    """At the time of creation; 0 is for ever."""
    longest: int = 0
    """Seconds after issue when no renewal helps any more; 0 is never."""
    expires: float = 0.0
    renewable: bool = True
    batch: bool = False
    path: str = "auth/token/create"
    display_name: str = "token"
    meta: Mapping[str, str] = field(default_factory=dict)
    uses: int = 0
    parent: str = ""
    namespace: str = ""
    explicit_max_ttl: int = 0
    period: int = 0
    last_renewal: float = 0.0

    def left(self, now: float) -> int:
        """Seconds that it has."""
        return max(0, int(self.expires - now)) if self.expires else 0

    def dead(self, now: float) -> bool:
        """Whether it has expired."""
        return bool(self.expires) and now >= self.expires

    def described(self, now: float) -> dict[str, object]:
        """What a lookup says."""
        known: dict[str, object] = {
            "accessor": "" if self.batch else self.accessor,
            "creation_time": int(self.issued),
            "creation_ttl": self.ttl,
            "display_name": self.display_name,
            "entity_id": NO_ENTITY,
            "expire_time": rfc3339(self.expires) if self.expires else None,
            "explicit_max_ttl": self.explicit_max_ttl,
            "id": self.id,
            "issue_time": rfc3339(self.issued),
            "meta": dict(self.meta) or None,
            "num_uses": self.uses,
            "orphan": not self.parent,
            "path": self.path,
            "policies": list(self.policies),
            "renewable": self.renewable,
            "ttl": self.left(now),
            "type": "batch" if self.batch else "service",
        }
        if self.namespace:
            known["namespace_path"] = f"{self.namespace}/"
        if self.period:
            known["period"] = self.period
        if self.last_renewal:
            known |= {"last_renewal": rfc3339(self.last_renewal), "last_renewal_time": int(self.last_renewal)}
        return known

    def granted(self, now: float) -> dict[str, object]:
        """The ``auth`` of the answer to a login, a creation or a renewal."""
        return {
            "client_token": self.id,
            "accessor": "" if self.batch else self.accessor,
            "policies": list(self.policies),
            "token_policies": list(self.policies),
            "metadata": dict(self.meta) or None,
            "lease_duration": self.left(now),
            "renewable": self.renewable,
            "entity_id": NO_ENTITY,
            "token_type": "batch" if self.batch else "service",
            "orphan": not self.parent,
            "mfa_requirement": None,
            "num_uses": self.uses,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What is asked for when a token is made."""

    policies: Iterable[str]
    ttl: int
    longest: int = 0
    path: str = "auth/token/create"
    display_name: str = "token"
    meta: Mapping[str, str] = field(default_factory=dict)
    renewable: bool = True
    batch: bool = False
    uses: int = 0
    parent: str = ""
    namespace: str = ""
    explicit_max_ttl: int = 0
    period: int = 0
    default_policy: bool = True
    id: str = ""


@dataclass(slots=True, kw_only=True)
class TokenStore:
    """Every token that lives."""

    tokens: dict[str, Token] = field(default_factory=dict)
    revoked: int = 0

    def make(self, grant: Grant, now: float) -> Token:
        """Makes one."""
        policies = {*grant.policies, *(("default",) if grant.default_policy and "root" not in grant.policies else ())}
        limits = [limit for limit in (grant.longest, grant.explicit_max_ttl) if limit]
        ttl = min([grant.period or grant.ttl, *limits]) if grant.ttl or grant.period else 0
        made = Token(
            id=grant.id or ("b." if grant.batch else "s.") + secrets.token_urlsafe(18),
            accessor=secrets.token_urlsafe(18),
            policies=tuple(sorted(policies)),
            issued=now,
            ttl=ttl,
            longest=0 if grant.period else min(limits, default=0),
            expires=now + ttl if ttl else 0.0,
            renewable=grant.renewable and not grant.batch and bool(ttl),
            batch=grant.batch,
            path=grant.path,
            display_name=grant.display_name,
            meta=dict(grant.meta),
            uses=grant.uses,
            parent=grant.parent,
            namespace=grant.namespace,
            explicit_max_ttl=grant.explicit_max_ttl,
            period=grant.period,
        )
        self.tokens[made.id] = made
        return made

    def find(self, given: str, now: float) -> Token:
        """The living token of a request.

        Raises:
            Refused: there is none.
        """
        found = self.tokens.get(given)
        if found is not None and found.dead(now):
            self.revoke(found)
            found = None
        if found is None:
            raise no_token()
        return found

    def use(self, token: Token) -> None:
        """Counts a use."""
        if token.uses:
            token.uses -= 1
            if not token.uses:
                token.uses = -1

    def spent(self, token: Token) -> None:
        """Takes it away after its last use."""
        if token.uses < 0:
            self.revoke(token)

    def renew(self, token: Token, increment: int, now: float) -> tuple[str, ...]:
        """Lets one live longer; returns warnings.

        Raises:
            Refused: it cannot be renewed.
        """
        if token.batch:
            raise Refused(400, "batch tokens cannot be renewed")
        if not token.renewable:
            raise Refused(400, "lease is not renewable")
        wanted = token.period or increment or token.ttl
        granted = min(wanted, int(token.issued + token.longest - now)) if token.longest else wanted
        token.expires = now + granted
        token.last_renewal = now
        if granted < wanted:
            return (f'TTL of "{wanted}s" exceeded the effective max_ttl of "{granted}s"; TTL value is capped accordingly',)
        return ()

    def revoke(self, token: Token) -> None:
        """Takes one away, and what was made with it."""
        if self.tokens.pop(token.id, None) is not None:
            self.revoked += 1
        for child in [child for child in self.tokens.values() if child.parent == token.id]:
            self.revoke(child)
