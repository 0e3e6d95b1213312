"""The same interface over a server that is really there: OpenBao or Vault, with a token that may do everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.vault_server.api import Vault

ADDRESS: Final = "CLUSTER_PKI_TEST_VAULT_ADDR"
TOKEN: Final = "CLUSTER_PKI_TEST_VAULT_TOKEN"  # noqa: S105  (the name of a variable)
CA_FILE: Final = "CLUSTER_PKI_TEST_VAULT_CACERT"


def available(environ: Mapping[str, str]) -> bool:
    """Whether there is one."""
    return bool(environ.get(ADDRESS))


@contextmanager
def real_vault(environ: Mapping[str, str]) -> Iterator[Vault]:
    """The server that variables name; what a test makes in it is taken away."""
    ca_file = environ.get(CA_FILE)
    vault = Vault(environ[ADDRESS].rstrip("/"), environ.get(TOKEN, "root"), ca_file=Path(ca_file) if ca_file else None)
    try:
        yield vault
    finally:
        vault.clean()
