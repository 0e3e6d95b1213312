"""1,000 certificates that a PKI engine signs and a KV engine keeps, against the rate of the server itself; and a plan of them.

The server is the one that CLUSTER_PKI_TEST_VAULT_ADDR names, with CLUSTER_PKI_TEST_VAULT_TOKEN; else the scripted one of the
tests, which is slower than any that is real, so that more is hidden behind it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.measure import REPOSITORY, VAULT_TOKEN, Row, at_least, program, run
from tests.vault_server.api import Vault
from tests.vault_server.real import available, real_vault

COUNT: Final = 1_000
ROUNDS: Final = 3
#: As many as a connection makes at a time by itself.
CONNECTIONS: Final = 8
DOCUMENT: Final = """\
apiVersion: cluster-pki/v1
cluster: bench
connections:
  main: {{type: vault, addresses: ["{address}"], auth: {{method: token, tokenEnv: {token}}}}}
stores:
  kv: {{type: vault-kv, connection: main, mount: {kv}, prefix: ours}}
cas:
  bench: {{issuer: {{vault: {{connection: main, mount: {pki}, signVerbatim: true, create: true}}}}, path: ca/bench}}
guards: {{maxChanges: 100%}}
"""


def desired(vault: Vault, pki: str, kv: str, count: int) -> str:
    """A CA on the server, and `count` servers whose files are there, too."""
    components = (
        f"  host-{number}:\n"
        "    ca: bench\n"
        "    usages: [server auth]\n"
        f"    subject: {{commonName: host-{number}.bench.internal}}\n"
        f"    sans: {{dns: [host-{number}.bench.internal]}}\n"
        "    lifetime: 30d\n"
        "    store: kv\n"
        f"    path: host-{number}\n"
        for number in range(count)
    )
    head = DOCUMENT.format(address=vault.address, token=VAULT_TOKEN, pki=pki, kv=kv)
    return head + ("components:\n" + "".join(components) if count else "")


def measure(scratch: Path) -> list[Row]:
    """Rates of both, in turn; starting Python is part of both sides."""
    ours: list[float] = []
    bare: list[float] = []
    plans: list[float] = []
    reads: list[float] = []
    with _server(scratch) as (vault, kind):
        os.environ[VAULT_TOKEN] = vault.root_token
        for number in range(ROUNDS):
            home = scratch / str(number)
            home.mkdir()
            pki, kv = vault.mounted("pki", max_lease_ttl="87600h"), vault.mounted("kv")
            file = home / "cluster-pki.yaml"
            file.write_text(desired(vault, pki, kv, 0), encoding="utf-8")
            run(program(home, "apply", "--auto-approve"), cwd=home)
            file.write_text(desired(vault, pki, kv, COUNT), encoding="utf-8")
            ours.append(run(program(home, "apply", "--auto-approve"), cwd=home).seconds)
            bare.append(_bare("issue", vault, pki, kv))
            (home / "state" / "observed.cache").unlink(missing_ok=True)
            plans.append(run(program(home, "plan", "--detailed-exitcode"), cwd=home).seconds)
            reads.append(_bare("read", vault, pki, kv))
            vault.clean()
    applied, planned = statistics.median(ours), statistics.median(plans)
    return [
        at_least(
            f"1,000 certificates of {kind} ({COUNT / applied:.0f}/s), of the rate of bare requests",
            100 * statistics.median(bare) / applied,
            " %",
            limit=50,
        ),
        at_least(
            f"plan of 1,000 certificates in {kind}, cold ({COUNT / planned:.0f}/s), of the rate of bare reads",
            100 * statistics.median(reads) / planned,
            " %",
            limit=30,
        ),
    ]


def _bare(what: str, vault: Vault, pki: str, kv: str) -> float:
    loop = (sys.executable, "-m", "benchmarks.bare_vault", what, vault.address, pki, kv, str(COUNT), str(CONNECTIONS))
    return run(loop, cwd=REPOSITORY).seconds


@contextmanager
def _server(scratch: Path) -> Iterator[tuple[Vault, str]]:
    """The server and what to call it."""
    if available(os.environ):
        with real_vault(os.environ) as vault:
            yield vault, "a real server"
        return
    port = scratch / "port"
    with subprocess.Popen([sys.executable, "-m", "tests.vault_server", "--port-file", str(port)], cwd=REPOSITORY) as process:
        try:
            while not port.exists():
                if process.poll() is not None:
                    msg = "the scripted server did not start"
                    raise RuntimeError(msg)
                time.sleep(0.05)
            vault = Vault(port.read_text(encoding="utf-8").strip(), "root")
            yield vault, "the scripted server"
        finally:
            process.terminate()
