"""Hands that change one thing on the disk of a node."""

from __future__ import annotations

from pathlib import Path


def edit(path: Path, *changes: tuple[str, str]) -> None:
    """Replaces each text, which must be there, by another, in place."""
    content = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in content, f"{old!r} is not in {path}"
        content = content.replace(old, new)
    path.write_text(content, encoding="utf-8")


def drop(path: Path, *words: str) -> None:
    """Drops the lines that hold any of these words, of which each must be there."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for word in words:
        assert any(word in line for line in lines), f"{word!r} is not in {path}"
    path.write_text("".join(line for line in lines if not any(word in line for word in words)), encoding="utf-8")


def add_flag(manifest: Path, program: str, flag: str) -> None:
    """Gives a program of a static pod one flag more."""
    edit(manifest, (f"    - {program}\n", f"    - {program}\n    - {flag}\n"))
