"""Rotations that are attacked at every system call: one story a phase, and the ways back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.crash.cli_stories import Story
from tests.real.cluster import Cluster, make_cluster

#: A root with an intermediate, a client, a server, one behind the intermediate, a bundle and a kubeconfig.
ROTATING: Final = """\
apiVersion: cluster-pki/v1
cluster: crash
stores:
  files: {{type: file, root: /srv}}
cas:
  main: {{path: ca/main, generation: {generation}, rotation: {{soak: 0s{terms}}}}}
  middle: {{path: ca/middle, issuer: main, lifetime: 2y}}
components:
  person: {{ca: main, usages: [client auth]}}
  first: {{ca: main, usages: [server auth], sans: {{dns: [first.crash.internal]}}, path: pki/first}}
  behind: {{ca: middle, usages: [server auth], sans: {{dns: [behind.crash.internal]}}, path: pki/behind}}
bundles:
  trust: {{cas: [main], path: pki/trust.crt}}
kubeconfigs:
  person: {{component: person, bundle: trust, server: "https://api.crash.internal:6443", path: pki/person.conf}}
"""
#: A keypair on two nodes.
KEYPAIR: Final = """\
apiVersion: cluster-pki/v1
cluster: crash
stores:
  files: {{type: file, root: "/srv/{{node}}"}}
nodes:
  - {{name: a, roles: [worker]}}
  - {{name: b, roles: [worker]}}
keypairs:
  tokens: {{key: ecdsa-p256, path: pki/tokens, forEach: {{}}, generation: {generation}, rotation: {{soak: 0s{terms}}}}}
"""
#: A CA that keeps its key when it falls due: on its 340th day of 365.
RENEWING: Final = """\
apiVersion: cluster-pki/v1
cluster: crash
stores:
  files: {type: file, root: /srv}
cas:
  main: {path: ca/main, lifetime: 365d, renewBefore: 30d, rotation: {strategy: renew}}
components:
  first: {ca: main, usages: [server auth], sans: {dns: [first.crash.internal]}, lifetime: 350d, renewBefore: 5d, path: pki/first}
bundles:
  trust: {cas: [main], path: pki/trust.crt}
"""
AGO: Final = "-340d"


def asked(generation: int, terms: str = "", text: str = ROTATING) -> str:
    """A desired state that asks for this generation, on further terms."""
    return text.format(generation=generation, terms=f", {terms}" if terms else "")


def _after(*texts: str) -> Callable[[Path], None]:
    """A directory in which all of these but the last were applied, and the last is asked for."""

    def prepare(home: Path) -> None:
        cluster = make_cluster(home, texts[0])
        for text in texts[1:]:
            cluster.apply()
            cluster.file.write_text(text, encoding="utf-8")

    return prepare


def _renewal(home: Path) -> None:
    make_cluster(home, RENEWING)
    Cluster(home=home, clock=AGO).apply()


def _story(name: str, prepare: Callable[[Path], None], *, every: int = 1) -> Story:
    return Story(name=name, prepare=prepare, every=every, rotates=True)


STABLE: Final = asked(1)
STAGED: Final = asked(2, "hold: clients")
MOVED: Final = asked(2, "hold: servers")
PROMOTED: Final = asked(2, "hold: soak")
SOAKED: Final = asked(2, "hold: distrust")
DONE: Final = asked(2)
TOKENS: Final = tuple(asked(generation, text=KEYPAIR) for generation in (1, 2))
HALF: Final = asked(2, "hold: distrust", KEYPAIR)
#: The CA and the one below it publish revocation lists.
LISTED: Final = re.sub(r"path: (ca/\w+),", r"path: \1, crl: {{path: \1.crl}},", ROTATING)

ROTATIONS: Final = (
    _story("stage", _after(STABLE, STAGED)),
    _story("clients", _after(STABLE, STAGED, MOVED)),
    _story("servers", _after(STABLE, MOVED, PROMOTED)),
    _story("distrust", _after(STABLE, SOAKED, DONE)),
    _story("back from stage", _after(STABLE, STAGED, STABLE)),
    _story("back from clients", _after(STABLE, MOVED, STABLE)),
    _story("back from soak", _after(STABLE, SOAKED, STABLE)),
    _story("renewal with the same key", _renewal),
    _story("retired and destroyed", _after(STABLE, DONE, asked(2, "retired: destroy"))),
    _story("a keypair", _after(*TOKENS)),
    _story("a keypair and back", _after(TOKENS[0], HALF, TOKENS[0])),
    _story("all phases at once", _after(STABLE, DONE), every=5),
    _story("with revocation lists", _after(asked(1, text=LISTED), asked(2, text=LISTED)), every=5),
)
