"""The rules of a container without an engine: namespaces of the kernel, a read-only root, no capabilities, PID 1."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tests.packaging.dockerfile import variables

Identity = Literal["deployment", "daemonset"]

#: Makes every mount read-only but the volume, proves it, and becomes the program: PID 1 of its own process tree.
_ENTER: Final = r"""
set -eu
volume=$1
shift
mount --make-rprivate /
mount --bind "$volume" "$volume"
awk '{ print $5 }' /proc/self/mountinfo | while read -r place; do
  case $place in
    "$volume" | /proc*) ;;
    *) mount -o remount,bind,ro "$place" 2>/dev/null || true ;;
  esac
done
for place in / /tmp "$REPOSITORY"; do
  if touch "$place/.writable" 2>/dev/null; then
    echo "$place is not read-only" >&2
    exit 99
  fi
done
exec "$@"
"""
#: As the manifests have it: somebody without a name; or root, whose capabilities are all dropped.
_BECOME: Final[dict[Identity, tuple[str, ...]]] = {
    "deployment": ("unshare", "--user", "--map-user=10001", "--map-group=10001", "--"),
    "daemonset": ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A volume that can be written, in a world that cannot."""

    volume: Path
    identity: Identity

    @contextlib.contextmanager
    def started(self, *command: str) -> Iterator[subprocess.Popen[str]]:
        """Runs a command as PID 1; the process that is yielded waits for it and ends with its exit code."""
        repository = Path(__file__).resolve().parents[2]
        env = variables("slim") | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": "/nonexistent",
            "REPOSITORY": str(repository),
        }
        namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        if os.geteuid() != 0:
            namespaces += ["--user", "--map-root-user"]
        with subprocess.Popen(
            [*namespaces, "--", "sh", "-c", _ENTER, "sh", str(self.volume), *_BECOME[self.identity], *command],
            cwd="/",
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, *command: str, expect: int = 0) -> str:
        """Runs a command to its end; returns its standard output."""
        with self.started(*command) as process:
            out, err = process.communicate(timeout=120)
        assert process.returncode == expect, f"{command}: exit {process.returncode}\n{out}\n{err}"
        return out


def child_of(pid: int) -> int:
    """The process that was started in the namespace."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return int(child)
