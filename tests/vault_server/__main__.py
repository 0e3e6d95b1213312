"""``python -m tests.vault_server --port-file F``: a server for tests of processes; ends by SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from tests.vault_server.script import Mean
from tests.vault_server.server import VaultServer, write_whole
from tests.vault_server.tls import context_from


def main(arguments: list[str]) -> int:
    """Serves until it is told to end."""
    parser = argparse.ArgumentParser(prog="tests.vault_server")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", type=Path, help="where the address is written when it listens")
    parser.add_argument("--state-file", type=Path, help="where the state is kept, and read from at the start")
    parser.add_argument("--summary-file", type=Path, help="where it is written how many certificates live, as JSON")
    parser.add_argument("--flavour", choices=["openbao", "vault"], default="openbao")
    parser.add_argument("--root-token", default="root")
    parser.add_argument("--mean", type=int, metavar="SEED", help="let requests go wrong by chance")
    parser.add_argument("--tls", type=Path, metavar="DIR", help="https with DIR/server.crt and DIR/server.key")
    parser.add_argument("--lenient", action="store_true", help="only warn of fields that the API does not have")
    options = parser.parse_args(arguments)
    server = VaultServer(
        root_token=options.root_token,
        mean=Mean(options.mean) if options.mean is not None else None,
        strict=not options.lenient,
        flavour=options.flavour,
        state_file=options.state_file,
        summary_file=options.summary_file,
        controllable=True,
    )
    done = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: done.set())
    server.listen(port=options.port, tls=context_from(options.tls) if options.tls else None)
    if options.port_file:
        write_whole(options.port_file, f"{server.address}\n".encode())
    done.wait()
    server.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
