"""The log on stderr."""

from __future__ import annotations

import json
import logging

from reconciler.cli.log import JsonFormatter


def test_a_line_of_json() -> None:
    """A message is one object with the keys of the progress lines."""
    record = logging.LogRecord("reconciler.apply.state", logging.WARNING, __file__, 1, "kept as %s", ("x",), None)
    record.created = 0.5
    assert json.loads(JsonFormatter().format(record)) == {
        "@level": "warning",
        "@message": "kept as x",
        "@module": "reconciler.apply.state",
        "@timestamp": "1970-01-01T00:00:00.500000Z",
        "type": "log",
    }
