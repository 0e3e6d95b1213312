"""Following a commit: every state that a repository can be in is read from its objects, or refused with a reason."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from reconciler.desired.load import load
from reconciler.desired.source import UnusableFileError
from reconciler.source.git import GitSource
from reconciler.source.revision import Revision, SourceError
from tests.source.conftest import Follow
from tests.source.repositories import MAIN, TEXT, Repository, flip, listing, new_repository, run

REPOSITORY: Final = Path(__file__).resolve().parents[2]


def seen(source: GitSource) -> tuple[str, bytes]:
    """The commit and the main file that a source shows; polling says the same commit."""
    opened = source.open(None, allow_rollback=False)
    assert source.poll() == opened.revision.id
    return opened.revision.id, opened.source.read(opened.source.name)


def refused(source: GitSource, *, last: Revision | None = None) -> tuple[str, str]:
    """Reason and message of a refusal."""
    with pytest.raises(SourceError) as caught:
        source.open(last, allow_rollback=False)
    return caught.value.reason, caught.value.message


def test_the_commit_is_read_and_not_the_files_beside_it(repository: Repository, follow: Follow) -> None:
    """What somebody left in the work tree or the index is nobody's desired state."""
    commit = repository.git("rev-parse", "HEAD")
    repository.write({MAIN: "cluster: other\n"})
    repository.git("add", MAIN)
    source = follow(repository.path)
    opened = source.open(None, allow_rollback=False)
    assert opened.revision == Revision(kind="git", id=commit, location=str(repository.path), path=MAIN, ref="HEAD")
    assert (opened.source.name, opened.source.read(MAIN).decode()) == (MAIN, f"{TEXT}# 1\n")
    assert load(opened.source).document.cluster == "demo"


# Each makes a state out of a checkout with one commit, and returns the directory to follow.


def as_it_is(repository: Repository) -> Path:
    """A work tree."""
    return repository.path


def git_directory(repository: Repository) -> Path:
    """Its git directory, named itself."""
    return repository.path / ".git"


def link_to_it(repository: Repository) -> Path:
    """A link to a work tree."""
    link = repository.path.parent / "link"
    link.symlink_to("checkout")
    return link


def bare(repository: Repository) -> Path:
    """A bare clone."""
    repository.git("clone", "--quiet", "--bare", ".", "../bare.git")
    return repository.path.parent / "bare.git"


def shallow(repository: Repository) -> Path:
    """A clone of depth 1 of two commits."""
    repository.git("commit", "--quiet", "--allow-empty", "-m", "second")
    repository.git("clone", "--quiet", "--depth=1", f"file://{repository.path}", "../shallow")
    return repository.path.parent / "shallow"


def packed(repository: Repository) -> Path:
    """Refs and objects in packs, with a commit graph and a multi-pack index."""
    repository.git("gc", "--quiet", "--aggressive", "--prune=now")
    repository.git("commit-graph", "write", "--reachable")
    repository.git("multi-pack-index", "write")
    assert not (repository.path / ".git/refs/heads/main").exists()
    return repository.path


def linked_worktree(repository: Repository) -> Path:
    """A linked worktree: ``.git`` is a file."""
    repository.git("worktree", "add", "--quiet", "--detach", "../linked")
    assert (repository.path.parent / "linked/.git").is_file()
    return repository.path.parent / "linked"


def worktree_with_its_own_branch(repository: Repository) -> Path:
    """A linked worktree on a branch: HEAD is its own, the branch is shared."""
    repository.git("worktree", "add", "--quiet", "-b", "topic", "../linked")
    return repository.path.parent / "linked"


def git_sync(repository: Repository) -> Path:
    """What git-sync publishes: a link to a worktree that is named after its commit, with a relative gitdir."""
    root = repository.path.parent / "git"
    shutil.copytree(repository.path / ".git", root / ".git")
    commit = repository.git("rev-parse", "HEAD")
    worktree = root / ".worktrees" / commit
    Repository(path=root).git("worktree", "add", "--quiet", "--detach", worktree)
    (worktree / ".git").write_text(f"gitdir: ../../.git/worktrees/{commit}\n", encoding="utf-8")
    flip(root, worktree)
    return root / "current"


