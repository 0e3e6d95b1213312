"""Files of signing requests come from where the desired state comes from: watched with it, and read of the same commit."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from reconciler.desired.load import load
from reconciler.source.directory import DirectorySource
from reconciler.source.snapshot import decode, digest_of, encode, recording
from reconciler.source.worktree import WorktreeSource
from tests.requesting import HEAD, csr, entry

MAIN: Final = "cluster-pki.yaml"
REQUEST: Final = "requests/jane.csr"


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """A desired state with a request, which an included file names."""
    (tmp_path / "requests").mkdir()
    (tmp_path / REQUEST).write_text(csr())
    (tmp_path / "people.yaml").write_text(entry())
    (tmp_path / MAIN).write_text(f"{HEAD}include: [people.yaml]\n")
    return tmp_path / MAIN


def test_a_request_is_part_of_the_revision(main: Path) -> None:
    """The digest is that of the loader; a request that changes is another revision."""
    source = WorktreeSource(str(main))
    first = source.open(None, allow_rollback=False)
    names = (MAIN, "people.yaml", REQUEST)
    digest = digest_of(MAIN, {name: (main.parent / name).read_bytes() for name in names})
    assert load(first.source).sha256 == load(DirectorySource(str(main))).sha256 == first.revision.digest == digest
    before = source.poll()
    (main.parent / REQUEST).write_text(csr(holder="other"))
    assert source.poll() != before
    assert source.open(first.revision, allow_rollback=False).revision != first.revision


def test_a_request_is_watched(main: Path) -> None:
    """Also one that is not there yet."""
    (main.parent / REQUEST).unlink()
    source = WorktreeSource(str(main))
    source.open(None, allow_rollback=False)
    assert str(main.parent / REQUEST) in source.watched()


def test_the_last_good_revision_keeps_its_requests(main: Path) -> None:
    """What was recorded is read again when the files are gone."""
    recorder = recording(DirectorySource(str(main)))
    before = load(recorder)
    revision = WorktreeSource(str(main)).open(None, allow_rollback=False).revision
    kept = decode(encode(recorder.snapshot(revision)))
    for name in (REQUEST, "people.yaml", MAIN):
        (main.parent / name).unlink()
    after = load(kept)
    assert after.sha256 == before.sha256
    assert after.requests[REQUEST].text == before.requests[REQUEST].text
