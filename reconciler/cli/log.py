"""The log on stderr, in the form that was asked for."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime


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


def log_to_stderr(verbose: int, log_format: str) -> None:
    """Sets the log up: warnings, with ``-v`` what is going on, with ``-vv`` everything."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else logging.Formatter("%(levelname)s: %(message)s"))
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(level=level, handlers=[handler], force=True)
