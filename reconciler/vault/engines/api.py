"""What the engines ask of a client: the five verbs of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Answered(Protocol):
    """What a call gave back."""

    @property
    def data(self) -> Mapping[str, object]:
        """The object ``data``; empty without one."""
        ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the server wanted to say besides."""
        ...


class Api(Protocol):
    """A connection; every method raises `VaultError` and nothing else."""

    @property
    def name(self) -> str:
        """Of the connection."""
        ...

    def read(self, path: str, params: Mapping[str, str] | None = None) -> Answered:
        """GET."""
        ...

    def list(self, path: str) -> tuple[str, ...]:
        """LIST; nothing where there is nothing."""
        ...

    def write(self, path: str, body: Mapping[str, object], *, repeatable: bool = False) -> Answered:
        """POST; `repeatable` when sending it twice does no more than sending it once."""
        ...

    def delete(self, path: str) -> None:
        """DELETE."""
        ...

    def raw(self, path: str) -> bytes:
        """GET of something that is not JSON."""
        ...
