"""Weeks of a reconciler's life in minutes: its clock runs fast, and something goes wrong in every cycle.

The reconciler is a real process under libfaketime. A hot reader looks at every pair all the time, as a server would that
loads its files. What must hold: no pair is ever mixed, no certificate ever expires while it could have been renewed, and
when the faults are over nothing is left to do.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests import clocks
from tests.daemon.running import PATIENCE, Place, Running, running

HEAD: Final = """\
apiVersion: cluster-pki/v1
cluster: soak
stores:
  files: {type: file, root: /srv}
cas:
  main: {path: ca/main}
components:
"""
#: Lifetimes in cycles: each is renewed several times in a simulated day or two, and a full disk and a clock that jumps, one
#: after the other, leave time to renew it.
LIFETIMES: Final = (12, 16, 18, 24)
#: Every so many components there is one with a hook.
HOOKED: Final = 10


@dataclass(slots=True, kw_only=True)
class Soak:
    """One run."""

    home: Path
    components: int
    cycles: int
    step: timedelta = timedelta(minutes=30)
    seed: int = 1
    tell: Callable[[str], None] = lambda _: None
    offset: timedelta = timedelta(0)
    faults: Counter[str] = field(default_factory=Counter)
    samples: int = 0
    wrong: list[str] = field(default_factory=list)
    spoilt: dict[str, float] = field(default_factory=dict)
    """Components whose files the soak itself has broken, until they were seen whole again."""
    memory: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _revision: int = 0

    @property
    def place(self) -> Place:
        """Where the reconciler works."""
        return Place(home=self.home, git=True, extra_environment=clocks.read_from(self.home / "clock"))

    @property
    def now(self) -> datetime:
        """The reconciler's time."""
        return datetime.now(UTC) + self.offset

    def run(self) -> None:
        """All cycles; raises for the first thing that does not hold."""
        generator = random.Random(self.seed)  # noqa: S311 - faults, not keys
        self._set_clock(timedelta(0))
        self._write_hook()
        place = self.place
        self._commit()
        with ExitStack() as stack:
            stack.enter_context(small_disk(self.home / "root"))
            stack.enter_context(self._hot_reader())
            one = stack.enter_context(running(place, interval="1s"))
            one.wait_for(lambda: place.conditions().get("Ready") == ("True", "ReconciliationSucceeded"))
            for cycle in range(self.cycles):
                one = self._cycle(cycle, generator, place, one, stack)
                assert not self.wrong, "\n".join(self.wrong[:20])
            self._mend(one)
            one.wait_for(lambda: place.conditions() == {"Ready": ("True", "ReconciliationSucceeded")}, within=2 * PATIENCE)
            assert place.plan_is_empty()
            assert place.status()["hooks"] == []
            self._judge_resources()
            one.wait_for_passes()
            assert one.stop() == 0
        assert not self.wrong, "\n".join(self.wrong[:20])

    def _cycle(self, cycle: int, generator: random.Random, place: Place, one: Running, stack: ExitStack) -> Running:
        fault = generator.choice(FAULTS)
        self.faults[fault.__name__.strip("_")] += 1
        self._set_clock(self.offset + self.step)
        # A full disk lasts for one cycle: longer than renewBefore it would be nobody's fault but the disk's.
        with suppress(FileNotFoundError):
            (place.root / "filler").unlink()
        again = fault(self, one, generator)
        if again is not None:
            one = stack.enter_context(again)
            one.wait_for(lambda: one.passes() >= 1)  # SIGHUP ends a process that is not yet ready for it
        moment = self.now
        with suppress(ProcessLookupError):
            one.send(signal.SIGHUP)
        one.wait_for(lambda: self._has_seen(place, one, moment))
        self._forgive(place)
        self._look_for_expired(place)
        if cycle % 10 == 0:
            self._measure(one)
            self.tell(f"cycle {cycle}: {self.offset}, {self.samples} samples, {dict(self.faults)}")
        return one

    def _has_seen(self, place: Place, one: Running, moment: datetime) -> bool:
        """Whether a pass that trusted the clock began after a moment."""
        status = place.status()
        reconciler = status.get("reconciler") or {}
        last = reconciler.get("last_pass") or {}
        if reconciler.get("pid") != one.pid or not last or "ClockUncertain" in place.conditions():
            return False
        return datetime.fromisoformat(last["started_at"]) >= moment.replace(microsecond=0) - timedelta(seconds=1)

    # What goes wrong.

    def _nothing(self, _one: Running, _generator: random.Random) -> None:
        """A quiet cycle: what was broken is mended."""
        self._mend(_one)

    def _killed(self, one: Running, _generator: random.Random) -> AbstractContextManager[Running]:
        one.process.kill()
        one.process.wait()
        return running(one.place, interval="1s")

    def _disk_full(self, one: Running, _generator: random.Random) -> None:
        fill(one.place.root / "filler")

    def _corrupted(self, one: Running, generator: random.Random) -> None:
        name = f"c{generator.randrange(self.components)}"
        self.spoilt[name] = time.monotonic()
        path = one.place.root / "srv/pki" / f"{name}.{generator.choice(('crt', 'key'))}"
        with suppress(OSError):
            match generator.randrange(3):
                case 0:
                    path.write_bytes(b"garbage")
                case 1:
                    path.unlink()
                case _:
                    path.chmod(0o666)

    def _hook_fails(self, one: Running, _generator: random.Random) -> None:
        (one.place.home / "hook-fails").touch()

    def _git_rewritten(self, one: Running, generator: random.Random) -> None:
        match generator.randrange(3):
            case 0:
                one.place.run_git("commit", "--quiet", "--amend", "--allow-empty", "--message", "rewritten")
                one.place.run_git("reset", "--quiet", "--hard", "HEAD@{1}")
            case 1:
                good = one.place.run_git("rev-parse", "HEAD").strip()
                one.place.write("a: [\n", message="broken")
                time.sleep(0.3)
                one.place.run_git("revert", "--no-edit", "HEAD")
                assert one.place.run_git("diff", good, "HEAD") == ""
            case _:
                self._commit()

    def _clock_steps(self, one: Running, generator: random.Random) -> None:
        if generator.randrange(2):
            self._set_clock(self.offset + self.step)
            return
        before = self.offset
        self._set_clock(before - 2 * self.step)
        one.send(signal.SIGHUP)
        one.wait_for_passes()
        self._set_clock(before)

    # What is watched.

    @contextmanager
    def _hot_reader(self) -> Iterator[None]:
        thread = threading.Thread(target=self._read_for_ever, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _read_for_ever(self) -> None:
        """Opens each generation once and reads both files of it, as a server does that loads a pair."""
        while not self._stop.wait(0.2):
            for number in range(self.components):
                name = f"c{number}"
                home = self.home / "root/srv/pki" / f".{name}" / "current"
                try:
                    generation = home.resolve(strict=True)
                    key = serialization.load_pem_private_key((generation / f"{name}.key").read_bytes(), None)
                    leaf = x509.load_pem_x509_certificate((generation / f"{name}.crt").read_bytes())
                except (OSError, ValueError) as error:
                    if name not in self.spoilt and self.samples and not isinstance(error, FileNotFoundError):
                        self.wrong.append(f"{name}: {type(error).__name__}")
                    continue
                self.samples += 1
                if name not in self.spoilt and key.public_key() != leaf.public_key():
                    self.wrong.append(f"{name}: key and certificate of {generation.name} do not match")

    def _look_for_expired(self, place: Place) -> None:
        for number in range(self.components):
            path = place.root / "srv/pki" / f"c{number}.crt"
            if f"c{number}" in self.spoilt:
                continue
            leaf = x509.load_pem_x509_certificate(path.read_bytes())
            if leaf.not_valid_after_utc < self.now:
                self.wrong.append(f"{path.name} expired at {leaf.not_valid_after_utc}, now {self.now}")

    def _forgive(self, place: Place) -> None:
        """A component that was broken counts again once the reconciler says that it is well."""
        healthy = {row["address"].removeprefix("component.") for row in place.status()["resources"] if row["sync"] == "Synced"}
        for name in [name for name in self.spoilt if name in healthy]:
            del self.spoilt[name]

    def _measure(self, one: Running) -> None:
        text = Path(f"/proc/{one.pid}/status").read_text(encoding="ascii")
        self.memory.append(int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024)
        self.descriptors.append(len(list(Path(f"/proc/{one.pid}/fd").iterdir())))

    def _judge_resources(self) -> None:
        """Memory and descriptors do not grow: the last third is no larger than the middle one, within a tenth."""
        third = len(self.memory) // 3
        if third < 2:
            return
        assert max(self.memory[-third:]) <= 1.1 * max(self.memory[third : 2 * third]) + 2
        assert max(self.descriptors[-third:]) <= max(self.descriptors[third : 2 * third]) + 2

    # The world around it.

    def _mend(self, one: Running) -> None:
        with suppress(FileNotFoundError):
            (one.place.root / "filler").unlink()
        with suppress(FileNotFoundError):
            (one.place.home / "hook-fails").unlink()

    def _set_clock(self, offset: timedelta) -> None:
        self.offset = offset
        fresh = self.home / "clock.new"
        fresh.write_text(f"{int(offset.total_seconds()):+d}s", encoding="ascii")
        fresh.replace(self.home / "clock")

    def _write_hook(self) -> None:
        script = self.home / "hook"
        script.write_text(
            f'#!/bin/sh\n[ ! -e "{self.home}/hook-fails" ] || exit 1\necho "$PKI_ADDRESS" >>"{self.home}/hooks.log"\n',
            encoding="utf-8",
        )
        script.chmod(0o755)

    def _commit(self) -> None:
        self._revision += 1
        text = HEAD
        for number in range(self.components):
            names = f"c{number}.test" + (f", r{self._revision}.test" if number == self._revision % self.components else "")
            text += f"  c{number}:\n    ca: main\n    usages: [server auth]\n    sans: {{dns: [{names}]}}\n"
            lifetime = LIFETIMES[number % len(LIFETIMES)] * self.step
            text += f"    path: pki/c{number}\n    lifetime: {int(lifetime.total_seconds())}s\n"
            if number % HOOKED == 0:
                text += f"    after: [{{exec: [{self.home}/hook], timeout: 5s}}]\n"
        self.place.write(text)


FAULTS: Final = (
    Soak._nothing,
    Soak._nothing,
    Soak._killed,
    Soak._disk_full,
    Soak._corrupted,
    Soak._hook_fails,
    Soak._git_rewritten,
    Soak._clock_steps,
)


@contextmanager
def small_disk(path: Path) -> Iterator[None]:
    """A file system that can be filled; needs root, as CI has it."""
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=0755", "tmpfs", str(path)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(path)], check=True)


def fill(path: Path) -> None:
    """Writes until there is no space left."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        while os.write(descriptor, b"x" * 65536):
            pass
    except OSError:
        free = shutil.disk_usage(path.parent).free
        assert free < 65536, free
    finally:
        os.close(descriptor)
