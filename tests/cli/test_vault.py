"""``cluster-pki vault policy``: from a file to what a server has to allow, without a server."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest

from tests.desired.compiling import HEAD
from tests.desired.vault_documents import MAIN, WHOLE
from tests.inprocess import Home

TWO = WHOLE.replace("transit: {connection: main", "transit: {connection: spare")
NODES = "nodes: [{name: n-1, roles: [worker]}, {name: n-2, roles: [worker]}]\n"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a connection fails."""

    def refuse(*_: object) -> None:
        msg = "nothing may be asked"
        raise AssertionError(msg)

    monkeypatch.setattr(socket.socket, "connect", refuse)


def printed(folder: Path, text: str, *options: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    home = Home(path=folder)
    home.write(text)
    said = home.call("vault", "policy", *options)
    return said.code, said.out, said.log


@pytest.mark.parametrize(
    ("options", "signs", "makes"),
    [
        (("--mode", "plan"), False, False),
        ((), True, False),
        (("--mode", "apply"), True, False),
        (("--mode", "create"), True, True),
    ],
)
def test_modes(
    tmp_path: Path,
    options: tuple[str, ...],
    signs: bool,
    makes: bool,
) -> None:
    """A token that looks, one that signs, and one that makes CAs."""
    code, out, err = printed(tmp_path, WHOLE, *options)
    paths = re.findall(r'^path "(.*)" \{$', out, re.MULTILINE)
    assert (code, err) == (0, "")
    assert ("pki/kubernetes/issuer/+/sign/kubernetes" in paths, "pki/kubernetes/intermediate/set-signed" in paths) == (
        signs,
        makes,
    )
    assert "# Belongs into the namespace team-a.\n" in out


def test_json(tmp_path: Path) -> None:
    """One document, for the connection that is asked for."""
    code, out, _ = printed(tmp_path, TWO, "--connection", "spare", "--format", "json", "--mode", "plan")
    document = json.loads(out)
    assert (code, document["connection"], document["mode"], document["node"]) == (0, "spare", "plan", None)
    assert {
        "path": "transit/keys/demo-front-proxy-g*",
        "capabilities": ["read"],
        "why": "see the public keys of all generations",
    } in (document["rules"])


def test_a_node(tmp_path: Path) -> None:
    """A prefix that says which node it is belongs to that node as a whole."""
    text = HEAD + MAIN + NODES + 'stores: {kv: {type: vault-kv, connection: main, mount: secret, prefix: "n/{node}"}}\n'
    text += "cas: {root: {path: root}}\ncomponents: {a: {ca: root, usages: [client auth], store: kv, forEach: {}, path: a}}\n"
    _, out, _ = printed(tmp_path, text, "--node", "n-2", "--mode", "plan")
    assert "cluster demo, node n-2, connection main" in out
    assert re.findall(r'^path "secret/(.*)" \{$', out, re.MULTILINE) == ["data/n/n-2/*"]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            HEAD + "cas: {root: {path: root}}\n",
            (),
            "nothing of this desired state is in Vault, so no token is needed",
        ),
        (
            f"{HEAD}{MAIN}{NODES}cas: {{root: {{path: root}}}}\n",
            ("--node", "n-2"),
            "nothing of this desired state is in Vault on node n-2, so no token is needed",
        ),
        (TWO, (), "several servers are used: add --connection main, or --connection spare"),
        (TWO, ("--connection", "mein"), '--connection: mein is not declared; did you mean "main"?'),
        (WHOLE, ("--connection", "spare"), '--connection: spare is used by nothing; there is "main"'),
    ],
)
def test_which_server(tmp_path: Path, text: str, options: tuple[str, ...], message: str) -> None:
    """When it is not clear, that is a mistake of usage."""
    assert printed(tmp_path, text, *options) == (64, "", f"cluster-pki: error: {message}\n")


def test_a_desired_state_with_mistakes(tmp_path: Path) -> None:
    """They are told as by every other command."""
    code, out, err = printed(tmp_path, WHOLE.replace("connection: main, mount: transit", "connection: m, mount: t"))
    assert (code, out) == (1, "")
    assert "error[CPK238]" in err
