"""A client for many calls: while a server is away, one wait is enough for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from reconciler.vault.client import Client, Judge
from reconciler.vault.errors import VaultError
from reconciler.vault.exchange import Method
from reconciler.vault.patience import spared

T = TypeVar("T")


class SparingClient(Client):
    """Fails at once for a few seconds after a call to which nobody answered, or a sealed server did: with the same reason.

    A pass over a thousand secrets would wait a thousand times otherwise.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - handed on as they are
        """Takes what `Client` takes."""
        super().__init__(*arguments, **named)
        self._away: tuple[VaultError, float] | None = None
        """Why nobody could be asked the last time, and until when nobody is asked again."""

    def _call(
        self,
        method: Method,
        path: str,
        judging: Judge[T],
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        repeatable: bool = False,
    ) -> T:
        away = self._away
        if away is not None and self._monotonic() < away[1]:
            raise away[0].at(path)
        try:
            found = super()._call(method, path, judging, params=params, body=body, repeatable=repeatable)
        except VaultError as error:
            if seconds := spared(error):
                self._away = (error, self._monotonic() + seconds)
            raise
        self._away = None
        return found
