"""A client in memory: it answers by path, and keeps what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from reconciler.vault.answers import Answer
from reconciler.vault.errors import Kind, VaultError


@dataclass(slots=True)
class Scripted:
    """The interface of a client, over a table. An error in it is raised, a function is called for its answer."""

    answers: dict[str, object]
    asked: list[tuple[str, str, Mapping[str, object] | None]] = field(default_factory=list)
    name: str = "main"

    def read(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """GET."""
        return self._answer("GET", path, params)

    def list(self, path: str) -> tuple[str, ...]:
        """LIST; nothing where the table has nothing."""
        return cast("tuple[str, ...]", self.answers.get(path, ()))

    def write(self, path: str, body: Mapping[str, object], *, repeatable: bool = False) -> Answer:
        """POST."""
        return self._answer("POST repeatable" if repeatable else "POST", path, body)

    def delete(self, path: str) -> None:
        """DELETE."""
        self.asked.append(("DELETE", path, None))

    def raw(self, path: str) -> bytes:
        """GET of bytes."""
        self.asked.append(("GET raw", path, None))
        return cast("bytes", self.answers[path])

    def _answer(self, method: str, path: str, body: Mapping[str, object] | None) -> Answer:
        self.asked.append((method, path, body))
        found = self.answers.get(path)
        if callable(found):
            found = cast("Callable[[], object]", found)()
        if found is None:
            raise VaultError(self.name, path, Kind.ABSENT, "there is nothing")
        if isinstance(found, VaultError):
            raise found
        return found if isinstance(found, Answer) else Answer(data=cast("Mapping[str, object]", found))
