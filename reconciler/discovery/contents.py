"""From the bytes of a file to what they are, whatever its name: by the PEM blocks in it, and by what it is used for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from typing import Final, Literal

from reconciler.cluster.model import Content
from reconciler.discovery.seen import Seen
from reconciler.observed.interpret import interpret_certificates, interpret_combined, interpret_key, interpret_public_key
from reconciler.observed.model import Certificates, FileMeta, PublicKey, RevocationLists, Unusable
from reconciler.x509.crl import LABEL as CRL
from reconciler.x509.crl import read_crl, read_crls
from reconciler.x509.errors import UnreadableError

CERTIFICATE: Final = "CERTIFICATE"
PUBLIC: Final = "PUBLIC KEY"
_KEYS: Final = frozenset({"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "DSA PRIVATE KEY"})
#: What makes a file part of an inventory although nobody names it.
KNOWN: Final = _KEYS | {CERTIFICATE, PUBLIC, CRL}
_LABEL: Final = re.compile(rb"-----BEGIN ([A-Z0-9][A-Z0-9 ]*)-----")
_KEY_ROLES: Final = frozenset({"key", "signing-key", "token-key"})


def labels_of(data: bytes) -> frozenset[str]:
    """The kinds of PEM blocks that a file has, or has the beginning of."""
    return frozenset(match.decode() for match in _LABEL.findall(data))


def interpret(data: bytes, meta: FileMeta, roles: Collection[str], seen: Seen) -> Content:
    """What a file holds.

    Args:
        data: its bytes, which stay behind here.
        meta: mode and owners.
        roles: for what it is used; decides only where the bytes do not say what they are.
        seen: keeps what may have signed, or be signed.
    """
    labels = labels_of(data)
    if CERTIFICATE in labels:
        interpret_as = interpret_combined if labels & _KEYS else interpret_certificates
        return interpret_as(data, meta, seen.readers)[0]
    if "crl" in roles or CRL in labels:
        return _interpret_lists(data, meta, seen)
    if labels & _KEYS or (_KEY_ROLES.intersection(roles) and not labels):
        return interpret_key(data, meta, seen.readers)
    if PUBLIC in labels or "token-verification" in roles:
        return interpret_public_key(data, meta)
    return interpret_certificates(data, meta, seen.readers)[0]


def encoding_of(data: bytes, content: Content) -> Literal["", "pem", "der"]:
    """How revocation lists are written; empty for all else."""
    if not isinstance(content, RevocationLists):
        return ""
    return "pem" if CRL in labels_of(data) else "der"


def digest(data: bytes, content: Content) -> str:
    """SHA-256 of what has no key in it; empty for all else, and where that is not sure."""
    return hashlib.sha256(data).hexdigest() if isinstance(content, Certificates | PublicKey | RevocationLists) else ""


def _interpret_lists(data: bytes, meta: FileMeta, seen: Seen) -> RevocationLists | Unusable:
    """Lists in PEM, or one in DER; who signed them is known when all CAs are."""
    try:
        lists = read_crls(data) if CRL in labels_of(data) else (read_crl(data),)
    except UnreadableError as error:
        return Unusable(problem=error.problem, detail=error.detail)
    seen.keep(lists)
    return RevocationLists(lists=tuple(crl.facts for crl in lists), signers=("",) * len(lists), meta=meta)
