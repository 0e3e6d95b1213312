"""A Vault server in this process: ``with vault_server() as server: …``."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import ssl
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, cast

from tests.vault_server import clocks
from tests.vault_server.control import controlled
from tests.vault_server.core import Flavour, handle, new_world
from tests.vault_server.front import Front
from tests.vault_server.jwt_auth import JwtAuth
from tests.vault_server.log import RequestLog, entry
from tests.vault_server.pki.engine import Pki
from tests.vault_server.pki.state import certificate, is_ca, public_bytes
from tests.vault_server.script import Mean, Misbehaviour, Script
from tests.vault_server.wire import Request, Response
from tests.vault_server.world import World


class VaultServer:
    """The state, what goes wrong with it, and what it was asked."""

    def __init__(
        self,
        *,
        root_token: str = "root",  # noqa: S107  (of a server for tests)
        clock: clocks.Clock = clocks.real,
        mean: Mean | None = None,
        strict: bool = True,
        twin: VaultServer | None = None,
        flavour: Flavour = "openbao",
        state_file: Path | None = None,
        summary_file: Path | None = None,
        controllable: bool = False,
    ) -> None:
        """Starts empty, or from a file.

        Args:
            root_token: may do everything.
            clock: seconds since the epoch.
            mean: lets requests go wrong by chance.
            strict: refuses fields that the API does not have; a real server only warns.
            twin: another node of the same cluster, which has the same state.
            flavour: ``vault`` leaves away what only OpenBao has.
            state_file: the state is read from it, and written to it before each answer.
            summary_file: how many certificates live, as JSON, written before each answer.
            controllable: lets other processes use ``/test/``.
        """
        self.root_token: Final = root_token
        self.script: Final = Script()
        self.log: Final = RequestLog()
        self.clock = clock
        self.mean = mean
        self.strict = strict
        self.flavour: Final = flavour
        self._controllable = controllable
        self._state_file = state_file
        self._summary_file = summary_file
        self._guard: AbstractContextManager[object] = twin._guard if twin else threading.RLock()
        self._front: Front | None = None
        self._failures: list[Exception] = []
        self.world: World
        if twin is not None:
            self.world = twin.world
        elif state_file is not None and state_file.exists():
            self.world = cast("World", pickle.loads(state_file.read_bytes()))  # noqa: S301  (our own)
        else:
            self.world = new_world(root_token, clock())

    def listen(self, *, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """Opens a port on loopback."""
        self._front = Front(self, port=port, tls=tls)

    def close(self) -> None:
        """Closes it.

        Raises:
            ExceptionGroup: the server itself made mistakes; they were answered by 500.
        """
        if self._front is not None:
            self._front.close()
            self._front = None
        if self._failures:
            failures, self._failures = self._failures, []
            msg = "mistakes of the scripted server"
            raise ExceptionGroup(msg, failures)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._front is not None
        return self._front.port

    @property
    def address(self) -> str:
        """Where it is reached."""
        assert self._front is not None
        return f"{self._front.scheme}://127.0.0.1:{self._front.port}"

    def call(
        self, method: str, path: str, body: Mapping[str, object] | None = None, *, token: str | None = None, namespace: str = ""
    ) -> Mapping[str, object]:
        """Asks the engines themselves, past HTTP, script and log; returns ``data`` or ``auth``.

        Raises:
            Refused: the answer is an error.
        """
        given = self.root_token if token is None else token
        request = Request(method=method, path=path, body=body or {}, token=given, namespace=namespace)
        answer = self.answer(request)
        return answer.data or answer.auth or {}

    def seal(self) -> None:
        """From now on everything is answered by 503."""
        self.world.sealed = True

    def unseal(self) -> None:
        """And no longer."""
        self.world.sealed = False

    def jwt(self, mount: str, namespace: str = "") -> JwtAuth:
        """The auth method ``kubernetes`` or ``jwt`` at a mount, which says what it accepts and what it saw."""
        found = self.world.namespaces[namespace].mounts[f"auth/{mount}/"].engine
        assert isinstance(found, JwtAuth)
        return found

    def live_certificates(self, *, with_cas: bool = False) -> Counter[str]:
        """How many certificates live, neither revoked nor expired, for each public key.

        Args:
            with_cas: whether certificates of CAs count.

        Returns:
            SHA-256 of the SubjectPublicKeyInfo, in hex, to a number.
        """
        found: Counter[str] = Counter()
        with self._guard:
            for _, engine in self.world.engines("pki"):
                assert isinstance(engine, Pki)
                for issued in engine.state.certificates.values():
                    parsed = certificate(issued.pem)
                    alive = not issued.revoked and parsed.not_valid_after_utc.timestamp() > self.clock()
                    if alive and (with_cas or not is_ca(parsed)):
                        found[hashlib.sha256(public_bytes(parsed.public_key())).hexdigest()] += 1
        return found

    def misbehaviour(self, request: Request) -> Misbehaviour | None:
        """What goes wrong with a request: by the script, else by chance."""
        return self.script.decide(request) or (self.mean.decide(request) if self.mean else None)

    def answer(self, request: Request) -> Response:
        """The answer of the engines; one request at a time."""
        with self._guard:
            try:
                return handle(self.world, request, self.clock(), strict=self.strict, flavour=self.flavour)
            finally:
                if request.method not in {"GET", "LIST"}:
                    self._save()

    def note(self, request: Request, *, status: int, processed: bool, host: str) -> None:
        """Keeps in the log that there was a request."""
        token = self.world.tokens.tokens.get(request.token)
        accessor = token.accessor if token else ""
        self.log.add(entry(request, accessor=accessor, status=status, processed=processed, at=self.clock(), host=host))

    def failed(self, problem: Exception) -> None:
        """Keeps a mistake of our own."""
        self._failures.append(problem)

    def control(self, method: str, path: str, body: Mapping[str, object]) -> Mapping[str, object] | None:
        """What a test in another process asks."""
        return controlled(self, method, path, body) if self._controllable else None

    def summary(self) -> dict[str, object]:
        """How many requests, logins, living certificates, and of these for one key."""
        live = self.live_certificates()
        return {
            "requests": self.log.count(),
            "logins": self.log.logins,
            "live": sum(live.values()),
            "most_live_for_one_key": max(live.values(), default=0),
        }

    def _save(self) -> None:
        if self._state_file is not None:
            write_whole(self._state_file, pickle.dumps(self.world))
        if self._summary_file is not None:
            write_whole(self._summary_file, json.dumps(self.summary()).encode())


def write_whole(path: Path, text: bytes) -> None:
    """Writes a file so that nobody ever reads half of it."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(text)
    os.replace(fresh, path)  # noqa: PTH105  (replaces what is there)


@contextmanager
def vault_server(
    *,
    clock: clocks.Clock = clocks.real,
    mean: Mean | None = None,
    strict: bool = True,
    twin: VaultServer | None = None,
    flavour: Flavour = "openbao",
    tls: ssl.SSLContext | None = None,
    port: int = 0,
) -> Iterator[VaultServer]:
    """A server that listens as long as the context lasts."""
    server = VaultServer(clock=clock, mean=mean, strict=strict, twin=twin, flavour=flavour)
    server.listen(port=port, tls=tls)
    try:
        yield server
    finally:
        server.close()
