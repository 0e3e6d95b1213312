"""Included files: which they are, and how several files become one document."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.desired.diagnostics import Diagnostic, Path
from reconciler.desired.files import File, read_file, unusable
from reconciler.desired.schema import MAIN_FILE_KEYS
from reconciler.desired.source import Source, UnusableFileError
from reconciler.desired.unusable import quoted

MAX_FILES: Final = 1000

#: Sections whose entries have names, with the word for one entry.
NAMED_SECTIONS: Final = {
    "connections": "connection",
    "stores": "store",
    "cas": "CA",
    "components": "component",
    "bundles": "bundle",
    "kubeconfigs": "kubeconfig",
    "keypairs": "keypair",
    "requests": "request",
    "groups": "group",
    "edges": "edge",
}
LIST_SECTIONS: Final = frozenset({"nodes", "revocations", "moved", "imports", "adopted", "removed"})


@dataclass(slots=True)
class Merged:
    """Several files as one document, and which file each part came from."""

    files: list[File]
    """The main file first."""
    value: dict[str, Any] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)
    _sections: dict[str, File] = field(default_factory=dict)
    _entries: dict[tuple[str, str], File] = field(default_factory=dict)
    _runs: dict[str, list[tuple[int, File]]] = field(default_factory=dict)
    """Of each list: at which index each file's items begin."""

    def origin(self, path: Path) -> tuple[File, Path]:
        """The file that holds a path of the merged document, and the path inside that file."""
        match path:
            case (str(section), str(name), *_) if (section, name) in self._entries:
                return self._entries[section, name], path
            case (str(section), int(position), *rest) if section in self._runs:
                runs = self._runs[section]
                start, file = runs[bisect_right(runs, position, key=lambda run: run[0]) - 1]
                return file, (section, position - start, *rest)
            case (str(section), *_) if section in self._sections:
                return self._sections[section], path
        return self.files[0], path

    def add(self, file: File, value: dict[str, Any]) -> None:
        """Adds a file's sections; what is there already is a problem."""
        for section, content in value.items():
            if section in NAMED_SECTIONS and isinstance(content, dict):
                self._add_entries(file, section, content)
            elif section in LIST_SECTIONS and isinstance(content, list):
                self._add_items(file, section, content)
            elif section in self._sections:
                self._twice(file, (section,), f"`{section}`", self._sections[section])
            else:
                self._sections[section] = file
                self.value[section] = content

    def _add_entries(self, file: File, section: str, content: dict[str, Any]) -> None:
        entries = self.value.setdefault(section, {})
        if not isinstance(entries, dict):
            return  # An error of the other file's form, reported there.
        self._sections.setdefault(section, file)
        for name, entry in content.items():
            if name in entries:
                self._twice(file, (section, name), f"{NAMED_SECTIONS[section]} {quoted(name)}", self._entries[section, name])
            else:
                self._entries[section, name] = file
                entries[name] = entry

    def _add_items(self, file: File, section: str, content: list[Any]) -> None:
        items = self.value.setdefault(section, [])
        if not isinstance(items, list):
            return
        self._sections.setdefault(section, file)
        self._runs.setdefault(section, []).append((len(items), file))
        items.extend(content)

    def _twice(self, file: File, path: Path, what: str, first: File) -> None:
        place = first.locate(path, key=True)
        message = f"{what} is defined twice, first at {f'{place.file}:{place.line}' if place else first.shown}"
        hint = "an included file adds to the others, it cannot change them; remove one"
        self.problems.append(Diagnostic(code="CPK014", message=message, hint=hint, span=file.locate(path, key=True)))


def read_included(source: Source, main: File) -> tuple[list[File], list[Diagnostic]]:
    """The files that the main file includes, sorted by name, and what is wrong with the list or with reading them."""
    patterns = (main.value or {}).get("include")
    files: dict[str, File] = {}
    problems: list[Diagnostic] = []
    for number, pattern in enumerate(patterns if isinstance(patterns, list) else ()):
        if not isinstance(pattern, str):
            continue  # Reported with the rest of the document's form.
        span = main.locate(("include", number))
        if refusal := _refuse(pattern):
            problems.append(Diagnostic(code="CPK013", message=refusal[0], hint=refusal[1], span=span))
            continue
        names = [name for name in source.expand(pattern) if name != main.name]
        if not names or len(names) > MAX_FILES:
            message = f"{quoted(pattern)} matches {'no file' if not names else f'more than {MAX_FILES} files'}"
            hint = "patterns are relative to this file; hidden files and directories are not matched"
            problems.append(Diagnostic(code="CPK013", message=message, hint=hint, span=span))
            continue
        for name in names:
            if name not in files:
                try:
                    files[name] = read_file(source, name)
                except UnusableFileError as error:
                    problems.append(unusable(error, span))
    return [files[name] for name in sorted(files)], problems


def refuse_main_keys(file: File) -> Iterator[Diagnostic]:
    """What an included file may not hold."""
    for key in MAIN_FILE_KEYS:
        if file.value and key in file.value:
            message = f"`{key}` in an included file"
            hint = "includes do not nest; list the file in the main file" if key == "include" else "only the main file has it"
            yield Diagnostic(code="CPK015", message=message, hint=hint, span=file.locate((key,), key=True))


def without_main_keys(value: dict[str, Any]) -> dict[str, Any]:
    """An included file's own sections."""
    return {key: content for key, content in value.items() if key not in MAIN_FILE_KEYS}


def _refuse(pattern: str) -> tuple[str, str] | None:
    """Why a pattern cannot be used, and what to write instead; None when it can."""
    parts = pattern.split("/")
    if pattern.startswith("/"):
        return f"{quoted(pattern)} is absolute", "include files that lie beside or below this one"
    if ".." in parts:
        return f"{quoted(pattern)} leaves the directory", "include files that lie beside or below this one"
    if "**" in pattern:
        return f"{quoted(pattern)}: `**` is not supported", "name each directory: components/*.yaml"
    if not pattern or "" in parts or "." in parts:
        plain = "/".join(part for part in parts if part not in ("", "."))
        return f"{quoted(pattern)} is not a plain pattern", f'write "{plain}"' if plain else "such as components/*.yaml"
    return None
