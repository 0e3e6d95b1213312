"""How a server misbehaves: by a script that a test writes, or by chance that a seed decides."""

from __future__ import annotations

import gzip
import random
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final, Literal

from tests.vault_server.wire import Request

Cut = Literal["", "before", "after", "body"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehaviour:
    """What happens to one request. Without anything said it is answered as it should be."""

    status: int = 0
    """Answered in place of the engine, which never sees the request; 0 lets it through."""
    body: bytes | None = None
    """In place of ``{"errors": []}``; or of what the engine says, when there is no status."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """``{target}`` in one stands for path and query of the request."""
    delay: float = 0.0
    """Seconds before anything is done."""
    late: float = 0.0
    """Seconds after all is done, before the answer."""
    drip: float = 0.0
    """Seconds between one byte of the answer and the next."""
    cut: Cut = ""
    """``before``: the connection ends and nothing is done; ``after``: it is done, and the connection ends without an answer;
    ``body``: it is done, and half of the body is sent under the length of all of it."""
    huge: int = 0
    """Bytes of a body that goes on and on."""


#: A proxy's page in place of an answer.
HTML: Final = Misbehaviour(
    status=200, body=b"<html><body><h1>Welcome</h1></body></html>", headers={"Content-Type": "text/html; charset=utf-8"}
)
SEALED: Final = Misbehaviour(status=503, body=b'{"errors":["Vault is sealed"]}\n')


def busy(seconds: int | str, status: int = 429) -> Misbehaviour:
    """Asks for patience."""
    return Misbehaviour(status=status, body=b'{"errors":["rate limit quota exceeded"]}\n', headers={"Retry-After": str(seconds)})


def redirect(location: str, status: int = 307) -> Misbehaviour:
    """Sends the client elsewhere, such as ``http://127.0.0.1:1{target}``."""
    return Misbehaviour(status=status, body=b"", headers={"Location": location})


def gzip_bomb(size: int, status: int = 200) -> Misbehaviour:
    """A small body that is large when it is unpacked."""
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    return Misbehaviour(status=status, body=gzip.compress(b" " * size), headers=headers)


@dataclass(slots=True, kw_only=True)
class _Rule:
    method: str
    path: str
    behaviour: Misbehaviour
    first: int
    times: int
    seen: int = 0


class Script:
    """What happens to which requests; the first rule that fits counts."""

    def __init__(self) -> None:
        """Starts empty."""
        self._rules: list[_Rule] = []
        self._guard = threading.Lock()

    def on(self, method: str, path: str, behaviour: Misbehaviour, *, nth: int = 1, times: int = 1) -> None:
        """Adds a rule.

        Args:
            method: ``GET``, ``LIST``, ``POST``, ``DELETE``, or ``*``.
            path: a pattern without ``/v1/``, such as ``pki/sign/*``.
            behaviour: what happens.
            nth: the first request that fits, counted from now, to which it happens.
            times: to how many from then on; 0 for all.
        """
        with self._guard:
            self._rules.append(_Rule(method=method, path=path, behaviour=behaviour, first=nth, times=times))

    def answers(self, method: str, path: str, behaviours: Iterable[Misbehaviour]) -> None:
        """One after the other, to as many requests."""
        for number, behaviour in enumerate(behaviours, start=1):
            self.on(method, path, behaviour, nth=number)

    def clear(self) -> None:
        """Lets the server behave."""
        with self._guard:
            self._rules.clear()

    def decide(self, request: Request) -> Misbehaviour | None:
        """What happens to a request; None for nothing."""
        chosen: Misbehaviour | None = None
        with self._guard:
            for rule in self._rules:
                if rule.method in {"*", request.method} and fnmatchcase(request.path, rule.path):
                    rule.seen += 1
                    due = rule.seen >= rule.first and (not rule.times or rule.seen < rule.first + rule.times)
                    chosen = chosen or (rule.behaviour if due else None)
        return chosen


class Mean:
    """Chance: about one request in four goes wrong, but never the same one more than twice in a row.

    Whoever repeats what may be repeated, looks up what may have happened, and waits as asked, always succeeds in the end.
    """

    def __init__(self, seed: int, *, share: float = 0.25, worst: int = 2) -> None:
        """Takes what decides.

        Args:
            seed: the same gives the same misbehaviour for the same requests in the same order.
            share: of the requests that go wrong.
            worst: how often in a row a method and path may go wrong.
        """
        self._chance = random.Random(seed)  # noqa: S311  (a reproducible test)
        self._share, self._worst = share, worst
        self._row: Counter[tuple[str, str]] = Counter()
        self._guard = threading.Lock()
        self.happened: Counter[str] = Counter()

    def decide(self, request: Request) -> Misbehaviour | None:
        """What happens to a request; None for nothing."""
        if request.path.startswith("sys/") and request.path != "sys/capabilities-self":
            return None
        key = (request.method, request.path)
        with self._guard:
            if self._row[key] >= self._worst or self._chance.random() >= self._share:
                self._row[key] = 0
                return None
            self._row[key] += 1
            # A secret id may be good for one login: whoever gives it away without an answer has lost it.
            login = "/login" in request.path
            name, chosen = self._chance.choice([one for one in _MEANNESS if not login or one[1].cut in {"", "before"}])
            self.happened[name] += 1
            return chosen


_MEANNESS: Final[tuple[tuple[str, Misbehaviour], ...]] = (
    ("sealed", Misbehaviour(status=503, body=SEALED.body, headers={"Retry-After": "0"})),
    ("busy", busy(0)),
    ("stale", Misbehaviour(status=412, body=b'{"errors":["required index state not present"]}\n')),
    ("gateway", Misbehaviour(status=502, body=b"<html>Bad Gateway</html>", headers={"Content-Type": "text/html"})),
    ("cut before", Misbehaviour(cut="before")),
    ("cut after", Misbehaviour(cut="after")),
    ("cut body", Misbehaviour(cut="body")),
    ("slow", Misbehaviour(delay=0.05)),
)
