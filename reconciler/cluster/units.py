"""systemd units with their drop-ins: what they start, where, and with which environment (systemd.unit(5), systemd.service(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from reconciler.cluster.words import expanded, logical_lines, specified, split_words

#: Where units are looked for; of two with one name the first counts. ``lib`` is ``usr/lib`` where they are merged.
UNIT_DIRECTORIES: Final = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
#: Specifiers whose values are the same on every machine.
_DIRECTORIES: Final = {"t": "/run", "S": "/var/lib", "C": "/var/cache", "L": "/var/log", "E": "/etc", "h": "/root", "u": "root"}
_PREFIXES: Final = "@-:+!|"


class EnvironmentFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file with variables that a unit reads."""

    path: str
    """May be a pattern, as in glob(7)."""
    optional: bool = False


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """A service, with specifiers replaced and variables not yet."""

    commands: tuple[str, ...]
    """Each ``ExecStart=``, as it is written."""
    environment: Mapping[str, str]
    environment_files: tuple[EnvironmentFile, ...]
    working_directory: str


def parse_unit(name: str, texts: Sequence[str], *, host: str = "") -> Unit:
    """A unit as systemd would load it.

    Args:
        name: ``kubelet.service``; gives ``%n``, ``%p`` and ``%i`` their values.
        texts: the unit, then its drop-ins in the order of their names.
        host: for ``%H``.
    """
    specifiers = _specifiers(name, host)
    commands: list[str] = []
    environment: dict[str, str] = {}
    files: list[EnvironmentFile] = []
    collected: dict[str, list[str] | dict[str, str] | list[EnvironmentFile]] = {
        "ExecStart": commands,
        "Environment": environment,
        "EnvironmentFile": files,
    }
    directory = ""
    for key, raw in _service(texts):
        value = specified(raw, specifiers)
        if not value and key in collected:  # an empty value begins anew
            collected[key].clear()
        elif key == "ExecStart":
            commands.append(value)
        elif key == "Environment":
            environment.update(_assignments(value))
        elif key == "EnvironmentFile":
            files.append(EnvironmentFile(path=value.lstrip("-"), optional=value.startswith("-")))
        elif key == "WorkingDirectory":
            directory = value.lstrip("-").replace("~", "/root")
    return Unit(
        commands=tuple(commands),
        environment=environment,
        environment_files=tuple(files),
        working_directory=directory if directory.startswith("/") else "/",
    )


def command_words(command: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The words of an ``ExecStart=``, without its prefixes, with variables replaced.

    Args:
        command: as `Unit.commands` has it.
        environment: that of the unit, files included.
    """
    bare = command.lstrip(_PREFIXES)
    prefixes = command[: len(command) - len(bare)]
    words = split_words(bare)
    if "@" in prefixes:  # the second word is what the program is told that it is called
        words = words[:1] + words[2:]
    return words if ":" in prefixes else expanded(words, environment)


def _service(texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        section = ""
        for line in logical_lines(text):
            header = re.fullmatch(r"\[(.*)\]", line)
            if header is not None:
                section = header[1]
            elif section == "Service" and "=" in line:
                key, _, value = line.partition("=")
                yield key.strip(), value.strip()


def _assignments(value: str) -> dict[str, str]:
    return {name: text for name, equals, text in (word.partition("=") for word in split_words(value)) if equals}


def _specifiers(name: str, host: str) -> dict[str, str]:
    stem = name.rpartition(".")[0] or name
    prefix, _, instance = stem.partition("@")
    short = host.partition(".")[0]
    return {**_DIRECTORIES, "n": name, "N": stem, "p": prefix, "P": prefix, "i": instance, "I": instance, "H": host, "l": short}
