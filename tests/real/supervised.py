"""Real etcd members that come back when somebody ends them, as under systemd or a kubelet."""

from __future__ import annotations

import shlex
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tests.real.etcd import Identity, Member, command_of, environment, stop

SCRIPT: Final = Path(__file__).with_name("restart_member.sh")


class Supervisor:
    """Keeps one member running and says its process id in a file."""

    def __init__(self, member: Member, members: list[Member], directory: Path) -> None:
        """Starts it."""
        self._command = command_of(member, members, directory)
        self._log = directory / f"{member.name}.log"
        self._pidfile = directory / f"{member.name}.pid"
        self._ends = threading.Event()
        self._process = self._start()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stops it for good."""
        self._ends.set()
        stop(self._process)
        self._thread.join(timeout=30)
        stop(self._process)

    def _start(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            process = subprocess.Popen(self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment())
        fresh = self._pidfile.with_suffix(".pid.new")
        fresh.write_text(f"{process.pid}\n", encoding="ascii")
        fresh.rename(self._pidfile)
        return process

    def _watch(self) -> None:
        while not self._ends.is_set():
            self._process.wait()
            if not self._ends.is_set():
                self._process = self._start()


@contextmanager
def supervised(members: list[Member], directory: Path, identities: Mapping[str, Identity]) -> Iterator[Mapping[str, Path]]:
    """Starts the members, and writes what `restart_member.sh` needs; gives their logs by name.

    Args:
        members: of one cluster.
        directory: for their data, logs and process ids.
        identities: who asks each member whether it is healthy, by the member's name.
    """
    for member in members:
        ask = identities[member.name]
        words = [
            *("etcdctl", f"--endpoints={member.client_url}", f"--cacert={ask.roots}", f"--cert={ask.certificate}"),
            *(f"--key={ask.key}", "--dial-timeout=2s", "--command-timeout=5s", "endpoint", "health"),
        ]
        (directory / f"{member.name}.health").write_text(f"exec env ETCDCTL_API=3 {shlex.join(words)}\n", encoding="utf-8")
    with ExitStack() as stack:
        for member in members:
            stack.callback(Supervisor(member, members, directory).end)
        yield {member.name: directory / f"{member.name}.log" for member in members}