def submodule(repository: Repository) -> Path:
    """A submodule's checkout, whose git directory lies in the outer repository."""
    outer = new_repository(repository.path.parent / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", repository.path, "inner")
    return outer.path / "inner"


def index_lock(repository: Repository) -> Path:
    """An index.lock that a crash left, and a HEAD.lock."""
    for name in ("index.lock", "HEAD.lock"):
        (repository.path / ".git" / name).touch()
    return repository.path


def detached(repository: Repository) -> Path:
    """A detached HEAD."""
    repository.git("checkout", "--quiet", "--detach")
    return repository.path


def borrowed_objects(repository: Repository) -> Path:
    """A clone that borrows its objects through ``objects/info/alternates``."""
    repository.git("clone", "--quiet", "--shared", ".", "../borrower")
    return repository.path.parent / "borrower"


def odd_name(repository: Repository) -> Path:
    """A path with what separates or quotes the paths of object stores."""
    path = repository.path.parent / 'a:b "c" \\d\ne'
    repository.path.rename(path)
    return path


def replaced(repository: Repository) -> Path:
    """A replace ref, which shows other content under the commit's name to those who honour it."""
    commit = repository.git("rev-parse", "HEAD")
    repository.commit({MAIN: "cluster: replaced\n"})
    repository.git("replace", commit, "HEAD")
    repository.git("update-ref", "HEAD", commit)
    return repository.path


def line_endings(repository: Repository) -> Path:
    """Attributes under which a checkout's bytes differ from the object's."""
    repository.write({".git/info/attributes": "* text eol=crlf\n"})
    (repository.path / MAIN).unlink()
    repository.git("checkout", "--", MAIN)
    assert b"\r\n" in (repository.path / MAIN).read_bytes()
    return repository.path


def partly_checked_out(repository: Repository) -> Path:
    """A checkout that was removed half-way."""
    (repository.path / MAIN).unlink()
    (repository.path / ".git/index").write_bytes(b"junk")
    return repository.path


STATES = (
    *(as_it_is, git_directory, link_to_it, bare, shallow, packed, linked_worktree, worktree_with_its_own_branch),
    *(git_sync, submodule, index_lock, detached, borrowed_objects, odd_name, replaced, line_endings, partly_checked_out),
)


@pytest.mark.parametrize("state", STATES)
def test_states_that_are_read(state: Callable[[Repository], Path], repository: Repository, follow: Follow) -> None:
    """Each shows the committed bytes, and nothing in it is touched: no name, no byte, no time."""
    expected = state(repository)
    commit = run("git", "-C", expected, "-c", "safe.bareRepository=all", "rev-parse", "HEAD", cwd=expected.parent)
    before = listing(repository.path.parent)
    assert seen(follow(expected)) == (commit, f"{TEXT}# 1\n".encode())
    ours = {name: entry for name, entry in listing(repository.path.parent).items() if not name.startswith("scratch")}
    assert ours == {name: entry for name, entry in before.items() if not name.startswith("scratch")}


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_both_object_formats(object_format: str, tmp_path: Path, follow: Follow) -> None:
    """A commit's name has 40 or 64 digits."""
    repository = new_repository(tmp_path / "checkout", object_format=object_format)
    commit = repository.commit()
    assert seen(follow(repository.path)) == (commit, f"{TEXT}# 1\n".encode())
    assert len(commit) == {"sha1": 40, "sha256": 64}[object_format]


@pytest.mark.parametrize("interruption", ["merge", "rebase", "cherry-pick", "revert"])
def test_conflict_markers_are_not_seen(interruption: str, repository: Repository, follow: Follow) -> None:
    """In the middle of a merge the files hold markers; the commit does not."""
    repository.git("branch", "other")
    ours = repository.commit({MAIN: "ours\n"})
    repository.git("checkout", "--quiet", "other")
    theirs = repository.commit({MAIN: "theirs\n"})
    if interruption == "revert":
        theirs = repository.commit({MAIN: "theirs, again\n"})
    target = "HEAD~1" if interruption == "revert" else "main"
    with pytest.raises(AssertionError):
        repository.git(*([interruption, "--no-edit"] if interruption == "revert" else [interruption]), target)
    assert b"<<<<<<<" in (repository.path / MAIN).read_bytes()
    commit, text = seen(follow(repository.path))
    assert commit == (ours if interruption == "rebase" else theirs)
    assert b"<<<<<<<" not in text


def test_a_directory_in_a_checkout(repository: Repository, follow: Follow) -> None:
    """The main file is looked for there; messages name it from the repository's root; includes stay below it."""
    files = {
        "clusters/a/main.yaml": f"{TEXT}include: [parts/*.yaml]\n",
        "clusters/a/parts/one.yaml": "nodes: [{name: w-1, roles: [worker]}]\n",
    }
    repository.commit(files)
    for directory, path in (("clusters/a", "main.yaml"), ("clusters", "a/main.yaml"), (".", "./clusters/a/main.yaml")):
        opened = follow(repository.path / directory, path=path).open(None, allow_rollback=False)
        assert opened.revision.path == "clusters/a/main.yaml"
        assert opened.source.shown("parts/one.yaml") == "clusters/a/parts/one.yaml"
        assert [name for name, _ in load(opened.source).files] == ["main.yaml", "parts/one.yaml"]


@pytest.mark.parametrize("path", ["../other.yaml", "/etc/passwd", "a/../../x.yaml", ".", ""])
def test_main_files_outside_the_repository(path: str, repository: Repository, follow: Follow) -> None:
    """A path of the machine is no path in a commit."""
    assert refused(follow(repository.path, path=path)) == ("RepositoryNotFound", f"{path!r} is no file inside the repository")


@pytest.mark.parametrize(
    "ref", ["HEAD", "main", "refs/heads/main", "light", "annotated", "twice", "origin/main", "refs/heads/alias", "feature/x"]
)
@pytest.mark.parametrize("pack", [False, True])
def test_refs(ref: str, pack: bool, repository: Repository, follow: Follow) -> None:
    """Branches, tags of both kinds, tags of tags, what was fetched, and names that stand for names."""
    commit = repository.git("rev-parse", "HEAD")
    repository.git("tag", "light")
    repository.git("tag", "-a", "-m", "a tag", "annotated")
    repository.git("tag", "-a", "-m", "a tag of a tag", "twice", "annotated")
    repository.git("branch", "feature/x")
    repository.git("update-ref", "refs/remotes/origin/main", commit)
    repository.git("symbolic-ref", "refs/heads/alias", "refs/heads/feature/x")
    if pack:
        repository.git("pack-refs", "--all")
    assert seen(follow(repository.path, ref=ref))[0] == commit


def test_a_commit_by_its_digits(repository: Repository, follow: Follow) -> None:
    """It never moves."""
    commit = repository.git("rev-parse", "HEAD")
    repository.commit()
    assert seen(follow(repository.path, ref=commit))[0] == commit


def test_a_new_commit_is_polled(repository: Repository, follow: Follow) -> None:
    """Loose or packed; without starting a process."""
    source = follow(repository.path)
    for _ in range(2):
        commit = repository.commit()
        assert source.poll() == commit
        repository.git("pack-refs", "--all")
    assert source._workshop is None


# Each breaks something and returns (directory, ref, reason, message).


def no_directory(repository: Repository) -> tuple[Path, str, str, str]:
    """Nothing is there yet."""
    path = repository.path / "none"
    return path, "HEAD", "RepositoryNotFound", f"{path}: there is no such directory"


def no_repository(repository: Repository) -> tuple[Path, str, str, str]:
    """A plain directory."""
    path = repository.path.parent
    return path, "HEAD", "RepositoryNotFound", f"{path} is no git repository, and lies in none"


def no_branch(repository: Repository) -> tuple[Path, str, str, str]:
    """A branch that nobody made."""
    return repository.path, "release", "RefNotFound", f"there is no release in {repository.path}"


def unborn(repository: Repository) -> tuple[Path, str, str, str]:
    """A repository before its first commit."""
    repository.git("symbolic-ref", "HEAD", "refs/heads/unborn")
    return repository.path, "HEAD", "RefNotFound", "HEAD points at refs/heads/unborn, which has no commit yet"


def endless(repository: Repository) -> tuple[Path, str, str, str]:
    """Names that stand for each other."""
    repository.write({".git/refs/heads/a": "ref: refs/heads/b\n", ".git/refs/heads/b": "ref: refs/heads/a\n"})
    return repository.path, "a", "RefNotFound", "refs/heads/b leads from ref to ref without end"


def ambiguous(repository: Repository) -> tuple[Path, str, str, str]:
    """A tag with a branch's name: who may push tags would decide."""
    repository.git("tag", "main")
    return repository.path, "main", "RefAmbiguous", "main is more than one thing: refs/heads/main and refs/tags/main"


def outside(repository: Repository) -> tuple[Path, str, str, str]:
    """A ref that names a file of the machine."""
    return repository.path, "refs/../../secret", "RefNotFound", "'refs/../../secret' can be no ref"


def pointing_outside(repository: Repository) -> tuple[Path, str, str, str]:
    """A ref file that names one."""
    repository.write({".git/HEAD": "ref: ../../secret\n"})
    return repository.path, "HEAD", "CommitUnreadable", "HEAD does not hold a commit"


def unreadable_packed_refs(repository: Repository) -> tuple[Path, str, str, str]:
    """Refs that cannot be told."""
    (repository.path / ".git/packed-refs").mkdir()
    message = f"{repository.path}/.git/packed-refs cannot be read: it is not a regular file"
    return repository.path, "other", "RefNotFound", message


def cut_off(repository: Repository) -> tuple[Path, str, str, str]:
    """A ref file that a crash emptied."""
    repository.write({".git/refs/heads/main": ""})
    return repository.path, "HEAD", "CommitUnreadable", "refs/heads/main does not hold a commit"


def fifo(repository: Repository) -> tuple[Path, str, str, str]:
    """A ref that would make its reader wait."""
    path = repository.path / ".git/refs/heads/main"
    path.unlink()
    os.mkfifo(path)
    return repository.path, "HEAD", "RefNotFound", f"{path} cannot be read: it is not a regular file"


def missing_commit(repository: Repository) -> tuple[Path, str, str, str]:
    """A commit that was not fetched."""
    return (
        repository.path,
        "f" * 40,
        "CommitUnreadable",
        f"object {'f' * 12} is missing in the repository, damaged, or far too large",
    )


def no_commit(repository: Repository) -> tuple[Path, str, str, str]:
    """A tag of a file."""
    blob = repository.git("rev-parse", f"HEAD:{MAIN}")
    repository.git("tag", "file", blob)
    return repository.path, "file", "CommitUnreadable", f"object {blob[:12]} is no commit"


def reftable(repository: Repository) -> tuple[Path, str, str, str]:
    """Refs in a form that we cannot read yet."""
    (repository.path / ".git/reftable").mkdir()
    message = f"{repository.path}/.git keeps its refs in a reftable, which cannot be read yet"
    return repository.path, "main", "RepositoryUnsupported", message


def gitdir_elsewhere(repository: Repository) -> tuple[Path, str, str, str]:
    """A worktree whose repository is not mounted."""
    path = repository.path.parent / "linked"
    path.mkdir()
    (path / ".git").write_text("gitdir: /nowhere/.git/worktrees/x\n", encoding="utf-8")
    message = f"{path}/.git names /nowhere/.git/worktrees/x, where there is no repository"
    return path, "HEAD", "RepositoryNotFound", message


def damaged(repository: Repository) -> tuple[Path, str, str, str]:
    """An object file that is no object."""
    commit = repository.git("rev-parse", "HEAD")
    path = repository.path / ".git/objects" / commit[:2] / commit[2:]
    path.chmod(0o644)
    path.write_bytes(b"junk")
    message = f"object {commit[:12]} is missing in the repository, damaged, or far too large"
    return repository.path, "HEAD", "CommitUnreadable", message


BREAKAGES = (
    *(no_directory, no_repository, no_branch, unborn, endless, ambiguous, outside, pointing_outside, cut_off, fifo),
    *(unreadable_packed_refs, missing_commit, no_commit, reftable, gitdir_elsewhere, damaged),
)


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_states_that_are_refused(
    breakage: Callable[[Repository], tuple[Path, str, str, str]], repository: Repository, follow: Follow
) -> None:
    """Each with a word for the condition and a sentence that names the place."""
    directory, ref, reason, message = breakage(repository)
    assert refused(follow(directory, ref=ref)) == (reason, message)


def swap(repository: Repository, name: str, other: str) -> None:
    """Puts one object's file in the place of another's: what somebody can do who may write into the store."""
    objects = repository.path / ".git/objects"
    target = objects / name[:2] / name[2:]
    target.chmod(0o644)
    target.write_bytes((objects / other[:2] / other[2:]).read_bytes())


@pytest.mark.parametrize(("kind", "part"), [("commit", ""), ("tree", "^{tree}"), ("blob", f":{MAIN}")])
def test_objects_that_are_not_what_their_names_say(kind: str, part: str, repository: Repository, follow: Follow) -> None:
    """Git believes what its store says; here commit, tree and file are checked against their names."""
    repository.commit({MAIN: "cluster: forged\n"})
    name, other = (repository.git("rev-parse", f"{commit}{part}") for commit in ("HEAD~1", "HEAD"))
    repository.git("update-ref", "HEAD", "HEAD~1")
    swap(repository, name, other)
    command = ("git", "-C", repository.path, "cat-file", kind)
    shown = {subprocess.run([*command, one], capture_output=True, check=True).stdout for one in (name, other)}
    assert len(shown) == 1
    source = follow(repository.path)
    with pytest.raises(SourceError, match=f"object {name[:12]} is not what its name says") as caught:
        seen(source)
    assert caught.value.reason == "CommitUnreadable"


ODD_ENTRIES = {
    "link": "120000 blob {blob}\tcluster-pki.yaml\n",
    "submodule": "160000 commit {commit}\tcluster-pki.yaml\n",
}


@pytest.mark.parametrize(("kind", "entry"), ODD_ENTRIES.items(), ids=ODD_ENTRIES)
def test_links_and_submodules_are_refused(kind: str, entry: str, repository: Repository, follow: Follow) -> None:
    """``leak.yaml -> /etc/shadow`` in a commit shows no file of this machine."""
    blob = repository.git("hash-object", "-w", "--stdin", data="/etc/shadow")
    commit = repository.commit_tree(entry.format(blob=blob, commit="1" * 40))
    opened = follow(repository.path).open(None, allow_rollback=False)
    what = {"link": "a symbolic link", "submodule": "a submodule"}[kind]
    with pytest.raises(SourceError) as caught:
        load(opened.source)
    message = f"{MAIN} is {what} in commit {commit[:12]}; only files of the commit itself are read"
    assert (caught.value.reason, caught.value.message) == ("UnsafeEntry", message)


@pytest.mark.parametrize("pattern", ["parts/*.yaml", "parts/link.yaml", "*/inner.yaml", "lib/inner.yaml", "lib/*.yaml"])
def test_patterns_do_not_lead_through_links(pattern: str, repository: Repository, follow: Follow) -> None:
    """Neither a linked file, nor one below a linked directory."""
    repository.write({MAIN: f"{TEXT}include: ['{pattern}']\n", "parts/inner.yaml": "prune: true\n"})
    (repository.path / "parts/link.yaml").symlink_to("/etc/shadow")
    (repository.path / "lib").symlink_to("/etc")
    repository.commit({"parts/other.yaml": "nodes: []\n"})
    opened = follow(repository.path).open(None, allow_rollback=False)
    with pytest.raises(SourceError, match="is a symbolic link in commit"):
        load(opened.source)


def test_a_file_that_was_not_committed(repository: Repository, follow: Follow) -> None:
    """Is missing, though it lies there; the other suffix is suggested."""
    repository.write({"new.yml": TEXT})
    opened = follow(repository.path, path="new.yml").open(None, allow_rollback=False)
    commit = opened.revision.short
    with pytest.raises(UnusableFileError) as caught:
        opened.source.read("new.yml")
    assert (caught.value.code, caught.value.message) == ("CPK001", f"new.yml: there is no such file in commit {commit}")
    opened = follow(repository.path, path="cluster-pki.yml").open(None, allow_rollback=False)
    with pytest.raises(UnusableFileError) as caught:
        opened.source.read("cluster-pki.yml")
    assert caught.value.hint == 'did you mean "cluster-pki.yaml"?'


def test_a_commit_stays_readable_when_the_ref_moves(repository: Repository, follow: Follow) -> None:
    """What was opened is one commit, also after the process that reads it ended."""
    source = follow(repository.path)
    opened = source.open(None, allow_rollback=False)
    repository.commit({MAIN: "cluster: later\n"})
    source.release()
    assert opened.source.read(MAIN).decode() == f"{TEXT}# 1\n"


def test_a_huge_file_is_refused_unread_and_the_rest_still_read(repository: Repository, follow: Follow) -> None:
    """Its size is known before its bytes are taken."""
    repository.commit({"big.yaml": "#" * (3 << 20)})
    opened = follow(repository.path).open(None, allow_rollback=False)
    with pytest.raises(UnusableFileError, match=r"big\.yaml is larger than 1024 KiB"):
        opened.source.read("big.yaml")
    assert opened.source.read(MAIN).decode() == f"{TEXT}# 1\n"


def test_a_partial_clone_is_not_completed(repository: Repository, follow: Follow) -> None:
    """A file that was not fetched is missing: we read, and never fetch."""
    repository.git("config", "uploadpack.allowFilter", "true")
    command = ("clone", "--quiet", "--bare", "--filter=blob:none", f"file://{repository.path}", "../partial.git")
    repository.git(*command)
    opened = follow(repository.path.parent / "partial.git").open(None, allow_rollback=False)
    with pytest.raises(SourceError, match=f"{MAIN} of commit {opened.revision.short} is missing in the repository") as caught:
        opened.source.read(MAIN)
    assert caught.value.reason == "CommitUnreadable"


def test_a_private_directory_that_was_tidied(repository: Repository, follow: Follow) -> None:
    """Half of it is made again when it is needed."""
    source = follow(repository.path)
    source.open(None, allow_rollback=False)
    source.release()
    assert source._workshop is not None
    for path in Path(source._workshop.directory).rglob("*"):
        if path.is_file():
            path.unlink()
    assert seen(source)[1] == f"{TEXT}# 1\n".encode()


# --- Advancing ---------------------------------------------------------------------------------------------------------


def revision(repository: Repository, commit: str, *, ref: str = "HEAD") -> Revision:
    """A commit as the last good one."""
    return Revision(kind="git", id=commit, location=str(repository.path), path=MAIN, ref=ref)


def test_going_forward(repository: Repository, follow: Follow) -> None:
    """By one commit, by several, through a merge, or not at all."""
    first = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "--quiet", "-b", "topic")
    repository.commit({"other": "1"})
    repository.git("checkout", "--quiet", "main")
    second = repository.commit()
    repository.git("merge", "--quiet", "--no-edit", "topic")
    source = follow(repository.path)
    merge = source.poll()
    for last in (first, second, merge):
        assert source.open(revision(repository, last), allow_rollback=False).revision.note == ""


