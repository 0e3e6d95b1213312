"""Where commands read the desired state: a file as it stands, or a commit that may be acted on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from reconciler.passes import last_good
from reconciler.passes.session import new_session
from reconciler.plan.status_document import SourceStatus
from reconciler.source.git import GitSource
from tests.daemon.followed import server, text
from tests.inprocess import Home, Said
from tests.source.repositories import MAIN, Repository, new_repository, run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A directory whose own file is no part of any repository; what reading needs is below it, and gone afterwards."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    home = Home(path=tmp_path)
    home.write(text("standing"))
    return home


@pytest.fixture
def repository(home: Home) -> Repository:
    """Two commits on main, another one on a branch, and a work tree in the middle of something else."""
    repository = new_repository(home.path / "repository")
    repository.commit({MAIN: text("first")})
    repository.git("branch", "old")
    repository.commit({MAIN: text("second"), "clusters/b/pki.yaml": text("b"), "clusters/b/notes.txt": ""})
    repository.write({MAIN: text("uncommitted")})
    return repository


@pytest.fixture
def call(home: Home, repository: Repository) -> Callable[..., Said]:
    """Runs a command on the main file of the repository; nothing that reading needed is left behind."""

    def run_command(command: str, *arguments: str, path: str = MAIN) -> Said:
        said = home.call(command, *arguments, "--git", str(repository.path), "--path", path)
        assert list((home.path / "scratch").iterdir()) == []
        return said

    return run_command


Call = Callable[..., Said]


def components(said: Said) -> list[str]:
    """The components of whatever was printed as JSON."""
    assert said.code == 0, said.log
    rows = said.json.get("resource_changes") or said.json.get("resources") or said.json.get("certificates")
    addresses = [row["address"] for row in rows] if rows else [f"component.{name}" for name in said.json["components"]]
    return sorted(address for address in addresses if address.startswith("component."))


READERS: Final[dict[str, tuple[str, ...]]] = {
    "plan": ("--format", "json"),
    "status": ("--format", "json"),
    "show": ("desired", "--format", "json"),
}


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize(
    ("options", "expected"),
    [((), "second"), (("--ref", "old"), "first"), (("--ref", "main"), "second"), (("--worktree",), "uncommitted")],
    ids=["HEAD", "a branch", "the branch itself", "as files stand"],
)
def test_every_command_reads_what_it_was_asked_for(command: str, options: tuple[str, ...], expected: str, call: Call) -> None:
    """The commit, whatever the work tree holds; the work tree only when it is named."""
    assert components(call(command, *READERS[command], *options)) == [f"component.{expected}"]


def test_without_git_it_is_the_file_as_it_stands(home: Home) -> None:
    """Also below a repository: what a person edits is what they plan."""
    repository = new_repository(home.path)
    repository.commit({MAIN: text("committed")})
    home.write(text("edited"))
    assert components(home.plan()) == ["component.edited"]
    assert components(home.plan("--worktree")) == ["component.edited"]


def test_validate_reads_a_commit(call: Call) -> None:
    """Another main file in it, by its path."""
    said = call("validate", path="clusters/b/pki.yaml")
    assert (said.code, said.out) == (0, "Success! clusters/b/pki.yaml is valid: cluster run with 1 CA, 1 certificate.\n")


def test_apply_and_whoever_looks_afterwards(call: Call, home: Home) -> None:
    """A plan names the commit; what was applied from it is in the inventory, and planned no more."""
    commit = run("git", "rev-parse", "HEAD", cwd=home.path / "repository")
    assert call("plan", "--format", "json").json["source"]["revision"] == commit
    assert call("apply", "--auto-approve").code == 0
    assert call("plan", "--detailed-exitcode").code == 0
    inventory = call("inventory", "--format", "json")
    assert inventory.code == 0
    assert "component.second" in inventory.out
    certificate = call("show", "certificate", "component.second", "--format", "json")
    assert certificate.json["address"] == "component.second"
    assert call("show", "audit", "--format", "json").json["whole"] is True


def test_a_saved_plan_of_a_commit_is_stale_after_the_next(call: Call, home: Home, repository: Repository) -> None:
    """It rests on the commit."""
    plan = str(home.path / "plan.json")
    assert call("plan", "--out", plan).code == 0
    repository.commit({MAIN: text("second", "third")})
    said = call("apply", plan)
    assert said.code == 1
    assert "Saved plan is stale" in said.log


def test_a_mistake_in_a_commit_is_told_by_its_path_in_the_repository(call: Call, repository: Repository) -> None:
    """Of an included file too, which lies beside the main file."""
    broken = {"components": {"x": server("x", ca="no-such-ca")}}
    main = yaml.safe_load(text()) | {"include": ["more/*.yaml"]}
    del main["components"]
    repository.commit({"clusters/b/pki.yaml": yaml.safe_dump(main), "clusters/b/more/x.yaml": yaml.safe_dump(broken)})
    said = call("validate", "--format", "json", path="clusters/b/pki.yaml")
    assert said.code == 1
    (diagnostic,) = said.json["diagnostics"]
    place = diagnostic["range"]
    assert (diagnostic["code"], place["filename"], place["start"]["line"]) == ("CPK201", "clusters/b/more/x.yaml", 3)
    planned = call("plan", path="clusters/b/pki.yaml")
    assert planned.code == 1
    assert "clusters/b/more/x.yaml:3" in planned.log


GIT: Final = "--git"
CONTRADICTIONS: Final[list[tuple[tuple[str, ...], str]]] = [
    (("--ref", "main"), "--ref needs a repository: add --git DIR"),
    (("--path", "x.yaml"), "--path needs a repository: add --git DIR"),
    (("--verify-signatures", "f"), "--verify-signatures needs a repository: add --git DIR"),
    (("--verify-keyring", "f"), "--verify-keyring needs a repository: add --git DIR"),
    ((GIT, "d", "--path", "/x.yaml"), "--path /x.yaml: give it as it stands in the repository, such as cluster-pki.yaml"),
    (
        (GIT, "d", "--path", "x", "--verify-signatures", "f", "--verify-keyring", "f"),
        "--verify-signatures and --verify-keyring: one kind of signature is enough",
    ),
    (("--worktree", "--ref", "main"), "--ref names a commit, and files as they stand are none"),
    (
        ("--worktree", "--verify-signatures", "f"),
        "files as they stand have no signature: --verify-signatures and --verify-keyring need a commit (--git DIR)",
    ),
    (
        ("--worktree", "--verify-keyring", "f"),
        "files as they stand have no signature: --verify-signatures and --verify-keyring need a commit (--git DIR)",
    ),
]


@pytest.mark.parametrize(("options", "message"), CONTRADICTIONS, ids=[" ".join(options) for options, _ in CONTRADICTIONS])
@pytest.mark.parametrize("command", ["plan", "validate"])
def test_options_that_contradict_each_other(command: str, options: tuple[str, ...], message: str, home: Home) -> None:
    """A usage error with the way out, before anything is read."""
    said = home.call(command, *options)
    assert (said.code, said.out, said.log) == (64, "", f"cluster-pki: error: {message}\n")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--git", "/nowhere", "--path", MAIN), "RepositoryNotFound"),
        (("--git", "{repository}", "--path", MAIN, "--ref", "no-such"), "RefNotFound"),
        (("--git", "{repository}", "--path", "../x.yaml"), "RepositoryNotFound"),
    ],
)
def test_a_source_that_gives_nothing_is_an_error_with_a_reason(
    options: tuple[str, ...], reason: str, home: Home, repository: Repository
) -> None:
    """Exit 1, one sentence, the word of the condition, what to do; no traceback."""
    said = home.call("plan", *(option.format(repository=repository.path) for option in options))
    assert (said.code, said.out) == (1, "")
    assert said.log.startswith("Error: ")
    assert f"({reason})" in said.log
    assert "Traceback" not in said.log


def test_a_main_file_that_is_not_in_the_commit(call: Call) -> None:
    """It lies in the work tree, and was never committed."""
    said = call("plan", path="never.yaml")
    assert said.code == 1
    assert "never.yaml" in said.log


@pytest.fixture
def signing(home: Home) -> tuple[Path, Path]:
    """A key, and a file that allows it."""
    key = home.path / "key"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ops", "-f", key, cwd=home.path)
    signers = home.path / "allowed_signers"
    signers.write_text(f"ops@example.com {key.with_suffix('.pub').read_text(encoding='utf-8')}", encoding="utf-8")
    return key, signers


def test_only_what_an_allowed_signer_signed_is_acted_on(
    call: Call, home: Home, repository: Repository, signing: tuple[Path, Path]
) -> None:
    """By commands too: an unsigned commit is neither planned nor applied, and nothing is written."""
    key, signers = signing
    for command in (("plan",), ("apply", "--auto-approve"), ("validate",), ("status",)):
        said = call(*command, "--verify-signatures", str(signers))
        assert (said.code, said.out) == (1, "")
        assert "(Unsigned)" in said.log
    assert not (home.path / "state").exists()
    repository.commit({MAIN: text("signed")}, key=key)
    assert components(call("plan", "--format", "json", "--verify-signatures", str(signers))) == ["component.signed"]


def in_force(home: Home, repository: Repository) -> None:
    """Keeps the commit as the reconciler does once it is in force."""
    source = GitSource(str(repository.path), environ={"PATH": "/usr/bin:/bin", "TMPDIR": str(home.path)})
    try:
        opened = source.open(None, allow_rollback=True)
        state_dir = str(home.path / "state")
        session = new_session(
            opened.source, node=None, root=str(home.path), state_dir=state_dir, environ={}, revision=opened.revision
        )
        origin = SourceStatus(kind="git", location=str(repository.path), path=MAIN, ref="HEAD")
        last_good.keep(session, origin=origin)
    finally:
        source.close()


def test_what_is_older_than_what_is_in_force_is_not_applied_by_hand(call: Call, home: Home, repository: Repository) -> None:
    """Nor planned: a checkout that went back would undo what the reconciler did. Whoever means it says so."""
    in_force(home, repository)
    repository.git("reset", "--quiet", "--hard", "old")
    for command in (("apply", "--auto-approve"), ("plan",)):
        said = call(*command)
        assert (said.code, said.out) == (1, "")
        assert "(RolledBack)" in said.log
        assert "--allow-rollback" in said.log
    assert not (home.path / "srv").exists()
    assert call("apply", "--auto-approve", "--allow-rollback").code == 0
    assert (home.path / "srv/pki/first.crt").exists()


def test_what_follows_from_what_is_in_force_is_applied(call: Call, home: Home, repository: Repository) -> None:
    """A newer commit, and the same one; another branch is somebody's choice."""
    in_force(home, repository)
    assert call("plan").code == 0
    assert call("plan", "--ref", "old").code == 0
    repository.commit({MAIN: text("third")})
    assert components(call("plan", "--format", "json")) == ["component.third"]


def test_a_branch_that_moves_while_it_is_read(
    call: Call, home: Home, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was checked against what is in force is what is planned, not what stood there before."""
    in_force(home, repository)
    repository.git("checkout", "--quiet", "--force", "old")
    newer = run("git", "rev-parse", "main", cwd=repository.path)
    recall = last_good.recall

    def moving(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - handed on as it came
        repository.git("checkout", "--quiet", "--force", "main")
        return recall(*arguments, **options)

    monkeypatch.setattr(last_good, "recall", moving)
    said = call("plan", "--format", "json")
    assert components(said) == ["component.second"]
    assert json.loads(said.out)["source"]["revision"] == newer
