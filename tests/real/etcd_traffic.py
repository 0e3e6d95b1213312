"""A client of an etcd cluster that never rests: it writes and reads, and counts whatever went wrong."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from tests.real.etcd import Identity, Member

#: What a request may take before it counts as failed; an API server gives etcd longer.
PATIENCE: Final = 10.0
#: What one member may take before the next is asked.
ATTEMPT: Final = 4.0


#: What is said of a key and a certificate of which one was read before a change and one after it: by etcd, and by OpenSSL.
BETWEEN: Final = ("TLSV1_ALERT_INTERNAL_ERROR", "KEY_VALUES_MISMATCH", "NO_CERTIFICATE_ASSIGNED")


class RefusedError(Exception):
    """TLS did not come about, because one side does not trust the other: never the fault of a restart."""


class NoAnswerError(Exception):
    """This member does not answer now: it is down, or has no leader."""


def ask(member: Member, identity: Identity, path: str, body: dict[str, str]) -> dict[str, Any]:
    """One request to one member, over a new connection with the files as they are now.

    Raises:
        RefusedError, NoAnswerError: see there.
    """
    connection = None
    try:
        context = ssl.create_default_context(cafile=str(identity.roots))
        # With TLS 1.3 a client learns that it is refused after its first write, or sees nothing but a broken pipe.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(identity.certificate, identity.key)
        connection = http.client.HTTPSConnection(member.address, member.client_port, timeout=ATTEMPT, context=context)
        connection.request("POST", path, json.dumps(body))
        response = connection.getresponse()
        text = response.read()
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as error:  # it went down in the middle of a handshake
        raise NoAnswerError(str(error)) from error
    except ssl.SSLError as error:
        # etcd, and this client, read certificate and key one after the other for each connection. Who falls between the two
        # says so, and refuses nobody for whom they are; when they stay apart, the request fails in the end.
        if error.reason in BETWEEN:
            raise NoAnswerError(str(error)) from error
        msg = f"{member.name}: {error}"
        raise RefusedError(msg) from error
    except (TimeoutError, OSError, http.client.HTTPException) as error:
        raise NoAnswerError(str(error)) from error
    finally:
        if connection is not None:
            connection.close()
    if response.status != http.HTTPStatus.OK:
        msg = f"{response.status} {text!r}"
        raise NoAnswerError(msg)
    return dict(json.loads(text))


def encoded(text: str) -> str:
    """As the JSON gateway of etcd has keys and values."""
    return base64.b64encode(text.encode()).decode()


@dataclass(slots=True, kw_only=True)
class Traffic:
    """Writes and reads in a thread of its own, for as long as the context lasts."""

    members: list[Member]
    identity: Identity
    requests: int = 0
    elsewhere: int = 0
    """Attempts that were answered by another member after one was down."""
    slowest: float = 0.0
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    _ends: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begins."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Ends after the request in hand."""
        self._ends.set()
        if self._thread is not None:
            self._thread.join(timeout=60)

    def _run(self) -> None:
        turn = 0
        while not self._ends.is_set():
            turn += 1
            key, value = encoded("traffic"), encoded(str(turn))
            self._request(turn, "/v3/kv/put", {"key": key, "value": value})
            found = self._request(turn + 1, "/v3/kv/range", {"key": key})
            if found is not None and [each["value"] for each in found.get("kvs", [])] != [value]:
                self.wrong.append(f"turn {turn}: {found}")

    def _request(self, first: int, path: str, body: dict[str, str]) -> dict[str, Any] | None:
        """Asks one member after the other until one answers; every request begins at another one."""
        began, said, answer = time.monotonic(), "", None
        turn = first
        self.requests += 1
        while answer is None and time.monotonic() - began < PATIENCE:
            try:
                answer = ask(self.members[turn % len(self.members)], self.identity, path, body)
            except RefusedError as error:
                self.refused.append(str(error))
                turn += 1
            except NoAnswerError as error:
                said = str(error)
                self.elsewhere += 1
                turn += 1
                time.sleep(0.05)
        if answer is None:
            self.failed.append(f"{path}: {said}")
        self.slowest = max(self.slowest, time.monotonic() - began)
        return answer
