"""When to colour, and with what: a palette of six, whose text reads the same without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec


class Stream(Protocol):
    """As much of an open file as decides about colour."""

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        ...


def wants_colour(option: str, environ: Mapping[str, str], stream: Stream) -> bool:
    """Whether to colour what is written to one stream.

    The order is: the option, ``NO_COLOR`` (https://no-color.org: when it is not empty), ``FORCE_COLOR``
    (https://force-color.org: likewise), ``TERM=dumb``, and then whether the stream is a terminal.

    Args:
        option: what ``--color`` says: ``auto``, ``always`` or ``never``.
        environ: the environment.
        stream: where the text goes.
    """
    if option != "auto":
        return option == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return environ.get("TERM") != "dumb" and stream.isatty()


class Palette(msgspec.Struct, frozen=True, kw_only=True):
    """Colours that are all absent when `enabled` is False."""

    enabled: bool = False

    def bold(self, text: str) -> str:
        """What an eye should find first."""
        return self._paint("1", text)

    def dim(self, text: str) -> str:
        """What may be overlooked."""
        return self._paint("2", text)

    def red(self, text: str) -> str:
        """Something goes away or is wrong."""
        return self._paint("31", text)

    def green(self, text: str) -> str:
        """Something is new or right."""
        return self._paint("32", text)

    def yellow(self, text: str) -> str:
        """Something changes or will soon be wrong."""
        return self._paint("33", text)

    def cyan(self, text: str) -> str:
        """A note."""
        return self._paint("36", text)

    def _paint(self, code: str, text: str) -> str:
        # Each piece closes what it opened, so that pieces can be joined in any order and cut at line ends.
        return f"\x1b[{code}m{text}\x1b[0m" if self.enabled and text else text


#: No colour at all.
PLAIN = Palette()
