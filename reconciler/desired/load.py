"""From a source to a typed document: read, compose, include, check the form, and keep the way back to each line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from reconciler.desired.diagnostics import Diagnostic, InvalidDesiredStateError, Path, Span, in_order
from reconciler.desired.files import File, read_file, unusable
from reconciler.desired.includes import Merged, read_included, refuse_main_keys, without_main_keys
from reconciler.desired.request_files import read_requests
from reconciler.desired.schema import Schema, desired_schema, included_schema, structure
from reconciler.desired.source import Source, UnusableFileError
from reconciler.desired.spec import Document


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of what was read, as far as it was read."""

    by_name: dict[str, File]
    """By the name that spans carry."""

    def line(self, file: str, number: int) -> str | None:
        """A line of a file, counted from 1; None when it is not there."""
        lines = self.by_name[file].lines if file in self.by_name else []
        return lines[number - 1] if 0 < number <= len(lines) else None


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A document whose form is right, includes merged; its references are not looked at yet."""

    name: str
    """The main file, as messages call it."""
    document: Document
    files: tuple[tuple[str, str], ...]
    """Name and SHA-256 of every file, the main file first."""
    diagnostics: tuple[Diagnostic, ...]
    """Warnings."""
    texts: Texts
    merged: Merged
    requests: dict[str, File] = {}
    """The files of signing requests, by their paths."""

    @property
    def sha256(self) -> str:
        """One digest over the names and contents of all files."""
        joined = "".join(f"{digest}  {name}\n" for name, digest in self.files)
        return hashlib.sha256(joined.encode()).hexdigest()

    def locate(self, path: Path, *, key: bool = False) -> Span | None:
        """Where a value of the merged document stands, or its key; None for what nobody wrote."""
        file, inside = self.merged.origin(path)
        return file.locate(inside, key=key)

    def line(self, file: str, number: int) -> str | None:
        """A line of a file, counted from 1; None when it is not there."""
        return self.texts.line(file, number)


def load(source: Source) -> Loaded:
    """Reads the desired state.

    Raises:
        InvalidDesiredStateError: with all mistakes of syntax and form, in all files.
    """
    try:
        main = read_file(source, source.name)
    except UnusableFileError as error:
        raise InvalidDesiredStateError((unusable(error, None),)) from None
    included, problems = read_included(source, main)
    merged = Merged([main, *included])
    requests, unread = read_requests(source, merged.files)
    texts = Texts(by_name={file.shown: file for file in (*requests.values(), *merged.files)})
    for file in merged.files:
        problems += file.problems
        if file is not main:
            problems += refuse_main_keys(file)
        if file.value is not None:
            merged.add(file, file.value if file is main else without_main_keys(file.value))
    problems += merged.problems
    if problems:
        problems += [*unread, *_only_news(_form_problems(merged), problems)]
        raise InvalidDesiredStateError(in_order(problems), texts)
    try:
        document = structure(merged.value)
    except msgspec.ValidationError as error:
        found = list(_form_problems(merged)) or [_unexplained(main, error)]
        raise InvalidDesiredStateError(in_order([*found, *unread]), texts) from None
    return Loaded(
        name=main.shown,
        document=document,
        files=_digests(main, (*merged.files, *requests.values())),
        diagnostics=tuple(unread),
        texts=texts,
        merged=merged,
        requests=requests,
    )


def _digests(main: File, files: tuple[File, ...]) -> tuple[tuple[str, str], ...]:
    """Name and SHA-256 of each file, the main file first, the others by name: a request that changes is a change, too."""
    found = {file.name: file.sha256 for file in files}
    return tuple((name, found[name]) for name in sorted(found, key=lambda name: (name != main.name, name)))


def _form_problems(merged: Merged) -> Iterator[Diagnostic]:
    """What the schema has against each file by itself."""
    for file in merged.files:
        if file.value is None:
            continue
        if file is merged.files[0]:
            yield from _against(file, file.value, desired_schema())
        else:
            yield from _against(file, without_main_keys(file.value), included_schema())


def _against(file: File, value: dict[str, Any], schema: Schema) -> Iterator[Diagnostic]:
    from reconciler.desired.mistakes import find_mistakes  # noqa: PLC0415 - a valid document needs no explanations

    for mistake in find_mistakes(value, schema):
        span = file.locate(mistake.path, key=mistake.on_key)
        yield Diagnostic(code=mistake.code, message=mistake.message, hint=mistake.hint, span=span)


def _only_news(found: Iterator[Diagnostic], known: list[Diagnostic]) -> list[Diagnostic]:
    """Leaves out what only follows from a mistake of syntax at the same place: an alias became null, a tag was ignored."""
    places = {(d.span.file, d.span.line, d.span.column) for d in known if d.span}
    return [d for d in found if not d.span or (d.span.file, d.span.line, d.span.column) not in places]


def _unexplained(main: File, error: msgspec.ValidationError) -> Diagnostic:
    """The types' own words. Types and schema agree (a test holds it), so this is for what no test thought of."""
    return Diagnostic(code="CPK103", message=str(error), span=main.locate(()))
