"""Names in signing requests: each must be what it looks like, because whoever approves it only sees it printed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Final

from reconciler.desired.names import (
    InvalidNameError,
    canonical_dns,
    canonical_email,
    canonical_ip,
    canonical_uri,
    common_name,
    subject_attribute,
)
from reconciler.desired.unusable import quoted, refuse

#: What Kubernetes keeps for itself (apiserver `user.info`, node authorizer, bootstrap tokens).
RESERVED: Final = "system:"
MASTERS: Final = "system:masters"

_CHECKS: Final[dict[str, Callable[[str], str]]] = {
    "dns": lambda text: canonical_dns(text, wildcard=True),
    "ip": canonical_ip,
    "uri": canonical_uri,
    "email": canonical_email,
}


def check_subject(common: str, groups: Iterable[str]) -> None:
    """A user's name and groups.

    Raises:
        InvalidNameError: one of them can be mistaken for another.
    """
    for text in (common_name(common), *(subject_attribute(group, label="group") for group in groups)):
        folded = fold(text)
        if folded.startswith(RESERVED) and not text.startswith(RESERVED):
            refuse(f"{quoted(text)} looks like the reserved {quoted(folded)}", "choose a name of your own")


def check_san(san: str) -> None:
    """A subject alternative name as canonical string.

    Raises:
        InvalidNameError: verifiers refuse it or misread it.
    """
    kind, _, value = san.partition(":")
    if kind not in _CHECKS:
        refuse(f"a name of the form {quoted(san)} cannot be certified", "ask for DNS names, IP addresses, URIs or mailboxes")
    canonical = _CHECKS[kind](value)
    if canonical != value:
        refuse(f"{quoted(value)} is another spelling of {quoted(canonical)}", f'ask for "{canonical}"')


def fold(text: str) -> str:
    """A text with everything that people overlook made equal: width, case, marks, spaces."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return re.sub(r"\s", "", plain).casefold()


def is_reserved(text: str) -> bool:
    """Whether Kubernetes gives a user or group of this name a meaning of its own."""
    return text.startswith(RESERVED)


def matches(text: str, patterns: Iterable[str], *, name: str) -> bool:
    """Whether a text fits a pattern.

    Args:
        text: what is asked for.
        patterns: in which ``*`` stands for any characters but colons, so that no pattern ever covers a reserved name.
        name: what ``{name}`` stands for.
    """
    return any(_fits(text, pattern.replace("{name}", name)) for pattern in patterns)


def _fits(text: str, pattern: str) -> bool:
    """Part by part, because ``*`` stops at colons. No regular expression: one with several stars takes hours for a long name."""
    parts, wanted = text.split(":"), pattern.split(":")
    return len(parts) == len(wanted) and all(map(_part_fits, parts, wanted))


def _part_fits(text: str, pattern: str) -> bool:
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    *between, last = rest
    if not text.startswith(first) or len(text) < len(first) + len(last) or not text.endswith(last):
        return False
    text = text[len(first) : len(text) - len(last)]
    at = 0
    for piece in between:  # the leftmost place of each leaves most room for the next
        at = text.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


__all__ = ["MASTERS", "RESERVED", "InvalidNameError", "check_san", "check_subject", "fold", "is_reserved", "matches"]
