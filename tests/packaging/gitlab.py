"""The part of GitLab's API that a note needs, on loopback: <https://docs.gitlab.com/api/notes/#merge-requests>."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

TOKEN: Final = "glpat-of-the-project"  # noqa: S105 - no secret of anybody's
OURS: Final = 42
NOTES: Final = "/api/v4/projects/5/merge_requests/7/notes"


@dataclass(slots=True, kw_only=True)
class GitLab:
    """Notes of one merge request, and what was asked."""

    notes: list[dict[str, Any]]
    calls: list[str] = field(default_factory=list)
    port: int = 0

    def answer(self, method: str, target: str, token: str, body: str) -> tuple[int, Any]:
        """Status and document for a request."""
        parts, query = urlsplit(target), parse_qs(urlsplit(target).query)
        self.calls.append(f"{method} {parts.path}")
        if token != TOKEN:
            return 401, {"message": "401 Unauthorized"}
        match method, parts.path.removeprefix(NOTES):
            case "GET", "/api/v4/user":
                return 200, {"id": OURS, "username": "project_5_bot"}
            case "GET", "":
                size, page = int(query["per_page"][0]), int(query["page"][0])
                return 200, self.notes[(page - 1) * size : page * size]
            case "POST", "":
                self.notes.append({"id": len(self.notes) + 1, "author": {"id": OURS}, "body": parse_qs(body)["body"][0]})
                return 201, self.notes[-1]
            case "PUT", number:
                note = next(note for note in self.notes if note["id"] == int(number.lstrip("/")))
                note["body"] = parse_qs(body)["body"][0]
                return 200, note
        return 404, {"message": "404 Not found"}


@contextlib.contextmanager
def serving(gitlab: GitLab) -> Iterator[None]:
    """Serves it, and sets its port."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            status, document = gitlab.answer(self.command, self.path, self.headers.get("PRIVATE-TOKEN", ""), body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

        do_GET = do_POST = do_PUT = _any  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server has
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    gitlab.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
