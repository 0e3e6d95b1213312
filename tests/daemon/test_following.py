"""The desired state in force: what takes its place, what does not, and what is remembered after a restart."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from reconciler.daemon.conditions import Refused
from reconciler.daemon.following import Following
from reconciler.plan.status_document import SourceStatus
from reconciler.source.git import GitSource
from reconciler.source.revision import Reason, SourceError
from tests.daemon.followed import ORIGIN, Played, follow, settings, text
from tests.source.repositories import MAIN, Repository, new_repository

GOOD: Final = text("api")
BETTER: Final = text("api", "web")


def error(reason: Reason, *, retryable: bool = True) -> SourceError:
    """A refusal of the source."""
    return SourceError(reason=reason, message="no", hint="do so", retryable=retryable)


def in_force(following: Following) -> tuple[str, list[str]]:
    """The revision and its components."""
    assert following.session is not None
    assert following.revision is not None
    assert following.session.revision == following.revision.id
    return following.revision.id, sorted(following.session.compiled.state.components)


def said(refused: Refused | None) -> tuple[str, str, bool] | None:
    """Reason, message and whether only a person can help."""
    return None if refused is None else (refused.reason, refused.message, refused.stalled)


A: Final = ("a", ["component.api"])
B: Final = ("b", ["component.api", "component.web"])

KEPT: Final = "The last good revision stays in force."
#: What stands at the second commit; how it is refused; whether the source is asked again although nothing moved.
REFUSALS: Final[dict[str, tuple[str | SourceError, tuple[str, str, bool], bool]]] = {
    "unsigned": (error("Unsigned"), ("Unsigned", "no; do so. The last good revision stays in force.", True), False),
    "rolled back": (error("RolledBack"), ("RolledBack", "no; do so. The last good revision stays in force.", True), False),
    "unsafe": (
        error("UnsafeEntry", retryable=False),
        ("UnsafeEntry", "no; do so. The last good revision stays in force.", True),
        False,
    ),
    "half fetched": (error("CommitUnreadable"), ("CommitUnreadable", "no; do so.", False), True),
    "no git": (
        error("GitMissing", retryable=False),
        ("GitMissing", "no; do so. The last good revision stays in force.", True),
        True,
    ),
    "no YAML": (
        "a: [",
        (
            "DesiredStateInvalid",
            "cluster-pki.yaml:2:1: did not find expected node content [CPK005]. The last good revision stays in force.",
            True,
        ),
        False,
    ),
    "renamed": (
        text("api", cluster="other"),
        (
            "ClusterChanged",
            f'The cluster\'s name changed from "run" to "other": start another reconciler for another cluster. {KEPT}',
            True,
        ),
        False,
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refused_revision_leaves_the_last_good_one(case: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What is wrong with a commit stays wrong; what may pass by itself is asked again. The log is told once."""
    wrong, expected, asked_again = REFUSALS[case]
    source = Played(a=GOOD, b=wrong, c=BETTER)
    following = follow(source, tmp_path)
    assert following.refresh(whole=True) is None
    source.head = "b"
    with caplog.at_level(logging.WARNING):
        refusals = [following.refresh(whole=whole) for whole in (False, False, True)]
    assert [said(refused) for refused in refusals] == [expected] * 3
    assert [record.getMessage() for record in caplog.records] == [
        f"the desired state at b is not acted on: {expected[1]}",
    ]
    assert source.opened == ["a", "b", *(["b"] if asked_again else []), "b"]
    assert in_force(following) == A
    description = following.describe()
    assert (description.last_applied_revision, description.last_attempted_revision) == ("a", "b")
    source.head = "c"
    assert following.refresh(whole=False) is None
    assert in_force(following) == ("c", B[1])


def test_back_at_the_last_good_commit_nothing_is_refused(tmp_path: Path) -> None:
    """Whoever takes a bad commit back has mended it, and nothing is read anew."""
    source = Played(a=GOOD, b="a: [")
    following = follow(source, tmp_path)
    following.refresh(whole=True)
    session = following.session
    source.head = "b"
    assert following.refresh(whole=False) is not None
    source.head = "a"
    assert following.refresh(whole=False) is None
    assert following.session is session


def test_many_mistakes_are_told_in_one_line(tmp_path: Path) -> None:
    """The first three with their places, and the number of the rest."""
    components = {name: {"ca": f"no-{name}", "usages": ["server auth"], "path": name} for name in "vwxyz"}
    following = follow(Played(a=text(components=components)), tmp_path)
    refused = following.refresh(whole=True)
    assert refused is not None
    assert refused.message.count("[CPK201]") == 3
    assert refused.message.endswith("; and 2 more mistakes.")
    assert following.session is None


