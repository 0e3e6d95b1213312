"""What an engine is: a table of routes over a state of its own. Engines know nothing of HTTP, policies, or each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from tests.vault_server.tokens import Token
from tests.vault_server.wire import Fields, Request, Response

#: The longest lease of a server that nobody configured: 32 days.
SYSTEM_MAX_TTL: Final = 2_764_800


@dataclass(slots=True, kw_only=True)
class Tuning:
    """What a mount may be told about lifetimes; 0 is what the server has."""

    default_lease_ttl: int = 0
    max_lease_ttl: int = 0

    @property
    def longest(self) -> int:
        """The longest lifetime in seconds."""
        return self.max_lease_ttl or SYSTEM_MAX_TTL

    @property
    def usual(self) -> int:
        """The lifetime of what does not ask for one."""
        return min(self.default_lease_ttl or SYSTEM_MAX_TTL, self.longest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request that has been let in, as a handler sees it."""

    request: Request
    params: Mapping[str, str]
    """What stands in the path."""
    fields: Fields
    now: float
    token: Token | None = None

    @property
    def caller(self) -> Token:
        """The token of a request that needs one."""
        assert self.token is not None
        return self.token


Handler = Callable[[Call], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One line of an engine's table."""

    method: str
    pattern: str
    """``:name`` stands for one part of a path, ``*name`` for all the rest."""
    handler: Handler
    known: frozenset[str] = frozenset()
    """The fields that may be sent."""
    open: bool = False
    """Whether no token is needed."""
    exists: Callable[[Call], bool] | None = None
    """Tells create from update, where the API tells them apart."""
    sudo: bool = False
    anything: bool = False
    """Whether the fields are the caller's own."""


def route(method: str, pattern: str, handler: Handler, known: str = "", **options: object) -> Route:
    """A line of a table, with the fields as words."""
    made = Route(method=method, pattern=pattern, handler=handler, known=frozenset(known.split()))
    for name, value in options.items():
        object.__setattr__(made, name, value)
    return made


@dataclass(slots=True, kw_only=True)
class Engine:
    """What is mounted somewhere."""

    tuning: Tuning = field(default_factory=Tuning)

    def routes(self) -> tuple[Route, ...]:
        """The table."""
        raise NotImplementedError


@lru_cache(maxsize=1000)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern of a route as a regular expression."""
    parts = []
    for part in pattern.split("/"):
        if part.startswith(":"):
            parts.append(rf"(?P<{part[1:]}>\w(?:[\w.-]*\w)?)")
        elif part.startswith("*"):
            parts.append(rf"(?P<{part[1:]}>.*)")
        else:
            parts.append(re.escape(part))
    return re.compile("/".join(parts))


def find(engine: Engine, method: str, path: str) -> tuple[Route | None, Mapping[str, str], bool]:
    """The route of a request, what stands in its path, and whether the path is known at all."""
    # A folder may be asked for with a slash at its end, or without.
    spelled = (path, path.removesuffix("/"), f"{path}/") if method == "LIST" else (path,)
    known = False
    for candidate in engine.routes():
        pattern = compiled(candidate.pattern)
        found = next((match for match in map(pattern.fullmatch, spelled) if match), None)
        if found is not None:
            known = True
            if candidate.method == method:
                return candidate, {name: value.rstrip("/") for name, value in found.groupdict().items()}, True
    return None, {}, known
