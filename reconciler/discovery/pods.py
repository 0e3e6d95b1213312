"""The programs of a cluster that a kubelet starts from manifests on its node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.cluster.flags import parse_command
from reconciler.cluster.manifests import parse_manifest
from reconciler.cluster.started import Started
from reconciler.discovery.reading import Reading


def static_pods(reading: Reading, directories: Iterable[str]) -> Iterator[Started]:
    """What the manifests of some directories start, in the order of directories and names.

    A path that is a file stands for itself: the kubelet's staticPodPath may be one.
    """
    seen: set[str] = set()
    for directory in directories:
        paths = [directory] if reading.root.is_file(directory) else reading.files(directory)
        for path in paths:
            if not reading.root.is_directory(path) and reading.root.same(path) not in seen:
                seen.add(reading.root.same(path))
                yield from _pods(reading, path)


def _pods(reading: Reading, path: str) -> Iterator[Started]:
    for container in reading.parsed(path, parse_manifest) or ():
        command = parse_command(container.words)
        if command is not None:
            yield Started(
                process=command.process,
                source=path,
                flags=command.settings,
                environment=container.environment,
                mounts=container.mounts,
                version=container.version,
            )
