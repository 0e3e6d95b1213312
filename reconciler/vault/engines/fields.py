"""The fields of an answer, each of the type that the API gives it: a page of a proxy is told, not used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NoReturn

from reconciler.vault.errors import Kind, VaultError


class Fields:
    """One object of an answer."""

    __slots__ = ("_connection", "_data", "_path")

    def __init__(self, connection: str, path: str, data: Mapping[str, object]) -> None:
        """Takes the object, and where it comes from."""
        self._connection: Final = connection
        self._path: Final = path
        self._data: Final = data

    def __contains__(self, name: str) -> bool:
        return self._data.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """A string; `default` where it is missing or null.

        Raises:
            VaultError: it is of another type, or is missing and has no default.
        """
        value = self._data.get(name, default)
        if value is None:
            value = default
        return value if isinstance(value, str) else self.refuse(name, "a string")

    def integer(self, name: str, default: int | None = None) -> int:
        """A whole number; `default` where it is missing or null.

        Raises:
            VaultError: see `text`.
        """
        value = self._data.get(name)
        if value is None:
            value = default
        return value if isinstance(value, int) and not isinstance(value, bool) else self.refuse(name, "a whole number")

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        """True or false; `default` where it is missing or null.

        Raises:
            VaultError: see `text`.
        """
        value = self._data.get(name)
        if value is None:
            value = default
        return value if isinstance(value, bool) else self.refuse(name, "true or false")

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings; empty where it is missing or null.

        Raises:
            VaultError: it is of another type.
        """
        value = self._data.get(name)
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
            self.refuse(name, "a list of strings")
        return tuple(value)

    def table(self, name: str) -> Mapping[str, object]:
        """An object; empty where it is missing or null.

        Raises:
            VaultError: it is of another type.
        """
        value = self._data.get(name)
        if value is None:
            return {}
        return value if isinstance(value, dict) else self.refuse(name, "an object")

    def inside(self, name: str, key: str) -> Fields:
        """One object inside an object of objects; empty where it is missing or null.

        Raises:
            VaultError: it is of another type.
        """
        value = self.table(name).get(key)
        if value is None:
            value = {}
        return Fields(self._connection, self._path, value) if isinstance(value, dict) else self.refuse(name, "objects")

    def refuse(self, name: str, wanted: str) -> NoReturn:
        """Says that a field is not what it has to be, without what it holds.

        Raises:
            VaultError: always.
        """
        problem = f"the answer has no field {name} that is {wanted}"
        raise VaultError(self._connection, self._path, Kind.NONSENSE, problem, hint="look whether a proxy answers in its stead")
