"""The log on stderr, in the form that was asked for."""

from __future__ import annotations

import io
import json
import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TextIO


class JsonFormatter(logging.Formatter):
    """One object a line, with the keys of Terraform's machine-readable UI."""

    def format(self, record: logging.LogRecord) -> str:
        """The message, its level, where it arose and when; never a traceback."""
        at = datetime.fromtimestamp(record.created, tz=UTC)
        return json.dumps(
            {
                "@level": record.levelname.lower(),
                "@message": record.getMessage(),
                "@module": record.name,
                "@timestamp": at.isoformat().replace("+00:00", "Z"),
                "type": "log",
            }
        )


class Tolerant(io.TextIOBase):
    """Standard error that may be full, closed or gone: whoever keeps certificates alive does not die of its log."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes what can be written."""
        if self._stream is not None:
            with suppress(OSError, ValueError):
                self._stream.write(text)
                self._stream.flush()
        return len(text)

    def isatty(self) -> bool:
        """Whether a person reads it."""
        try:
            return self._stream is not None and self._stream.isatty()
        except ValueError:
            return False

    def fileno(self) -> int:
        """Of the stream behind it."""
        if self._stream is None:
            raise io.UnsupportedOperation
        return self._stream.fileno()


def log_to_stderr(verbose: int, log_format: str) -> None:
    """Sets the log up: warnings, with ``-v`` what is going on, with ``-vv`` everything."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else logging.Formatter("%(levelname)s: %(message)s"))
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(level=level, handlers=[handler], force=True)
