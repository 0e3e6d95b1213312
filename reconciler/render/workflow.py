"""GitHub workflow commands: ``::error title=…::message``.

Source of the escaping rules: actions/toolkit, packages/core/src/command.ts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from reconciler.render.escape import visible

Level = Literal["notice", "warning", "error"]


def workflow_command(level: Level, *, title: str, message: str, place: Mapping[str, str | int] | None = None) -> str:
    """One annotation.

    Args:
        level: how it is shown.
        title: its headline.
        message: its text; several lines are one annotation.
        place: where in the repository it is shown: ``file``, ``line``, ``col``, ``endColumn``.
    """
    lines = [visible(line) for line in message.splitlines()]
    properties = {"title": title, **(place or {})}
    listed = ",".join(f"{name}={_property(visible(str(value)))}" for name, value in properties.items())
    return f"::{level} {listed}::{'%0A'.join(_data(line) for line in lines)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
