"""What tests of the client share: connections, a clock that only moves when it is told to, and usual answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import pytest

from reconciler.desired.vault import Auth, Connection
from reconciler.vault.client import Client
from reconciler.vault.errors import VaultError
from tests.vault.hostile import Act, Hostile, Received, http

TOKEN: Final = "hvs.CAESIJtokentokentokentoken"  # noqa: S105 - of a test
APPROLE: Final = Auth(method="approle", role_id_env="ROLE_ID", secret_id_env="SECRET_ID")  # noqa: S106 - a name
ENVIRON: Final = {"ROLE_ID": "role-of-ours", "SECRET_ID": "9f7e6d5c-secret-of-ours", "TOKEN": TOKEN}
GIVEN: Final = Auth(method="token", token_env="TOKEN")  # noqa: S106 - a name


class Clock:
    """Stands still but for sleeping, of which it keeps a record."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        """The time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Time passes."""
        self.slept.append(seconds)
        self.now += seconds


def connection(
    *addresses: str,
    auth: Auth = APPROLE,
    deadline: float = 10.0,
    namespace: str = "",
    ca_file: str = "",
    server_name: str = "",
    requests: int = 8,
) -> Connection:
    """A connection called main."""
    return Connection(
        name="main",
        addresses=addresses,
        auth=auth,
        deadline=timedelta(seconds=deadline),
        namespace=namespace,
        ca_file=ca_file,
        server_name=server_name,
        requests=requests,
    )


@contextmanager
def client_of(to: Connection, clock: Clock | None = None, environ: dict[str, str] | None = None) -> Iterator[Client]:
    """A client that is closed at the end; with a clock it waits in that one's time."""
    given = ENVIRON if environ is None else environ
    if clock is None:
        client = Client(to, environ=given)
    else:
        client = Client(to, environ=given, monotonic=clock, sleep=clock.sleep, jitter=lambda: 0.0)
    try:
        yield client
    finally:
        client.close()


def login(token: str = TOKEN, ttl: int = 3600, *, renewable: bool = True) -> bytes:
    """The answer to a login or a renewal."""
    return http(200, {"auth": {"client_token": token, "lease_duration": ttl, "renewable": renewable}, "data": None})


class Vault:
    """A script: logs everybody in, answers what it was told to, path by path, and all else with 404."""

    def __init__(self, **told: bytes | Act) -> None:
        self.logins: list[bytes | Act] = []
        self.told: dict[str, list[bytes | Act]] = {path: [answer] for path, answer in told.items()}

    def say(self, line: str, *answers: bytes | Act) -> Vault:
        """Answers of a method and path, one after the other; the last stays."""
        self.told[line] = list(answers)
        return self

    def __call__(self, received: Received) -> bytes | Act:
        """Answers."""
        path = received.target.removeprefix("/v1/").partition("?")[0]
        for key in (f"{received.method} {path}", path):
            if key in self.told:
                answers = self.told[key]
                return answers.pop(0) if len(answers) > 1 else answers[0]
        if path.startswith("auth/") and path.endswith("/login"):
            return login()
        if path == "auth/token/revoke-self":
            return http(204)
        return http(404, {"errors": []})


def calls(server: Hostile) -> list[str]:
    """What came, without logging in and out."""
    return [line for line in server.lines if not line.endswith(("/login", "/revoke-self"))]


@contextmanager
def failing() -> Iterator[list[VaultError]]:
    """A block that must raise a VaultError, which is in the list afterwards."""
    found: list[VaultError] = []
    with pytest.raises(VaultError) as caught:
        yield found
    found.append(caught.value)
