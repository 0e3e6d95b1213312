"""A repository that wants to run something: whatever its configuration, hooks and attributes say, nothing of it happens."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.desired.load import load
from reconciler.source.revision import SourceError
from reconciler.source.signatures import SshVerifier
from reconciler.source.worktree import WorktreeSource
from tests.source.conftest import Follow
from tests.source.repositories import MAIN, TEXT, Repository, listing


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """A file that the trap makes."""
    return tmp_path / "canary"


def hook_names(directory: Path) -> list[str]:
    """Every hook that git knows by an example, and those without one."""
    examples = [path.name.removesuffix(".sample") for path in directory.glob("*.sample")]
    return [*examples, "post-checkout", "post-index-change", "reference-transaction", "post-rewrite", "fsmonitor-watchman"]


@pytest.fixture
def hostile(repository: Repository, canary: Path, keys: Callable[[str], Path]) -> Repository:
    """A checkout with a trap at every place that runs something, and Mallory among its own allowed signers."""
    trap = canary.parent / "trap"
    trap.write_text(f'#!/bin/sh\necho "$0 $*" >> {canary}\nexit 0\n', encoding="utf-8")
    trap.chmod(0o755)
    repository.commit({".gitattributes": "* filter=evil diff=evil merge=evil ident\n", MAIN: TEXT}, key=keys("mallory"))
    own_signers = repository.path / ".git/signers"
    own_signers.write_text(f"* {keys('mallory').with_suffix('.pub').read_text(encoding='utf-8')}", encoding="utf-8")
    included = repository.path / ".git/included"
    included.write_text(f"[core]\n\tfsmonitor = {trap}\n[alias]\n\tcat-file = !{trap}\n", encoding="utf-8")
    config = {
        "core.fsmonitor": trap,
        "core.pager": trap,
        "core.editor": trap,
        "core.sshCommand": trap,
        "core.askPass": trap,
        "core.gitProxy": trap,
        "core.alternateRefsCommand": trap,
        "core.hooksPath": repository.path / ".git/evil-hooks",
        "gpg.program": trap,
        "gpg.ssh.program": trap,
        "gpg.x509.program": trap,
        "gpg.ssh.defaultKeyCommand": trap,
        "gpg.ssh.allowedSignersFile": own_signers,
        "gpg.format": "ssh",
        "log.showSignature": "true",
        "filter.evil.smudge": trap,
        "filter.evil.clean": trap,
        "filter.evil.process": trap,
        "filter.evil.required": "true",
        "diff.external": trap,
        "diff.evil.textconv": trap,
        "diff.evil.command": trap,
        "merge.evil.driver": trap,
        "alias.verify-commit": f"!{trap}",
        "alias.merge-base": f"!{trap}",
        "credential.helper": f"!{trap}",
        "uploadpack.packObjectsHook": trap,
        "protocol.ext.allow": "always",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::{trap}",
        "extensions.partialClone": "origin",
        "include.path": included,
        "pager.cat-file": trap,
        "interactive.diffFilter": trap,
        "sequence.editor": trap,
        "core.worktree": canary.parent,
    }
    (repository.path / ".git/evil-hooks").mkdir()
    (repository.path / ".git/hooks").mkdir()
    for directory in ("evil-hooks", "hooks"):
        for name in hook_names(Path("/usr/share/git-core/templates/hooks")):
            path = repository.path / ".git" / directory / name
            path.write_bytes(trap.read_bytes())
            path.chmod(0o755)
    lines = ["[core]\n\trepositoryformatversion = 1\n"]
    for key, value in config.items():
        section, _, name = key.rpartition(".")
        first, _, rest = section.partition(".")
        heading = f'{first} "{rest}"' if rest else first
        lines.append(f'[{heading}]\n\t{name} = "{value}"\n')
    with (repository.path / ".git/config").open("a", encoding="utf-8") as file:
        file.writelines(lines)
    return repository


def test_the_trap_works(hostile: Repository, canary: Path) -> None:
    """An ordinary git falls into it, so that the tests below mean something."""
    with contextlib.suppress(AssertionError):  # The trap answers nothing sensible, and git gives up.
        hostile.git(f"--work-tree={hostile.path}", "status")
    assert "trap" in canary.read_text(encoding="utf-8")


def test_reading_a_commit_runs_nothing(hostile: Repository, canary: Path, follow: Follow) -> None:
    """Not when the commit is read, compared with the last one, loaded, polled or closed; and nothing is written."""
    before = listing(hostile.path)
    source = follow(hostile.path)
    opened = source.open(None, allow_rollback=False)
    assert load(opened.source).document.cluster == "demo"
    source.open(opened.revision, allow_rollback=False)
    source.poll()
    source.watched()
    source.close()
    assert (canary.exists(), listing(hostile.path)) == (False, before)


def test_objects_that_are_missing_are_not_fetched(hostile: Repository, canary: Path, follow: Follow) -> None:
    """A promisor remote is a command of the repository's choice."""
    blob = hostile.path / ".git/objects"
    name = "3f" + "0" * 38
    assert not (blob / name[:2] / name[2:]).exists()
    with pytest.raises(SourceError, match="is missing in the repository"):
        follow(hostile.path, ref=name).open(None, allow_rollback=False)
    assert not canary.exists()


def test_the_repository_does_not_choose_its_signers(
    hostile: Repository, canary: Path, follow: Follow, keys: Callable[[str], Path], tmp_path: Path
) -> None:
    """Mallory is among the repository's allowed signers and not among ours."""
    signers = tmp_path / "signers"
    signers.write_text(f"alice@example.com {keys('alice').with_suffix('.pub').read_text(encoding='utf-8')}", encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        follow(hostile.path, verifier=SshVerifier(str(signers))).open(None, allow_rollback=False)
    assert (caught.value.reason, canary.exists()) == ("UnknownSigner", False)


def test_reading_the_work_tree_runs_nothing(hostile: Repository, canary: Path) -> None:
    """It starts no process at all."""
    source = WorktreeSource(str(hostile.path / MAIN))
    opened = source.open(None, allow_rollback=False)
    source.poll()
    source.watched()
    assert (load(opened.source).document.cluster, canary.exists()) == ("demo", False)


def test_an_object_store_full_of_odd_things(hostile: Repository, canary: Path, follow: Follow) -> None:
    """Loops of links, FIFOs, and alternates that lead elsewhere do no harm to what is there."""
    store = hostile.path / ".git/objects"
    (store / "info").mkdir(exist_ok=True)
    (store / "info/alternates").write_text(f"/etc\n{store}\n../objects\n/nonexistent\n", encoding="utf-8")
    (store / "00").symlink_to("00")
    (store / "pack").mkdir(exist_ok=True)
    (store / "pack/loop").symlink_to("..")
    opened = follow(hostile.path).open(None, allow_rollback=False)
    assert (opened.source.read(MAIN).decode(), canary.exists()) == (TEXT, False)
    assert stat.S_ISLNK((store / "00").lstat().st_mode)
