"""Runs a command: parser, signals, and every error turned into words and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from types import FrameType
from typing import NoReturn

from reconciler.cli.commands import load, parser_for
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.options import UsageError


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Parses and runs; see `reconciler.cli.main.main`."""
    signal.signal(signal.SIGTERM, _terminated)
    if arguments[:1] == ["run"]:
        # It means "look again" there, and may come before there is anybody to look.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # Every file that is ours gets its mode when it is made; nothing in between may be readable by others.
    os.umask(0o077)
    color, verbose = "auto", 0
    try:
        options = parser_for(arguments, environ).parse_args(arguments)
        color, verbose = getattr(options, "color", color), getattr(options, "verbose", verbose)
        log_format = getattr(options, "log_format", "text")
        if verbose or log_format == "json":
            from reconciler.cli.log import log_to_stderr  # noqa: PLC0415 - otherwise warnings as they are will do

            log_to_stderr(verbose, log_format)
        with ExitStack() as resources:
            options.resources = resources
            code = load(options.command).run(options)
        sys.stdout.flush()
    except UsageError as error:
        sys.stderr.write(f"cluster-pki: error: {error}\n")
        return ExitCode.USAGE
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted.\n")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`| head`): no message, and no second error when Python flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.ERROR
    except Exception as error:  # noqa: BLE001 - the boundary: no traceback reaches a user
        from reconciler.cli.failure import explain  # noqa: PLC0415 - knows every error, so imports nearly everything

        text, code = explain(error, color=color, environ=environ, verbose=verbose)
        sys.stderr.write(text)
        return code
    return code


def _terminated(_signum: int, _frame: FrameType | None) -> NoReturn:
    """Ends in an orderly way where no command has taken SIGTERM over: PID 1 would ignore it otherwise."""
    raise SystemExit(ExitCode.TERMINATED)
