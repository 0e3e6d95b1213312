"""What the loop tells, and to whom: the log, pages and metrics over HTTP, a webhook, systemd. Nothing of it stops a pass."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Final, Self

import msgspec

from reconciler import __version__
from reconciler.apply.progress import Event as Progress
from reconciler.apply.progress import Listener
from reconciler.daemon.conditions import Findings, Refused, conditions
from reconciler.daemon.events import events_between
from reconciler.daemon.http import StatusServer
from reconciler.daemon.listen import ListenError, Listening, tls_files
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.notify import Notifier
from reconciler.daemon.published import Published
from reconciler.daemon.reconciler import Step
from reconciler.daemon.summary import in_one_line
from reconciler.daemon.webhook import Webhook
from reconciler.passes.reported import STATUS
from reconciler.passes.session import Session
from reconciler.plan.document import reasons_of
from reconciler.plan.status_document import FORMAT_VERSION, SourceStatus, StatusDocument, StatusSummary

_log: Final = logging.getLogger(__name__)
_events: Final = logging.getLogger("cluster-pki.events")

#: Without a sign of life for so long the loop counts as dead: longer than any hook may take by itself.
LIVE_WITHIN: Final = 900.0
_LEVELS: Final = {"trace": logging.DEBUG, "info": logging.INFO, "error": logging.WARNING}


class Telling:
    """Hears of everything and passes it on. A context: open while the reconciler runs."""

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        origin: SourceStatus,
        listening: Listening | None,
        webhook: str | None,
        environ: dict[str, str],
    ) -> None:
        """Listens and connects to nobody yet.

        Args:
            clock: the time.
            origin: where the desired state comes from.
            listening: where to serve status over HTTP; None for nowhere.
            webhook: where events are sent; None for nowhere.
            environ: for what systemd asks.

        Raises:
            ListenError: the webhook is no URL.
        """
        self._clock: Final = clock
        self._origin: Final = origin
        self._listening: Final = listening
        self._published: Final = Published(monotonic=time.monotonic)
        self._metrics: Final = Metrics(lambda: self._published.document, version=__version__, clock=clock)
        self._notifier: Final = Notifier.from_environ(environ, pid=os.getpid(), monotonic=time.monotonic)
        self._server: StatusServer | None = None
        self._previous: StatusDocument | None = None
        self._watched = 0.0
        try:
            self._webhook: Final = Webhook(webhook) if webhook else None
        except ValueError as error:
            msg = f"--events-webhook: {error}"
            raise ListenError(msg) from error

    def __enter__(self) -> Self:
        # With TLS it waits for the desired state, which says where the certificate is.
        if self._listening is not None and self._listening.component is None:
            self._serve(None)
        return self

    def __exit__(self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None) -> None:
        self._notifier.stopping()
        if self._webhook is not None:
            self._webhook.close(2.0)
        if self._server is not None:
            self._server.close()

    def known(self, session: Session) -> None:
        """The first desired state is there: what was told before a restart is not told again, and TLS has a certificate.

        Raises:
            ListenError: the component or bundle to serve with is not in it.
        """
        self._previous = session.state.read(STATUS, StatusDocument)
        if self._listening is not None and self._server is None:
            self._serve(session)

    def beat(self) -> None:
        """It lives."""
        self._published.beat()
        interval = self._notifier.watchdog_interval
        if interval is not None and time.monotonic() - self._watched >= interval / 2:
            self._watched = time.monotonic()
            self._notifier.watchdog()

    def begin(self, trigger: str) -> None:
        """A step begins."""
        self.beat()
        if trigger == "signal":
            self._notifier.reloading()
        self._notifier.status(f"Reconciling ({trigger}).")

    def end(self, step: Step) -> None:
        """A step ended."""
        self.beat()
        line = in_one_line(step)
        _log.log(logging.WARNING if step.failed else logging.INFO, "%s", line)
        self._count(step)
        if step.status is not None:
            self._publish(step.status)
        # It works, whatever it has to tell: a hook that fails must not make systemd start everything anew.
        self._notifier.ready()
        self._notifier.status(line)

    def refused(self, refused: Refused | None) -> None:
        """There is no desired state at all yet: that is all there is to show."""
        now = self._clock().replace(microsecond=0)
        found = conditions(Findings(source=refused), (), now)
        self._published.update(
            StatusDocument(
                format_version=FORMAT_VERSION,
                cluster="not known yet",
                at=now,
                summary=StatusSummary(),
                conditions=list(found),
                source=self._origin,
            )
        )
        self._notifier.ready()
        self._notifier.status(found[0].message)

    def hearing(self, listen: Listener) -> Listener:
        """A listener of an apply that is also a sign of life."""

        def heard(event: Progress) -> None:
            self.beat()
            listen(event)

        return heard

    def observe_pass(self, result: str, seconds: float) -> None:
        """A pass came to its end."""
        self._metrics.observe_pass(result, seconds)

    def _serve(self, session: Session | None) -> None:
        listening = self._listening
        if listening is None:
            return
        files = tls_files(listening, session.compiled.state) if session is not None and listening.component else None
        try:
            self._server = StatusServer(
                listening.host,
                listening.port,
                self._published,
                self._metrics,
                clock=self._clock,
                live_within=LIVE_WITHIN,
                tls=files,
            )
        except OSError as error:
            place = f"{listening.host}:{listening.port}"
            if session is None:
                return  # the other reconciler may have it whose lock is looked at next; then it is tried once more
            if listening.asked_for:
                msg = f"--listen {place}: {error.strerror or error}"
                raise ListenError(msg) from error
            # Certificates matter more than a page that nobody asked for.
            _log.warning("nothing is served at %s: %s; choose another place with --listen, or off", place, error.strerror)
            return
        self._server.start()
        scheme = "http" if files is None else "https"
        _log.info("status at %s://%s:%d/", scheme, listening.host, self._server.port)

    def _count(self, step: Step) -> None:
        planned, outcome = step.passed.planned, step.passed.outcome
        if planned is None:
            return
        reasons = reasons_of(planned)
        classes = {entry.address: entry.change.class_ for entry in planned.resource_changes}
        for result, addresses in (("success", outcome.done), ("error", dict(outcome.failed)), ("skipped", dict(outcome.skipped))):
            for address in addresses:
                why = reasons.get(address) or ("",)
                self._metrics.count_operation(classes.get(address, "none"), why[0], result)

    def _publish(self, status: StatusDocument) -> None:
        self._published.update(status)
        for event in events_between(self._previous, status):
            _events.log(_LEVELS[event.severity], "%s: %s", event.reason, event.message)
            if self._webhook is not None:
                self._webhook.send(event)
        # Of the status before only what can change is compared; ten thousand rows of it cost little to keep.
        self._previous = msgspec.structs.replace(status)