def test_going_back_is_refused(repository: Repository, follow: Follow) -> None:
    """An old commit can be shown again by anybody who has seen it."""
    old, new = repository.git("rev-parse", "HEAD"), repository.commit()
    repository.git("reset", "--quiet", "--hard", old)
    source = follow(repository.path)
    message = f"HEAD went back from {new[:12]} to {old[:12]}, an older commit"
    assert refused(source, last=revision(repository, new)) == ("RolledBack", message)
    allowed = source.open(revision(repository, new), allow_rollback=True).revision
    assert (allowed.id, allowed.note) == (old, f"{message}; allowed")


def test_a_replaced_history_is_refused(repository: Repository, follow: Follow) -> None:
    """A force push, also after the old commits were cleaned away."""
    old = repository.commit()
    repository.git("reset", "--quiet", "--hard", "HEAD~1")
    new = repository.commit({MAIN: "cluster: other\n"})
    for _ in range(2):
        reason, message = refused(follow(repository.path), last=revision(repository, old))
        assert (reason, message.split(",")[0]) == ("ForcePushed", f"HEAD went from {old[:12]} to {new[:12]}")
        repository.git("reflog", "expire", "--expire=now", "--all")
        repository.git("gc", "--quiet", "--prune=now")


def test_a_shallow_clone_cannot_prove_it(repository: Repository, follow: Follow) -> None:
    """It is let pass with a note; within what it holds, it is proved."""
    last = repository.git("rev-parse", "HEAD")
    repository.commit()
    new = repository.commit()
    for depth, note in ((1, f"whether {new[:12]} follows from {last[:12]} cannot be proved"), (3, "")):
        path = repository.path.parent / f"depth-{depth}"
        repository.git("clone", "--quiet", f"--depth={depth}", f"file://{repository.path}", path)
        opened = follow(path).open(revision(Repository(path=path), last), allow_rollback=False)
        assert opened.revision.note.split(":")[0] == note


