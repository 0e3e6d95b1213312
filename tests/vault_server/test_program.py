"""The scripted server as a program: for tests of processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.vault_server.api import Vault
from tests.vault_server.csr import Csr
from tests.vault_server.pki_mounts import PkiMount
from tests.vault_server.tls import make

REPOSITORY: Final = Path(__file__).resolve().parents[2]


@contextmanager
def program(folder: Path, *arguments: str) -> Iterator[str]:
    """Runs it until the end of the context; yields its address."""
    port_file = folder / "address"
    port_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.vault_server", "--port-file", str(port_file), *arguments]
    process = subprocess.Popen(command, cwd=REPOSITORY)
    try:
        deadline = time.monotonic() + 20
        while not port_file.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield port_file.read_text(encoding="utf-8").strip()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_it_keeps_its_state_over_a_restart(tmp_path: Path) -> None:
    """All of it: mounts, keys of CAs, what was given out, tokens."""
    state = str(tmp_path / "state")
    with program(tmp_path, "--state-file", state) as address:
        mount = PkiMount(Vault(address, "root"))
        mount.root("r1")
        mount.role("any", ttl="1h")
        token = mount.vault.token("default")
        made = mount.signed("any", Csr(common_name="x"))
    with program(tmp_path, "--state-file", state) as address:
        vault = Vault(address, "root")
        assert vault.call("GET", f"{mount.path}/cert/{made.data['serial_number']}").status == 200
        assert vault.call("GET", "auth/token/lookup-self", token=token).status == 200
        again = vault.call("POST", f"{mount.path}/sign/any", {"csr": Csr(common_name="y").pem()})
        assert (again.status, again.data["issuing_ca"]) == (200, made.data["issuing_ca"])


def test_it_does_what_tests_ask_from_another_process(tmp_path: Path) -> None:
    """Script, seal, log, and how many certificates live."""
    with program(tmp_path) as address:
        vault = Vault(address, "root")
        vault.control(
            "POST",
            "script",
            {"method": "GET", "path": "auth/*", "behaviour": {"status": 429, "headers": {"Retry-After": "1"}}},
        )
        assert [vault.call("GET", "auth/token/lookup-self").status for _ in range(2)] == [429, 200]
        vault.control("POST", "seal")
        assert vault.call("GET", "auth/token/lookup-self").status == 503
        vault.control("POST", "unseal")
        mount = PkiMount(vault)
        mount.root("r1")
        mount.role("any", ttl="1h")
        csr = Csr(common_name="x")
        for _ in range(2):
            mount.signed("any", csr)
        summary = vault.control("GET", "summary")
        assert {name: summary[name] for name in ("live", "most_live_for_one_key", "logins")} == {
            "live": 2,
            "most_live_for_one_key": 2,
            "logins": 0,
        }
        entries = vault.control("GET", "log")["entries"]
        assert isinstance(entries, list)
        assert [entry["status"] for entry in entries[:3]] == [429, 200, 503]


def test_it_writes_down_how_many_certificates_live(tmp_path: Path) -> None:
    """Before each answer: for whoever can only read files."""
    summary = tmp_path / "summary.json"
    with program(tmp_path, "--summary-file", str(summary)) as address:
        mount = PkiMount(Vault(address, "root"))
        mount.root("r1")
        mount.role("any", ttl="1h")
        mount.signed("any", Csr(common_name="x"))
        assert json.loads(summary.read_bytes())["live"] == 1


def test_it_speaks_tls(tmp_path: Path) -> None:
    """With the files of a folder."""
    ca = make("Server CA")
    make("vault", ca, hosts=("127.0.0.1",)).write(tmp_path, "server")
    (tmp_path / "ca.crt").write_bytes(ca.pem)
    with program(tmp_path, "--tls", str(tmp_path)) as address:
        vault = Vault(address, "root", ca_file=tmp_path / "ca.crt")
        assert (address[:8], vault.call("GET", "sys/health").status) == ("https://", 200)


def test_it_ends_at_once_when_it_is_killed_and_comes_back(tmp_path: Path) -> None:
    """Whatever was answered is in the state."""
    state, port_file = tmp_path / "state", tmp_path / "address"
    command = [sys.executable, "-m", "tests.vault_server", "--port-file", str(port_file), "--state-file", str(state)]
    process = subprocess.Popen(command, cwd=REPOSITORY, env={**os.environ})
    try:
        while not port_file.exists():
            time.sleep(0.02)
        vault = Vault(port_file.read_text(encoding="utf-8").strip(), "root")
        kv = vault.mounted("kv")
        assert vault.call("POST", f"{kv}/data/a", {"data": {"x": "1"}}).status == 200
    finally:
        process.kill()
        process.wait()
    with program(tmp_path, "--state-file", str(state)) as address:
        assert Vault(address, "root").call("GET", f"{kv}/data/a").data["data"] == {"x": "1"}
