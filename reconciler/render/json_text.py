"""Documents as JSON: one line, pure ASCII, keys in a fixed order."""

from __future__ import annotations

import json

import msgspec


def render_json(document: msgspec.Struct) -> str:
    """A document as one line of JSON with a newline, as ``terraform show -json`` has it: made for `jq`, not for reading.

    Fields stand in the order of the format, keys of free mappings in alphabetical order, and everything beyond ASCII is
    escaped: the same document gives the same bytes, and no name in it can drive a terminal.
    """
    builtins = msgspec.to_builtins(document, order="deterministic")
    # DEL is the one control character that JSON lets through.
    return json.dumps(builtins, ensure_ascii=True, separators=(",", ":")).replace("\x7f", "\\u007f") + "\n"
