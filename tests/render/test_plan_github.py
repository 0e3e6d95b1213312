"""Plans as annotations."""

from __future__ import annotations

from reconciler.render.plan_github import render_github
from reconciler.render.workflow import workflow_command
from tests.render.plan_stories import NOW, blocked_ca, drift_only, empty, mixed


def test_commands_escape_their_parts() -> None:
    """A title cannot open a property, and no text can begin a command of its own."""
    command = workflow_command("error", title="a:b,c%\n", message="50%\n::error::forged\x1b")
    assert command == r"::error title=a%3Ab%2Cc%25\n::50%25%0A::error::forged\x1b"


def test_levels_follow_the_weight() -> None:
    """Errors first, then what a reviewer must not overlook as warnings, routine as notices."""
    assert [line.split("::")[1] for line in render_github(blocked_ca(), now=NOW).splitlines()] == [
        "error title=ca-key-missing%3A ca.kubernetes has lost its key",
        "notice title=cluster-pki plan for demo",
        "warning title=ca.kubernetes is held back",
    ]


def test_changes_name_their_reasons() -> None:
    """Every change is one annotation with all of its reasons."""
    lines = render_github(mixed(), now=NOW).splitlines()
    assert (
        "::notice title=component.apiserver[cp-1] will be updated in-place"
        "::SanMismatch: names differ%0AModeDrift: the key can be read by others"
    ) in lines
    assert "::warning title=component.jane will be destroyed::Orphaned: it is no longer desired" in lines
    assert "::notice title=component.etcd-server[cp-1] has moved from component.etcd[cp-1]::move" in lines


def test_an_empty_plan_says_so() -> None:
    """No annotation beside the sentence that everybody knows."""
    assert render_github(empty(), now=NOW) == (
        "::notice title=cluster-pki plan for demo::No changes. Your infrastructure matches the configuration.\n"
    )


def test_drift_is_a_warning() -> None:
    """What changed behind our back is told even when nothing is to be done."""
    assert "::warning title=component.bob has been deleted outside of cluster-pki::destroy" in render_github(
        drift_only(), now=NOW
    )
