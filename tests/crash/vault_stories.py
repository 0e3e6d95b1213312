"""Applies that rest on a server: what is there before, what is then asked for, and what has to be on the server at the end."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from tests.inprocess import Home
from tests.vault_server.server import VaultServer
from tests.vault_server.world import World

#: The token of the connection, in a file of this name in the story's directory, which is its root, too.
TOKEN: Final = "root"  # noqa: S105 - of a server for tests
TOKEN_FILE: Final = "token"  # noqa: S105 - a name
#: Stands in the desired state of a story's directory for where its server is.
ADDRESS: Final = "http://127.0.0.1:1"

HEAD: Final = f"""\
apiVersion: cluster-pki/v1
cluster: crash
connections:
  main: {{type: vault, addresses: ["{ADDRESS}"], auth: {{method: token, tokenFile: /{TOKEN_FILE}}}}}
stores:
  files: {{type: file, root: /srv}}
  kv: {{type: vault-kv, connection: main, mount: secret, prefix: crash}}
"""
IN_VAULT: Final = "issuer: {vault: {connection: main, mount: pki, signVerbatim: true, create: true}}"
BELOW: Final = "issuer: {vault: {connection: main, mount: pki-below, signVerbatim: true, create: true, parent: PARENT}}"
IN_TRANSIT: Final = "issuer: self, transit: {connection: main, mount: transit, name: crash}"
BUNDLE: Final = "bundles:\n  trust: {cas: [main], path: pki/trust.crt}\n"


def document(cas: str, *names: str, store: str = "files", rest: str = "", more: str = "") -> str:
    """A desired state.

    Args:
        cas: lines of YAML.
        names: of components of the CA ``main``.
        store: of the components.
        rest: further parts of the document.
        more: further fields of the last component.
    """
    lines = [
        f"  {name}: {{ca: main, usages: [server auth], sans: {{dns: [{name}.crash.internal]}}, path: pki/{name}, store: {store}"
        for name in names
    ]
    if lines and more:
        lines[-1] += f", {more}"
    return f"{HEAD}cas:\n{cas}{'components:' if lines else ''}\n{''.join(f'{line}}}{chr(10)}' for line in lines)}{rest}"


def _ca(*fields: str, name: str = "main") -> str:
    return f"  {name}: {{{', '.join(fields)}, path: ca/{name}}}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultStory:
    """One apply that is attacked."""

    name: str
    before: tuple[str, ...] = ()
    """Desired states that were applied, in this order."""
    asked: str
    """The one that is asked for now; empty for the last of them, and the certificate of ``first`` revoked."""
    live: int = 0
    """How many certificates of components live on the server at the end."""
    issuers: int = 0
    """How many CAs there have a key, each of its own."""
    transit: tuple[str, ...] = ()
    """The names of the keys that are there."""


_MAIN: Final = _ca(IN_VAULT)
_LOCAL: Final = _ca("issuer: self")
_TRANSIT: Final = _ca(IN_TRANSIT)
_TWO: Final = ("first", "second")


def rotating(generation: int, terms: str = "", key: str = IN_VAULT) -> str:
    """A CA on a server, with what trusts it."""
    rotation = f"rotation: {{soak: 0s{terms}}}"
    return document(_ca(key, f"generation: {generation}", rotation), *_TWO, rest=BUNDLE)


_CHAIN: Final = (
    _ca("issuer: self", name="root")
    + _ca(BELOW.replace("PARENT", "root"), name="main")
    + _ca(IN_VAULT, name="there")
    + _ca(BELOW.replace("PARENT", "there").replace("pki-below", "pki-third"), name="third")
)
_LISTED: Final = _ca(IN_VAULT, "crl: {path: ca/main.crl}")

STORIES: Final = (
    VaultStory(name="signed there, kept here", before=(document(_MAIN),), asked=document(_MAIN, *_TWO), live=2, issuers=1),
    VaultStory(name="signed here, kept there", before=(document(_LOCAL),), asked=document(_LOCAL, *_TWO, store="kv")),
    VaultStory(
        name="signed and kept there", before=(document(_MAIN),), asked=document(_MAIN, *_TWO, store="kv"), live=2, issuers=1
    ),
    VaultStory(name="CAs that are made there", asked=document(_CHAIN, "first"), live=1, issuers=3),
    VaultStory(
        name="a reissue around the same key",
        before=(document(_MAIN, *_TWO, store="kv"),),
        asked=document(_MAIN, *_TWO, store="kv", more="reissue: please, rotateKey: never"),
        live=3,
        issuers=1,
    ),
    VaultStory(
        name="a reissue with a new key",
        before=(document(_MAIN, *_TWO),),
        asked=document(_MAIN, *_TWO, more="reissue: please"),
        live=3,
        issuers=1,
    ),
    VaultStory(name="a revocation there", before=(document(_LISTED, *_TWO),), asked="", live=2, issuers=1),
    VaultStory(name="stage of a rotation there", before=(rotating(1),), asked=rotating(2, ", hold: clients"), live=2, issuers=2),
    VaultStory(
        name="rotation from stage to its end",
        before=(rotating(1), rotating(2, ", hold: clients")),
        asked=rotating(2),
        live=4,
        issuers=2,
    ),
    VaultStory(
        name="a retired key is destroyed",
        before=(rotating(1), rotating(2)),
        asked=rotating(2, ", retired: destroy"),
        live=4,
        issuers=1,
    ),
    VaultStory(
        name="a CA that is kept there",
        before=(rotating(1, key="issuer: self, store: kv"),),
        asked=rotating(2, ", retired: destroy", key="issuer: self, store: kv"),
    ),
    VaultStory(
        name="a component that leaves",
        before=(document(_LISTED, *_TWO, store="kv"),),
        asked=document(_LISTED, "first", store="kv", rest="prune: true\n"),
        live=1,
        issuers=1,
    ),
    VaultStory(name="a CA in transit", asked=document(_TRANSIT, *_TWO), transit=("crash-g1",)),
    VaultStory(
        name="rotation of a CA in transit",
        before=(rotating(1, key=IN_TRANSIT),),
        asked=rotating(2, ", retired: destroy", key=IN_TRANSIT),
        transit=("crash-g2",),
    ),
)


def furnished() -> VaultServer:
    """A server with the mounts that stories use."""
    server = VaultServer(root_token=TOKEN)
    for name in ("pki", "pki-below", "pki-third"):
        server.call("POST", f"sys/mounts/{name}", {"type": "pki", "config": {"max_lease_ttl": "876000h"}})
    server.call("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
    server.call("POST", "sys/mounts/transit", {"type": "transit"})
    return server


def copied(world: World) -> World:
    """A state that can be changed without changing another."""
    return cast("World", pickle.loads(pickle.dumps(world)))  # noqa: S301  (our own)


@contextmanager
def listening(server: VaultServer) -> Iterator[VaultServer]:
    """A server as long as the context lasts."""
    server.listen()
    try:
        yield server
    finally:
        server.close()


def prepare(story: VaultStory, directory: Path, server: VaultServer) -> None:
    """Makes the directory that every run starts from; the server is then in the state that belongs to it.

    Args:
        story: what was applied before, and what is asked for.
        directory: new.
        server: listens, and has the mounts.
    """
    directory.mkdir(parents=True)
    token = directory / TOKEN_FILE
    token.write_text(TOKEN, encoding="utf-8")
    token.chmod(0o600)
    home = Home(path=directory)
    for text in story.before:
        ask(directory, text, server.address)
        said = home.apply()
        assert said.code == 0, said.log
    asked = story.asked
    if not asked:
        serial = home.records()["component.first"]["serial"]
        asked = f"{story.before[-1]}revocations: [{{component: first, serial: '{serial}', reason: keyCompromise}}]\n"
    ask(directory, asked, server.address)


def ask(directory: Path, text: str, address: str) -> None:
    """Replaces the desired state."""
    (directory / "cluster-pki.yaml").write_text(text.replace(ADDRESS, address), encoding="utf-8")
