"""A cluster that one reconciler makes into KV, and whose nodes fetch it with tokens that only read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.inprocess import Home, Said
from tests.vault_server.api import Vault

NODES: Final = ("w-1", "w-2")
#: Signs whatever the desired state asks for.
ROLE: Final = {
    "allow_any_name": True,
    "key_type": "any",
    "server_flag": True,
    "client_flag": False,
    "max_ttl": "9000h",
    "not_before_duration": "300s",
}
#: One of each: a CA in PKI, one in transit, one with its key in KV; an original a node, and one for all of them; a bundle that is
#: fetched, and one that is put together on the node; a kubeconfig with the component that lives in it.
DOCUMENT: Final = """\
apiVersion: cluster-pki/v1
cluster: demo
connections:
  main: {{type: vault, addresses: ["{address}"], auth: {{method: token, tokenEnv: TOKEN}}}}
nodes: [{{name: w-1, roles: [worker], addresses: [192.0.2.1]}}, {{name: w-2, roles: [worker], addresses: [192.0.2.2]}}]
stores:
  kv: {{type: vault-kv, connection: main, mount: {kv}, prefix: clusters/demo}}
  nodes: {{type: vault-kv, connection: main, mount: {kv}, prefix: "nodes/{{node}}"}}
defaults: {{store: kv}}
cas:
  main:
    path: ca/main
    lifetime: 3y
    issuer: {{vault: {{connection: main, mount: {pki}, role: servers, create: true}}}}
    rotation: {{strategy: manual, soak: 0s}}
  front: {{path: ca/front, transit: {{connection: main, mount: {transit}, name: demo-front}}}}
  local: {{path: ca/local}}
components:
  agent:
    ca: main
    forEach: {{}}
    usages: [server auth]
    sans: {{dns: ["{{node}}.example.com"]}}
    store: nodes
    path: etc/agent/tls
    copies: {{}}
    outputs: [pem, fullchain, combined]
    mode: "0640"
    after: [{{exec: [/bin/sh, -c, "echo agent >> {hooked}"]}}]
  shared:
    ca: local
    usages: [server auth]
    sans: {{dns: [shared.example.com]}}
    path: shared
    copies: {{path: etc/shared/tls, forEach: {{nodes: [w-1]}}}}
  user: {{ca: front, usages: [client auth], forEach: {{}}}}
bundles:
  all: {{cas: [main, front, local], path: all.pem, copies: {{path: etc/all.pem, forEach: {{}}}}}}
  here: {{cas: [main, front], forEach: {{}}, store: files, path: etc/here.pem}}
kubeconfigs:
  user:
    component: user
    bundle: all
    forEach: {{}}
    server: https://api.example.com:6443
    store: nodes
    path: user.conf
    copies: {{path: etc/user.conf}}
lock: {{connection: main, mount: {kv}, path: locks/demo, ttl: 10s}}
prune: true
"""


@dataclass(slots=True)
class Fleet:
    """A server, one place that makes everything, and nodes that fetch."""

    vault: Vault
    folder: Path
    monkeypatch: pytest.MonkeyPatch
    text: str = ""
    kv: str = ""
    homes: dict[str, Home] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Mounts empty engines, and makes a home for everybody."""
        self.kv = self.vault.mounted("kv")
        pki, transit = self.vault.mounted("pki", max_lease_ttl="87600h"), self.vault.mounted("transit")
        self.vault.must("POST", f"{pki}/roles/servers", ROLE)
        self.text = DOCUMENT.format(
            address=self.vault.address, kv=self.kv, pki=pki, transit=transit, hooked=self.folder / "{node}.hooked"
        )
        for name in ("central", *NODES):
            (self.folder / name).mkdir()
            self.homes[name] = Home(path=self.folder / name)

    def change(self, old: str, new: str) -> None:
        """Changes the desired state, for everybody at once."""
        assert old in self.text
        self.text = self.text.replace(old, new)

    def central(self, command: str, *arguments: str, code: int = 0) -> Said:
        """What the place does that makes everything; it may do all."""
        self.monkeypatch.setenv("TOKEN", self.vault.root_token)
        return self._call("central", command, *arguments, code=code)

    def node(self, name: str, command: str, *arguments: str, code: int = 0) -> Said:
        """What a node does, with a token that may do what its policy says and nothing else."""
        home = self.homes[name]
        home.write(self.text)
        policy = home.call("vault", "policy", "--node", name)
        assert policy.code == 0, policy.log
        self.monkeypatch.setenv("TOKEN", self.vault.token(self.vault.policy(policy.out), no_default_policy=True))
        return self._call(name, command, "--node", name, *arguments, code=code)

    def _call(self, name: str, command: str, *arguments: str, code: int) -> Said:
        home = self.homes[name]
        home.write(self.text)
        said = home.call(command, *arguments)
        assert said.code == code, f"{said.out}\n{said.log}"
        return said

    def files(self, name: str) -> Mapping[str, bytes]:
        """What a node has, by path, without what is hidden."""
        root = self.homes[name].path
        found = ((str(path.relative_to(root)), path) for path in sorted((root / "etc").rglob("*")) if path.is_file())
        return {text: path.read_bytes() for text, path in found if "/." not in text}

    def hooked(self, name: str) -> int:
        """How often the hooks of a node's agent ran."""
        log = self.folder / f"{name}.hooked"
        return len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0

    def secret(self, path: str) -> dict[str, object]:
        """The latest version of a secret."""
        found = self.vault.must("GET", f"{self.kv}/data/{path}").data["data"]
        assert isinstance(found, dict)
        return found

    def put(self, path: str, data: dict[str, object] | None) -> None:
        """Writes a secret as somebody else would, or deletes it."""
        if data is None:
            self.vault.must("DELETE", f"{self.kv}/data/{path}")
        else:
            self.vault.must("POST", f"{self.kv}/data/{path}", {"data": data})

    def writes(self) -> list[str]:
        """What was written to the engines since the log was cleared, as far as the server tells."""
        entries = [] if self.vault.scripted is None else self.vault.scripted.log.entries()
        return [f"{each.method} {each.path}" for each in entries if each.method not in {"GET", "LIST"} and self.kv in each.path]
