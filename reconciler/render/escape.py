"""Text of unknown origin made safe to show: names in certificates come from whoever issued them.

A terminal acts on control characters, and a reader is misled by invisible and direction-changing ones (Unicode
Technical Report 36, section 2), so every character of those kinds becomes a visible escape.
"""

from __future__ import annotations

import re
import unicodedata

#: Categories without a glyph of their own: controls (C0, DEL, C1), formats (bidi, zero width, tags), surrogates, private
#: use, and the two separators that break lines.
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
#: What nearly all text consists of; tested first because it is fast.
_PRINTABLE_ASCII = re.compile(r"[ -~]*")


def visible(text: str) -> str:
    r"""The text on one line, every invisible character escaped: ``\x1b``, ``\u202e``, ``\U000e0001``."""
    if _PRINTABLE_ASCII.fullmatch(text):
        return text
    return "".join(_escape(char) if unicodedata.category(char) in INVISIBLE else char for char in text)


def quoted(text: str) -> str:
    """The text in double quotes, with quotes and backslashes of its own escaped."""
    # Backslashes are doubled first: what is shown as \x1b is then never the four characters of a harmless name.
    return '"' + visible(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def _escape(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    number = ord(char)
    if number <= 0xFF:  # noqa: PLR2004 - the largest code that \x can hold
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"  # noqa: PLR2004 - likewise for \u
