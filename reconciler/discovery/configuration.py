"""The configuration files of programs: one document, for the kubelet with drop-ins over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from reconciler.cluster.documents import merged, settings_of
from reconciler.cluster.started import Started
from reconciler.discovery.reading import Reading
from reconciler.x509.yaml_tree import Tree


class Configuration(NamedTuple):
    """What the configuration files of a program say."""

    tree: Tree
    """None without one."""
    origins: Mapping[str, str]
    """The file that each setting is from, by its dotted name."""


def configuration(reading: Reading, started: Started) -> Configuration:
    """What the configuration file of a program says, drop-ins included.

    The kubelet sorts its drop-ins by name and reads those that end in ``.conf`` (kubernetes.io: kubelet-config-file).
    """
    paths = [started.config] if started.config else []
    if started.config_directory:
        paths += reading.files(started.config_directory, ".conf")
    whole: Tree = None
    origins: dict[str, str] = {}
    for path in paths:
        tree = reading.tree(path, f"configuration of {started.process}")
        if tree is not None:
            whole = merged(whole, tree)
            origins |= dict.fromkeys(settings_of(tree), path)
    return Configuration(whole, origins)
