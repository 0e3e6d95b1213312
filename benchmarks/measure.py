"""Runs processes in turn and compares their medians: a slow minute of the machine slows both sides of a ratio."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]
#: The installed program, as its users start it; `python -m` would add the cost of runpy.
PROGRAM: Final = (str(Path(sys.executable).with_name("cluster-pki")),)
#: Of the environment: a token for the server of a benchmark. Not one of ours, which processes do not inherit here.
VAULT_TOKEN: Final = "BENCH_VAULT_TOKEN"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One finished process."""

    seconds: float
    peak_mib: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    what: str
    measured: str
    target: str
    reached: bool


def below(what: str, value: float, unit: str, *, limit: float) -> Row:
    """A row whose value should stay under a limit."""
    return Row(what=what, measured=_number(value, unit), target=f"< {_number(limit, unit)}", reached=value < limit)


def at_least(what: str, value: float, unit: str, *, limit: float) -> Row:
    """A row whose value should reach a limit."""
    return Row(what=what, measured=_number(value, unit), target=f">= {_number(limit, unit)}", reached=value >= limit)


def _number(value: float, unit: str) -> str:
    return f"{value:.3g}{unit}"


def run(command: Sequence[str], *, cwd: Path, expect: int = 0) -> Run:
    """Runs a process to its end, with wall-clock seconds and the peak of its resident memory.

    Raises:
        RuntimeError: it ended with another exit code than expected.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CLUSTER_PKI_")}
    # Installed packages are compiled; so should the checkout be.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        with subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, env=kept
        ) as process:
            # `wait4` alone tells the memory of this one child; Popen is told the outcome so that it does not wait again.
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        if process.returncode != expect:
            said.seek(0)
            msg = f"{' '.join(command)}: exit {process.returncode}\n{said.read().decode(errors='replace')[-2000:]}"
            raise RuntimeError(msg)
    return Run(seconds=seconds, peak_mib=usage.ru_maxrss / 1024)


def interleaved(commands: Mapping[str, Sequence[str]], *, cwd: Path, rounds: int) -> dict[str, float]:
    """Median seconds of each command, run one after the other `rounds` times; the first round only warms the caches."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            seconds = run(command, cwd=cwd).seconds
            if number:
                times[name].append(seconds)
    return {name: statistics.median(values) for name, values in times.items()}


def program(home: Path, command: str, *options: str) -> tuple[str, ...]:
    """The program on the cluster whose files lie below `home`."""
    where = ("-f", str(home / "cluster-pki.yaml"), "--root", str(home / "root"), "--state-dir", str(home / "state"))
    return (*PROGRAM, command, *where, *options)


def table(rows: Sequence[Row]) -> str:
    """Rows as text, in columns."""
    cells = [("what", "measured", "target", ""), *((row.what, row.measured, row.target, _mark(row)) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(3)]
    return "".join(
        f"{line[0]:<{widths[0]}}  {line[1]:>{widths[1]}}  {line[2]:>{widths[2]}}  {line[3]}".rstrip() + "\n" for line in cells
    )


def _mark(row: Row) -> str:
    return "" if row.reached else "not reached"
