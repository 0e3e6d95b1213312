"""Guides that are run as tests: the commands of a page in its order, in one shell, and every line of output that it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]
_TIMEOUT: Final = 300
_MARK: Final = re.compile(r"^@@ [0-9]+\n(.*?)\n@@ = ([0-9]+)$", re.DOTALL | re.MULTILINE)
#: What would make the page's commands behave otherwise than those of its reader.
_DISTURBING: Final = ("CLUSTER_PKI_", "GIT_", "KUBECONFIG")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command of a page, with the lines of output that it shows."""

    command: str
    shown: tuple[str, ...] = ()
    must: bool = True
    """Whether it has to end well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """What a command has printed, on stdout and stderr, and its exit code."""

    text: str
    code: int


def page(name: str) -> str:
    """A page of the documentation."""
    return (REPOSITORY / "docs" / name).read_text(encoding="utf-8")


def commands(block: str) -> Iterator[Step]:
    """The commands of a block of a console, each behind a dollar sign, with what is shown below it."""
    for each in block.removeprefix("$ ").split("\n$ "):
        command, *shown = each.rstrip("\n").split("\n")
        yield Step(command=command, shown=tuple(shown))


def install(directory: Path, programs: Mapping[str, str] | None = None) -> None:
    """Puts `cluster-pki` into a directory, and other programs by their name and text."""
    directory.mkdir(parents=True)
    for name, text in {"cluster-pki": of_module("reconciler.cli.main"), **(programs or {})}.items():
        (directory / name).write_text(text, encoding="utf-8")
        (directory / name).chmod(0o755)


def of_module(module: str) -> str:
    """A program that runs a module of this repository."""
    return f'#!/bin/sh\nPYTHONPATH={REPOSITORY} exec {sys.executable} -m {module} "$@"\n'


def environment(programs: Path, **more: str) -> dict[str, str]:
    """This process' variables without those that disturb, with a directory of programs and further variables."""
    kept = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith(_DISTURBING)}
    author = {f"GIT_{who}_{what}": "jane@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return kept | author | {"PATH": f"{programs}:{os.environ['PATH']}", **more}


def work(todo: Sequence[Step], desk: Path, variables: Mapping[str, str]) -> list[Printed]:
    """Runs steps in one shell; what each of them has printed.

    Args:
        todo: the steps.
        desk: where the shell begins.
        variables: its environment.
    """
    script = []
    for number, step in enumerate(todo):
        script += [f"echo '@@ {number}'", f"{{ {step.command.rstrip()}\n}} 2>&1", "printf '\\n@@ = %s\\n' $?"]
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=desk,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    printed = [Printed(text=text, code=int(code)) for text, code in _MARK.findall(done.stdout)]
    assert len(printed) == len(todo), done.stderr
    return printed


def untrue(todo: Sequence[Step], printed: Sequence[Printed]) -> str:
    """Lines that were not printed in the order of the page, and commands that failed; empty when there are none."""
    found = []
    for step, said in zip(todo, printed, strict=True):
        if step.must and said.code:
            found.append(f"{step.command}\nexit code {said.code}\n{said.text}")
        if lines := unprinted(step.shown, said.text):
            found.append(f"{step.command}: {lines[0]}\n{said.text}")
    return "\n\n".join(found)


def unprinted(shown: Sequence[str], text: str) -> tuple[str, ...]:
    """The lines of a page from the first one on that was not printed behind the one before it.

    ``…`` stands for what differs each time. A line may go on where that of the page ends, and columns may be wider.
    """
    lines = iter([_even(line) for line in text.splitlines()])
    for number, line in enumerate(shown):
        form = re.compile(".*".join(re.escape(_even(part)) for part in line.split("…")))
        if not any(form.match(each) for each in lines):
            return tuple(shown[number:])
    return ()


def _even(line: str) -> str:
    return re.sub(r" +", " ", line).strip()