def test_another_ref_or_directory_is_the_operators_choice(repository: Repository, follow: Follow) -> None:
    """What is followed was changed on the command line, not by a push."""
    old = repository.commit()
    repository.git("reset", "--quiet", "--hard", "HEAD~1")
    elsewhere = Revision(kind="git", id=old, location="/elsewhere", path=MAIN, ref="HEAD")
    for last in (revision(repository, old, ref="release"), elsewhere):
        assert follow(repository.path).open(last, allow_rollback=False).revision.id != old


def test_a_git_sync_flip_is_a_step_forward(repository: Repository, follow: Follow) -> None:
    """The link moves and the old worktree goes away; what is followed stays the same directory."""
    link = git_sync(repository)
    source = follow(link)
    first = source.open(None, allow_rollback=False).revision
    root = Repository(path=link.parent, minutes=5)
    old = link.resolve()
    checkout = Repository(path=old, minutes=5)
    commit = checkout.commit({MAIN: "cluster: second\n"})
    root.git("worktree", "add", "--quiet", "--detach", root.path / ".worktrees" / commit, commit)
    flip(root.path, root.path / ".worktrees" / commit)
    shutil.rmtree(old)
    assert source.poll() == commit
    opened = source.open(first, allow_rollback=False)
    assert (opened.revision.id, opened.revision.location, opened.source.read(MAIN)) == (commit, str(link), b"cluster: second\n")


