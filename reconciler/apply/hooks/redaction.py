"""Takes private keys out of what somebody printed, however they were printed. Decisions.

Better a word too many than a key: what stands next to a key, or is shared by a key and its certificate, may go with it.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator
from typing import Final

REDACTED: Final = "[redacted]"

#: A block that lost its end is a key as well, and so is what stands before an END whose beginning was cut away.
_KEY: Final = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_TAIL_OF_KEY: Final = re.compile(r"\A.*-----END [A-Z0-9 ]*PRIVATE KEY-----", re.DOTALL)
#: ``-----BEGIN`` in base64: a kubeconfig's client-key-data, which holds the PEM text once more encoded.
_ENCODED: Final = re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/=]+")
_LABEL: Final = 64

#: A SEQUENCE (0x30) in base64 begins with M; sixteen letters hold all that tells a key. Found inside of longer runs, too.
_SEQUENCE: Final = re.compile(r"(?=(M[A-Za-z0-9+/]{15}))")
#: The next letter of a body: on the same line, on the next one, or after a line end that JSON or a shell has escaped.
_LETTER: Final = re.compile(r"(?:\s|\\[nr])*[A-Za-z0-9+/=]")
#: ITU-T X.690 section 8.1.3: a length, then the version. What follows tells the three kinds of keys: the SEQUENCE of an
#: algorithm (RFC 5958 section 2), the octets of an EC key (RFC 5915 section 3), the modulus of an RSA key (RFC 8017 A.1.2).
_PRIVATE: Final = re.compile(
    rb"0(?:([\x10-\x7f])|\x81(.)|\x82(..)|\x83(...))(?:\x02\x01[\x00\x01]\x30|\x02\x01\x01\x04|\x02\x01[\x00\x01]\x02)", re.DOTALL
)

#: What ``openssl pkey -text`` and ``certtool --key-info`` print before the secret parts of a key.
_HEADINGS: Final = (
    *("priv:", "privateExponent:", "prime1:", "prime2:", "exponent1:", "exponent2:", "coefficient:"),
    *("private key:", "private exponent:", "prime p:", "prime q:", "coefficient:", "exp1:", "exp2:"),
)
_PAIRS: Final = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})*:?")

#: So many letters of a known key in a row give a line away; the name of an algorithm, which a public key has, too, is shorter.
_WINDOW: Final = 24
#: Of a line that is all of it a part of a key, such as the last one.
_SHORTEST: Final = 8
_RUN: Final = re.compile(rf"[A-Za-z0-9+/=]{{{_SHORTEST},}}")


def without_keys(text: str, known: frozenset[str] = frozenset()) -> str:
    """The text with every private key in it replaced by a word.

    Args:
        text: of unknown origin, without control characters but tabs and line ends.
        known: keys of which no part may be in it, from `bodies`.
    """
    text = _TAIL_OF_KEY.sub(REDACTED, _KEY.sub(REDACTED, text))
    text = _ENCODED.sub(_redact_encoded, text)
    text = _without_dumps(_without_der(text))
    return _RUN.sub(lambda found: REDACTED if _is_known(found[0], known) else found[0], text) if known else text


def bodies(text: str) -> Iterator[str]:
    """The private keys of a file in base64, by which parts are known that lost their beginning or are wrapped in another way.

    Args:
        text: PEM text, or a kubeconfig that embeds it.
    """
    for encoded in _ENCODED.findall(text):
        if _redact_encoded_text(encoded) == REDACTED:
            yield encoded
            yield from bodies(b64decode(encoded[: len(encoded) // 4 * 4]).decode(errors="replace"))
    yield from ("".join(found[1].split()) for found in _KEY.finditer(text))


def _is_known(run: str, known: frozenset[str]) -> bool:
    windows = [run[begin : begin + _WINDOW] for begin in range(len(run) - _WINDOW + 1)]
    return any(run in body or any(window in body for window in windows) for body in known)


def _redact_encoded(found: re.Match[str]) -> str:
    return _redact_encoded_text(found[0])


def _redact_encoded_text(encoded: str) -> str:
    label = encoded[:_LABEL]
    return REDACTED if b"PRIVATE KEY" in b64decode(label[: len(label) // 4 * 4]) else encoded


def _without_der(text: str) -> str:
    """Without the base64 of keys that lost their PEM lines: as many letters as the key says that it has."""
    parts, done = [], 0
    for found in _SEQUENCE.finditer(text):
        key = _PRIVATE.match(b64decode(found[1])) if found.start() >= done else None
        if key is None:
            continue
        parts += [text[done : found.start()], REDACTED]
        length = int.from_bytes(next(filter(None, key.groups()))) + key.end(key.lastindex or 0)
        done = found.start()
        for _ in range(-(-length // 3) * 4):
            letter = _LETTER.match(text, done)
            if letter is None:
                break
            done = letter.end()
    return "".join([*parts, text[done:]])


def _without_dumps(text: str) -> str:
    """Without the lines of hexadecimal pairs below a heading that says what they are."""
    kept: list[str] = []
    inside = False
    for line in text.split("\n"):
        words = line.split()
        if inside and words and _PAIRS.fullmatch(words[-1]):
            if kept[-1] != REDACTED:
                kept.append(REDACTED)
            continue
        inside = line.rstrip().endswith(_HEADINGS)
        kept.append(line)
    return "\n".join(kept)
