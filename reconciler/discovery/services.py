"""The programs of a cluster that systemd starts on a node."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import Final

from reconciler.cluster.environment import parse_environment
from reconciler.cluster.flags import parse_command
from reconciler.cluster.model import Unread
from reconciler.cluster.mounts import Mounts
from reconciler.cluster.started import Started
from reconciler.cluster.units import UNIT_DIRECTORIES, EnvironmentFile, Unit, command_words, parse_unit
from reconciler.discovery.reading import Reading

_SUFFIX: Final = ".service"
#: A service that is masked is a link to this (systemd.unit(5)).
_MASKED: Final = "/dev/null"


def services(reading: Reading) -> Iterator[Started]:
    """What the units start, sorted by their names."""
    host = (reading.text("/etc/hostname") or "").strip()
    for name, path in sorted(_units(reading).items()):
        texts = [text for each in (path, *_drop_ins(reading, name)) if (text := reading.text(each)) is not None]
        unit = parse_unit(name, texts, host=host)
        if any(parse_command(command_words(command, {})) for command in unit.commands):
            yield from _started(reading, unit, path)


def _started(reading: Reading, unit: Unit, path: str) -> Iterator[Started]:
    environment = dict(unit.environment)
    for file in unit.environment_files:
        for each in _matching(reading, file):
            text = reading.text(each)
            environment.update(parse_environment(text) if text is not None else {})
    for command in unit.commands:
        parsed = parse_command(command_words(command, environment))
        if parsed is not None:
            yield Started(
                process=parsed.process,
                source=path,
                flags=parsed.settings,
                environment=environment,
                mounts=Mounts(working_directory=unit.working_directory),
            )


def _units(reading: Reading) -> dict[str, str]:
    """Path by name of every service; the first directory that has one counts.

    Masked ones do not count, nor templates without an instance, nor links that give another unit a second name.
    """
    found: dict[str, str] = {}
    for path in _unit_files(reading):
        found.setdefault(_name(path), path)
    counting: dict[str, str] = {}
    for name, path in found.items():
        target = reading.root.link(path)
        alias = _name(target) != name and _name(target) in found and "@." not in target
        if target != _MASKED and not alias and "@." not in name and not reading.root.is_directory(path):
            counting[name] = path
    return counting


def _unit_files(reading: Reading) -> Iterator[str]:
    for directory in UNIT_DIRECTORIES:
        yield from reading.files(directory, _SUFFIX)
    for directory in UNIT_DIRECTORIES:  # instances of templates that are enabled
        for wants in reading.files(directory, ".wants", ".requires"):
            yield from (path for path in reading.files(wants, _SUFFIX) if "@" in _name(path))


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _drop_ins(reading: Reading, name: str) -> Iterator[str]:
    """Sorted by name whatever their directory; of two with one name the first directory's counts."""
    found: dict[str, str] = {}
    for directory in UNIT_DIRECTORIES:
        for path in reading.files(f"{directory}/{name}.d", ".conf"):
            found.setdefault(_name(path), path)
    for _, path in sorted(found.items()):
        if reading.root.link(path) != _MASKED:
            yield path


def _matching(reading: Reading, file: EnvironmentFile) -> Iterator[str]:
    """The files that it means: one, or those of a directory that a pattern fits."""
    directory, _, pattern = file.path.rpartition("/")
    if any(character in pattern for character in "*?["):
        yield from (f"{directory}/{name}" for name in reading.names(directory) if fnmatch.fnmatchcase(name, pattern))
    elif reading.root.exists(file.path):
        yield file.path
    elif not file.optional:
        reading.note(Unread(path=file.path, problem="the environment file of a unit is missing"))
