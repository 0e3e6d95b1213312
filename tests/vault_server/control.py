"""What a test asks of a server that runs in another process, over ``/test/``: the script, the log, the seal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from tests.vault_server.jwt_auth import JwtAuth
from tests.vault_server.log import RequestLog
from tests.vault_server.script import Misbehaviour, Script
from tests.vault_server.wire import Fields


class Controlled(Protocol):
    """The parts of a server that can be asked for."""

    @property
    def script(self) -> Script:
        """What goes wrong."""

    @property
    def log(self) -> RequestLog:
        """What was asked."""

    def seal(self) -> None:
        """Seals it."""

    def unseal(self) -> None:
        """Unseals it."""

    def live_certificates(self) -> Counter[str]:
        """By public key."""

    def summary(self) -> dict[str, object]:
        """In numbers."""

    def jwt(self, mount: str, namespace: str = "") -> JwtAuth:
        """An auth method."""


def controlled(server: Controlled, method: str, path: str, body: Mapping[str, object]) -> Mapping[str, object]:
    """Does what is asked: ``script``, ``seal``, ``unseal``, ``accept``, ``log``, ``live``, ``summary``."""
    given = Fields(body)
    match method, path:
        case "POST", "script":
            server.script.on(
                given.text("method", "*"),
                given.text("path", "*"),
                _misbehaviour(given.mapping("behaviour")),
                nth=given.number("nth", 1),
                times=given.number("times", 1),
            )
        case "DELETE", "script":
            server.script.clear()
        case "POST", "seal":
            server.seal()
        case "POST", "unseal":
            server.unseal()
        case "POST", "accept":
            server.jwt(given.text("mount"), given.text("namespace")).accepted.add(given.text("jwt"))
        case "GET", "log":
            shown = ("method", "path", "accessor", "token_sent", "keys", "namespace", "status", "processed", "at", "host")
            return {"entries": [{name: getattr(entry, name) for name in shown} for entry in server.log.entries()]}
        case "GET", "live":
            return {"live": dict(server.live_certificates())}
        case "GET", "summary":
            return server.summary()
        case _:
            return {"errors": [f"nothing to do for {method} {path}"]}
    return {}


def _misbehaviour(told: Mapping[str, object]) -> Misbehaviour:
    given = Fields(told)
    cut = given.text("cut")
    if cut not in {"", "before", "after", "body"}:
        msg = f"no such cut: {cut}"
        raise ValueError(msg)
    return Misbehaviour(
        status=given.number("status"),
        body=given.text("body").encode() if "body" in given else None,
        headers=given.pairs("headers"),
        delay=float(given.text("delay", "0")),
        late=float(given.text("late", "0")),
        drip=float(given.text("drip", "0")),
        cut=cut,  # type: ignore[arg-type]
        huge=given.number("huge"),
    )
