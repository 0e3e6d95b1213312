"""A server that answers health checks, and the small programs that ask it, as manifests and image have them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

DEFAULT_PORT: Final = "9808"


@contextlib.contextmanager
def answering(status: int, asked: list[str]) -> Iterator[int]:
    """A server on loopback that gives one status; yields its port, and notes the paths in `asked`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server has
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ask(command: Sequence[str], *, port: int) -> int:
    """Runs a check with our Python and another port; returns its exit code. A proxy in the environment must not matter."""
    program, *arguments = command
    assert program == "python"
    moved = [argument.replace(DEFAULT_PORT, str(port)) for argument in arguments]
    assert moved != arguments
    env = {"http_proxy": "http://127.0.0.1:9", "PATH": ""}
    return subprocess.run([sys.executable, *moved], env=env, capture_output=True, timeout=30, check=False).returncode
