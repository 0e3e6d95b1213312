"""What goes over the wire, without the wire: requests, answers, and how the fields of a body are read. Data and decisions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

#: A duration as the API takes it: a number of seconds, or numbers with units.
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


class Refused(Exception):  # noqa: N818  (it is an answer)
    """An answer that says no."""

    def __init__(self, status: int, *errors: str) -> None:
        """Takes the status of HTTP and the texts of ``errors``."""
        super().__init__(f"{status}: {'; '.join(errors)}")
        self.status: Final = status
        self.errors: Final = errors


def denied() -> Refused:
    """What a token gets that may not."""
    return Refused(403, "1 error occurred:\n\t* permission denied\n\n")


def no_token() -> Refused:
    """What a request gets without a token that lives."""
    return Refused(403, "permission denied")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it came in."""

    method: str
    """``GET``, ``LIST``, ``POST`` (``PUT`` is the same), ``DELETE``."""
    path: str
    """Without ``/v1/``."""
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] = field(default_factory=dict)
    token: str = ""
    namespace: str = ""
    certificate: bytes = b""
    """DER of the certificate that the client showed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer as it goes out."""

    status: int = 200
    data: Mapping[str, object] | None = None
    auth: Mapping[str, object] | None = None
    warnings: tuple[str, ...] = ()
    bare: Mapping[str, object] | None = None
    """A body without the envelope, such as that of ``sys/health``."""
    raw: bytes | None = None
    """A body that is no JSON."""
    content_type: str = "application/json"


EMPTY: Final = Response(status=204)


class Fields:
    """The fields of a request's body and query, read with the types that the API has."""

    def __init__(self, given: Mapping[str, object]) -> None:
        """Takes what was sent."""
        self._given = given

    def __contains__(self, name: object) -> bool:
        return name in self._given

    def names(self) -> frozenset[str]:
        """What was sent at all."""
        return frozenset(self._given)

    def text(self, name: str, default: str = "") -> str:
        """A string; numbers are taken, too."""
        match self._given.get(name, default):
            case bool() as value:
                return "1" if value else "0"
            case str() | int() | float() as value:
                return str(value)
            case None:
                return default
            case other:
                raise wrong(name, other, "string")

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean; its usual spellings are taken, too."""
        match self._given.get(name, default):
            case bool() as value:
                return value
            case str() as text if text.lower() in {"true", "false", "1", "0", ""}:
                return text.lower() in {"true", "1"}
            case None:
                return default
            case other:
                raise wrong(name, other, "bool")

    def number(self, name: str, default: int = 0) -> int:
        """A whole number; one in a string is taken, too."""
        match self._given.get(name, default):
            case bool() as value:
                raise wrong(name, value, "int")
            case int() as value:
                return value
            case str() as text if re.fullmatch(r"-?\d+", text):
                return int(text)
            case None:
                return default
            case other:
                raise wrong(name, other, "int")

    def seconds(self, name: str, default: int = 0) -> int:
        """A duration: seconds, or text such as ``1h30m``."""
        match self._given.get(name, default):
            case bool() as value:
                raise wrong(name, value, "duration")
            case int() as value:
                return value
            case str() as text:
                return duration(text, name)
            case None:
                return default
            case other:
                raise wrong(name, other, "duration")

    def texts(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Several strings: a list, or one string with commas."""
        match self._given.get(name, default):
            case None:
                return default
            case str() as text:
                return tuple(part.strip() for part in text.split(",") if part.strip())
            case list() | tuple() as values if all(isinstance(value, str) for value in values):
                return tuple(values)
            case other:
                raise wrong(name, other, "slice")

    def texts_or_numbers(self, name: str) -> tuple[str, ...]:
        """Several whole numbers, as text."""
        match self._given.get(name):
            case list() as values if all(isinstance(value, int | str) and not isinstance(value, bool) for value in values):
                return tuple(str(value) for value in values)
            case _:
                return self.texts(name)

    def mapping(self, name: str) -> Mapping[str, object]:
        """An object."""
        match self._given.get(name):
            case None:
                return {}
            case dict() as value:
                return value
            case other:
                raise wrong(name, other, "map")

    def pairs(self, name: str) -> Mapping[str, str]:
        """An object of strings."""
        found = self.mapping(name)
        bad = [value for value in found.values() if not isinstance(value, str)]
        if bad:
            raise wrong(name, bad[0], "map of strings")
        return {key: str(value) for key, value in found.items()}


def duration(text: str, name: str = "ttl") -> int:
    """The seconds of a duration."""
    if not text:
        return 0
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise wrong(name, text, "duration")
    return round(sum(float(number) * _UNITS[unit] for number, unit in parts))


def wrong(name: str, value: object, expected: str) -> Refused:
    """What a field of the wrong type gets; the value is not repeated."""
    return Refused(
        400, f'Field validation failed: error converting input for field "{name}": {type(value).__name__} is no {expected}'
    )


def data(**fields: object) -> Response:
    """An answer with data."""
    return Response(data=fields)


def listing(names: list[str], **more: object) -> Response:
    """The answer to LIST: 404 when there is nothing."""
    if not names:
        raise Refused(404)
    return Response(data={"keys": names, **more})
