"""One changed line in a desired state of 10,000 certificates: how soon after the commit the reconciler has acted."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.bench_plan import desired
from benchmarks.measure import PROGRAM, Row, below, program, run

ROUNDS: Final = 5
NODE: Final = "w-4321"
PATIENCE: Final = 120.0


def measure(scratch: Path) -> list[Row]:
    """The seconds from the end of a commit to the new certificate on disk; nothing else may be touched."""
    file, state = scratch / "cluster-pki.yaml", scratch / "state"
    file.write_text(desired(), encoding="utf-8")
    _git(scratch, "init", "--quiet")
    _commit(scratch)
    run(program(scratch, "apply", "--auto-approve"), cwd=scratch)
    where = ("--git", str(scratch), "--root", str(scratch / "root"), "--state-dir", str(state))
    certificate = scratch / "root" / "nodes" / NODE / "var/lib/kubelet/pki/kubelet.crt"
    seconds, touched = [], []
    with (scratch / "log").open("wb") as log:
        process = subprocess.Popen([*PROGRAM, "run", *where, "--interval", "1h", "--listen", "off"], stderr=log, stdout=log)
        try:
            _wait(partial(_reports, state, _head(scratch)), process)
            for number in range(ROUNDS):
                before, issued = certificate.resolve(), _issued(state)
                text = file.read_text(encoding="utf-8")
                line = next(line for line in text.splitlines() if f"name: {NODE}," in line)
                changed = f"  - {{name: {NODE}, roles: [worker], addresses: [192.0.2.{100 + number}]}}"
                file.write_text(text.replace(line, changed), encoding="utf-8")
                _commit(scratch)
                committed = time.perf_counter()
                _wait(partial(_is_another, certificate, before), process, pause=0.005)
                seconds.append(time.perf_counter() - committed)
                _wait(partial(_reports, state, _head(scratch)), process)
                touched.append(_issued(state) - issued)
            peak = _peak_mib(process.pid)
        finally:
            process.terminate()
            process.wait()
    if touched != [1] * ROUNDS:
        msg = f"certificates touched by each commit: {touched}"
        raise RuntimeError(msg)
    return [
        below("one changed line of 10,000 certificates: commit to new certificate", statistics.median(seconds), " s", limit=1),
        below("peak memory of that reconciler", peak, " MiB", limit=600),
    ]


def _is_another(certificate: Path, before: Path) -> bool:
    return certificate.resolve() != before


def _wait(what: Callable[[], bool], process: subprocess.Popen[bytes], *, pause: float = 0.05) -> None:
    deadline = time.perf_counter() + PATIENCE
    while not what():
        if process.poll() is not None or time.perf_counter() > deadline:
            msg = "the reconciler ended, or did not act in time"
            raise RuntimeError(msg)
        time.sleep(pause)


def _reports(state: Path, commit: str) -> bool:
    """Whether a whole pass over a commit has been reported; what is in force stands at the beginning."""
    try:
        with (state / "status.json").open("rb") as status:
            return f'"last_applied_revision":"{commit}"'.encode() in status.read(1 << 16)
    except FileNotFoundError:
        return False


def _issued(state: Path) -> int:
    return (state / "audit.jsonl").read_bytes().count(b'"serial"')


def _peak_mib(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line for line in text.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def _commit(scratch: Path) -> None:
    _git(scratch, "add", "cluster-pki.yaml")
    _git(scratch, "commit", "--quiet", "--message", "change")


def _head(scratch: Path) -> str:
    return _git(scratch, "rev-parse", "HEAD").strip()


def _git(scratch: Path, *arguments: str) -> str:
    identity = {f"GIT_{who}_{what}": "bench@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    nowhere = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    environ = {**os.environ, **identity, **nowhere}
    return subprocess.run(["git", *arguments], cwd=scratch, check=True, env=environ, capture_output=True, text=True).stdout
