"""Deliveries with real files, programs, processes and endpoints."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.apply.delivery.content import contents
from reconciler.apply.delivery.ledger import Ledger, note_baseline
from reconciler.apply.delivery.ledger_file import load_ledger, save_ledger
from reconciler.apply.state import StateDirectory
from reconciler.desired.live import ExecHook
from reconciler.desired.model import DesiredState
from reconciler.observed.gather import gather
from tests.apply.delivery import driver
from tests.apply.delivery.driver import deliver_here, desired_at
from tests.apply.hooks.occasions import script
from tests.builders import NOW, Pair, make_leaf
from tests.observed.cluster import API, AUTHORITY, SERVER, Cluster
from tests.real.etcd import free_ports

MINUTE = timedelta(minutes=1)
NEW = make_leaf(AUTHORITY, "api", serial=0x1F6A)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """Everything on disk, with the first certificate."""
    (tmp_path / "state").mkdir(mode=0o700)
    return Cluster(root=tmp_path / "root").write()


def publish(cluster: Cluster, pair: Pair, number: int) -> None:
    """Another certificate of the server."""
    cluster.publish("pki/api", {".crt": pair.certificate.pem, ".key": pair.key.pem()}, address=API, number=number)


def note(desired: DesiredState, state: Path) -> None:
    """What an apply notes before it publishes."""
    directory = StateDirectory(str(state))
    save_ledger(directory, note_baseline(load_ledger(directory), contents(desired, gather(desired))))


def test_a_hook_that_fails_first(tmp_path: Path, cluster: Cluster) -> None:
    """It is run until it succeeds, and then no more, with files that do not change in between (U2, U4)."""
    log = tmp_path / "log"
    hook = script(
        tmp_path / "hook", f'echo "$PKI_SERIAL $PKI_REASONS" >> {log}; [ -e {tmp_path}/mended ] || {{ echo broken; exit 1; }}'
    )
    desired, state = desired_at(cluster.root, ExecHook(argv=(hook,))), tmp_path / "state"
    note(desired, state)
    publish(cluster, NEW, 2)
    (status,) = deliver_here(desired, state).failing
    assert (status.state, status.detail, status.output) == ("failing", "It exited with status 1.", "broken")
    (tmp_path / "mended").touch()
    assert deliver_here(desired, state, at=NOW + MINUTE).failing == ()
    written = (state / "deliveries.json").stat()
    for number in range(100):
        assert deliver_here(desired, state, at=NOW + number * MINUTE).ran == ()
    after = (state / "deliveries.json").stat()
    assert (after.st_ino, after.st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
    assert log.read_text(encoding="utf-8") == "1f6a RenewalDue\n" * 2


def test_killed_while_a_hook_runs(tmp_path: Path, cluster: Cluster) -> None:
    """A SIGKILL in the middle: what was published and not delivered is delivered by whoever comes next."""
    log, state = tmp_path / "log", tmp_path / "state"
    # The hook kills whoever started it, once.
    text = f"echo run >> {log}; [ -e {tmp_path}/killed ] || {{ touch {tmp_path}/killed; kill -9 $PPID; }}"
    hook = script(tmp_path / "hook", text)
    desired = desired_at(cluster.root, ExecHook(argv=(hook,)))
    note(desired, state)
    publish(cluster, NEW, 2)
    command = [sys.executable, driver.__file__, str(state), str(cluster.root), hook]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    assert subprocess.run(command, env=environ, timeout=60, check=False).returncode == -signal.SIGKILL
    assert deliver_here(desired, state, at=NOW + MINUTE).failing == ()
    assert (log.read_text(encoding="utf-8"), deliver_here(desired, state, at=NOW + MINUTE).ran) == ("run\nrun\n", ())


class Server:
    """A server that reads its files when it starts and never again, and the script that restarts it."""

    def __init__(self, home: Path, cluster: Cluster) -> None:
        (self.port,) = free_ports("127.0.0.1", 1)
        self.pid = home / "pid"
        files = f"-cert {cluster.root}/pki/api.crt -key {cluster.root}/pki/api.key"
        # A killed process is gone from its port when it has no files any more, whoever waits for it.
        self.restart = script(
            home / "restart",
            f"""
            old=$(cat {self.pid} 2>/dev/null)
            if [ -n "$old" ]; then kill -9 $old; while [ -n "$(ls /proc/$old/fd 2>/dev/null)" ]; do :; done; fi
            openssl s_server -accept 127.0.0.1:{self.port} {files} -quiet </dev/null >/dev/null 2>&1 &
            echo $! > {self.pid}
            """,
        )

    def start(self) -> None:
        """Starts it, with the files of now, and waits until it listens."""
        subprocess.run([self.restart], check=True, timeout=20)
        for _ in range(500):
            with suppress(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            time.sleep(0.02)

    def stop(self) -> None:
        """Ends it, if it runs."""
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int(self.pid.read_text(encoding="ascii")), signal.SIGKILL)


@pytest.fixture
def server(tmp_path: Path, cluster: Cluster) -> Iterator[Server]:
    """Started with the first certificate."""
    made = Server(tmp_path, cluster)
    made.start()
    yield made
    made.stop()


def test_a_server_that_loads_once(tmp_path: Path, cluster: Cluster, server: Server) -> None:
    """Renewed on disk, and the process serves the old one: that is seen, and its hooks are run until it does not (U1)."""
    state = tmp_path / "state"
    note(desired_at(cluster.root, ExecHook(argv=("true",)), port=server.port), state)
    # Somebody else renews it, and what should tell the server does nothing; nobody waits ten seconds for that here.
    publish(cluster, NEW, 2)
    broken = desired_at(cluster.root, ExecHook(argv=("false",)), port=server.port)
    (status,) = deliver_here(broken, state).failing
    assert (status.state, status.hook) == ("failing", "exec false")
    mended = desired_at(cluster.root, ExecHook(argv=(server.restart,)), port=server.port)
    delivered = deliver_here(mended, state, at=NOW + MINUTE)
    assert (delivered.failing, delivered.served[API].state) == ((), "ok")
    # Long after everything was delivered, the server comes up with what it had before.
    publish(cluster, SERVER, 3)
    server.start()
    publish(cluster, NEW, 4)
    seen = driver.asking(mended, lambda: NOW)(API)
    assert seen is not None
    words = f"127.0.0.1:{server.port} presents serial {SERVER.certificate.facts.serial} of CN=kubernetes-ca"
    assert (seen.state, seen.detail.partition(",")[0]) == ("stale", words)
    again = deliver_here(mended, state, at=NOW + 2 * MINUTE)
    assert ([ran.hook for ran in again.ran], again.failing, again.served[API].state) == ([f"exec {server.restart}"], (), "ok")
    assert deliver_here(mended, state, at=NOW + 3 * MINUTE).ran == ()


def test_losing_the_state_restarts_nobody(tmp_path: Path, cluster: Cluster) -> None:
    """A state directory that is empty again, on a cluster that is at work."""
    desired = desired_at(cluster.root, ExecHook(argv=("touch", f"{tmp_path}/restarted")))
    assert deliver_here(desired, tmp_path / "state").ran == ()
    (tmp_path / "state/deliveries.json").unlink()
    assert (deliver_here(desired, tmp_path / "state").ran, (tmp_path / "restarted").exists()) == ((), False)


def test_files_of_a_first_apply(tmp_path: Path, cluster: Cluster) -> None:
    """What was noted as absent before it was published is owed its hooks."""
    desired, state = desired_at(cluster.root, ExecHook(argv=("true",))), tmp_path / "state"
    api = cluster.root / "pki/api.crt"
    target = api.readlink()
    api.unlink()
    note(desired, state)
    assert deliver_here(desired, state).ran == ()
    api.symlink_to(target)
    assert [ran.hook for ran in deliver_here(desired, state).ran] == ["exec true"]


def test_a_view_without_hooks(tmp_path: Path, cluster: Cluster) -> None:
    """Nobody has hooks: nothing is noted, nothing is written."""
    assert deliver_here(cluster.desired(), tmp_path / "state").ledger == Ledger()
    assert list((tmp_path / "state").iterdir()) == []
