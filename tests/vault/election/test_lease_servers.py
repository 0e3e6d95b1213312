"""A lease in the KV engine of each server that there is, over real connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.desired.vault import Auth, Connection
from reconciler.vault.client import Client
from reconciler.vault.election.cluster_lease import ClusterLease, ForeignLeaseError, Leading, Waiting, Where, Who
from reconciler.vault.election.leadership import LeaseLostError
from reconciler.vault.election.renewing import renewing
from reconciler.vault.engines.kv import Kv, Secret
from reconciler.vault.errors import Kind, VaultError
from tests.vault_server.api import Vault
from tests.vault_server.fixtures import vault

__all__ = ["vault"]

PATH = "clusters/demo/lock"
TTL = 1.5


@dataclass(slots=True)
class Server:
    """An engine, and processes with clients of their own."""

    vault: Vault
    mount: str
    clients: ExitStack
    born: int = 0

    def kv(self, *, token: str = "") -> Kv:
        """The engine, for whoever has this token."""
        auth = Auth(method="token", token_env="TOKEN")  # noqa: S106 - the name of a variable
        connection = Connection(
            name="main",
            addresses=(self.vault.address,),
            auth=auth,
            ca_file=str(self.vault.ca_file or ""),
            deadline=timedelta(seconds=5),
        )
        client = Client(connection, environ={"TOKEN": token or self.vault.root_token})
        self.clients.callback(client.close)
        return Kv(client, self.mount)

    def lease(self, kv: Kv | None = None, *, ttl: float = TTL) -> ClusterLease:
        """One process."""
        self.born += 1
        return ClusterLease(
            kv or self.kv(),
            Where(connection="main", mount=self.mount, path=PATH, ttl=ttl, call=ttl / 3),
            Who(id=f"id-{self.born}", host=f"cp-{self.born}", pid=self.born, view="demo"),
            clock=time.monotonic,
            now=lambda: datetime.now(UTC),
        )


@pytest.fixture
def server(vault: Vault) -> Iterator[Server]:
    """One with an empty engine."""
    with ExitStack() as clients:
        yield Server(vault, vault.mounted("kv"), clients)


def leads(lease: ClusterLease) -> bool:
    """Whether a try succeeds."""
    return isinstance(lease.attempt(), Leading)


def test_a_life_of_a_lease(server: Server) -> None:
    """Taken, renewed, seen by another, given back, taken by the other."""
    first, second = server.lease(), server.lease()
    assert (leads(first), leads(second)) == (True, False)
    time.sleep(TTL / 2)
    first.ensure()
    found = server.kv().read(PATH)
    assert isinstance(found, Secret)
    assert (found.version, found.data["holder"], found.data["renewed"], found.data["ttl"]) == (2, "id-1", 1, TTL)
    first.release()
    assert leads(second)
    with pytest.raises(LeaseLostError):
        first.ensure()
    second.ensure()


def test_a_silent_holder_is_replaced(server: Server) -> None:
    """After its time; when it wakes up it may not write, and waits."""
    first, second = server.lease(), server.lease()
    first.attempt()
    began = time.monotonic()
    second.acquire(timeout=3 * TTL, wait=time.sleep, stop=lambda: False)
    assert time.monotonic() - began >= TTL
    with pytest.raises(LeaseLostError, match=r"cp-2 \(pid 2\) has taken it"):
        first.ensure()
    assert isinstance(first.attempt(), Waiting)


@pytest.mark.parametrize("how", ["delete", "destroy", "purge_versions"])
def test_a_secret_that_was_removed_is_free(server: Server, how: str) -> None:
    """Deleted, with its history, or its versions destroyed: each leaves the engine something else to say."""
    first, second, kv = server.lease(ttl=60), server.lease(ttl=60), server.kv()
    first.attempt()
    second.attempt()
    if how == "purge_versions":
        kv.purge_versions(PATH, [1])
    else:
        getattr(kv, how)(PATH)
    assert leads(second)
    assert isinstance(first.attempt(), Leading)  # its own clock says so; it asks the server only when a renewal is due
    found = kv.read(PATH)
    assert isinstance(found, Secret)
    assert (found.data["holder"], found.version) == ("id-2", 1 if how == "destroy" else 2)


def test_something_else_is_left_alone(server: Server) -> None:
    """A secret of somebody else at the same path."""
    kv = server.kv()
    kv.write(PATH, {"password": "hunter2"}, cas=0)
    with pytest.raises(ForeignLeaseError):
        server.lease().attempt()
    found = kv.read(PATH)
    assert isinstance(found, Secret)
    assert (found.version, found.data) == (1, {"password": "hunter2"})


def test_one_of_many_wins(server: Server) -> None:
    """Eight processes at once, several times: check-and-set lets one of them have it."""
    for _ in range(3):
        leases = [server.lease(ttl=60) for _ in range(8)]
        results: list[bool] = []
        start = threading.Barrier(len(leases))

        def contend(lease: ClusterLease, start: threading.Barrier = start, results: list[bool] = results) -> None:
            start.wait()
            results.append(leads(lease))

        threads = [threading.Thread(target=contend, args=(lease,)) for lease in leases]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == [False] * 7 + [True]
        next(lease for lease in leases if lease.leads).release()


def test_a_thread_keeps_it_through_a_long_step(server: Server) -> None:
    """Nothing of the work asks for three times as long as it lasts; nobody takes it, and it is given back afterwards."""
    first, second = server.lease(), server.lease()
    first.attempt()
    with renewing(first, every=TTL / 12):
        for _ in range(15):
            time.sleep(TTL / 5)
            assert not leads(second)
        assert first.leads
    first.release()
    assert leads(second)


def test_a_token_that_may_not_write_is_told(server: Server) -> None:
    """Denied: nothing to wait for, and nobody leads."""
    token = server.vault.allowed({f"{server.mount}/data/*": ("read",)})
    lease = server.lease(server.kv(token=token))
    with pytest.raises(VaultError) as caught:
        lease.acquire(timeout=60, wait=time.sleep, stop=lambda: False)
    assert (caught.value.kind, lease.leads) == (Kind.DENIED, False)
