"""The GitLab template: its scripts are run by a plain shell, with the real curl and jq, against the API on loopback."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from reconciler import __version__
from tests.packaging.gitlab import OURS, TOKEN, GitLab, serving
from tests.packaging.processes import REPOSITORY, environment, parse_options

TEMPLATE: Final[dict[str, Any]] = yaml.safe_load(
    (REPOSITORY / "contrib" / "gitlab" / "cluster-pki.gitlab-ci.yml").read_text(encoding="utf-8")
)
JOBS: Final = ("cluster-pki:validate", "cluster-pki:plan", "cluster-pki:note")
DOCUMENT: Final = """
apiVersion: cluster-pki/v1
cluster: office
stores:
  files: {type: file, root: /office}
cas:
  root: {path: ca/root}
"""
MARKER: Final = "<!-- cluster-pki:plan:office -->"
#: Somebody who read our code wrote our marker into a note.
FOREIGN: Final = {"id": 1, "author": {"id": 13}, "body": f"{MARKER}\nNo changes."}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The runner's checkout."""
    (tmp_path / "cluster-pki.yaml").write_text(DOCUMENT, encoding="utf-8")
    return tmp_path


def script(job: str) -> str:
    """A job's script, as GitLab's runner joins its lines."""
    return "\n".join(TEMPLATE[job]["script"])


def run_job(job: str, checkout: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a job with the plainest shell there is; its log is all in stdout."""
    env = environment({"CLUSTER_PKI_ROOT": "copy", "CI": "true"} | variables)
    return subprocess.run(
        ["dash", "-e", "-c", script(job)],
        cwd=checkout,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


def note(checkout: Path, gitlab: GitLab, *, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    """Runs the job that writes the note; GitLab's variables name the merge request."""
    with serving(gitlab):
        return run_job(
            "cluster-pki:note",
            checkout,
            CI_API_V4_URL=f"http://127.0.0.1:{gitlab.port}/api/v4",
            CI_PROJECT_ID="5",
            CI_MERGE_REQUEST_IID="7",
            PKI_GITLAB_TOKEN=token,
            no_proxy="*",
        )


@pytest.mark.parametrize("job", JOBS)
def test_scripts_are_sound(job: str) -> None:
    """Shellcheck has nothing to say about any of them as plain POSIX shell."""
    checked = subprocess.run(
        ["shellcheck", "--shell=sh", "-"], input=script(job), capture_output=True, text=True, check=False, timeout=60
    )
    assert (checked.stdout, checked.returncode) == ("", 0)


@pytest.mark.parametrize("job", JOBS)
def test_jobs_run_for_merge_requests_alone(job: str) -> None:
    """Every job extends the common one or repeats its condition, and only waits for jobs that exist."""
    assert (TEMPLATE[job]["extends"], set(TEMPLATE[job].get("needs", [])) - set(JOBS)) == (".cluster-pki", set())
    rules = TEMPLATE[job].get("rules", TEMPLATE[".cluster-pki"]["rules"])
    assert [rule for rule in rules if '$CI_PIPELINE_SOURCE == "merge_request_event"' not in rule["if"]] == []


def test_variables_are_no_unknown_options() -> None:
    """What the template sets for the jobs stops no command of ours, and the image is pinned to this version."""
    assert parse_options("plan", environ=TEMPLATE["variables"])["command"] == "plan"
    assert TEMPLATE["variables"]["PKI_IMAGE"].endswith(f":{__version__}")


def test_changes_are_a_warning(checkout: Path) -> None:
    """Validation passes; exit code 2 of the plan is one that does not fail the pipeline; both forms of the plan are kept."""
    assert run_job("cluster-pki:validate", checkout).returncode == 0
    assert run_job("cluster-pki:plan", checkout).returncode == 2
    assert TEMPLATE["cluster-pki:plan"]["allow_failure"] == {"exit_codes": [2]}
    assert all((checkout / name).stat().st_size for name in TEMPLATE["cluster-pki:plan"]["artifacts"]["paths"])
    assert (checkout / "plan.md").read_text(encoding="utf-8").startswith(f"{MARKER}\n")


def test_a_mistake_fails_both_jobs(checkout: Path) -> None:
    """Exit code 1 is not taken for changes."""
    (checkout / "cluster-pki.yaml").write_text(DOCUMENT.replace("path", "paht"), encoding="utf-8")
    assert [run_job(job, checkout).returncode for job in JOBS[:2]] == [1, 1]


@pytest.mark.parametrize("others", [1, 99, 100, 250], ids=lambda number: f"{number} other notes")
def test_the_note_is_updated_in_place(others: int, checkout: Path) -> None:
    """The second run finds the note of the first one on whatever page it is, and leaves a forged one alone."""
    (checkout / "plan.md").write_text(f"{MARKER}\nfirst & 100 % plan\n", encoding="utf-8")
    talk = [FOREIGN, *({"id": number + 2, "author": {"id": OURS}, "body": "a word"} for number in range(others - 1))]
    gitlab = GitLab(notes=list(talk))
    assert note(checkout, gitlab).returncode == 0
    assert gitlab.notes == [*talk, {"id": others + 1, "author": {"id": OURS}, "body": f"{MARKER}\nfirst & 100 % plan\n"}]
    (checkout / "plan.md").write_text(f"{MARKER}\nsecond\n", encoding="utf-8")
    assert note(checkout, gitlab).returncode == 0
    assert gitlab.notes == [*talk, {"id": others + 1, "author": {"id": OURS}, "body": f"{MARKER}\nsecond\n"}]


def test_without_a_plan_there_is_no_note(checkout: Path) -> None:
    """A plan that failed before it began leaves an empty file; GitLab is not asked."""
    (checkout / "plan.md").touch()
    gitlab = GitLab(notes=[])
    assert (note(checkout, gitlab).returncode, gitlab.calls) == (0, [])


def test_the_token_is_not_in_the_log(checkout: Path) -> None:
    """A wrong token fails the job, which is allowed to fail, and is not printed; no file with it stays."""
    (checkout / "plan.md").write_text(f"{MARKER}\nplan\n", encoding="utf-8")
    gitlab, token = GitLab(notes=[]), "glpat-of-somebody-else"
    done = note(checkout, gitlab, token=token)
    assert (done.returncode != 0, token in done.stdout, gitlab.notes) == (True, False, [])
    assert TEMPLATE["cluster-pki:note"]["allow_failure"] is True
