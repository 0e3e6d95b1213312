"""The long-lived reconciler: follows, repairs, keeps what was good, and stays out of the way of people."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.daemon.running import Place, document, running
from tests.real.cluster import PROGRAM, environment

#: Holds the state lock, as an apply does.
HOLDER: Final = """
import sys, time
from reconciler.apply.lock import hold
with hold(sys.argv[1], operation="apply", exclusive=True, timeout=30):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A desired state in a repository."""
    place = Place(home=tmp_path, git=True)
    place.write(document("api", "web"))
    return place


@contextmanager
def holding(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """Somebody else who holds the state lock for long."""
    holder = subprocess.Popen([PROGRAM[0], "-c", HOLDER, str(place.state / "lock")], stdout=subprocess.PIPE, env=environment())
    told = holder.stdout
    assert told is not None
    try:
        assert told.readline() == b"held\n"
        yield holder
    finally:
        holder.kill()
        holder.wait()
        told.close()


def test_a_commit_is_acted_on_and_only_what_it_changed(place: Place) -> None:
    """From nothing to everything, then one new name: one reissue, within seconds and without waiting for the interval."""
    with running(place, interval="1h") as one:
        one.wait_for(lambda: place.conditions().get("Ready") == ("True", "ReconciliationSucceeded"))
        api, web = place.serial("api"), place.serial("web")
        commit = place.write(document("api", "web").replace("web.test", "web.test, other.test"))
        one.wait_for(lambda: place.status()["source"]["last_applied_revision"] == commit)
        one.wait_for(lambda: place.serial("web") != web)
        assert place.serial("api") == api
        assert one.stop() == 0
    assert place.plan_is_empty()
    assert place.status()["reconciler"]["last_pass"]["trigger"] == "source"


def test_uncommitted_changes_are_not_looked_at(place: Place) -> None:
    """It reads the commit; the work tree may hold anything, even an unfinished merge."""
    with running(place, interval="1s") as one:
        one.wait_for(lambda: place.conditions().get("Ready") == ("True", "ReconciliationSucceeded"))
        (place.source / "cluster-pki.yaml").write_text("<<<<<<< HEAD\n", encoding="utf-8")
        one.wait_for_passes(3)
        assert place.conditions() == {"Ready": ("True", "ReconciliationSucceeded")}


@pytest.mark.parametrize("wrong", ["", "components: {}\n", "a: [\n", document("api", api="lifetime: 0s"), "cas: {main: null}\n"])
def test_what_is_wrong_leaves_the_last_good_in_force(place: Place, wrong: str) -> None:
    """An empty file, a syntax error, a policy error: nothing is removed, drift is still repaired, and the condition says why."""
    with running(place, interval="1s") as one:
        one.wait_for(lambda: place.conditions().get("Ready") == ("True", "ReconciliationSucceeded"))
        good = place.status()["source"]["last_applied_revision"]
        bad = place.write(wrong)
        one.wait_for(lambda: place.conditions().get("Ready") == ("False", "DesiredStateInvalid"))
        assert place.conditions()["Stalled"] == ("True", "DesiredStateInvalid")
        source = place.status()["source"]
        assert (source["last_applied_revision"], source["last_attempted_revision"]) == (good, bad)
        key = place.root / "srv/pki/api.key"
        key.chmod(0o644)
        one.wait_for(lambda: key.stat().st_mode & 0o777 == 0o600)
        # The same after a restart: what was good is remembered.
        assert one.stop() == 143
    with running(place, interval="1s") as again:
        again.wait_for(lambda: again.passes() >= 1)
        assert place.conditions()["Ready"] == ("False", "DesiredStateInvalid")
        (place.root / "srv/pki/web.crt").unlink()
        again.wait_for((place.root / "srv/pki/web.crt").exists)
        place.write(document("api", "web"))
        again.wait_for(lambda: place.conditions().get("Ready") == ("True", "ReconciliationSucceeded"))


def test_a_source_that_vanishes_changes_nothing(place: Place) -> None:
    """An unmounted checkout is no empty desired state."""
    with running(place, interval="1s") as one:
        one.wait_for(lambda: place.conditions().get("Ready") == ("True", "ReconciliationSucceeded"))
        serial = place.serial("api")
        place.source.rename(place.home / "elsewhere")
        one.wait_for(lambda: place.conditions().get("SourceVerified") == ("False", "RepositoryNotFound"))
        (place.home / "elsewhere").rename(place.source)
        one.wait_for(lambda: place.conditions() == {"Ready": ("True", "ReconciliationSucceeded")})
        assert place.serial("api") == serial


def test_a_changed_file_is_put_right_without_waiting_for_the_interval(place: Place) -> None:
    """A watch says so; our own writes wake nobody."""
    with running(place, interval="1h") as one:
        one.wait_for(lambda: place.conditions().get("Ready") == ("True", "ReconciliationSucceeded"))
        time.sleep(1.0)
        before = one.passes()
        key = place.root / "srv/pki/api.key"
        key.chmod(0o644)
        one.wait_for(lambda: key.stat().st_mode & 0o777 == 0o600)
        one.wait_for(lambda: place.status()["reconciler"]["last_pass"]["trigger"] == "files")
        time.sleep(1.0)
        assert one.passes() == before + 1


def test_nothing_is_written_while_nothing_changes(place: Place) -> None:
    """Many passes: no published file and no directory of one is touched."""
    with running(place, interval="1s") as one:
        one.wait_for(lambda: one.passes() >= 1)
        before = {path: path.lstat() for path in (place.root / "srv").rglob("*")}
        for _ in range(20):
            one.send(signal.SIGHUP)
            one.wait_for_passes()
        assert {path: path.lstat() for path in (place.root / "srv").rglob("*")} == before


def test_hangup_means_now(place: Place) -> None:
    """SIGHUP makes a pass at once, and says that it was asked for."""
    with running(place, interval="1h") as one:
        one.wait_for(lambda: one.passes() >= 1)
        one.send(signal.SIGHUP)
        one.wait_for(lambda: place.status()["reconciler"]["last_pass"]["trigger"] == "signal")


def test_a_second_reconciler_says_who_runs_and_ends(place: Place) -> None:
    """Exit 75 at once, or when the first has not ended in time; when it has, the second goes on."""
    with running(place, interval="1s") as one:
        one.wait_for(lambda: one.passes() >= 1)
        refused = place.once(expect=75)
        assert f"(pid {one.process.pid})" in refused.stderr
        waiting = subprocess.Popen(
            [*PROGRAM, "run", "--once", *place.where, "--lock-timeout", "60s"],
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            time.sleep(1.0)
            assert waiting.poll() is None
            assert one.stop() == 0
            assert waiting.wait(timeout=60) == 0
        finally:
            waiting.kill()
            waiting.wait()


def test_a_killed_reconciler_frees_its_locks_at_once(place: Place) -> None:
    """The kernel does it; nothing has to be unlocked by force."""
    with running(place) as one:
        one.wait_for(lambda: one.passes() >= 1)
        one.process.kill()
        one.process.wait()
    assert place.once().returncode == 0


def test_people_work_beside_it(place: Place) -> None:
    """plan, status and apply by hand are safe; an apply that is waited for is named."""
    with running(place, interval="1s") as one:
        one.wait_for(lambda: one.passes() >= 1)
        for _ in range(5):
            place.command("plan", "--detailed-exitcode", "--lock-timeout", "30s")
            place.command("apply", "--auto-approve", "--lock-timeout", "30s")
        shown = place.command("status", "--format", "json").stdout
        assert '"type":"Ready","status":"True"' in shown
        assert one.stop() == 0
    gone = place.command("status", "--format", "json").stdout
    assert '"status":"Unknown","reason":"NotRunning"' in gone


def test_a_pass_that_meets_an_apply_waits_and_says_so(place: Place) -> None:
    """Somebody holds the state lock for long: the condition names them, and the reconciler goes on afterwards."""
    with running(place, interval="1s", listen="off") as one:
        one.wait_for(lambda: one.passes() >= 1)
        with holding(place) as holder:
            one.wait_for(lambda: place.conditions().get("Ready") == ("False", "LockHeld"))
            assert f"(pid {holder.pid}, apply)" in one.logged()
            assert f"(pid {holder.pid})" in place.command("apply", "--auto-approve", expect=75).stderr
        one.wait_for_passes(2)


def test_a_stop_ends_the_wait_for_an_apply(place: Place) -> None:
    """A single pass that may wait for an hour ends when it is told to, and says who was at work."""
    place.once()
    with holding(place) as holder:
        waiting = subprocess.Popen(
            [*PROGRAM, "run", "--once", *place.where, "--lock-timeout", "1h"],
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            time.sleep(3.0)
            assert waiting.poll() is None
            waiting.terminate()
            logged = waiting.communicate(timeout=60)[1]
            assert waiting.returncode == 143
            assert f"(pid {holder.pid}, apply) is at work" in logged
        finally:
            waiting.kill()
            waiting.communicate()


def test_suspended_it_looks_and_warns_and_changes_nothing(place: Place) -> None:
    """Drift stays, the status says Suspended, and taking the line out puts things right."""
    with running(place, interval="1s") as one:
        one.wait_for(lambda: place.conditions().get("Ready") == ("True", "ReconciliationSucceeded"))
        place.write(document("api", "web").replace("cluster: run\n", "cluster: run\nsuspend: true\n"))
        one.wait_for(lambda: "Suspended" in place.conditions())
        key = place.root / "srv/pki/api.key"
        key.chmod(0o644)
        one.wait_for_passes(3)
        assert key.stat().st_mode & 0o777 == 0o644
        assert {row["health"] for row in place.status()["resources"]} == {"Suspended"}
        place.write(document("api", "web"))
        one.wait_for(lambda: key.stat().st_mode & 0o777 == 0o600)


@pytest.mark.parametrize("instant", [0.05, 0.3, 0.6, 0.9, 1.2])
def test_terminated_at_any_time_it_ends_soon_and_leaves_nothing_half_done(place: Place, instant: float) -> None:
    """Within ten seconds, no child left, and the next pass finds nothing broken; 0 only when there was nothing left to do."""
    place.write(document(*(f"c{number}" for number in range(60))))
    with running(place, interval="1s") as one:
        time.sleep(instant)
        one.process.send_signal(signal.SIGTERM)
        code = one.process.wait(timeout=10)
        # Before the interpreter has come to our handlers the signal ends it as any program.
        assert code in {0, 143, -signal.SIGTERM}
        assert not Path(f"/proc/{one.process.pid}/task").exists()
    assert code != 0 or place.plan_is_empty()
    place.once()
    assert place.plan_is_empty()


def test_as_the_first_process_of_a_container_it_hears_signals(place: Place) -> None:
    """PID 1 ignores what it has no handler for."""
    if os.geteuid() != 0:
        place.launcher = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child")
    else:
        place.launcher = ("unshare", "--pid", "--fork", "--kill-child")
    with running(place, interval="1s") as one:
        one.wait_for(lambda: place.status().get("reconciler"))
        assert place.status()["reconciler"]["pid"] == 1
        (child,) = Path(f"/proc/{one.process.pid}/task/{one.process.pid}/children").read_text(encoding="ascii").split()
        os.kill(int(child), signal.SIGTERM)
        assert one.process.wait(timeout=10) in {0, 143}


def test_exit_codes_of_one_pass(place: Place) -> None:
    """0 when everything is right afterwards; 1 when something could not be done, or is not acted on."""
    assert place.once().returncode == 0
    place.write("not: [right\n")
    refused = place.once(expect=1)
    assert "cluster-pki.yaml:2:1" in refused.stderr
    place.write(document("api", "web", "extra"))
    (place.root / "srv/pki/extra.key").write_text("somebody else's", encoding="utf-8")
    foreign = place.once(expect=1)
    assert "component.extra" in (place.state / "status.json").read_text(encoding="utf-8")
    assert "Traceback" not in foreign.stderr
    (place.root / "srv/pki/extra.key").unlink()
    assert place.once().returncode == 0


def test_another_file_of_the_same_commit_is_another_desired_state(place: Place) -> None:
    """What was in force came from one path; asked for another, it says nothing, and nothing old pretends to be the new."""
    (place.source / "other.yaml").write_text(document("api").replace("api.test", "other.test"), encoding="utf-8")
    (place.source / "broken.yaml").write_text("a: [\n", encoding="utf-8")
    place.write(document("api"))
    place.once()
    serial = place.serial("api")
    place.once("--path", "other.yaml")
    assert place.serial("api") != serial
    place.once("--path", "broken.yaml", expect=1)


def test_what_nobody_checked_is_not_acted_on_once_signatures_are_asked_for(place: Place) -> None:
    """The last good revision of a reconciler that asked for no signature is none for one that does."""
    place.once()
    (place.root / "srv/pki/api.crt").unlink()
    signers = place.home / "allowed_signers"
    signers.write_text(
        "ops@test ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJJ8Sf0kx4OCpkm1LWUTO7zZ2zSgWRQ5yJmQ6fYxHyTq\n", encoding="ascii"
    )
    refused = place.once("--verify-signatures", str(signers), expect=1)
    assert "signature" in refused.stderr
    assert not (place.root / "srv/pki/api.crt").exists()


def test_a_branch_with_a_bad_commit_does_not_take_over_another_cluster(place: Place, tmp_path: Path) -> None:
    """Without a state directory the records of this very source are looked for, not those of a neighbour."""
    where = ("--git", str(place.source), "--root", str(place.root), "--once")

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, "run", *where, *options], env=environment(), capture_output=True, text=True, check=False, cwd=tmp_path
        )

    assert run("--ref", "main").returncode == 0
    (place.root / "srv/pki/api.crt").unlink()
    place.run_git("checkout", "--quiet", "-b", "staging")
    place.write("a: [\n")
    refused = run("--ref", "staging")
    assert refused.returncode == 1
    assert "The last good revision" not in refused.stderr
    assert not (place.root / "srv/pki/api.crt").exists()


@pytest.mark.parametrize("device", ["/dev/full", "closed"])
def test_a_log_that_cannot_be_written_stops_nothing(place: Place, device: str) -> None:
    """A full disk under the log, or nobody who reads it: certificates are made all the same."""
    redirect = "2>&-" if device == "closed" else f"2>{device}"
    command = " ".join([*PROGRAM, "run", "--once", *place.where, redirect])
    done = subprocess.run(["/bin/sh", "-c", command], env=environment(), check=False, stdout=subprocess.DEVNULL)
    assert done.returncode == 0
    assert place.serial("api")


def test_a_plan_that_cannot_be_kept_holds_nothing_back(place: Place) -> None:
    """The history of plans is for people; renewing is not."""
    place.state.mkdir(mode=0o700)
    (place.state / "plans").write_text("in the way", encoding="utf-8")
    assert "cannot be kept" in place.once().stderr
    assert place.serial("api")


def test_a_report_that_cannot_be_written_says_why(place: Place) -> None:
    """The pass is done, and it is an error that nobody can read of it."""
    place.once()
    (place.state / "status.json").unlink()
    (place.state / "status.json").mkdir()
    assert "status.json" in place.once(expect=1).stderr


def test_a_reconciler_whose_lock_file_was_removed_is_not_alone_for_long(place: Place) -> None:
    """It takes its lock anew; where another has it, it ends as any second one."""
    with running(place, interval="1s") as one:
        one.wait_for(lambda: one.passes() >= 1)
        subprocess.run(["rm", "-rf", str(place.state)], check=True)
        one.wait_for(lambda: "it is taken anew" in one.logged())
        one.wait_for(lambda: place.conditions().get("Ready") == ("True", "ReconciliationSucceeded"))
        assert "another" in place.once(expect=75).stderr.lower()
        assert one.stop() == 0


def test_waiting_for_another_reconciler_ends_with_a_signal(place: Place) -> None:
    """It says for whom it waits, and hears SIGTERM at once."""
    with running(place, interval="1s") as one:
        one.wait_for(lambda: one.passes() >= 1)
        process = subprocess.Popen(
            [*PROGRAM, "run", *place.where, "--listen", "off", "--lock-timeout", "1h", "--log-format", "text"],
            env=environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stderr is not None
            line = next(line for line in process.stderr if "waiting for another reconciler" in line)
            assert "@" in line
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=5) == 143
        finally:
            process.kill()
            process.wait()
            if process.stderr is not None:
                process.stderr.close()
