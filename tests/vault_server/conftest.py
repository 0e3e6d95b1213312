from __future__ import annotations

from tests.vault_server.fixtures import client_pair, mean_server, server, tls_vault, vault

__all__ = ["client_pair", "mean_server", "server", "tls_vault", "vault"]
