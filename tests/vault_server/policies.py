"""What a token may do: policies as text, as a mapping from paths to capabilities, and as a decision."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

Policy = Mapping[str, frozenset[str]]

CAPABILITIES: Final = frozenset(
    {"create", "read", "update", "delete", "list", "patch", "sudo", "deny", "scan", "recover", "subscribe"}
)

#: What every token may do about itself (the built-in policy ``default``).
DEFAULT: Final[Policy] = {
    "auth/token/lookup-self": frozenset({"read"}),
    "auth/token/renew-self": frozenset({"update"}),
    "auth/token/revoke-self": frozenset({"update"}),
    "sys/capabilities-self": frozenset({"update"}),
    "sys/internal/ui/resultant-acl": frozenset({"read"}),
}

_TOKENS: Final = re.compile(r'\s+|#[^\n]*|//[^\n]*|"(?P<text>[^"\\\n]*)"|(?P<word>[A-Za-z_]+)|(?P<sign>[{}\[\]=,])')


class Malformed(ValueError):  # noqa: N818  (reads as what it says)
    """Text that is no policy."""


def parse(text: str) -> Policy:
    """Reads the part of HCL that policies need: ``path "x" { capabilities = ["read"] }``.

    Raises:
        Malformed: anything else stands there.
    """
    words = list(_words(text))
    rules: dict[str, frozenset[str]] = {}
    while words:
        path, words = _block(words)
        name, capabilities = path
        rules[name] = rules.get(name, frozenset()) | capabilities
    return rules


def _words(text: str) -> Iterable[tuple[str, str]]:
    position = 0
    while position < len(text):
        found = _TOKENS.match(text, position)
        if found is None:
            msg = f"unexpected text at {position}"
            raise Malformed(msg)
        position = found.end()
        if found.lastgroup:
            yield found.lastgroup, found[found.lastgroup]


def _block(words: list[tuple[str, str]]) -> tuple[tuple[str, frozenset[str]], list[tuple[str, str]]]:
    """The first block of some, and the rest."""
    shape = [word for kind, word in words[:6] if kind != "text"]
    if shape != ["path", "{", "capabilities", "=", "["] or words[1][0] != "text":
        msg = 'expected path "…" { capabilities = ['
        raise Malformed(msg)
    end = words.index(("sign", "]"), 6) if ("sign", "]") in words[6:] else -1
    if end < 0 or words[end + 1 : end + 2] != [("sign", "}")]:
        msg = "a block is not closed"
        raise Malformed(msg)
    inside = words[6:end]
    capabilities = frozenset(word for kind, word in inside if kind == "text")
    if "+*" in words[1][1]:
        msg = f"invalid wildcards in path {words[1][1]!r}"
        raise Malformed(msg)
    if any(kind == "word" for kind, _ in inside) or not capabilities <= CAPABILITIES:
        msg = f"invalid capability in path {words[1][1]!r}"
        raise Malformed(msg)
    return (words[1][1].strip("/") if words[1][1] == "/" else words[1][1].removeprefix("/"), capabilities), words[end + 2 :]


def capabilities(policies: Iterable[Policy], path: str, *, folder: bool = False) -> frozenset[str]:
    """What the policies together allow at a path: those of the rule that fits best; ``deny`` wins.

    Args:
        policies: of a token.
        path: without ``/v1/``.
        folder: whether a rule for the path without the slash at its end counts, too, as it does for lists.
    """
    rules: dict[str, frozenset[str]] = {}
    for policy in policies:
        for pattern, granted in policy.items():
            rules[pattern] = rules.get(pattern, frozenset()) | granted
    spelled = (path, path.removesuffix("/")) if folder else (path,)
    exact = [rules[spelling] for spelling in spelled if spelling in rules and not _has_wildcards(spelling)]
    fitting = [[rule for rule in rules if _has_wildcards(rule) and _fits(rule, spelling)] for spelling in spelled]
    best = exact + [rules[max(found, key=_priority)] for found in fitting if found]
    return frozenset() if not best or "deny" in best[0] else best[0]


def _has_wildcards(rule: str) -> bool:
    return rule.endswith("*") or "+" in rule.split("/")


def _fits(rule: str, path: str) -> bool:
    """Whether a path fits a rule; ``+`` stands for a part, an empty one, too."""
    prefix = rule.endswith("*")
    parts = ["[^/]*" if part == "+" else re.escape(part) for part in rule.removesuffix("*").split("/")]
    return re.fullmatch("/".join(parts) + (".*" if prefix else ""), path) is not None


def _priority(rule: str) -> tuple[int, bool, int, int, str]:
    """The later the first wildcard, the better; then no star at the end, fewer ``+``, more characters."""
    bare = rule.removesuffix("*")
    first = bare.index("+") if "+" in bare.split("/") else len(bare)
    return first, not rule.endswith("*"), -bare.split("/").count("+"), len(bare), bare
