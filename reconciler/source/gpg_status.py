"""What gpg's status lines say about one signature (GnuPG, doc/DETAILS). A decision: lines in, signer out.

The exit code is not enough: gpg ends with 0 for a good signature of a revoked or expired key.
"""

from __future__ import annotations

from typing import Final

import msgspec

from reconciler.source.revision import Reason

#: Word of the verdict to what it means for us. Exactly one of these stands for each signature.
_BAD: Final[dict[str, tuple[Reason, str]]] = {
    "BADSIG": ("SignatureInvalid", "the signature does not fit the commit: it was changed after it was signed"),
    "EXPSIG": ("SignatureExpired", "the signature has expired"),
    "EXPKEYSIG": ("SignatureExpired", "the key that signed has expired"),
    "REVKEYSIG": ("SignatureRevoked", "the key that signed is revoked"),
    "ERRSIG": ("SignatureInvalid", "the signature cannot be checked"),
}
_NO_PUBLIC_KEY: Final = "9"
#: MD5, SHA-1 and RIPEMD-160 by their numbers in RFC 4880 section 9.4: collisions are made to order.
_BROKEN_DIGESTS: Final = frozenset({"1", "2", "3"})


class GoodSignature(msgspec.Struct, frozen=True, kw_only=True):
    """A valid signature by a valid key of the keyring."""

    primary: str
    """Fingerprint of the primary key: who."""
    key: str
    """Fingerprint of the key that signed, the primary key or a subkey of it."""


class BadSignature(msgspec.Struct, frozen=True, kw_only=True):
    """Why a signature does not count."""

    reason: Reason
    message: str


def judge(output: str) -> GoodSignature | BadSignature:
    """Reads the status lines of ``gpg --verify`` over one detached signature.

    Args:
        output: what ``--status-fd`` gave.
    """
    lines = [line.split() for line in output.splitlines() if line.startswith("[GNUPG:] ")]
    said: dict[str, list[list[str]]] = {}
    for _, word, *rest in (line for line in lines if len(line) > 1):
        said.setdefault(word, []).append(rest)
    for word, (reason, message) in _BAD.items():
        for fields in said.get(word, ()):
            if word == "ERRSIG" and fields[5:6] == [_NO_PUBLIC_KEY]:
                return BadSignature(reason="UnknownSigner", message=f"key {fields[0]} is not in the keyring")
            return BadSignature(reason=reason, message=message)
    good, valid = said.get("GOODSIG", []), said.get("VALIDSIG", [])
    # More than one signature, or text inside the signature, is nothing that git makes.
    if len(good) != 1 or len(valid) != 1 or len(valid[0]) < 10 or "PLAINTEXT" in said:  # noqa: PLR2004 - see DETAILS
        return BadSignature(reason="SignatureInvalid", message="there is no single OpenPGP signature that could be checked")
    if valid[0][7] in _BROKEN_DIGESTS:
        return BadSignature(reason="SignatureInvalid", message="the signature rests on a broken hash function")
    return GoodSignature(primary=valid[0][9], key=valid[0][0])