def test_a_source_that_is_gone_and_comes_back(tmp_path: Path) -> None:
    """An unmounted checkout moves nothing, is told once, and is asked again."""
    source = Played(a=GOOD)
    following = follow(source, tmp_path)
    following.refresh(whole=True)
    assert not following.moved()
    source.gone = error("RepositoryNotFound")
    assert following.moved()
    assert said(following.refresh(whole=False)) == ("RepositoryNotFound", "no; do so.", False)
    assert not following.moved()
    assert in_force(following) == A
    source.gone = None
    assert following.moved()
    assert following.refresh(whole=False) is None
    assert not following.moved()


def test_moved_is_about_what_was_looked_at_last(tmp_path: Path) -> None:
    """Also when that was refused: a bad commit wakes nobody twice."""
    source = Played(a=GOOD, b="a: [")
    following = follow(source, tmp_path)
    assert following.moved()
    following.refresh(whole=True)
    source.head = "b"
    assert following.moved()
    following.refresh(whole=False)
    assert not following.moved()


def test_what_was_before_is_given_once(tmp_path: Path) -> None:
    """For what a commit changed to be done first; a first desired state comes after nothing."""
    source = Played(a=GOOD, b=BETTER)
    following = follow(source, tmp_path)
    following.refresh(whole=True)
    assert following.take_before() is None
    source.head = "b"
    following.refresh(whole=False)
    before = following.take_before()
    assert before is not None
    assert sorted(before.components) == A[1]
    assert following.take_before() is None


