"""The commands, run inside the test's own process."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from reconciler.cli.main import main


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command left behind."""

    code: int
    out: str
    log: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever it printed
        """The result as a document."""
        return json.loads(self.out)

    def changes(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Class and reasons of each address of a plan in JSON."""
        return {
            change["address"]: (change["change"]["class"], tuple(reason["code"] for reason in change["change"]["reasons"]))
            for change in self.json["resource_changes"]
        }


def call(*arguments: str, stdin: str | None = None, environ: Mapping[str, str] | None = None) -> Said:
    """Runs a command; signals, umask and collector stay those of the test runner.

    Args:
        arguments: the command and its options.
        stdin: what somebody types; None for no terminal.
        environ: more variables.
    """
    result, log = io.StringIO(), io.StringIO()
    terminal = io.StringIO(stdin or "")
    terminal.isatty = lambda: stdin is not None  # type: ignore[method-assign]
    with contextlib.ExitStack() as stack:
        for name in ("cli.invoke.signal.signal", "cli.invoke.os.umask", "cli.session.gc.disable"):
            stack.enter_context(mock.patch(f"reconciler.{name}"))
        stack.enter_context(mock.patch("sys.stdin", terminal))
        # What the test runner's own environment says must not change what is printed.
        plain = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("CLUSTER_PKI_")}
        stack.enter_context(mock.patch.dict("os.environ", plain | dict(environ or {}), clear=True))
        stack.enter_context(contextlib.redirect_stdout(result))
        stack.enter_context(contextlib.redirect_stderr(log))
        try:
            code = main(list(arguments))
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Said(code=code, out=result.getvalue(), log=log.getvalue())


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A directory with a desired state, its files and its state."""

    path: Path
    rooted: bool = True
    """Whether `path` is put before every absolute path of the desired state."""

    def write(self, document: dict[str, Any] | str) -> None:
        """Replaces the desired state."""
        text = document if isinstance(document, str) else yaml.safe_dump(document)
        (self.path / "cluster-pki.yaml").write_text(text, encoding="utf-8")

    def call(self, command: str, *arguments: str, stdin: str | None = None) -> Said:
        """Runs a command on this directory."""
        root = ("--root", str(self.path)) if self.rooted else ()
        common = ("-f", str(self.path / "cluster-pki.yaml"), *root, "--state-dir", str(self.path / "state"))
        return call(command, *arguments, *common, stdin=stdin)

    def apply(self, *arguments: str) -> Said:
        """Applies without asking."""
        return self.call("apply", "--auto-approve", *arguments)

    def plan(self, *arguments: str) -> Said:
        """Plans as JSON."""
        return self.call("plan", "--format", "json", *arguments)

    def records(self) -> dict[str, Any]:
        """The inventory's records."""
        return dict(json.loads((self.path / "state" / "inventory.json").read_text(encoding="utf-8"))["records"])
