"""Edits of the desired state that are checked before they are written: a file that would not validate stays as it is."""

from __future__ import annotations

import argparse
import codecs
import hashlib
import os
from collections.abc import Mapping

from msgspec.structs import replace

from reconciler.cli.options import UsageError
from reconciler.cli.requests.rows import specs_of
from reconciler.desired.compile import compile_state
from reconciler.desired.files import File
from reconciler.desired.load import Loaded, load
from reconciler.desired.model import DesiredState
from reconciler.desired.request_edits import UneditableError
from reconciler.desired.source import Source
from reconciler.desired.spec_requests import RequestSpec
from reconciler.source.directory import DirectorySource
from reconciler.stores.errors import StoreError
from reconciler.stores.single import rewrite_file


class Changed:
    """A source in which some files are others."""

    def __init__(self, source: Source, files: Mapping[str, bytes]) -> None:
        """Takes the new content by name; a file may be new."""
        self._source = source
        self._files = files

    @property
    def name(self) -> str:
        """The main file."""
        return self._source.name

    def shown(self, name: str) -> str:
        """How messages call a file."""
        return self._source.shown(name)

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        return self._files[name] if name in self._files else self._source.read(name)

    def expand(self, pattern: str) -> tuple[str, ...]:
        """The files that match a pattern."""
        return self._source.expand(pattern)


def editable(arguments: argparse.Namespace) -> DirectorySource:
    """The files as they stand, which can be edited.

    Raises:
        UsageError: a commit is named.
    """
    if arguments.git is not None or arguments.ref is not None:
        msg = "a commit cannot be edited: name the file in a checkout with --file"
        raise UsageError(msg)
    return DirectorySource(arguments.file)


def text_of(source: Source, file: File) -> tuple[str, bytes]:
    """The text of a file, and its byte order mark.

    Raises:
        StoreError: it is not what was loaded any more.
    """
    data = source.read(file.name)
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise StoreError(source.shown(file.name), "it was changed while it was looked at", "do it again")
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    return data.removeprefix(mark).decode(), mark


def checked(
    arguments: argparse.Namespace, source: Source, before: Loaded, files: Mapping[str, bytes], requests: Mapping[str, RequestSpec]
) -> DesiredState:
    """The desired state after an edit.

    Args:
        arguments: for the view.
        source: the files as they stand.
        before: what they say now.
        files: the new content by name.
        requests: what the edit should have changed, by name of the request.

    Raises:
        InvalidDesiredStateError: it would not validate.
        StoreError: it would say something else than it should.
    """
    loaded = load(Changed(source, files))
    if loaded.document != replace(before.document, requests={**specs_of(before), **requests}):
        path = source.shown(next(iter(files)))
        raise StoreError(path, "it is written in a way that cannot be edited safely", "make the change by hand")
    root = os.path.abspath(arguments.root) if arguments.root else ""
    return compile_state(loaded, node=arguments.node, root=root).state


def write(source: Source, name: str, data: bytes, before: bytes) -> None:
    """Replaces a file of the desired state by what was made of it; a change that somebody made meanwhile is not lost.

    Raises:
        StoreError: the old file is untouched.
    """
    rewrite_file(source.shown(name), data, before, mode=0o644)


def uneditable(source: Source, name: str, error: UneditableError) -> StoreError:
    """What a person has to do by hand."""
    return StoreError(source.shown(name), str(error), "make the change by hand")
