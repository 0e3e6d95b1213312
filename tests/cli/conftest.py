from __future__ import annotations

from tests.vault_server.fixtures import vault

__all__ = ["vault"]
