from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vault_server.api import Vault
from tests.vault_server.fixtures import server, vault
from tests.vault_server.server import VaultServer
from tests.vault_stories.site import Site, site

__all__ = ["server", "vault"]


@pytest.fixture
def place(vault: Vault, tmp_path: Path) -> Iterator[Site]:
    """A site on each server that there is, with nothing in it."""
    with site(vault, tmp_path) as made:
        yield made


@pytest.fixture
def scripted(server: VaultServer, tmp_path: Path) -> Iterator[Site]:
    """A site on the scripted server, which can be told to misbehave."""
    with site(Vault(server.address, server.root_token, scripted=server), tmp_path) as made:
        yield made
