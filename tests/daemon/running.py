"""A reconciler at work, as its users run it: a process, a directory or repository that it follows, and what it reports."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from tests.real.cluster import PROGRAM, environment

#: A loaded machine may be slow; a failure says what was logged.
PATIENCE: Final = 60.0

HEAD: Final = """\
apiVersion: cluster-pki/v1
cluster: run
stores:
  files: {type: file, root: /srv}
cas:
  main: {path: ca/main}
components:
"""


def document(*names: str, **extra: str) -> str:
    """A desired state of these servers; `extra` adds lines to a component by its name, indented as they come."""
    text = HEAD
    for name in names:
        text += f"  {name}:\n    ca: main\n    usages: [server auth]\n    sans: {{dns: [{name}.test]}}\n    path: pki/{name}\n"
        text += "".join(f"    {line}\n" for line in extra.get(name.replace("-", "_"), "").splitlines())
    return text


@dataclass(slots=True, kw_only=True)
class Place:
    """A directory with everything that a reconciler needs."""

    home: Path
    git: bool = False
    launcher: tuple[str, ...] = ()
    extra_environment: dict[str, str] = field(default_factory=dict)

    @property
    def source(self) -> Path:
        """Where the desired state is."""
        return self.home / "source"

    @property
    def root(self) -> Path:
        """Where every absolute path begins."""
        return self.home / "root"

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.home / "state"

    def write(self, text: str, *, message: str = "change") -> str:
        """Replaces the desired state; in a repository commits it, and gives the commit."""
        self.source.mkdir(exist_ok=True)
        (self.source / "cluster-pki.yaml").write_text(text, encoding="utf-8")
        if not self.git:
            return ""
        if not (self.source / ".git").exists():
            self.run_git("init", "--quiet", "--initial-branch=main")
        self.run_git("add", "--all")
        self.run_git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.run_git("rev-parse", "HEAD").strip()

    def run_git(self, *arguments: str) -> str:
        """Runs git in the repository, with nobody's configuration."""
        identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
        nowhere = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.source,
            env={**environment(), **identity, **nowhere},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    @property
    def where(self) -> tuple[str, ...]:
        """The options that every command needs here."""
        file = ("--git", str(self.source)) if self.git else ("-f", str(self.source / "cluster-pki.yaml"))
        return (*file, "--root", str(self.root), "--state-dir", str(self.state))

    def command(self, *arguments: str, expect: int | None = 0, timeout: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        name, *rest = arguments
        done = subprocess.run(
            [*self.launcher, *PROGRAM, name, *self.where, *rest],
            env={**environment(), **self.extra_environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert expect is None or done.returncode == expect, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def once(self, *options: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """One pass."""
        return self.command("run", "--once", *options, expect=expect)

    def status(self) -> dict[str, Any]:
        """What was reported last; empty before anything was."""
        with suppress(FileNotFoundError):
            return msgspec.json.decode((self.state / "status.json").read_bytes(), type=dict[str, Any])
        return {}

    def conditions(self) -> dict[str, tuple[str, str]]:
        """Status and reason of every condition."""
        return {each["type"]: (each["status"], each["reason"]) for each in self.status().get("conditions", ())}

    def serial(self, name: str) -> str:
        """The serial number on disk, by openssl."""
        path = self.root / "srv" / "pki" / f"{name}.crt"
        done = subprocess.run(
            ["openssl", "x509", "-noout", "-serial", "-in", str(path)], capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    def plan_is_empty(self) -> bool:
        """Whether a plan by hand has nothing to do."""
        return self.command("plan", "--detailed-exitcode", "--lock-timeout", "30s", expect=None).returncode == 0


@dataclass(slots=True, kw_only=True)
class Running:
    """A process of it."""

    place: Place
    process: subprocess.Popen[bytes]
    log: Path

    def wait_for(self, what: Callable[[], object], *, within: float = PATIENCE) -> None:
        """Waits until something is so; fails with the log when it does not become so, or the process ended."""
        deadline = time.monotonic() + within
        while not what():
            assert self.process.poll() is None, f"it ended with {self.process.returncode}\n{self.logged()}"
            assert time.monotonic() < deadline, f"not within {within} s\n{self.place.conditions()}\n{self.logged()}"
            time.sleep(0.05)

    def wait_for_passes(self, more: int = 1) -> None:
        """Waits for so many more passes."""
        start = self.passes()
        self.wait_for(lambda: self.passes() >= start + more)

    def passes(self) -> int:
        """How many it made."""
        reconciler = self.place.status().get("reconciler") or {}
        return int(reconciler.get("passes", 0)) if reconciler.get("pid") == self.pid else 0

    @property
    def pid(self) -> int:
        """Of the reconciler itself, also behind a launcher."""
        status = self.place.status().get("reconciler") or {}
        return int(status.get("pid", self.process.pid)) if self.place.launcher else self.process.pid

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        os.kill(self.pid, number)

    def stop(self, *, within: float = 10.0) -> int:
        """Terminates it; gives the exit code, and fails when it takes longer than it may."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            msg = f"not ended within {within} s\n{self.logged()}"
            raise AssertionError(msg) from None

    def logged(self) -> str:
        """What it logged."""
        return self.log.read_text(encoding="utf-8", errors="replace")


@contextmanager
def running(place: Place, *options: str, interval: str = "2s", listen: str = "off") -> Iterator[Running]:
    """Starts it, and ends it by its process id whatever happens."""
    log = place.home / "log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [
                *place.launcher,
                *PROGRAM,
                "run",
                *place.where,
                "--interval",
                interval,
                "--listen",
                listen,
                "--log-format",
                "text",
                *options,
            ],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**environment(), **place.extra_environment},
        )
    one = Running(place=place, process=process, log=log)
    try:
        yield one
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
    assert "Traceback" not in one.logged()
    assert "PRIVATE KEY" not in one.logged()
