"""``apply`` by hand where files have readers: hooks run once, and are owed until they succeed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import yaml

from tests.daemon.followed import server, text
from tests.inprocess import Home

API: Final = "component.api"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A directory."""
    return Home(path=tmp_path)


def hook(home: Home, name: str = "hook") -> list[dict[str, Any]]:
    """Writes its name into the log; fails while there is a file ``broken``."""
    command = f"echo {name} >> {home.path}/log; if test -e {home.path}/broken; then echo no such unit; exit 3; fi"
    return [{"exec": ["/bin/sh", "-c", command]}]


def log(home: Home) -> list[str]:
    """Which hooks were run, in order."""
    path = home.path / "log"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def want(home: Home, *, sections: dict[str, Any] | None = None, **fields: Any) -> None:  # noqa: ANN401 - any field
    """A server with a hook."""
    components = {"api": server("api", **{"after": hook(home), **fields})}
    home.write(yaml.safe_dump(yaml.safe_load(text()) | {"components": components} | (sections or {})))


def owed(home: Home) -> dict[str, Any]:
    """What is on record of an owner, beside what was delivered."""
    path = home.path / "state/deliveries.json"
    return dict(msgspec.json.decode(path.read_bytes())["owners"])


def test_one_hook_however_many_files_changed(home: Home) -> None:
    """Certificate, key and further outputs are one change of one component; nothing changed is nothing run."""
    want(home, outputs=["pem", "fullchain", "combined", "der"])
    said = home.apply()
    assert (said.code, log(home)) == (0, ["hook"])
    assert f"{API}: Hook exec /bin/sh" in said.log
    again = home.apply()
    assert (again.code, log(home)) == (0, ["hook"])
    assert "Hook" not in again.log


def test_what_changes_nobody_runs_nothing(home: Home) -> None:
    """A mode that is put right gives readers nothing new."""
    want(home)
    home.apply()
    (home.path / "srv/pki/api.key").chmod(0o644)
    said = home.apply()
    assert "1 changed" in said.out
    assert (said.code, log(home)) == (0, ["hook"])


def test_a_hook_that_fails_is_owed_and_run_again_by_the_next_apply(home: Home) -> None:
    """Exit 1, on record, with what it printed; the next apply has nothing else to do, runs it, and ends well (U2)."""
    want(home)
    (home.path / "broken").touch()
    failed = home.apply()
    assert (failed.code, log(home)) == (1, ["hook"])
    assert "Apply complete! Resources: 2 added" in failed.out
    assert "exited with status 3" in failed.log
    assert "  | no such unit\n" in failed.log
    assert owed(home)[API]["attempts"] == 1
    still = home.apply()
    assert (still.code, log(home)) == (1, ["hook"] * 2)
    (home.path / "broken").unlink()
    mended = home.apply()
    assert "No changes." in mended.out
    assert (mended.code, log(home)) == (0, ["hook"] * 3)
    assert home.apply().code == 0
    assert log(home) == ["hook"] * 3


def test_bundles_and_kubeconfigs_have_readers_of_their_own(home: Home) -> None:
    """A kubeconfig that embeds a renewed certificate changes with it, the bundle does not."""
    sections = {
        "components": {"me": server("me", usages=["client auth"], sans={}, after=hook(home, "component"))},
        "bundles": {"trust": {"cas": ["main"], "path": "trust.crt", "after": hook(home, "bundle")}},
        "kubeconfigs": {
            "me": {
                "component": "me",
                "bundle": "trust",
                "server": "https://a:1",
                "path": "me.conf",
                "after": hook(home, "kubeconfig"),
            }
        },
    }
    want(home, sections=sections)
    assert home.apply().code == 0
    assert log(home) == ["component", "bundle", "kubeconfig"]
    assert home.apply("--replace", "component.me").code == 0
    assert log(home)[3:] == ["component", "kubeconfig"]


def test_a_saved_plan_is_delivered_like_any_other(home: Home) -> None:
    """Whoever applies it runs the hooks."""
    want(home)
    plan = str(home.path / "plan.json")
    assert home.call("plan", "--out", plan).code == 0
    assert log(home) == []
    assert home.call("apply", plan).code == 0
    assert log(home) == ["hook"]


def test_a_result_in_json_stays_one_document(home: Home) -> None:
    """What became of hooks goes to the log."""
    want(home)
    said = home.apply("--format", "json")
    assert said.code == 0
    assert said.json is not None
    assert f"{API}: Hook exec" in said.log


def test_a_hook_is_not_run_for_what_was_there_before_it(home: Home) -> None:
    """A line under `after` of a server that is up to date restarts nobody."""
    want(home, after=[])
    home.apply()
    want(home)
    assert home.apply().code == 0
    assert log(home) == []


@pytest.mark.parametrize(
    "suspended",
    [lambda home: want(home, suspend=True), lambda home: want(home, sections={"suspend": True})],
    ids=["itself", "everything"],
)
def test_a_suspended_one_is_told_later(suspended: Callable[[Home], None], home: Home) -> None:
    """What is owed stays owed, is no failure, and is run when `suspend` is taken out."""
    want(home)
    (home.path / "broken").touch()
    assert home.apply().code == 1
    (home.path / "broken").unlink()
    suspended(home)
    assert home.apply().code == 0
    assert log(home) == ["hook"]
    want(home)
    assert home.apply().code == 0
    assert log(home) == ["hook"] * 2


def test_no_secret_reaches_a_hook_or_what_is_told(home: Home) -> None:
    """Paths are in its environment, keys are not; what it prints of them is the only way they could get out."""
    want(home, after=[{"exec": ["/bin/sh", "-c", f"env > {home.path}/environment; env; exit 1"]}])
    said = home.apply()
    text = (home.path / "environment").read_text(encoding="utf-8")
    assert f"{home.path}/srv/pki/api.key" in text
    for told in (text, said.out, said.log, *(path.read_text() for path in (home.path / "state").glob("*.json*"))):
        assert "PRIVATE KEY" not in told


def test_status_names_who_is_owed_a_hook(home: Home) -> None:
    """Also without a reconciler: a certificate that nobody was told of is no good news. When it is delivered, it is gone."""
    want(home)
    (home.path / "broken").touch()
    assert home.apply().code == 1
    (row,) = home.call("status", "--format", "json").json["hooks"]
    assert (row["address"], row["state"], row["detail"]) == (API, "failing", "It exited with status 3.")
    assert f"{API}: hooks owed, at exec /bin/sh" in home.call("status").out
    (home.path / "broken").unlink()
    assert home.apply().code == 0
    assert home.call("status", "--format", "json").json["hooks"] == []
    assert "owed" not in home.call("status").out
