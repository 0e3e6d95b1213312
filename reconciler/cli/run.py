"""``cluster-pki run``: the long-lived reconciler."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from typing import TYPE_CHECKING

from reconciler.cli.argument_types import interval, parallelism, seconds
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.options import add_common
from reconciler.cli.sources import add_source, followed_source, verifies

if TYPE_CHECKING:
    from reconciler.daemon.settings import Settings

#: Where status, health and metrics are served unless somebody says otherwise: on this machine only.
LISTEN = "127.0.0.1:9808"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``run``."""
    add_source(parser)
    group = parser.add_argument_group("run")
    group.add_argument("--once", action="store_true", help="one pass, for cron and for tests; its exit code says how it went")
    group.add_argument(
        "--interval", type=interval, default="5m", metavar="DURATION", help="a pass at least so often (default %(default)s)"
    )
    group.add_argument(
        "--parallelism", type=parallelism, default=10, metavar="N", help="make N keys at a time (default %(default)s)"
    )
    group.add_argument(
        "--lock-timeout",
        type=seconds,
        default=0.0,
        metavar="DURATION",
        help="how long to wait for another reconciler to end, such as 1h (default 0s)",
    )
    group = parser.add_argument_group("telling")
    group.add_argument(
        "--listen",
        default=None,
        metavar="ADDR:PORT",
        help=f"page, /status, /metrics, /healthz and /readyz; off for none (default {LISTEN}; with --once off)",
    )
    group.add_argument(
        "--listen-tls",
        default=None,
        metavar="COMPONENT",
        help="serve them by TLS with the certificate of this component; needed beyond loopback",
    )
    group.add_argument(
        "--listen-client-ca",
        default=None,
        metavar="BUNDLE",
        help="with --listen-tls: show more than health only to clients with a certificate of this bundle's CAs",
    )
    group.add_argument(
        "--events-webhook", default=None, metavar="URL", help="POST an event here when something changes for better or worse"
    )
    add_common(parser, log_formats=("auto", "text", "json"), formats=("text", "json"))


def run(arguments: argparse.Namespace) -> int:
    """Runs until it is stopped, or once."""
    from reconciler.apply.lock import who  # noqa: PLC0415 - --help needs nothing of it
    from reconciler.cli.interrupt import Interruption  # noqa: PLC0415
    from reconciler.cli.log import Tolerant, log_to_stderr  # noqa: PLC0415
    from reconciler.cli.progress import listener  # noqa: PLC0415
    from reconciler.daemon.candidacy import Candidacy  # noqa: PLC0415
    from reconciler.daemon.conditions import LOCK_HELD  # noqa: PLC0415
    from reconciler.daemon.following import Following  # noqa: PLC0415
    from reconciler.daemon.listen import listening  # noqa: PLC0415
    from reconciler.daemon.service import Service, clock, log_ended_thread  # noqa: PLC0415
    from reconciler.daemon.teller import Telling  # noqa: PLC0415
    from reconciler.daemon.wakeups import Wakeups  # noqa: PLC0415
    from reconciler.passes.leading import boot, lease_of  # noqa: PLC0415

    sys.stderr = Tolerant(sys.stderr)
    log_format = arguments.log_format if arguments.log_format != "auto" else "text" if sys.stderr.isatty() else "json"
    log_to_stderr(max(arguments.verbose, 1), log_format)
    threading.excepthook = log_ended_thread
    source, origin = followed_source(arguments)
    settings = _settings(arguments, who())
    wakeups = Wakeups()
    with (
        Interruption(
            on_signal=lambda: wakeups.wake("stop"),
            on_hangup=lambda: wakeups.wake("signal"),
            within=10.0,
            announce=sys.stderr.isatty(),
        ) as interruption,
        Telling(
            clock=clock,
            origin=origin,
            listening=listening(
                arguments.listen,
                default="off" if arguments.once else LISTEN,
                component=arguments.listen_tls,
                client_bundle=arguments.listen_client_ca,
            ),
            webhook=arguments.events_webhook,
            environ=dict(os.environ),
        ) as told,
    ):
        service = Service(
            source,
            Following(source, settings, origin=origin),
            settings,
            wakeups=wakeups,
            stop=interruption.requested,
            listen=told.hearing(listener(log_format, clock)),
            teller=told,
            observe_pass=told.observe_pass,
            candidacy=Candidacy(lease_of, clock=boot),
        )
        step = service.run()
    if interruption.requested() and not (step is not None and step.complete):
        return interruption.exit_code
    if step is not None and step.passed.trouble is not None and step.passed.trouble.reason == LOCK_HELD:
        return ExitCode.LOCKED
    if arguments.once and step is not None and step.failed and not step.acts and step.passed.trouble is None:
        return ExitCode.LOCKED
    return ExitCode.ERROR if step is None or step.failed else ExitCode.SUCCESS


def _settings(arguments: argparse.Namespace, actor: str) -> Settings:
    from reconciler.daemon.settings import Settings  # noqa: PLC0415 - --help needs nothing of it

    return Settings(
        node=arguments.node,
        root=os.path.abspath(arguments.root) if arguments.root else "",
        state_dir=os.path.abspath(arguments.state_dir) if arguments.state_dir else None,
        environ=dict(os.environ),
        interval=arguments.interval,
        once=arguments.once,
        allow_rollback=arguments.allow_rollback,
        verifies=verifies(arguments),
        parallelism=arguments.parallelism,
        actor=actor,
        lock_timeout=arguments.lock_timeout,
    )