# --- Other owners, read-only places -------------------------------------------------------------------------------------


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that every user can enter, which pytest's own are not."""
    path = Path(tempfile.mkdtemp(prefix="cluster-pki-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


READ_AS_SOMEBODY = """
import os, sys
from reconciler.source.git import GitSource
import reconciler.desired.load
directory, uid = sys.argv[1], int(sys.argv[2])
if uid != os.getuid():
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
source = GitSource(directory, environ={"PATH": os.environ["PATH"]})
opened = source.open(None, allow_rollback=False)
print(os.getuid(), opened.revision.id, opened.source.read("cluster-pki.yaml").decode())
source.close()
"""


def test_a_checkout_of_somebody_else(public: Path) -> None:
    """Owned by nobody, read as user 1000 without a HOME: git itself would speak of dubious ownership."""
    repository = new_repository(public / "checkout")
    commit = repository.commit()
    root = os.getuid() == 0
    uid = 1000 if root else os.getuid()
    if root:
        for path in (repository.path, *repository.path.rglob("*")):
            os.chown(path, 65534, 65534)
    command = (sys.executable, "-c", READ_AS_SOMEBODY, str(repository.path), str(uid))
    printed = run(*command, cwd=REPOSITORY, environ={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"})
    assert printed == f"{uid} {commit} {TEXT}# 1"
    if root:
        with pytest.raises(AssertionError, match="dubious ownership"):
            run("git", "-C", repository.path, "status", cwd=public)


def test_a_checkout_that_cannot_be_written(repository: Repository, follow: Follow) -> None:
    """Nothing in it changes: no name, size, time or byte, and not the index, which ``git status`` would refresh."""
    (repository.path / MAIN).touch()
    for path in (repository.path, *repository.path.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    before = listing(repository.path)
    source = follow(repository.path)
    last = source.open(None, allow_rollback=False)
    load(last.source)
    source.open(last.revision, allow_rollback=False)
    assert listing(repository.path) == before
    for path in (repository.path, *repository.path.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)


def test_a_repository_above_must_have_the_same_owner(public: Path, follow: Follow) -> None:
    """``/tmp/.git`` may be anybody's, and must not answer for a directory below it."""
    if os.getuid() != 0:
        return  # Another owner cannot be made.
    new_repository(public).commit()
    mine = public / "mine"
    mine.mkdir()
    assert follow(mine, path="../cluster-pki.yaml").open(None, allow_rollback=False).revision.id
    os.chown(public / ".git", 65534, 65534)
    assert refused(follow(mine)) == ("RepositoryNotFound", f"{mine} is no git repository, and lies in none")


# --- The surroundings ---------------------------------------------------------------------------------------------------


def test_without_git(repository: Repository, follow: Follow, tmp_path: Path) -> None:
    """Polling works; reading says what is missing."""
    source = follow(repository.path, environ={"PATH": str(tmp_path), "TMPDIR": str(tmp_path / "scratch")})
    assert len(source.poll()) == 40
    assert refused(source) == ("GitMissing", "reading a commit needs git, and there is none on the PATH")


def test_the_private_directory_never_lies_in_the_repository(repository: Repository, follow: Follow) -> None:
    """Not even when TMPDIR asks for it; it is for nobody else to read."""
    source = follow(repository.path, environ={"PATH": os.environ["PATH"], "TMPDIR": str(repository.path)})
    source.open(None, allow_rollback=False)
    assert source._workshop is not None
    private = Path(source._workshop.directory)
    assert (private.is_relative_to(repository.path), private.stat().st_mode & 0o777) == (False, 0o700)


def test_the_private_directory_is_made_again(repository: Repository, follow: Follow) -> None:
    """Something that tidies /tmp must not stop a daemon."""
    source = follow(repository.path)
    source.open(None, allow_rollback=False)
    assert source._workshop is not None
    shutil.rmtree(source._workshop.directory)
    assert seen(source)[1] == f"{TEXT}# 1\n".encode()


def test_closing_leaves_no_process(repository: Repository, follow: Follow) -> None:
    """The reader of objects ends with its source."""
    source = follow(repository.path)
    source.open(None, allow_rollback=False)
    assert source._objects is not None
    process = source._objects._process
    assert process is not None
    assert process.poll() is None
    source.close()
    assert process.poll() is not None


def test_a_program_that_hangs_is_given_up(
    repository: Repository, follow: Follow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead network disk must not stop the daemon for good."""
    (tmp_path / "git").write_text("#!/bin/sh\nexec sleep 600\n", encoding="utf-8")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setattr("reconciler.source.git_objects.TIMEOUT", 0.2)
    source = follow(repository.path, environ={"PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path / "scratch")})
    assert refused(source)[0] == "CommitUnreadable"
    assert source._objects is not None
    assert source._objects._process is None


def test_what_is_watched(repository: Repository, follow: Follow) -> None:
    """The git directory, HEAD, the branch and the packed refs; before there is a repository, where it will be."""
    git = repository.path / ".git"
    assert follow(repository.path).watched() == (
        *(str(git), str(repository.path / "HEAD")),
        *(str(git / "HEAD"), str(git / "refs/heads/main"), str(git / "packed-refs")),
    )
    assert follow(repository.path / "none").watched() == (
        str(repository.path / "none/.git"),
        str(repository.path / "none/HEAD"),
    )


def test_subprocesses_get_nothing_of_our_environment(repository: Repository, follow: Follow, tmp_path: Path) -> None:
    """A token in our environment is nobody's business."""
    (tmp_path / "git").write_text('#!/bin/sh\nenv > "$0.env"\nexec /usr/bin/env git "$@"\n', encoding="utf-8")
    (tmp_path / "git").chmod(0o755)
    real = shutil.which("git")
    assert real is not None
    (tmp_path / "git").write_text(f'#!/bin/sh\nenv > "$0.env"\nexec {real} "$@"\n', encoding="utf-8")
    environ = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "TMPDIR": str(tmp_path / "scratch"),
        "VAULT_TOKEN": "hvs.canary",
        "GIT_SSH_COMMAND": "false",
        "GIT_DIR": "/",
        "LD_PRELOAD": "/x.so",
    }
    follow(repository.path, environ=environ).open(None, allow_rollback=False)
    given = dict(line.split("=", 1) for line in (tmp_path / "git.env").read_text(encoding="utf-8").splitlines())
    shell = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert set(given) - shell == {
        *("PATH", "HOME", "LC_ALL", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM"),
        *("GIT_CONFIG_GLOBAL", "GIT_ATTR_NOSYSTEM", "GIT_OPTIONAL_LOCKS", "GIT_TERMINAL_PROMPT", "GIT_NO_REPLACE_OBJECTS"),
        *("GIT_NO_LAZY_FETCH", "GIT_ALLOW_PROTOCOL"),
    }


def test_no_descriptor_is_left_behind(repository: Repository, follow: Follow) -> None:
    """Following for years must not use anything up."""
    source = follow(repository.path)

    def look() -> int:
        source.open(None, allow_rollback=False).source.read(MAIN)
        source.release()
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the listing itself counts the same each time

    first = look()
    assert {look() for _ in range(5)} == {first}
    assert subprocess.run(["true"], check=True).returncode == 0
