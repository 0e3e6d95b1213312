"""Real etcd members on loopback, each started from the files of one control-plane node."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: A loaded machine may take long to elect a leader; a failure shows what the members said.
READY_WITHIN: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The files with which somebody speaks TLS."""

    certificate: Path
    key: Path
    roots: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One etcd member: where it listens and its server and peer files."""

    name: str
    address: str
    client_port: int
    peer_port: int
    server: Identity
    peer: Identity
    client_crl: Path | None = None
    """The revocation list for its clients, in DER."""

    @property
    def client_url(self) -> str:
        """Where clients connect."""
        return f"https://{self.address}:{self.client_port}"

    @property
    def peer_url(self) -> str:
        """Where the other members connect."""
        return f"https://{self.address}:{self.peer_port}"


def free_ports(address: str, count: int) -> list[int]:
    """Ports that nobody listens on at this address just now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((address, 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def running(members: list[Member], directory: Path) -> Iterator[Mapping[str, Path]]:
    """Starts the members and gives their logs by name; stops each by its own process id."""
    logs = {member.name: directory / f"{member.name}.log" for member in members}
    with ExitStack() as stack:
        for member in members:
            log = stack.enter_context(logs[member.name].open("wb"))
            process = subprocess.Popen(
                command_of(member, members, directory), stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment()
            )
            stack.callback(stop, process)
        yield logs


def command_of(member: Member, members: list[Member], directory: Path) -> list[str]:
    """The command line of one member, with its data below the directory."""
    cluster = ",".join(f"{one.name}={one.peer_url}" for one in members)
    return [
        "etcd",
        f"--name={member.name}",
        f"--data-dir={directory / member.name}",
        f"--listen-client-urls={member.client_url}",
        f"--advertise-client-urls={member.client_url}",
        f"--listen-peer-urls={member.peer_url}",
        f"--initial-advertise-peer-urls={member.peer_url}",
        f"--initial-cluster={cluster}",
        "--initial-cluster-state=new",
        f"--initial-cluster-token={directory.name}",
        f"--cert-file={member.server.certificate}",
        f"--key-file={member.server.key}",
        f"--trusted-ca-file={member.server.roots}",
        "--client-cert-auth",
        *([f"--client-crl-file={member.client_crl}"] if member.client_crl is not None else []),
        f"--peer-cert-file={member.peer.certificate}",
        f"--peer-key-file={member.peer.key}",
        f"--peer-trusted-ca-file={member.peer.roots}",
        "--peer-client-cert-auth",
        # Three members and a test suite share two cores: no election because of a slow disk.
        "--heartbeat-interval=500",
        "--election-timeout=5000",
    ]


def environment() -> dict[str, str]:
    """Ours without `ETCD_*`: a variable and a flag for the same thing make etcd refuse to start."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ETCD_", "ETCDCTL_"))}
    return {**kept, "ETCDCTL_API": "3"}


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ends a process, by force when it does not do so itself."""
    process.terminate()
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def etcdctl(
    endpoint: str, *arguments: str, roots: Path, identity: Identity | None = None, seconds: int = 20
) -> subprocess.CompletedProcess[str]:
    """Runs etcdctl against one member, with a client certificate or without."""
    credentials = [] if identity is None else [f"--cert={identity.certificate}", f"--key={identity.key}"]
    timeouts = [f"--dial-timeout={seconds}s", f"--command-timeout={seconds}s"]
    return subprocess.run(
        ["etcdctl", f"--endpoints={endpoint}", f"--cacert={roots}", *credentials, *timeouts, *arguments],
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds + 30,
        check=False,
    )


def wait_until_healthy(members: list[Member], identity: Identity, logs: Mapping[str, Path]) -> None:
    """Waits until every member answers; fails with the members' own words."""
    deadline = time.monotonic() + READY_WITHIN
    waiting = list(members)
    while waiting:
        done = etcdctl(waiting[0].client_url, "endpoint", "health", roots=identity.roots, identity=identity, seconds=5)
        if done.returncode == 0:
            waiting.pop(0)
        elif time.monotonic() > deadline:
            said = "\n".join(f"--- {name}\n{log.read_text(errors='replace')[-4000:]}" for name, log in logs.items())
            msg = f"etcd not healthy: {[member.name for member in waiting]}\n{done.stdout}{done.stderr}\n{said}"
            raise AssertionError(msg)
        else:
            time.sleep(0.3)