@pytest.fixture(params=["named", "default"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """With ``--state-dir``, and without: then the cluster's name says where the records are."""
    return {"state_dir": str(tmp_path / "state")} if request.param == "named" else {}


def test_after_a_restart_an_older_commit_is_refused(tmp_path: Path, where: dict[str, Any]) -> None:
    """What was in force is remembered, and its content too: the old commit changes nothing."""
    source = Played(a=GOOD, b=BETTER)
    source.head = "b"
    assert follow(source, tmp_path, **where).refresh(whole=True) is None
    source.head = "a"
    again = follow(source, tmp_path, **where)
    assert said(again.refresh(whole=True)) == (
        "RolledBack",
        "HEAD went back from b to a; do not. The last good revision stays in force.",
        True,
    )
    assert in_force(again) == B
    assert said(again.refresh(whole=False)) == said(again.refresh(whole=True))


def test_a_rollback_that_is_allowed_is_taken_and_kept(tmp_path: Path, where: dict[str, Any]) -> None:
    """Run once with --allow-rollback: afterwards the older commit is the last good one."""
    source = Played(a=GOOD, b=BETTER)
    source.head = "b"
    follow(source, tmp_path, **where).refresh(whole=True)
    source.head = "a"
    allowed = follow(source, tmp_path, allow_rollback=True, **where)
    assert allowed.refresh(whole=True) is None
    assert in_force(allowed) == A
    later = follow(source, tmp_path, **where)
    assert later.refresh(whole=True) is None
    assert in_force(later) == A


def test_after_a_restart_with_the_same_commit(tmp_path: Path, where: dict[str, Any]) -> None:
    """It is in force at once, and nothing changed."""
    source = Played(a=GOOD)
    follow(source, tmp_path, **where).refresh(whole=True)
    again = follow(source, tmp_path, **where)
    assert again.refresh(whole=True) is None
    assert in_force(again) == A


def test_what_is_in_force_is_what_was_checked(tmp_path: Path, where: dict[str, Any]) -> None:
    """A branch that moves while a restarted reconciler looks: the commit that was checked last is the one that was read."""
    source = Played(a=GOOD, b=BETTER)
    follow(source, tmp_path, **where).refresh(whole=True)
    source.moves_to = "b"
    again = follow(source, tmp_path, **where)
    assert again.refresh(whole=True) is None
    assert again.refresh(whole=False) is None
    assert in_force(again) == B


def test_after_a_restart_without_its_source(tmp_path: Path) -> None:
    """The last good desired state is in force although nothing can be read: renewals go on."""
    source, where = Played(a=GOOD), {"state_dir": str(tmp_path / "state")}
    follow(source, tmp_path, **where).refresh(whole=True)
    source.gone = error("RepositoryNotFound")
    again = follow(source, tmp_path, **where)
    assert in_force(again) == A
    assert said(again.refresh(whole=True)) == ("RepositoryNotFound", "no; do so.", False)
    assert in_force(again) == A


@pytest.mark.parametrize("wrong", ["a: [", error("RepositoryNotFound")], ids=["invalid", "gone"])
def test_after_a_restart_with_something_wrong(wrong: str | SourceError, tmp_path: Path, where: dict[str, Any]) -> None:
    """The last good desired state is found also where only the cluster's name would say in which directory it is."""
    source = Played(a=GOOD, b=wrong)
    follow(source, tmp_path, **where).refresh(whole=True)
    other = Played(z=text("other", cluster="another"))
    other.location = "/elsewhere"
    Following(other, settings(tmp_path), origin=replace(ORIGIN, location="/elsewhere")).refresh(whole=True)
    source.head = "b"
    again = follow(source, tmp_path, **where)
    assert again.refresh(whole=True) is not None
    assert in_force(again) == A


def test_the_last_good_state_of_another_file_is_not_taken_up(tmp_path: Path) -> None:
    """Two clusters in one repository: each has a main file of its own."""
    follow(Played(a=GOOD), tmp_path).refresh(whole=True)
    again = Following(Played(a="a: ["), settings(tmp_path), origin=replace(ORIGIN, path="other.yaml"))
    assert again.refresh(whole=True) is not None
    assert again.session is None


@pytest.mark.parametrize("damage", [b"", b"{}", b"not json", None])
def test_a_memory_that_is_damaged_is_none(damage: bytes | None, tmp_path: Path) -> None:
    """Nor is one of another place: it starts from what stands there."""
    source, where = Played(a=GOOD), {"state_dir": str(tmp_path / "state")}
    follow(source, tmp_path, **where).refresh(whole=True)
    if damage is not None:
        (tmp_path / "state/revision.json").write_bytes(damage)
    elsewhere = SourceStatus(kind="git", location="/elsewhere" if damage is None else "/srv/pki", path=MAIN, ref="HEAD")
    again = Following(source, settings(tmp_path, **where), origin=elsewhere)
    assert again.session is None
    assert again.refresh(whole=True) is None
    assert in_force(again) == A


def test_a_state_directory_that_cannot_be_kept_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The new desired state is in force, and the log says that the next start will not know it."""
    (tmp_path / "state").write_text("a file", encoding="utf-8")
    following = follow(Played(a=GOOD), tmp_path, state_dir=str(tmp_path / "state"))
    assert following.refresh(whole=True) is None
    assert in_force(following) == A
    assert "cannot be kept for the next start" in caplog.text


def test_what_was_let_pass_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A rollback that was allowed, a history that could not be checked: acted on, and in the log, once."""
    source = Played(a=GOOD)
    source.note = "HEAD went back from b to a, an older commit; allowed"
    following = follow(source, tmp_path)
    for _ in range(3):
        following.refresh(whole=True)
    assert [record.getMessage() for record in caplog.records] == [source.note]


class Real:
    """A repository that is followed for real, over restarts."""

    def __init__(self, home: Path) -> None:
        """One commit."""
        self.home = home
        self.repository: Repository = new_repository(home / "repository")
        self.first = self.repository.commit({MAIN: GOOD})
        self.sources: list[GitSource] = []

    def start(self, **fields: Any) -> Following:  # noqa: ANN401 - any field of the settings
        """Follows it, with a state directory."""
        location = str(self.repository.path)
        environ = {"PATH": "/usr/bin:/bin", "TMPDIR": str(self.home)}
        self.sources.append(GitSource(location, environ=environ))
        origin = SourceStatus(kind="git", location=location, path=MAIN, ref="HEAD")
        options = settings(self.home, state_dir=str(self.home / "state"), **fields)
        return Following(self.sources[-1], options, origin=origin)


def test_a_repository_that_lost_the_commit(tmp_path: Path) -> None:
    """Made anew with another history: what was in force stays so, read from the state directory, and the reason is told."""
    real = Real(tmp_path)
    try:
        assert real.start().refresh(whole=True) is None
        shutil.rmtree(real.repository.path)
        other = new_repository(real.repository.path).commit({MAIN: BETTER})
        again = real.start()
        refused = again.refresh(whole=True)
        assert refused is not None
        assert (refused.reason, refused.stalled) == ("ForcePushed", True)
        assert in_force(again) == (real.first, A[1])
        assert real.start(allow_rollback=True).refresh(whole=True) is None
        assert in_force(real.start()) == (other, B[1])
    finally:
        for source in real.sources:
            source.close()
