"""The clients of a process: one a connection, opened at first use, kept from pass to pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.desired.vault import Connection
from reconciler.vault.client import Client
from reconciler.vault.errors import Kind, VaultError
from reconciler.vault.sparing import SparingClient


class Clients:
    """Every client that this process has opened. A context: leaving it revokes the tokens that they got."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Nothing is opened yet.

        Args:
            environ: where connections may have their secrets.
        """
        self._environ: Final = environ
        self._open: Final[dict[Connection, Client]] = {}

    def of(self, connections: Mapping[str, Connection], name: str) -> Client:
        """The client of a connection, as it is declared now.

        Raises:
            VaultError: there is no such connection, or it cannot be used as it is declared.
        """
        connection = connections.get(name)
        if connection is None:
            hint = "declare it again under `connections` until nothing is left behind it"
            raise VaultError(name, "", Kind.CONFIGURATION, "it is not declared any more", hint=hint)
        if connection not in self._open:
            self._open[connection] = SparingClient(connection, environ=self._environ)
        return self._open[connection]

    def close(self) -> None:
        """Closes them all; see `Client.close`."""
        while self._open:
            self._open.popitem()[1].close()
