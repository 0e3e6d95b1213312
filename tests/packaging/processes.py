"""Programs that judge or run what we ship, and the programs of our own environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from reconciler.cli.commands import parser_for

REPOSITORY: Final = Path(__file__).resolve().parents[2]
#: Where `cluster-pki` and `python` of the running environment are.
PROGRAMS: Final = Path(sys.executable).parent
TIMEOUT: Final = 120


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """The runner's environment without what would change a result; our own programs come first on PATH."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"CI", "GITHUB_ACTIONS"} and not name.startswith(("CLUSTER_PKI_", "COV_", "PYTHON"))
    }
    return kept | {"PATH": f"{PROGRAMS}:{kept['PATH']}"} | dict(changes or {})


def run(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None, expect: int = 0) -> str:
    """Runs a command; returns its standard output, and fails with all that it said when it ends otherwise."""
    done = subprocess.run(
        list(command),
        cwd=cwd,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == expect, f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def parse_options(*arguments: str, environ: Mapping[str, str] | None = None) -> dict[str, object]:
    """What our own command line makes of arguments and twins; an option that does not exist fails with what the parser says."""
    known = dict(environ or {})
    return vars(parser_for(arguments, known).parse_args(arguments))
