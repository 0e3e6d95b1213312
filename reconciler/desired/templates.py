"""The few placeholders that stand for a node: ``{node}``, ``{node.address}``, ``{node.host}``, ``{node.addresses}``."""

from __future__ import annotations

import re
from typing import Final

import msgspec

NAME: Final = "{node}"
ADDRESS: Final = "{node.address}"
HOST: Final = "{node.host}"
ADDRESSES: Final = "{node.addresses}"

_PLACEHOLDER: Final = re.compile(r"\{[^{}]*\}")
#: Only what is written like ours, and not a variable of a shell.
_PLACEHOLDER_OF_WORDS: Final = re.compile(r"(?<!\$)\{[a-z][a-z.]*\}")


class TemplateError(ValueError):
    """A placeholder that does not exist or does not fit: what is wrong, and what to write."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message: Final = message
        self.hint: Final = hint


class MissingAddressError(Exception):
    """A placeholder asks for the address of a node that has none."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """What a template can say about a node."""

    name: str
    roles: frozenset[str]
    addresses: tuple[str, ...]
    """Canonical IP addresses; the first is the advertise address."""
    sans: tuple[str, ...]
    """The addresses as SAN strings."""
    dns: str
    """The name as a SAN string."""

    @property
    def host(self) -> str:
        """The advertise address as it stands in a URL: IPv6 in brackets (RFC 3986 section 3.2.2)."""
        return f"[{self.addresses[0]}]" if ":" in self.addresses[0] else self.addresses[0]


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A text with placeholders, or without."""

    text: str
    uses: frozenset[str]
    """The placeholders in it."""

    def render(self, node: Node | None) -> str:
        """The text for one node; a text without placeholders needs none.

        Raises:
            MissingAddressError: it asks for an address and the node has none.
        """
        if not self.uses:
            return self.text
        if node is None:
            msg = f"{self.text!r} was rendered without a node"
            raise ValueError(msg)
        text = self.text.replace(NAME, node.name)
        if self.uses == {NAME}:
            return text
        if not node.addresses:
            raise MissingAddressError(node.name)
        return text.replace(ADDRESS, node.addresses[0]).replace(HOST, node.host)

    @property
    def is_list(self) -> bool:
        """Whether it stands for all addresses of a node."""
        return self.text == ADDRESSES


def parse_words(text: str) -> Template:
    """Reads an argument of a program, in which braces may mean something else: ``${HOME}``, ``{ a; b; }``, JSON.

    Raises:
        TemplateError: something that looks like a placeholder, ``{nodes}``, and is none.
    """
    uses = frozenset(_PLACEHOLDER_OF_WORDS.findall(text))
    for unknown in sorted(uses - {NAME, ADDRESS, HOST}):
        from reconciler.desired.report import did_you_mean  # noqa: PLC0415 - only mistakes need it

        msg = f'"{unknown}" stands for nothing'
        raise TemplateError(msg, did_you_mean(unknown, (NAME, ADDRESS, HOST)))
    return Template(text=text, uses=uses)


def parse_template(text: str, *, in_list: bool = False) -> Template:
    """Reads a text that may hold placeholders.

    Args:
        text: such as ``system:node:{node}``.
        in_list: whether it is an item of a list, where ``{node.addresses}`` alone expands to several.

    Raises:
        TemplateError: an unknown placeholder, a lone brace, or ``{node.addresses}`` where one value is needed.
    """
    if "{" not in text and "}" not in text:
        return Template(text=text, uses=frozenset())
    uses = frozenset(_PLACEHOLDER.findall(text))
    rest = _PLACEHOLDER.sub("", text)
    if "{" in rest or "}" in rest:
        msg = f'"{text}" has a brace without its partner'
        raise TemplateError(msg, f"placeholders are {NAME}, {ADDRESS}, {HOST} and {ADDRESSES}")
    for unknown in sorted(uses - {NAME, ADDRESS, HOST, ADDRESSES}):
        from reconciler.desired.report import did_you_mean  # noqa: PLC0415 - only mistakes need it

        msg = f'"{unknown}" stands for nothing'
        raise TemplateError(msg, did_you_mean(unknown, (NAME, ADDRESS, HOST, ADDRESSES)))
    if ADDRESSES in uses and not (in_list and text == ADDRESSES):
        msg = f'"{text}": {ADDRESSES} stands for a list and can only be an item of one, by itself'
        raise TemplateError(msg, f"{ADDRESS} is the first of them")
    return Template(text=text, uses=uses)
