"""What is found in clusters with nothing wrong: no error, no warning but what their layout itself means, and stock notices."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.discovered.layouts import LAYOUTS, Layout
from tests.discovered.looking import found, read


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_nothing_else_is_found(tmp_path: Path, layout: Layout) -> None:
    """Each layout has exactly these findings, each once."""
    layout.maker(tmp_path)
    assert found(tmp_path, layout.directories) == Counter(layout.found)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_every_file_is_understood(tmp_path: Path, layout: Layout) -> None:
    """There is no configuration that could not be read, and no node without its files."""
    layout.maker(tmp_path)
    cluster = read(tmp_path, layout.directories)
    assert [(node.name, node.unread, bool(node.files)) for node in cluster.nodes] == [
        (name, (), True) for name in sorted(path.name for path in tmp_path.iterdir())
    ]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_looking_changes_nothing(tmp_path: Path, layout: Layout) -> None:
    """No file is written, made or removed."""
    layout.maker(tmp_path)
    before = _state(tmp_path)
    found(tmp_path, layout.directories)
    assert _state(tmp_path) == before


def _state(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Time of change, mode and content of everything."""
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in root.rglob("*")
    }
