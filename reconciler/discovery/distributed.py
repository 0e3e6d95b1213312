"""The programs that a distribution starts by itself, as its files and its own configuration show them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from reconciler.cluster.distributions import DISTRIBUTIONS, Convention, Distribution, alternatives
from reconciler.cluster.documents import Settings, settings_of
from reconciler.cluster.flags import parse_flags
from reconciler.cluster.started import Started
from reconciler.discovery.reading import Reading


def distributions(reading: Reading, found: Collection[Started]) -> Iterator[tuple[Distribution, str]]:
    """The distributions that are installed on a node, with the directory of each."""
    for distribution in DISTRIBUTIONS:
        settings = _of_program(distribution, found, "data-dir")
        data = (settings[-1] if settings else distribution.data).rstrip("/")
        if reading.root.is_directory(data):
            yield distribution, data


def own_program(reading: Reading, distribution: Distribution, data: str, found: Collection[Started]) -> Started | None:
    """The distribution itself with its configuration; flags count before files.

    None for a node whose files show neither a unit that starts it nor a configuration.
    """
    started = next((each for each in found if each.process == distribution.program), None)
    told = started.flags.get("config", ()) if started is not None else ()
    files = tuple(_configs(reading, told[-1:] or distribution.configs))
    of_files: dict[str, tuple[str, ...]] = {}
    for path in files:
        of_files |= settings_of(reading.tree(path, f"configuration of {distribution.program}"))
    if started is None and not files:
        return None
    for convention in distribution.conventions:
        if convention.process == distribution.program and reading.root.exists(f"{data}/{convention.witness}"):
            of_files |= dict(_flags(reading, convention, data))
    return Started(
        process=distribution.program,
        source=started.source if started is not None else files[0],
        flags={**of_files, **(started.flags if started is not None else {})},
    )


def conventional(
    reading: Reading, distribution: Distribution, data: str, own: Started | None, present: Collection[str]
) -> Iterator[Started]:
    """What it starts, by convention.

    Args:
        reading: the node.
        distribution: which one.
        data: its directory.
        own: its own settings.
        present: names of processes that a manifest or unit already shows.
    """
    done = set(present)
    for convention in distribution.conventions:
        witness = f"{data}/{convention.witness}"
        if convention.process not in done and reading.root.exists(witness):
            done.add(convention.process)
            flags = {
                **dict(_flags(reading, convention, data)),
                **dict(_derived(distribution, convention.process, own)),
                **_extra(convention.process, own),
            }
            source = own.source if own is not None else witness
            yield Started(process=convention.process, source=source, flags=flags)


def _flags(reading: Reading, convention: Convention, data: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for given in convention.given:
        if not given.path:
            yield given.setting, (given.value,)
            continue
        *better, last = alternatives(given, data)
        path = next((each for each in (*better, last) if reading.root.exists(each)), None)
        if path is not None or not given.optional:
            yield given.setting, (path or last,)


def _derived(distribution: Distribution, process: str, own: Started | None) -> Iterator[tuple[str, tuple[str, ...]]]:
    settings = own.flags if own is not None else {}
    for derived in distribution.derived:
        if derived.process == process:
            told = next((settings[name] for name in derived.own if settings.get(name)), ())
            if told or derived.default:
                yield derived.setting, told or (derived.default,)


def _extra(process: str, own: Started | None) -> Settings:
    """``kube-apiserver-arg`` and its like: flags that an administrator adds."""
    values: tuple[str, ...] = () if own is None else own.flags.get(f"{process}-arg", ())
    return parse_flags([value if value.startswith("-") else f"--{value}" for value in values])[0]


def _of_program(distribution: Distribution, found: Collection[Started], setting: str) -> tuple[str, ...]:
    programs: Mapping[str, Started] = {each.process: each for each in found}
    started = programs.get(distribution.program)
    return started.flags.get(setting, ()) if started is not None else ()


def _configs(reading: Reading, paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        if reading.root.is_directory(path):
            yield from reading.files(path, ".yaml", ".yml")
        elif reading.root.exists(path):
            yield path
