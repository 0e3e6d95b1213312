"""The hook ``http``: one request to an endpoint, with what changed as JSON."""

from __future__ import annotations

import base64
import io
import ssl
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from typing import Final, cast
from urllib.parse import SplitResult, quote, unquote, urlsplit

import msgspec

from reconciler import __version__
from reconciler.apply.hooks.ended import readable
from reconciler.apply.hooks.occasion import HookResult, Occasion
from reconciler.apply.hooks.own_keys import own_keys
from reconciler.desired.durations import format_duration
from reconciler.desired.live import HttpHook
from reconciler.observed.live.connection import Conversation, connect
from reconciler.observed.live.deadline import Deadline, after

#: So much of an answer is read; its status is what counts.
_LONGEST: Final = 16 << 10
_PORTS: Final = {"http": 80, "https": 443}
#: RFC 3986 section 3.3 and 3.4: what may stand in a path and a query, and escapes that are there already.
_SAFE: Final = "/%:@!$&'()*+,;=~-._"


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """What the endpoint is told."""

    address: str
    cluster: str
    node: str | None
    serial: str
    fingerprint: str
    not_after: str | None
    reasons: tuple[str, ...]


class _Stream(io.RawIOBase):
    """The connection as a file, for the standard library's parser of answers; every read ends by the deadline."""

    def __init__(self, peer: Conversation) -> None:
        self._peer = peer

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._peer.receive(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What `HTTPResponse` asks a socket for."""
        return io.BufferedReader(self)


def run_http(hook: HttpHook, occasion: Occasion, *, monotonic: Callable[[], float]) -> HookResult:
    """Sends the request, straight to the host of the URL: no proxy, no redirect, no stored password; see `registry.run`."""
    deadline = after(hook.timeout, monotonic)
    try:
        context = ssl.create_default_context(cafile=hook.ca_file or None) if urlsplit(hook.url).scheme == "https" else None
    except OSError as error:
        return HookResult(status="failed", detail=_unusable_ca(error, hook.ca_file))
    try:
        status, body = _exchange(hook, occasion, context, deadline)
    except (OSError, HTTPException, ValueError) as error:
        return HookResult(status="failed", detail=_why(error, hook))
    output = readable(body, cut=False, known=own_keys(occasion) if body else frozenset())
    if 200 <= status < 300:  # noqa: PLR2004 - RFC 9110 section 15.3: success
        return HookResult(status="ok", output=output)
    detail = f"it answered with status {status}"
    if 300 <= status < 400:  # noqa: PLR2004 - section 15.4: redirection
        detail += "; redirects are not followed, name the final URL"
    return HookResult(status="failed", detail=detail, output=output)


def _unusable_ca(error: OSError, path: str) -> str:
    """Why the CAs of the server cannot be read; nothing was sent."""
    if isinstance(error, ssl.SSLError):
        return f"there is no certificate in {path}, which caFile names"
    return f"{path}, which caFile names, cannot be read: {(error.strerror or 'unknown error').lower()}"


def _exchange(hook: HttpHook, occasion: Occasion, context: ssl.SSLContext | None, deadline: Deadline) -> tuple[int, bytes]:
    url = urlsplit(hook.url)
    host = (url.hostname or "").encode("idna").decode() if not (url.hostname or "").isascii() else url.hostname or ""
    connection = connect(host, url.port or _PORTS[url.scheme], deadline)
    if context is not None:
        connection.settimeout(deadline.left())
        with connection:
            secured = context.wrap_socket(connection, server_hostname=host, do_handshake_on_connect=False)
        connection = secured
    with connection:
        if isinstance(connection, ssl.SSLSocket):
            connection.settimeout(deadline.left())
            connection.do_handshake()
        peer = Conversation(connection, deadline)
        peer.send(_request(hook, url, host, occasion))
        # The parser asks for nothing of a socket but a file to read from.
        response = HTTPResponse(cast("ssl.SSLSocket", _Stream(peer)), method=hook.method)
        try:
            response.begin()
            return response.status, _start_of_body(response)
        finally:
            response.close()


def _start_of_body(response: HTTPResponse) -> bytes:
    """For people; the status has said everything else, so a body that does not come whole changes nothing."""
    try:
        return response.read(_LONGEST)
    except (OSError, HTTPException):
        return b""


def _request(hook: HttpHook, url: SplitResult, host: str, occasion: Occasion) -> bytes:
    """RFC 9112 section 3; the connection carries one request."""
    target = quote(url.path or "/", safe=_SAFE) + (f"?{quote(url.query, safe=_SAFE + '?')}" if url.query else "")
    name = f"[{host}]" if ":" in host else host
    lines = [
        f"{hook.method} {target} HTTP/1.1",
        f"Host: {name}:{url.port}" if url.port else f"Host: {name}",
        f"User-Agent: cluster-pki/{__version__}",
        "Accept: */*",
        "Connection: close",
    ]
    if url.username is not None:
        pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
        lines.append(f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}")
    body = b""
    if hook.method != "GET":
        body = msgspec.json.encode(_body(occasion))
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _body(occasion: Occasion) -> _Body:
    return _Body(
        address=occasion.address,
        cluster=occasion.cluster,
        node=occasion.node,
        serial=occasion.serial,
        fingerprint=occasion.fingerprint,
        not_after=f"{occasion.not_after:%Y-%m-%dT%H:%M:%SZ}" if occasion.not_after else None,
        reasons=occasion.reasons,
    )


def _why(error: Exception, hook: HttpHook) -> str:
    """In words; never with the URL, which may hold a password."""
    match error:
        case TimeoutError():
            return f"there was no whole answer within {format_duration(hook.timeout)}"
        case ssl.SSLCertVerificationError():
            hint = f"check caFile ({hook.ca_file})" if hook.ca_file else "name its CA with caFile"
            return f"its certificate is not trusted ({error.verify_message}); {hint}"
        case ssl.SSLError():
            return f"the TLS handshake failed ({(error.reason or 'no reason given').replace('_', ' ').lower()})"
        case ConnectionResetError() | BrokenPipeError():
            return "it closed the connection without an answer"
        case ConnectionRefusedError():
            return "nothing listens there"
        case OSError():
            return f"it cannot be reached: {(error.strerror or str(error) or 'unknown error').lower()}"
        case HTTPException():
            return "it does not answer as an HTTP server does"
        case _:
            return "its URL cannot be used"
