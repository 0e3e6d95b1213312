"""Two-stage interruption of a real apply."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.inprocess import Home
from tests.real.cluster import PROGRAM, environment

COUNT: Final = 400
HEAD: Final = """\
apiVersion: cluster-pki/v1
cluster: demo
stores: {files: {type: file, root: /store}}
cas: {main: {path: ca/main}}
components:
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A desired state that takes several batches."""
    home = Home(path=tmp_path)
    one = "  c{0}: {{ca: main, usages: [server auth], sans: {{dns: [c{0}.test]}}, path: pki/c{0}}}\n"
    home.write(HEAD + "".join(one.format(number) for number in range(COUNT)))
    return home


def start(home: Home) -> subprocess.Popen[str]:
    """An apply in a process of its own, returned once its first batch is published."""
    where = ("-f", f"{home.path}/cluster-pki.yaml", "--root", str(home.path), "--state-dir", f"{home.path}/state")
    # A file, not a pipe: the plan is longer than a pipe takes while nobody reads it.
    with (home.path / "out").open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [*PROGRAM, "apply", "--auto-approve", *where], stdout=out, stderr=subprocess.PIPE, text=True, env=environment()
        )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("component.") and "complete" in line:
            return process
    pytest.fail(f"apply ended before it began: {process.communicate()}")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_finishes_the_step(home: Home, number: signal.Signals, code: int) -> None:
    """What is in hand is finished and recorded, nothing new begins, and the next apply does the rest."""
    process = start(home)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code, err[-500:]
    assert "Apply interrupted." in (home.path / "out").read_text(encoding="utf-8")
    assert "Interrupt received." in err
    made = {path.stem for path in (home.path / "store" / "pki").glob("*.crt")}
    assert 0 < len(made) < COUNT
    assert {address.removeprefix("component.") for address in home.records()} - {"ca.main"} == made
    assert home.apply().code == 0
    assert home.call("plan", "--detailed-exitcode").code == 0


def test_the_second_signal_ends_at_once(home: Home) -> None:
    """No third is needed; what was in hand is finished or undone by the next apply."""
    process = start(home)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("Interrupt received."):
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert home.apply().code == 0
    assert home.call("plan", "--detailed-exitcode").code == 0
