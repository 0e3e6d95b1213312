"""Fixtures of pytest. A ``conftest.py`` imports those that it needs: ``from tests.vault_server.fixtures import vault``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.vault_server.api import Vault
from tests.vault_server.real import ADDRESS, available, real_vault
from tests.vault_server.script import Mean
from tests.vault_server.server import VaultServer, vault_server
from tests.vault_server.tls import Pair, context_from, make

#: The scripted server always, and the real one where there is one.
SERVERS: Final = ("scripted", "real") if available(os.environ) else ("scripted",)
SERVERS_WITH_TLS: Final = ("scripted", "real") if os.environ.get(ADDRESS, "").startswith("https:") else ("scripted",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPair:
    """Who a client is to a server that asks for certificates."""

    ca: Pair
    files: tuple[Path, Path]
    """Certificate and key of ``CN=reconciler``."""


@pytest.fixture
def server() -> Iterator[VaultServer]:
    """The scripted server, empty, well-behaved, strict about fields."""
    with vault_server() as made:
        yield made


@pytest.fixture(params=[1, 2, 3])
def mean_server(request: pytest.FixtureRequest) -> Iterator[VaultServer]:
    """The scripted server, empty, and as badly behaved as may be: three times, each in its own way."""
    with vault_server(mean=Mean(request.param)) as made:
        yield made


@pytest.fixture(params=SERVERS)
def vault(request: pytest.FixtureRequest) -> Iterator[Vault]:
    """Each server that there is, in turn."""
    if request.param == "real":
        with real_vault(os.environ) as found:
            yield found
    else:
        with vault_server() as made:
            yield Vault(made.address, made.root_token, scripted=made)


@pytest.fixture
def client_pair(tmp_path: Path) -> ClientPair:
    """A certificate for a client, and the CA that has signed it."""
    ca = make("Clients")
    return ClientPair(ca=ca, files=make("reconciler", ca).write(tmp_path, "reconciler"))


@pytest.fixture(params=SERVERS_WITH_TLS)
def tls_vault(request: pytest.FixtureRequest, tmp_path: Path, client_pair: ClientPair) -> Iterator[Vault]:
    """Each server that speaks TLS, in turn; it takes the certificates of `client_pair`."""
    if request.param == "real":
        with real_vault(os.environ) as found:
            yield found
        return
    ca = make("Server CA")
    make("vault", ca, hosts=("127.0.0.1", "localhost", "vault.internal")).write(tmp_path, "server")
    (tmp_path / "client-ca.crt").write_bytes(client_pair.ca.pem)
    (tmp_path / "server-ca.crt").write_bytes(ca.pem)
    with vault_server(tls=context_from(tmp_path)) as made:
        yield Vault(made.address, made.root_token, ca_file=tmp_path / "server-ca.crt", scripted=made)
