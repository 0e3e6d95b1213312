"""What goes wrong around a reconciler: clocks, other writers, crash loops, full disks, long absence."""

from __future__ import annotations

import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from reconciler.apply.lock import hold
from tests import clocks
from tests.daemon.running import Place, document, running
from tests.real.cluster import PROGRAM, environment
from tests.soak.soak import fill, small_disk


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Two servers, as files stand."""
    place = Place(home=tmp_path)
    place.write(document("api", "web"))
    return place


class Clock:
    """A wall clock that a test sets; the monotonic one goes on as always."""

    def __init__(self, place: Place) -> None:
        self._file = place.home / "clock"
        self.at(timedelta(0))
        place.extra_environment = clocks.read_from(self._file)

    def at(self, offset: timedelta) -> None:
        """Sets it to so far from now."""
        text = f"{int(offset.total_seconds()):+d}s"
        fresh = self._file.with_suffix(".new")
        fresh.write_text(text, encoding="ascii")
        fresh.replace(self._file)


def leaf(place: Place, name: str) -> x509.Certificate:
    """A certificate on disk."""
    return x509.load_pem_x509_certificate((place.root / "srv/pki" / f"{name}.crt").read_bytes())


@pytest.mark.parametrize(
    ("offset", "reason"),
    [
        (timedelta(hours=-1), "ClockWentBack"),
        (timedelta(days=-5 * 365), "ClockBeforeRelease"),
        (timedelta(days=400), "ClockWentForward"),
    ],
    ids=["an hour back", "five years back", "400 days ahead"],
)
def test_a_clock_that_jumps_freezes_changes_until_it_is_right(place: Place, offset: timedelta, reason: str) -> None:
    """No certificate is made with such a clock; when it is right again everything goes on, without a restart."""
    clock = Clock(place)
    with running(place, interval="30s") as one:
        one.wait_for(lambda: place.conditions().get("Ready") == ("True", "ReconciliationSucceeded"))
        serials = place.serial("api"), place.serial("web")
        clock.at(offset)
        (place.root / "srv/pki/api.key").chmod(0o644)
        one.send(signal.SIGHUP)
        one.wait_for(lambda: place.conditions().get("ClockUncertain") == ("True", reason))
        assert (place.serial("api"), place.serial("web")) == serials
        assert (place.root / "srv/pki/api.key").stat().st_mode & 0o777 == 0o644
        clock.at(timedelta(0))
        one.send(signal.SIGHUP)
        one.wait_for(lambda: place.conditions() == {"Ready": ("True", "ReconciliationSucceeded")})
        assert (place.serial("api"), place.serial("web")) == serials
    assert leaf(place, "api").not_valid_before_utc <= datetime.now(UTC)


def test_a_lock_is_waited_for_under_a_played_clock(place: Place) -> None:
    """Waiting needs no moment of any clock: it neither fails nor ends early."""
    clock = Clock(place)
    place.once()
    clock.at(timedelta(hours=1))
    with hold(str(place.state / "lock"), operation="plan", exclusive=True), running(place, interval="1s") as one:
        one.wait_for(lambda: one.passes() >= 2)


def test_a_clock_that_stays_ahead_is_believed(place: Place) -> None:
    """A machine that was asleep: two cycles later what is due is renewed."""
    clock = Clock(place)
    with running(place, interval="1s") as one:
        one.wait_for(lambda: place.conditions().get("Ready") == ("True", "ReconciliationSucceeded"))
        before = leaf(place, "api")
        clock.at(timedelta(days=350))
        one.wait_for(lambda: "ClockUncertain" in place.conditions())
        one.wait_for(lambda: place.conditions() == {"Ready": ("True", "ReconciliationSucceeded")})
        after = leaf(place, "api")
        assert after.not_valid_after_utc - before.not_valid_after_utc > timedelta(days=340)


def test_after_being_off_past_expiry_it_recovers_by_itself(place: Place) -> None:
    """Everything has expired, the CA has not: one start later all is valid again, each reissued once."""
    clock = Clock(place)
    place.once()
    first = place.serial("api")
    clock.at(timedelta(days=500))
    place.once()
    assert place.serial("api") != first
    assert leaf(place, "api").not_valid_after_utc > datetime.now(UTC) + timedelta(days=500)
    second = place.serial("api")
    place.once()
    assert place.serial("api") == second


def test_another_writer_is_named_and_not_fought_for_ever(place: Place) -> None:
    """A program that sets the mode back each time: three times it is put right, then the condition names file and owner."""
    with running(place, interval="1s") as one:
        one.wait_for(lambda: place.conditions().get("Ready") == ("True", "ReconciliationSucceeded"))
        key = place.root / "srv/pki/api.key"
        rewritten = 0
        deadline = time.monotonic() + 60
        while "Flapping" not in place.conditions() and time.monotonic() < deadline:
            if key.stat().st_mode & 0o777 == 0o600:
                key.chmod(0o644)
                rewritten += 1
            time.sleep(0.05)
        told = next(each for each in place.status()["conditions"] if each["type"] == "Flapping")
        assert "component.api" in told["message"]
        assert "srv/pki/api.key last changed at" in told["message"]
        assert 3 <= rewritten <= 5
        key.chmod(0o644)
        one.wait_for_passes(3)
        assert key.stat().st_mode & 0o777 == 0o644
        # Everything else goes on.
        (place.root / "srv/pki/web.key").chmod(0o644)
        one.wait_for(lambda: (place.root / "srv/pki/web.key").stat().st_mode & 0o777 == 0o600)


def test_a_crash_loop_does_not_issue_certificate_after_certificate(place: Place) -> None:
    """Killed in the middle of its work at each of 25 starts: attempts are counted on disk, and their number is bounded."""
    place.write(document(*(f"c{number}" for number in range(40))))
    for _ in range(25):
        process = subprocess.Popen(
            [*PROGRAM, "run", "--once", *place.where], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment()
        )
        assert process.stderr is not None
        for line in process.stderr:
            if b"Creating..." in line or b"held back" in line:
                break
        process.kill()
        process.wait()
        process.stderr.close()
    audit = place.state / "audit.jsonl"
    signed = audit.read_text(encoding="utf-8").count('"address":"component.c0"') if audit.exists() else 0
    assert signed <= 5
    attempts = place.status()["conditions"][0] if place.status() else {}
    assert attempts.get("reason") in {None, "Backoff"} or attempts.get("status") == "True"


def test_a_full_disk_is_told_and_mended_by_itself(tmp_path: Path) -> None:
    """Nothing is lost when space runs out, others go on, and when there is space again everything converges."""
    place = Place(home=tmp_path)
    place.write(document("api", "web"))
    small = tmp_path / "root"
    with small_disk(small), running(place, interval="1s") as one:
        one.wait_for(lambda: place.conditions().get("Ready") == ("True", "ReconciliationSucceeded"))
        serial = place.serial("api")
        fill(small / "filler")
        place.write(document("api", "web", "extra").replace("api.test", "api.test, other.test"))
        one.wait_for(lambda: place.conditions().get("Ready") == ("False", "ApplyFailed"))
        assert place.serial("api") == serial
        assert place.command("status", expect=0).returncode == 0
        (small / "filler").unlink()
        one.wait_for(lambda: place.conditions() == {"Ready": ("True", "ReconciliationSucceeded")})
        assert place.serial("api") != serial


def test_losing_the_state_directory_changes_no_certificate(place: Place) -> None:
    """Deleted under the running reconciler, and between two runs: the next pass has nothing to issue."""
    with running(place, interval="1s") as one:
        one.wait_for(lambda: place.conditions().get("Ready") == ("True", "ReconciliationSucceeded"))
        serials = place.serial("api"), place.serial("web")
        one.stop()
    subprocess.run(["rm", "-rf", str(place.state)], check=True)
    place.once()
    assert (place.serial("api"), place.serial("web")) == serials


def test_a_lock_file_that_was_removed_lets_nobody_write_at_the_same_time(place: Place) -> None:
    """Whoever held the old lock notices, and writes no more."""
    place.once()
    lock = place.state / "lock"
    with hold(str(lock), operation="apply", exclusive=True) as held:
        assert not held.is_lost()
        lock.unlink()
        assert held.is_lost()


def test_a_clock_that_went_back_is_believed_by_cron_too(place: Place) -> None:
    """What was suspected outlives the process: single passes count on, instead of beginning anew for ever."""
    clock = Clock(place)
    place.once()
    clock.at(timedelta(days=20))
    place.once("--interval", "1s")
    clock.at(timedelta(days=10))
    refused = place.once("--interval", "1s", expect=1)
    assert "ClockWentBack" in refused.stderr
    for _ in range(20):
        time.sleep(1.0)
        if place.once("--interval", "1s", expect=None).returncode == 0:
            break
    assert place.conditions() == {"Ready": ("True", "ReconciliationSucceeded")}
