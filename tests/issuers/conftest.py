from __future__ import annotations

from tests.issuers.bench import bench
from tests.vault_server.fixtures import vault

__all__ = ["bench", "vault"]
