"""From the file of a signing request to what it asks for, with its proof checked; and where mistakes in it are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from reconciler.desired.diagnostics import Path
from reconciler.desired.expand_context import Context
from reconciler.desired.files import File
from reconciler.desired.manifests import Flaw, FlawedError, Manifest, read_manifest
from reconciler.desired.model import CA, address_of
from reconciler.desired.request_policy import RequestPolicy
from reconciler.x509.asked import asked_of
from reconciler.x509.csr import SigningRequest, read_request
from reconciler.x509.errors import UnprovenError, UnreadableError
from reconciler.x509.facts import AskedFacts

_KEY_MARK: Final = "PRIVATE KEY-----"


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """What every request is looked at with."""

    context: Context
    files: Mapping[str, File]
    cas: Mapping[str, CA]
    """All that are sound."""
    policy: RequestPolicy

    def say(self, code: str, name: str, message: str, *fields: str, hint: str = "") -> None:
        """Reports a mistake in an entry, at one of its fields."""
        self.context.report.add(code, message, at=("requests", name, *fields), hint=hint, address=address_of("request", name))

    def flaw(self, code: str, name: str, file: File, flaw: Flaw) -> None:
        """Reports a mistake in a Kubernetes object: at the entry, and by its own place."""
        self.say(code, name, f"{place_in(file, flaw.path)}: {flaw.message}", "csr", hint=flaw.hint)


def manifest_of(reader: Reader, name: str, file: File) -> Manifest | None:
    """The Kubernetes object of a file; None after a mistake."""
    if _KEY_MARK in file.text:  # its lines are shown nowhere
        _say_key(reader, name, start_of(file))
        return None
    if file.problems:
        reader.context.report.diagnostics.extend(file.problems)
        return None
    try:
        return read_manifest(file)
    except FlawedError as error:
        for flaw in error.flaws:
            reader.flaw("CPK712", name, file, flaw)
        return None


def request_of(reader: Reader, name: str, file: File, manifest: Manifest | None) -> tuple[SigningRequest, AskedFacts] | None:
    """The request, its signature checked: whoever made it has the key. None after a mistake."""
    data = file.text.encode() if manifest is None else manifest.request
    place = start_of(file) if manifest is None else place_in(file, ("spec", "request"))
    if _KEY_MARK.encode() in data:
        _say_key(reader, name, place)
        return None
    try:
        signing = read_request(data)
        return signing, asked_of(signing)
    except UnprovenError as error:
        reader.say("CPK703", name, f"{place}: {error.detail}", "csr", hint="make the request anew with the key that it is for")
    except UnreadableError as error:
        hint = "one block of PEM: openssl req -new -key jane.key -subj /CN=jane -out jane.csr"
        reader.say("CPK702", name, f"{place}: {error.detail}", "csr", hint=hint)
    return None


def _say_key(reader: Reader, name: str, place: str) -> None:
    hint = "a key that was in a repository is nobody's secret any more: make a new one, and a request for it"
    reader.say("CPK702", name, f"{place}: it holds a private key", "csr", hint=hint)


def place_in(file: File, path: Path) -> str:
    """``requests/jane.yaml:7:3`` for a place in a file; the nearest that is there."""
    for depth in range(len(path), 0, -1):
        if span := file.locate(path[:depth], key=depth < len(path)):
            return f"{span.file}:{span.line}:{span.column}"
    return start_of(file)


def start_of(file: File) -> str:
    """Where the PEM block of a request begins."""
    for number, line in enumerate(file.lines, 1):
        if line.startswith("-----BEGIN"):
            return f"{file.shown}:{number}:1"
    return f"{file.shown}:1:1"
