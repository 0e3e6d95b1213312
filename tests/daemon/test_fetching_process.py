"""The reconcilers of two nodes, as processes: they follow what is issued into KV, and outlive a server that is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from reconciler.x509.read import read_certificates
from tests.cli.fetching import NODES, Fleet
from tests.daemon.running import Place, Running, running
from tests.vault_server.api import Vault
from tests.vault_server.server import VaultServer, vault_server

HEALTHY = ("True", "ReconciliationSucceeded")


@dataclass(slots=True)
class Nodes:
    """A cluster that is made, and its nodes at work."""

    fleet: Fleet
    server: VaultServer
    places: dict[str, Place]
    processes: dict[str, Running]

    def name(self, node: str) -> str:
        """The name that a node's certificate has; empty while it has none."""
        file = self.places[node].root / "etc/agent/tls.crt"
        return read_certificates(file.read_bytes())[0].facts.sans[0] if file.exists() else ""

    def has(self, node: str, ending: str) -> bool:
        """Whether a node has a certificate with a name that ends so, and nothing else to do."""
        return (self.name(node), self.ready(node)) == (f"dns:{node}.{ending}", HEALTHY)

    def ready(self, node: str) -> tuple[str, str]:
        """What a node says of itself."""
        return self.places[node].conditions().get("Ready", ("", ""))

    def fails(self, node: str) -> bool:
        """Whether it says that something is wrong."""
        return self.ready(node)[0] == "False"

    def wait_for(self, ending: str, *, hooked: int) -> None:
        """Until every node has its new certificate; the next passes tell nobody once more."""
        for node, process in self.processes.items():
            process.wait_for(partial(self.has, node, ending))
            process.wait_for_passes(2)
        assert [self.fleet.hooked(node) for node in NODES] == [hooked, hooked]


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    """Two of them, with tokens that only read."""
    with vault_server() as server, ExitStack() as processes:
        vault = Vault(server.address, server.root_token, scripted=server)
        fleet = Fleet(vault=vault, folder=tmp_path, monkeypatch=monkeypatch)
        fleet.change("auth: {method", "deadline: 5s, auth: {method")
        fleet.central("apply", "--auto-approve")
        made = Nodes(fleet, server, {}, {})
        for node in NODES:
            place = made.places[node] = Place(home=tmp_path / f"{node}-home")
            place.home.mkdir()
            place.write(fleet.text)
            policy = place.command("vault", "policy", "--node", node).stdout
            place.extra_environment["TOKEN"] = vault.token(vault.policy(policy), no_default_policy=True)
            made.processes[node] = processes.enter_context(running(place, "--node", node, interval="1s"))
        yield made


def test_nodes_follow_what_is_issued(nodes: Nodes) -> None:
    """Hooks run once for each certificate; while the server is away nothing changes, and afterwards they catch up."""
    nodes.wait_for("example.com", hooked=1)
    nodes.fleet.change('dns: ["{node}.example.com"]', 'dns: ["{node}.example.net"]')
    nodes.fleet.central("apply", "--auto-approve")
    nodes.wait_for("example.net", hooked=2)
    nodes.server.world.sealed = True
    for node, process in nodes.processes.items():
        process.wait_for(partial(nodes.fails, node))
        rows = {row["address"]: (row["sync"], row["health"]) for row in nodes.places[node].status()["resources"]}
        assert rows[f"component.agent[{node}]"] == ("Unknown", "Healthy")
    nodes.server.world.sealed = False
    nodes.fleet.change('dns: ["{node}.example.net"]', 'dns: ["{node}.example.org"]')
    nodes.fleet.central("apply", "--auto-approve")
    nodes.wait_for("example.org", hooked=3)
    assert [process.stop() for process in nodes.processes.values()] == [0, 0]
