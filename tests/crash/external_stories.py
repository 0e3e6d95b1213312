"""Applies that ask a CA outside, and that publish what it answered, under attack."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.crash.cli_stories import BEFORE, PERSON, Story, components
from tests.outside_ca import OutsideCA, outside_ca
from tests.real.cluster import Cluster, make_cluster

#: The CA of `BEFORE`, whose key is not here.
OUTSIDE: Final = BEFORE.replace("{path: ca/main}", "{path: ca/main, issuer: {external: {}}}")
#: Two servers, and a person who lives in a kubeconfig.
EVERYTHING: Final = OUTSIDE + components("first", "second") + PERSON.removeprefix("components:\n")


def _prepared(home: Path) -> tuple[Cluster, OutsideCA]:
    """A cluster with the certificate of its CA."""
    cluster = make_cluster(home, EVERYTHING)
    outside = outside_ca(home / "outside")
    place = cluster.root / "srv/ca/main.crt"
    place.parent.mkdir(parents=True)
    place.write_bytes(outside.certificate.read_bytes())
    return cluster, outside


def _sign_all(cluster: Cluster, outside: OutsideCA) -> None:
    for request in sorted((cluster.root / "srv").rglob("*.next.csr")):
        outside.sign(request, request.with_suffix(".crt"))


def _first_requests(home: Path) -> None:
    _prepared(home)


def _answers(home: Path) -> None:
    cluster, outside = _prepared(home)
    cluster.apply()
    _sign_all(cluster, outside)


def _other_names(home: Path) -> None:
    """Everything is issued and one is asked for again; before anybody has signed that, git wants yet another name."""
    cluster, outside = _prepared(home)
    cluster.apply()
    _sign_all(cluster, outside)
    cluster.apply()
    cluster.file.write_text(EVERYTHING.replace("first.crash.internal]", "new.crash.internal]"), encoding="utf-8")
    cluster.apply()
    cluster.file.write_text(EVERYTHING.replace("first.crash.internal]", "newer.crash.internal]"), encoding="utf-8")


STORIES: Final = (
    Story(name="requests for an external CA", prepare=_first_requests),
    Story(name="answers of an external CA", prepare=_answers),
    Story(name="another request for an external CA", prepare=_other_names),
)
