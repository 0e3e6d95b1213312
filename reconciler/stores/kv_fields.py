"""How the files of a place stand in one secret of KV: a field each, by the names that people and programs know. Pure.

The certificate and what is served after it are two fields, because the readers of secrets want them apart; as a file they
are one again. What is no text is in base64.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from reconciler.stores.publication import OutFile, Publication

#: Whose the secret is, and what is in it.
METADATA: Final = "metadata"
_CERTIFICATE: Final = "certificate"
_CHAIN: Final = "chain"
_CONTENT: Final = "content"
_BASE64: Final = "_base64"
#: The field of each suffix. A certificate has two.
_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        ".crt": _CERTIFICATE,
        ".key": "private_key",
        ".pub": "public_key",
        ".fullchain.crt": "fullchain",
        ".pem": "pem",
        ".der": "der",
        ".p12": "pkcs12",
        "": _CONTENT,
    }
)
#: Longer ones first: ``api.fullchain.crt`` is not the certificate of ``api.fullchain``.
SUFFIXES: Final = tuple(sorted((suffix for suffix in _FIELDS if suffix), key=len, reverse=True))
_END: Final = b"-----END CERTIFICATE-----\n"

#: What people search secrets by, as far as it is known.
LABELS: Final = ("serial", "not_after", "issuer", "revision")

Data = Mapping[str, object]


class MalformedError(Exception):
    """A field is not what it should be; the text is a clause for people, never content."""


def encode(publication: Publication) -> dict[str, object]:
    """The secret of a publication."""
    data: dict[str, object] = {}
    for file in publication.files:
        data |= _fields(file)
    known = {
        "address": publication.address,
        "cluster": publication.cluster,
        "intent": publication.intent,
        "fingerprint": publication.fingerprint,
        "created_at": publication.created_at.isoformat() if publication.created_at else "",
        **publication.labels,
    }
    return {**data, METADATA: {key: value for key, value in known.items() if value}}


def content(data: Data, suffix: str) -> bytes | None:
    """The file of a suffix; None when the secret has none.

    Raises:
        MalformedError: something stands there that is none of ours.
    """
    field = _FIELDS[suffix]
    if f"{field}{_BASE64}" in data:
        try:
            return base64.b64decode(_text(data, f"{field}{_BASE64}"), validate=True)
        except binascii.Error:
            msg = f"its field {field}{_BASE64} is not base64"
            raise MalformedError(msg) from None
    if field not in data:
        return None
    value = _text(data, field).encode()
    return value + _text(data, _CHAIN).encode() if suffix == ".crt" and _CHAIN in data else value


def note(data: Data, name: str) -> str:
    """What the secret says about itself; empty when it does not."""
    known = data.get(METADATA)
    value = known.get(name) if isinstance(known, Mapping) else None
    return value if isinstance(value, str) else ""


def foreign(data: Data) -> dict[str, object]:
    """The fields that are none of ours."""
    fields = _FIELDS.values()
    ours = {*fields, *(f"{field}{_BASE64}" for field in fields), _CHAIN, METADATA}
    return {name: value for name, value in data.items() if name not in ours}


def _fields(file: OutFile) -> dict[str, object]:
    field = _FIELDS[file.suffix]
    try:
        text = file.data.decode()
    except UnicodeDecodeError:
        return {f"{field}{_BASE64}": base64.b64encode(file.data).decode()}
    if file.suffix != ".crt":
        return {field: text}
    leaf, end, chain = file.data.partition(_END)
    return {_CERTIFICATE: (leaf + end).decode(), **({_CHAIN: chain.decode()} if chain else {})}


def _text(data: Data, field: str) -> str:
    value = data[field]
    if not isinstance(value, str):
        msg = f"its field {field} is not text"
        raise MalformedError(msg)
    return value
