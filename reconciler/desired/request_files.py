"""The files of signing requests: read from where the desired state comes from, and from nowhere else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from reconciler.desired.diagnostics import Diagnostic
from reconciler.desired.files import File
from reconciler.desired.source import Source, UnusableFileError
from reconciler.desired.text import decode
from reconciler.desired.unusable import quoted
from reconciler.desired.yaml import compose

MAX_REQUEST: Final = 64 * 1024
"""Bytes. A request with an RSA key of 4,096 bits and a hundred names is a tenth of that."""
#: Files with a Kubernetes object; all others are PEM. JSON is YAML.
MANIFESTS: Final = (".yaml", ".yml", ".json")


class Mention(NamedTuple):
    """An entry that names the file of a request."""

    file: File
    """Of the desired state, in which the entry stands."""
    entry: str
    path: str


def mentions(files: Iterable[File]) -> Iterator[Mention]:
    """Every request file that is named, whether or not the rest of a file has the right form."""
    for file in files:
        section = (file.value or {}).get("requests")
        for entry, spec in section.items() if isinstance(section, dict) else ():
            path = spec.get("csr") if isinstance(spec, dict) else None
            if isinstance(path, str) and path:
                yield Mention(file, entry, path)


def read_requests(source: Source, files: Iterable[File]) -> tuple[dict[str, File], list[Diagnostic]]:
    """The files of all requests by their paths, and why some cannot be read.

    Args:
        source: of the desired state: a commit, or the files as they stand.
        files: the main file and those that it includes.
    """
    found: dict[str, File] = {}
    problems: list[Diagnostic] = []
    for mention in mentions(files):
        message, hint = _refusal(mention.path), "requests lie beside or below the main file"
        if not message and mention.path not in found:
            try:
                found[mention.path] = _read(source, mention.path)
            except UnusableFileError as error:
                message, hint = error.message, "commit the request beside the desired state"
            except _TooLargeError as error:
                message, hint = str(error), "a request has a few hundred bytes; is this the right file?"
        if message:
            span = mention.file.locate(("requests", mention.entry, "csr"))
            address = f"request.{mention.entry}"
            problems.append(Diagnostic(code="CPK701", message=message, hint=hint, span=span, address=address))
    return found, problems


def digest_of(file: File) -> str:
    """What an approval can name: ``sha256:`` and what sha256sum prints."""
    return f"sha256:{file.sha256}"


class _TooLargeError(Exception):
    """A file that is no request, or an attack."""


def _read(source: Source, path: str) -> File:
    data, shown = source.read(path), source.shown(path)
    if len(data) > MAX_REQUEST:
        message = f"{shown} has {len(data)} bytes, a request at most {MAX_REQUEST}"
        raise _TooLargeError(message)
    sha256 = hashlib.sha256(data).hexdigest()
    if not path.endswith(MANIFESTS):
        text = data.decode("utf-8", "replace")
        return File(name=path, shown=shown, sha256=sha256, text=text, value=None, problems=())
    text, problems = decode(data, shown)
    value = None
    if not problems:
        composed = compose(text, shown)
        value, problems = composed.value, composed.problems
    return File(name=path, shown=shown, sha256=sha256, text=text, value=value, problems=problems)


def _refusal(path: str) -> str:
    """Why a path cannot be a request's; empty when it can."""
    parts = path.split("/")
    if path.startswith("/"):
        return f"{quoted(path)} is absolute"
    if ".." in parts:
        return f"{quoted(path)} leaves the directory"
    if "" in parts or "." in parts or not path.isprintable():
        return f"{quoted(path)} is not a plain path"
    return ""
