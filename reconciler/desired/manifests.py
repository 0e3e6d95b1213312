"""Kubernetes CertificateSigningRequest objects (certificates.k8s.io/v1) as files: what they say, and what is wrong with it."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from reconciler.desired.diagnostics import Path
from reconciler.desired.files import File
from reconciler.desired.unusable import quoted

API_VERSION: Final = "certificates.k8s.io/v1"
KIND: Final = "CertificateSigningRequest"

#: Any part of a path: the API asks no more of names of this kind (pkg/apis/certificates/validation).
_OBJECT_NAME: Final = re.compile(r"(?!\.{1,2}$)[^/%]{1,253}")
_MOST_SECONDS: Final = 2**31 - 1
_KEYS: Final = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
_SPEC_KEYS: Final = frozenset(
    {"request", "signerName", "usages", "expirationSeconds", "username", "uid", "groups", "extra"},
)


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """An object that asks for a certificate."""

    name: str
    request: bytes
    """PEM."""
    signer: str
    usages: tuple[str, ...]
    """As they are written."""
    expiration: int | None
    """Seconds; None to leave it to the signer."""
    json: str
    """The object without a status, with sorted keys: two that say the same are equal."""


class Flaw(NamedTuple):
    """Something that no such object can hold."""

    path: Path
    """Inside the file."""
    message: str
    hint: str


class FlawedError(Exception):
    """A file that is no usable object; carries everything that was found."""

    def __init__(self, flaws: tuple[Flaw, ...]) -> None:
        super().__init__(f"{len(flaws)} flaws")
        self.flaws: Final = flaws


def read_manifest(file: File) -> Manifest:
    """The object of a file whose YAML is sound.

    Raises:
        FlawedError: with everything that is wrong with it.
    """
    value = file.value or {}
    metadata, spec = _mapping(value, "metadata"), _mapping(value, "spec")
    flaws = [*_frame(value), *_unknown(spec), *_requester(spec)]
    name = _text(metadata, ("metadata", "name"), flaws)
    if name and not _OBJECT_NAME.fullmatch(name):
        hint = "it is a part of a path: without / and %, at most 253 characters"
        flaws.append(Flaw(("metadata", "name"), f"{quoted(name)} is not a name of an object", hint))
    signer = _text(spec, ("spec", "signerName"), flaws)
    encoded = _text(spec, ("spec", "request"), flaws)
    usages, expiration = _usages(spec, flaws), _expiration(spec, flaws)
    request = _decoded(encoded, flaws) if encoded else b""
    if flaws:
        raise FlawedError(tuple(flaws))
    kept = {key: content for key, content in value.items() if key != "status"}
    return Manifest(
        name=name,
        request=request,
        signer=signer,
        usages=usages,
        expiration=expiration,
        json=json.dumps(kept, sort_keys=True, ensure_ascii=True, separators=(",", ":")),
    )


def _frame(value: Mapping[str, Any]) -> list[Flaw]:
    flaws = []
    for key, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
        if value.get(key) != wanted:
            flaws.append(Flaw((key,), f"{key} is not {wanted}", f"{key}: {wanted}"))
    flaws += [
        Flaw((key,), f"the object holds {quoted(key)}, which its kind does not have", "") for key in sorted(value.keys() - _KEYS)
    ]
    if value.get("status"):
        hint = "leave the status out: the answer is written beside the request, not into it"
        flaws.append(Flaw(("status",), "the object has been answered already", hint))
    return flaws


def _unknown(spec: Mapping[str, Any]) -> list[Flaw]:
    return [
        Flaw(("spec", key), f"spec holds {quoted(key)}, which the API does not know", "")
        for key in sorted(spec.keys() - _SPEC_KEYS)
    ]


def _requester(spec: Mapping[str, Any]) -> list[Flaw]:
    """Who asked, as an API server wrote it down: nobody here believes it, and an answer that kubectl refuses is none."""
    forms = (
        ("username", "a text", lambda found: isinstance(found, str)),
        ("uid", "a text", lambda found: isinstance(found, str)),
        ("groups", "a list of texts", _is_texts),
        ("extra", "a mapping to lists of texts", lambda found: isinstance(found, dict) and all(map(_is_texts, found.values()))),
    )
    return [
        Flaw(("spec", key), f"spec.{key} is not {form}", "leave it out: the API server writes it")
        for key, form, fits in forms
        if spec.get(key) is not None and not fits(spec[key])
    ]


def _is_texts(found: object) -> bool:
    return isinstance(found, list) and all(isinstance(each, str) for each in found)


def _mapping(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _text(holder: Mapping[str, Any], path: Path, flaws: list[Flaw]) -> str:
    found = holder.get(str(path[-1]))
    if isinstance(found, str) and found:
        return found
    flaws.append(Flaw(path, f"{'.'.join(map(str, path))} is missing or no text", ""))
    return ""


def _usages(spec: Mapping[str, Any], flaws: list[Flaw]) -> tuple[str, ...]:
    found = spec.get("usages")
    if isinstance(found, list) and found and all(isinstance(usage, str) for usage in found):
        return tuple(found)
    flaws.append(Flaw(("spec", "usages"), "spec.usages is not a list of usages", "such as [client auth]"))
    return ()


def _expiration(spec: Mapping[str, Any], flaws: list[Flaw]) -> int | None:
    found = spec.get("expirationSeconds")
    if found is None or (isinstance(found, int) and not isinstance(found, bool) and found <= _MOST_SECONDS):
        return found
    flaws.append(
        Flaw(("spec", "expirationSeconds"), "spec.expirationSeconds is no number of 32 bits", "such as 7776000, which is 90 days")
    )
    return None


def _decoded(encoded: str, flaws: list[Flaw]) -> bytes:
    try:
        return b64decode("".join(encoded.split()), validate=True)
    except (Base64Error, ValueError):
        flaws.append(Flaw(("spec", "request"), "spec.request is not base64", "base64 -w0 < request.csr"))
        return b""
