"""Our entries put into a kubeconfig that others write to as well, and taken out again: everything else keeps its bytes.

An entry that says the right thing already is not touched. What comes out is read again and compared with what should
be there; a text that could not be changed safely is refused, and stays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from reconciler.x509.errors import Problem, UnreadableError
from reconciler.x509.kubeconfig import scalar
from reconciler.x509.kubeconfig_entries import (
    SECTIONS,
    Contents,
    item_flow,
    item_lines,
    item_tree,
    named_items,
    render_entries,
    top_of,
)
from reconciler.x509.yaml_places import Place, places
from reconciler.x509.yaml_quoting import quoted
from reconciler.x509.yaml_tree import Tree

Names = Mapping[str, Collection[str]]
"""Names of entries by section."""

_NOTHING: Final = Contents(sections={section: {} for section in SECTIONS}, current="")
_CURRENT: Final = "current-context"


def merge(data: bytes, wanted: Contents, drop: Names) -> bytes:
    """The file with our entries in it.

    Args:
        data: the file as it is; empty for none.
        wanted: our entries.
        drop: entries of ours that go; those that are wanted stay.

    Raises:
        UnreadableError: it is no kubeconfig, or one that cannot be changed without touching what is not ours.
    """
    top = top_of(data)
    if not top:
        return data + render_entries(wanted)
    before = _trees(top)
    gone = {section: set(drop.get(section, ())) - wanted.sections[section].keys() for section in SECTIONS}
    after = {
        section: {name: item for name, item in before[section].items() if name not in gone[section]}
        | {name: item_tree(section, name, fields) for name, fields in wanted.sections[section].items()}
        for section in SECTIONS
    }
    current = str(top.get(_CURRENT) or "")
    if current in gone["contexts"]:
        current = ""
    chosen = wanted.current or current or wanted.otherwise
    changed = _Editor(data.decode(), before, after).changed(wanted, chosen).encode()
    _ensure(changed, top, after, chosen)
    return changed


def without(data: bytes, drop: Names) -> bytes:
    """The file without our entries; empty when nothing of anybody's is left in it.

    Raises:
        UnreadableError: see `merge`.
    """
    left = merge(data, _NOTHING, drop) if top_of(data) else data
    top = top_of(left)
    says_more = any(top.get(key) for key in top if key not in {"apiVersion", "kind", _CURRENT})
    return left if says_more else b""


def _trees(top: Mapping[str, Tree]) -> dict[str, dict[str, Tree]]:
    return {section: dict(named_items(top, section)) for section in SECTIONS}


def _ensure(changed: bytes, before: Mapping[str, Tree], after: Mapping[str, Mapping[str, Tree]], current: str) -> None:
    """Reads again what was made: the entries as they should be, and every other key as it was."""
    top = top_of(changed)
    same = {key: value for key, value in top.items() if key not in {*SECTIONS, _CURRENT}} == {
        key: value for key, value in before.items() if key not in {*SECTIONS, _CURRENT}
    }
    if not same or _trees(top) != after or (top.get(_CURRENT) or "") != current:
        raise UnreadableError(Problem.UNPARSABLE, "the kubeconfig is written in a way that cannot be changed safely")


class _Editor:
    """The changes to one text, from its end to its beginning."""

    def __init__(self, text: str, before: Mapping[str, Mapping[str, Tree]], after: Mapping[str, Mapping[str, Tree]]) -> None:
        self._text: Final = text
        self._before: Final = before
        self._after: Final = after
        self._top: Final = places(text)
        self._newline: Final = "\r\n" if "\r\n" in text else "\n"
        self._edits: Final[list[tuple[int, int, str]]] = []
        self._added: Final[list[str]] = []
        """Lines of keys that the top does not have yet, or members of it in flow style."""

    def changed(self, wanted: Contents, current: str) -> str:
        for section in SECTIONS:
            self._section(section, wanted.sections[section])
        self._set_current(current)
        self._add_keys()
        text = self._text
        for start, end, replacement in sorted(self._edits, key=lambda edit: edit[0], reverse=True):
            text = text[:start] + replacement + text[end:]
        return text

    def _section(self, section: str, wanted: Mapping[str, Mapping[str, str]]) -> None:
        before, after = self._before[section], self._after[section]
        if before == after:
            return
        found = self._top.field(section)
        fresh = [name for name in after if name not in before]
        if found is None:
            self._add_section(section, {name: wanted[name] for name in fresh})
            return
        key, value = found
        if self._top.flow or (value.flow and value.items):
            self._rewrite_flow(section, value, wanted)
        elif not value.items:
            self._edits.append((self._after_colon(key), value.end, self._block(section, fresh, wanted, indent="")))
        else:
            self._change_block(section, value, wanted, fresh)

    def _change_block(self, section: str, value: Place, wanted: Mapping[str, Mapping[str, str]], fresh: list[str]) -> None:
        before, after = self._before[section], self._after[section]
        indent = " " * self._column(value.start)
        named = dict(zip(before, value.items, strict=True))
        if not after:
            self._edits.append((self._line_of(value.start), self._next_line(value.end), ""))
            self._edits.append((self._section_colon(section), self._section_colon(section), " []"))
            return
        position = value.start
        for name, item in named.items():
            dash, end = self._dash(position, item.start), self._trimmed(item.end)
            if name not in after:
                self._edits.append((self._line_of(dash), self._next_line(end), ""))
            elif before[name] != after[name]:
                self._edits.append((dash, end, self._lines(item_lines(section, name, wanted[name]), indent).lstrip(" ")))
            position = item.end
        if fresh:
            at = self._next_line(value.end)
            self._edits.append((at, at, self._whole_lines(at, self._block_items(section, fresh, wanted, indent))))

    def _rewrite_flow(self, section: str, value: Place, wanted: Mapping[str, Mapping[str, str]]) -> None:
        """A list in brackets: what stays is copied, what is ours becomes JSON, which is YAML."""
        before = self._before[section]
        named = dict(zip(before, value.items, strict=True))
        kept = []
        for name, tree in self._after[section].items():
            if name in named and before[name] == tree:
                kept.append(self._text[named[name].start : named[name].end])
            else:
                kept.append(item_flow(section, name, wanted[name]))
        self._edits.append((value.start, value.end, f"[{', '.join(kept)}]"))

    def _add_section(self, section: str, wanted: Mapping[str, Mapping[str, str]]) -> None:
        if self._top.flow:
            items = ", ".join(item_flow(section, name, fields) for name, fields in wanted.items())
            self._added.append(f'"{section}": [{items}]')
        else:
            self._added.append(f"{section}:{self._block(section, list(wanted), wanted, indent='')}")

    def _set_current(self, current: str) -> None:
        found = self._top.field(_CURRENT)
        written = quoted(current) if self._top.flow else scalar(current)
        if found is None:
            if current:
                name = quoted(_CURRENT) if self._top.flow else _CURRENT
                self._added.append(f"{name}: {written}")
            return
        key, value = found
        if value.text == current:
            return
        if value.start == value.end or value.start < key.end:  # nothing is written there
            self._edits.append((self._after_colon(key), self._after_colon(key), f" {written}"))
        else:
            self._edits.append((value.start, value.end, written))

    def _add_keys(self) -> None:
        if not self._added:
            return
        if self._top.flow:
            at = max((value.end for _, value in self._top.fields), default=self._top.start + 1)
            lead = ", " if self._top.fields else ""
            self._edits.append((at, at, lead + ", ".join(self._added)))
            return
        at = self._next_line(self._top.end)
        indent = " " * self._column(self._top.start)
        lines = [f"{indent}{line}" for added in self._added for line in added.split(self._newline)]
        # First in the list, last in the text: what is appended to the last section has the same place.
        self._edits.insert(0, (at, at, self._whole_lines(at, self._newline.join(lines))))

    def _block(self, section: str, names: list[str], wanted: Mapping[str, Mapping[str, str]], *, indent: str) -> str:
        """The value of a section, from behind its colon on."""
        return f"{self._newline}{self._block_items(section, names, wanted, indent)}" if names else " []"

    def _block_items(self, section: str, names: list[str], wanted: Mapping[str, Mapping[str, str]], indent: str) -> str:
        return self._newline.join(self._lines(item_lines(section, name, wanted[name]), indent) for name in names)

    def _lines(self, lines: list[str], indent: str) -> str:
        return self._newline.join(f"{indent}{line}" for line in lines)

    def _whole_lines(self, at: int, text: str) -> str:
        """A text that begins on a line of its own at a place, and ends its last line."""
        lead = "" if at == 0 or self._text[at - 1] == "\n" else self._newline
        return f"{lead}{text}{self._newline}"

    def _section_colon(self, section: str) -> int:
        found = self._top.field(section)
        return self._after_colon(found[0]) if found is not None else 0

    def _after_colon(self, key: Place) -> int:
        return self._text.index(":", key.end) + 1

    def _column(self, index: int) -> int:
        return index - self._line_of(index)

    def _line_of(self, index: int) -> int:
        return self._text.rfind("\n", 0, index) + 1

    def _next_line(self, index: int) -> int:
        found = self._text.find("\n", self._trimmed(index))
        return len(self._text) if found < 0 else found + 1

    def _trimmed(self, index: int) -> int:
        """The end of a value without the line break that ends a literal one."""
        while index > 0 and self._text[index - 1] in "\r\n":
            index -= 1
        return index

    def _dash(self, position: int, start: int) -> int:
        """The dash of an item that begins at `start`; between `position` and it are only space and comments."""
        while position < start:
            if self._text[position] == "-":
                return position
            if self._text[position] == "#":
                position = self._text.find("\n", position)
            position += 1
        return start
