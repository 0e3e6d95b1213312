"""A preset's entries and a user's of the same name, merged field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from msgspec import UNSET, UnsetType
from msgspec.structs import fields, replace

from reconciler.desired.presets.fragments import KINDS, Fragments
from reconciler.desired.report import Report, did_you_mean
from reconciler.desired.spec import Document
from reconciler.desired.spec_parts import Spec

#: Fields whose own fields are merged one by one; every other field is replaced as a whole.
DEEP: Final = frozenset({"subject", "rotation", "crl"})

S = TypeVar("S", bound=Spec)


def merge(preset: Fragments, document: Document, report: Report) -> Fragments:
    """What the document and the preset ask for together.

    Args:
        preset: the entries of the preset, empty without one.
        document: what the user wrote; ``null`` drops a preset's entry.
        report: takes a ``null`` that drops nothing.
    """
    return Fragments(
        **{section: _merge_section(section, getattr(preset, section), getattr(document, section), report) for section in KINDS}
    )


def override(base: S, own: S) -> S:
    """`base` with the fields that `own` sets."""
    changes = {}
    for info in fields(own):
        value = getattr(own, info.name)
        if value is UNSET:
            continue
        before = getattr(base, info.name)
        deep = info.name in DEEP and isinstance(before, Spec) and isinstance(value, Spec)
        changes[info.name] = override(before, value) if deep else value
    return replace(base, **changes)


def _merge_section(
    section: str, base: Mapping[str, S], own: Mapping[str, S | None] | UnsetType, report: Report
) -> Mapping[str, S]:
    """The preset's entries in its order, then the user's own by name: the order of the file does not matter."""
    merged = dict(base)
    for name, entry in sorted(() if own is UNSET else own.items()):
        if entry is not None:
            merged[name] = override(base[name], entry) if name in base else entry
        elif name in base:
            del merged[name]
        else:
            report.add(
                "CPK219",
                f'{KINDS[section]} "{name}" is dropped with null, but no preset has it',
                at=(section, name),
                key=True,
                hint=did_you_mean(name, base) or "remove the line",
            )
    return merged
