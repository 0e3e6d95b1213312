"""The servers of a connection: one after the other until one answers, redirects among them, and what the answer means."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from reconciler.desired.vault import Connection
from reconciler.vault.addresses import Origin, in_order, origin_of, redirected
from reconciler.vault.answers import serves
from reconciler.vault.errors import Kind, VaultError
from reconciler.vault.exchange import ExchangeError, Request, Response

if TYPE_CHECKING:
    from reconciler.vault.transport import Transport

#: A standby sends to the active node; a second one comes while leadership moves.
_HOPS: Final = 2
_REDIRECTS: Final = frozenset({307, 308})


class Servers:
    """Sends one request to whichever server takes it. Thread-safe."""

    def __init__(self, connection: Connection, transport: Transport, *, monotonic: Callable[[], float]) -> None:
        """Sends nothing yet.

        Args:
            connection: whose addresses these are.
            transport: carries one exchange.
            monotonic: seconds of a clock that is never set.

        Raises:
            VaultError: an address cannot be used.
        """
        self._name: Final = connection.name
        self._transport: Final = transport
        self._monotonic: Final = monotonic
        self._slots: Final = threading.BoundedSemaphore(connection.requests)
        self._failed: Final[dict[Origin, float]] = {}
        self._origins: Final = tuple(self._origin(address) for address in connection.addresses)

    def send(self, request: Request, until: float) -> Response:
        """Sends a request to one server after the other until one answers for the cluster.

        Args:
            request: what is asked.
            until: when the answer has to be there, all of it.

        Returns:
            The answer, whatever it says; when all nodes say no more than that they cannot serve, that of the first of them.

        Raises:
            VaultError: none answered; UNKNOWN when a request that must not be repeated may have been carried out.
        """
        unable: Response | None = None
        last: ExchangeError | None = None
        order = in_order(self._origins, dict(self._failed), self._monotonic())
        for index, origin in enumerate(order):
            try:
                response = self._follow(request, origin, until, len(order) - index)
            except ExchangeError as error:
                self._failed[origin] = self._monotonic()
                last = error
                if error.fatal or (error.sent and not request.may_repeat):
                    break
                continue
            if serves(response, request):
                self._failed.pop(origin, None)
                return response
            self._failed[origin] = self._monotonic()
            unable = unable or response
        if unable is not None and (last is None or not (last.fatal or (last.sent and not request.may_repeat))):
            return unable
        raise self._error(last or ExchangeError("it has no address", sent=False, fatal=True), request)

    def close(self) -> None:
        """Closes idle connections."""
        self._transport.close()

    def _follow(self, request: Request, origin: Origin, until: float, untried: int) -> Response:
        """One answer, behind at most so many redirects. The token goes to addresses of the connection alone."""
        for _ in range(_HOPS + 1):
            response = self._exchange(request, origin, until, untried)
            if response.status not in _REDIRECTS:
                return response
            location = response.headers.get("location", "")
            try:
                origin = redirected(location, origin, request.target, self._origins)
            except ValueError as error:
                hint = "if that is one of its nodes, give its address under `addresses`"
                msg = f"{origin} redirects to {error}"
                raise ExchangeError(msg, hint=hint, sent=False, fatal=True) from None
        msg = f"{origin} redirects in a circle"
        raise ExchangeError(msg, hint="check the api_addr of the servers", sent=False, fatal=True)

    def _exchange(self, request: Request, origin: Origin, until: float, untried: int) -> Response:
        if not self._slots.acquire(timeout=max(until - self._monotonic(), 0.0)):
            msg = "no earlier request ended in time"
            raise ExchangeError(msg, sent=False)
        try:
            left = until - self._monotonic()
            # A node that swallows packets must leave time for the others.
            return self._transport.exchange(request, origin, connect_within=left / untried, within=left)
        finally:
            self._slots.release()

    def _origin(self, address: str) -> Origin:
        try:
            return origin_of(address)
        except ValueError as error:
            raise VaultError(self._name, "", Kind.CONFIGURATION, f"the address {address} cannot be used: {error}") from None

    def _error(self, error: ExchangeError, request: Request) -> VaultError:
        if error.fatal:
            kind = Kind.CONFIGURATION
        elif error.sent and not request.may_repeat:
            kind = Kind.UNKNOWN
        else:
            kind = Kind.NONSENSE if error.nonsense else Kind.UNREACHABLE
        hint = error.hint
        if kind is Kind.UNKNOWN:
            hint = "it may have been carried out: look before it is sent again"
        return VaultError(self._name, request.path, kind, error.problem, hint=hint)
