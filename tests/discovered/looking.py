"""A cluster on disk, read and examined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from reconciler.cluster.model import Cluster
from reconciler.discovery.walk import places, read_cluster
from reconciler.health.examine import examine
from reconciler.health.model import HealthFinding
from tests.builders import NOW
from tests.discovered.layouts import Found


def read(root: Path, directories: Sequence[str] = ()) -> Cluster:
    """Everything below a directory of node roots."""
    return read_cluster(places(str(root)), directories=[str(root / directory) for directory in directories])


def look(root: Path, directories: Sequence[str] = (), *, now: datetime = NOW + timedelta(minutes=1)) -> tuple[HealthFinding, ...]:
    """What is found there, a minute after everything was made."""
    return examine(read(root, directories), now)


def found(root: Path, directories: Sequence[str] = ()) -> Counter[Found]:
    """The same without the words for it."""
    return Counter((one.severity, one.code, one.node, one.path) for one in look(root, directories))
