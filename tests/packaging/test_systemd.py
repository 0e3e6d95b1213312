"""The systemd unit: what systemd says about it, and that the program can live inside it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.packaging.processes import REPOSITORY, environment, parse_options

UNIT: Final = REPOSITORY / "contrib" / "systemd" / "cluster-pki.service"
SETTINGS: Final = UNIT.with_name("cluster-pki.env")
#: systemd's own sum over all that a service could do, 0 to 10: an ordinary service has 9.6, systemd-resolved 2.1.
WORST_EXPOSURE: Final = 2.8
#: Maps memory as the unit's MemoryDenyWriteExecute demands: by the kernel where it has that (prctl(2), PR_SET_MDWE, Linux 6.3),
#: and shows afterwards what is both writable and executable.
CONFINED: Final = """
import ctypes, sys
ctypes.CDLL(None).prctl(65, 1, 0, 0, 0)
from reconciler.cli.main import main
code = main(sys.argv[1:])
print([line for line in open("/proc/self/maps") if line.split()[1].startswith("rwx")], code)
"""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program that exists: systemd looks for it."""
    text, found = re.subn(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(encoding="utf-8"))
    assert found == 1
    copy = tmp_path / UNIT.name
    copy.write_text(text, encoding="utf-8")
    return copy


def analyze(*arguments: str | Path) -> tuple[int, str]:
    """Exit code and everything that systemd-analyze says."""
    done = subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


def test_systemd_has_nothing_to_say_about_the_unit(unit: Path) -> None:
    """No unknown setting, no value that is not understood, no warning."""
    assert analyze("verify", unit) == (0, "")


def test_the_service_can_do_little(unit: Path) -> None:
    """The exposure that systemd computes stays below a bound."""
    code, said = analyze("security", "--offline=true", unit)
    level = re.search(r"exposure level for \S+: ([0-9.]+)", said)
    assert level is not None, said
    assert (code, float(level[1]) <= WORST_EXPOSURE) == (0, True), said


def test_the_unit_runs_what_the_command_line_has() -> None:
    """The command of the unit is one that our parser takes."""
    started = re.search(r"(?m)^ExecStart=\S+/cluster-pki (.*)$", UNIT.read_text(encoding="utf-8"))
    assert started is not None
    assert parse_options(*started[1].split())["command"] == "run"


def settings() -> list[tuple[str, str]]:
    """Every variable of the example, those that are commented out too."""
    lines = re.findall(r"(?m)^#?(CLUSTER_PKI_[A-Z_]+)=(.*)$", SETTINGS.read_text(encoding="utf-8"))
    assert lines
    return lines


@pytest.mark.parametrize(("name", "value"), settings(), ids=[name for name, _ in settings()])
def test_the_settings_are_options(name: str, value: str) -> None:
    """Each variable of the example is the twin of an option of `run`, and its value is understood."""
    option = name.removeprefix("CLUSTER_PKI_").lower()
    assert (
        parse_options("run", environ={name: value})[option]
        == parse_options("run", f"--{option.replace('_', '-')}={value}")[option]
    )


def test_the_program_makes_no_code_at_run_time(tmp_path: Path) -> None:
    """It signs, verifies and writes under MemoryDenyWriteExecute, and no memory is writable and executable."""
    (tmp_path / "cluster-pki.yaml").write_bytes((REPOSITORY / "cluster-pki.example.yaml").read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", CONFINED, "apply", "--root", "root", "--auto-approve"],
        cwd=tmp_path,
        env=environment({"PYTHONPATH": str(REPOSITORY)}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.splitlines()[-1:] == ["[] 0"], done.stdout + done.stderr
