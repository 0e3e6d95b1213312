"""How mounts, prefixes and paths in Vault may be written: each in one way, so that two that are equal look equal."""

from __future__ import annotations

import re
from typing import Final

from reconciler.desired.unusable import InvalidNameError, first_strange, quoted, refuse

__all__ = ["DATA", "InvalidNameError", "kv_mount", "vault_path"]

#: What stands between mount and path in the API of KV version 2.
DATA: Final = "data"
MAX_PATH: Final = 512
#: Neither of the wildcards of policies: ``*``, and ``+`` for one whole part.
_PART: Final = re.compile(r"[A-Za-z0-9._~@=:,-]+")


def vault_path(text: str, what: str) -> str:
    """A mount, a prefix or a path under a mount.

    Args:
        text: as written.
        what: what it is, for the message: ``mount``.

    Raises:
        InvalidNameError: it is empty, has a slash at an end, is not normalised, or holds a character that policies or
            URLs read differently.
    """
    shown = quoted(text)
    if not text:
        refuse(f"an empty {what}", f"name the {what}, without slashes at its ends")
    parts = text.split("/")
    plain = "/".join(part for part in parts if part not in ("", ".", ".."))
    if text != plain:
        refuse(f"{shown} is not a plain {what}", f'write "{plain}"' if plain else f"name the {what}")
    if len(text) > MAX_PATH:
        refuse(f"{shown} is longer than {MAX_PATH} characters", "shorten it")
    for part in parts:
        if not _PART.fullmatch(part):
            refuse(f'{shown} holds "{first_strange(part, _PART)}"', "use letters, digits and ._~@=:,-")
    return text


def kv_mount(text: str) -> str:
    """Where a KV engine is mounted.

    Raises:
        InvalidNameError: as `vault_path`, or a part is called ``data``: nobody could tell then where the mount ends.
    """
    parts = vault_path(text, "mount").split("/")
    if DATA in parts:
        above = "/".join(parts[: parts.index(DATA)])
        hint = f'write "{above}": what comes after `data` belongs to the prefix or path' if above else "mount it elsewhere"
        refuse(f'{quoted(text)} has a part "{DATA}", which stands between mount and path in the API of KV', hint)
    return text
