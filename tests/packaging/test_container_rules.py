"""The program keeps the rules of a container: a read-only root, no privileges, PID 1."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Final, get_args

import pytest

from tests.packaging.container import Container, Identity, child_of

DOCUMENT: Final = """
apiVersion: cluster-pki/v1
cluster: boxed
stores:
  files: {type: file, root: /nodes}
cas:
  root: {path: ca/root}
components:
  web: {ca: root, usages: [server auth], sans: {dns: [web.example.com]}, path: web/tls}
"""
#: How long PID 1 may take to end (a step in hand is finished first).
BOUND: Final = 10.0
#: All that was begun is done, or SIGTERM came in the middle of a pass.
ENDED: Final = frozenset({0, 143})


@pytest.fixture(params=get_args(Identity))
def container(request: pytest.FixtureRequest, tmp_path: Path) -> Container:
    """A volume with a desired state, as Kubernetes hands it out: writable for the pod's group."""
    volume = tmp_path / "volume"
    volume.mkdir()
    volume.chmod(0o2770)
    (volume / "cluster-pki.yaml").write_text(DOCUMENT, encoding="utf-8")
    return Container(volume=volume, identity=request.param)


def options(container: Container) -> tuple[str, ...]:
    """The desired state is a file that nobody commits; stores and records are on the volume."""
    return (f"--file={container.volume}/cluster-pki.yaml", f"--root={container.volume}")


def test_one_pass_writes_the_volume_alone(container: Container) -> None:
    """`validate`, `plan` and `run --once` work; then nothing is left to do, and all that was written lies below the root."""
    container.run("cluster-pki", "validate", *options(container))
    container.run("cluster-pki", "plan", *options(container), "--detailed-exitcode", expect=2)
    container.run("cluster-pki", "run", "--once", "--worktree", *options(container))
    container.run("cluster-pki", "plan", *options(container), "--detailed-exitcode")
    assert {path.name for path in container.volume.iterdir()} == {"cluster-pki.yaml", "nodes", "var"}


def test_a_commit_is_read_with_nothing_but_a_scratch_directory(container: Container) -> None:
    """With --git the program needs one more place to write: the one that TMPDIR names."""
    checkout, scratch = container.volume / "checkout", container.volume / "tmp"
    scratch.mkdir()
    git = ("git", "-C", str(checkout), "-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "init", "--quiet", str(checkout)], check=True)
    (checkout / "cluster-pki.yaml").write_text(DOCUMENT, encoding="utf-8")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "first"], check=True)
    once = ("run", "--once", f"--git={checkout}", f"--root={container.volume}")
    container.run("env", f"TMPDIR={scratch}", "cluster-pki", *once)
    assert ((container.volume / "nodes/web/tls.crt").exists(), list(scratch.iterdir())) == (True, [])


def test_pid_one_ends_when_it_is_asked_to(container: Container) -> None:
    """SIGTERM, which the kernel keeps from a PID 1 that has no handler, ends the reconciler in order and in time."""
    ready = container.volume / "nodes/web/tls.crt"
    with container.started("cluster-pki", "run", "--worktree", "--listen=off", *options(container)) as process:
        deadline = time.monotonic() + 60
        while not ready.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        began = time.monotonic()
        if process.poll() is None:
            os.kill(child_of(process.pid), signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert (ready.exists(), process.returncode in ENDED, time.monotonic() - began < BOUND) == (True, True, True), out + err
    assert "Traceback" not in err
