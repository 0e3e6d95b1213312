"""Names that end in certificates and on disk, checked before anything is built from them.

``cryptography`` builds nearly any name and verifiers refuse it months later, so each function here accepts only what
every verifier reads the same way, and says what to write instead. Nothing is mapped silently: one name has one spelling.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from reconciler.desired.hosts import canonical_dns, canonical_ip
from reconciler.desired.unusable import InvalidNameError, first_strange, quoted, refuse, scripts
from reconciler.desired.uris import canonical_uri

__all__ = [
    "InvalidNameError",
    "canonical_dns",
    "canonical_email",
    "canonical_ip",
    "canonical_uri",
    "common_name",
    "country",
    "relative_path",
    "subject_attribute",
]

#: Upper bound of RFC 5280 appendix A.1 (ub-common-name, ub-organization-name).
MAX_COMMON_NAME: Final = 64
MAX_LOCAL_PART: Final = 64
"""RFC 5321 section 4.5.3.1.1."""
MAX_PATH: Final = 1024
MAX_PATH_PART: Final = 255
#: What stores append to a path (``.fullchain.crt``) must still fit into a file name.
SUFFIX_ROOM: Final = 32

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_PATH_PART: Final = re.compile(r"[A-Za-z0-9._@+=:,~-]+")
_FORBIDDEN_IN_SUBJECT: Final = frozenset(',+="<>;\\#')


def canonical_email(text: str) -> str:
    """A mailbox, ``local@domain`` in ASCII (RFC 5280 section 4.2.1.6 rfc822Name); the local part keeps its case.

    Raises:
        InvalidNameError: it is anything else, such as ``Name <local@domain>``.
    """
    shown = quoted(text)
    if inner := re.search(r"<([^<>]+)>", text):
        refuse(f"{shown} is more than a mailbox", f'write "{inner[1]}"')
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain:
        refuse(f"{shown} is not a mailbox", "write local@domain")
    if not _LOCAL_PART.fullmatch(local) or len(local) > MAX_LOCAL_PART:
        refuse(
            f"{shown} has a local part that certificates cannot hold",
            "use at most 64 ASCII letters, digits and !#$%&'*+/=?^_`{|}~-, with single dots between",
        )
    return f"{local}@{canonical_dns(domain, wildcard=False)}"


def relative_path(text: str) -> str:
    """A path under a store's root, its components plain names.

    Raises:
        InvalidNameError: it is absolute, leaves the root, is not normalised, or holds a character that needs quoting.
    """
    shown = quoted(text)
    if not text:
        refuse("an empty path", "name the file below the store's root")
    if text.startswith("/"):
        refuse(f"{shown} is absolute, paths are relative to the store's root", f'write "{text.lstrip("/")}"')
    if len(text.encode("utf-8", "surrogatepass")) > MAX_PATH:
        refuse(f"{shown} is longer than {MAX_PATH} bytes", "shorten it")
    parts = text.split("/")
    if ".." in parts:
        refuse(f"{shown} climbs with `..`", "name a path below the store's root")
    if "" in parts or "." in parts:
        plain = "/".join(part for part in parts if part not in ("", "."))
        refuse(f"{shown} is not written in its shortest form", f'write "{plain}"' if plain else "")
    for part in parts:
        if part.startswith(".."):
            refuse(f"{shown}: names that begin with two dots are reserved (Kubernetes volumes use ..data)")
        if not _PATH_PART.fullmatch(part):
            refuse(f'{shown} holds "{first_strange(part, _PATH_PART)}"', "use letters, digits and ._-@+=:,~")
        if len(part) > MAX_PATH_PART - SUFFIX_ROOM:
            refuse(f"{shown}: a file name is longer than {MAX_PATH_PART - SUFFIX_ROOM} characters", "shorten it")
    return text


def common_name(text: str) -> str:
    """A subject's CN.

    Raises:
        InvalidNameError: empty, longer than 64 characters, or with characters that let one attribute pass for two.
    """
    return subject_attribute(text, label="common name", limit=MAX_COMMON_NAME)


def subject_attribute(text: str, *, label: str, limit: int = 64) -> str:
    """A value of a distinguished name, for people and programs that print it as ``CN=a, O=b``.

    Raises:
        InvalidNameError: the value cannot be told apart from what stands around it, or is too long.
    """
    shown = quoted(text)
    if not text:
        refuse(f"an empty {label}", "write a name or leave the field out")
    if len(text) > limit:
        refuse(f"{shown} has {len(text)} characters, a {label} at most {limit} (RFC 5280 appendix A.1)", "shorten it")
    if text != text.strip() or "  " in text:
        refuse(f"{shown} has spaces at an end or twice in a row", f'write "{" ".join(text.split())}"')
    for character in text:
        if character in _FORBIDDEN_IN_SUBJECT:
            refuse(
                f'{shown} holds "{character}", which separates attributes in a printed name',
                "give each attribute its own field: organizations, countries, …",
            )
        if character != " " and unicodedata.category(character)[0] in "CZ":
            refuse(f"{shown} holds U+{ord(character):04X}, which cannot be seen", "remove it")
    if unicodedata.normalize("NFC", text) != text:
        refuse(f"{shown} is not in Unicode form NFC", "type it anew")
    if len(alphabets := scripts(text)) > 1:
        refuse(f"{shown} mixes {' and '.join(alphabets)} letters", "use one alphabet in a name")
    return text


def country(text: str) -> str:
    """A country code: two upper-case letters (ISO 3166, RFC 5280 appendix A.1).

    Raises:
        InvalidNameError: it is anything else.
    """
    if not re.fullmatch(r"[A-Z]{2}", text):
        upper = f'write "{text.upper()}"' if re.fullmatch(r"[A-Za-z]{2}", text) else "write two letters such as DE"
        refuse(f"{quoted(text)} is not a country code", upper)
    return text
