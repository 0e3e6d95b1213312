"""One wait for a server that is away is enough."""

from __future__ import annotations

import pytest

from reconciler.vault.errors import Kind, VaultError
from reconciler.vault.patience import AWAY, spared
from reconciler.vault.sparing import SparingClient
from tests.vault.hostile import http, serving
from tests.vault.scene import ENVIRON, Clock, Vault, calls, connection, failing

SEALED = http(503, {"errors": ["Vault is sealed"]})
DATA = http(200, {"data": {"value": 1}})


@pytest.mark.parametrize(
    ("kind", "status", "after", "expected"),
    [
        (Kind.UNREACHABLE, 0, 0.0, AWAY),
        (Kind.UNREACHABLE, 0, 9.0, 9.0),
        (Kind.UNREACHABLE, 502, 0.0, 0.0),  # somebody answered: that may be about the path
        (Kind.SEALED, 503, 0.0, AWAY),
        *((kind, 0, 9.0, 0.0) for kind in Kind if kind not in {Kind.UNREACHABLE, Kind.SEALED}),
    ],
)
def test_what_says_that_nobody_can_be_asked(kind: Kind, status: int, after: float, expected: float) -> None:
    """Only what is about the server as a whole."""
    assert spared(VaultError("main", "a", kind, "so it is", status=status, retry_after=after)) == expected


def test_other_calls_do_not_wait_again() -> None:
    """For a few seconds they fail as the first did, each with its own path; then somebody asks, and it may be back."""
    clock = Clock()
    script = Vault(b=DATA).say("GET a", SEALED)
    with serving(script) as server:
        client = SparingClient(connection(server.url), environ=ENVIRON, monotonic=clock, sleep=clock.sleep, jitter=lambda: 0.0)
        for path in ("a", "b", "c"):
            with failing() as found:
                client.read(path)
            assert (found[0].kind, found[0].path, found[0].messages) == (Kind.SEALED, path, ("Vault is sealed",))
        assert calls(server) == ["GET /v1/a"]
        clock.now += AWAY
        assert client.read("b").data == {"value": 1}
        assert client.read("b").data == {"value": 1}
        client.close()
