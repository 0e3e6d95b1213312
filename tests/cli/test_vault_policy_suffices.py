"""The policy that is printed, given to a server: whatever its mode does gets through, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from reconciler.desired.vault import Auth, Connection
from reconciler.issuers.keyrings import keyring_of
from reconciler.vault.client import Client
from reconciler.vault.engines.kv import Kv, NoSecret, Secret
from reconciler.vault.engines.pki import Pki
from reconciler.vault.engines.transit import Transit
from reconciler.vault.errors import Kind, VaultError
from reconciler.x509.read import Certificate, read_certificates
from tests.desired.compiling import state_of
from tests.inprocess import Home, Said
from tests.vault_server.api import Vault

#: Signs whatever the desired state asks for.
ROLE: Final = {"allow_any_name": True, "key_type": "any", "server_flag": True, "client_flag": False, "max_ttl": "9000h"}
#: A CA of each kind with a list, a chain from the one to the other, keypairs, bundles, and a way out for each of them.
DOCUMENT: Final = """\
apiVersion: cluster-pki/v1
cluster: demo
connections:
  main: {{type: vault, addresses: ["{address}"], auth: {{method: token, tokenEnv: TOKEN}}}}
stores:
  kv: {{type: vault-kv, connection: main, mount: {kv}, prefix: clusters/demo}}
defaults: {{store: kv}}
cas:
  top:
    path: ca/top
    transit: {{connection: main, mount: {transit}, name: demo-top}}
    rotation: {{strategy: manual, retired: destroy}}
    crl: {{path: ca/top.crl}}
  mid:
    path: mid
    lifetime: 3y
    issuer: {{vault: {{connection: main, mount: {pki}, role: servers, create: true, parent: top}}}}
    rotation: {{strategy: manual, retired: destroy}}
    crl: {{path: mid.crl}}
components:
  web: {{ca: mid, usages: [server auth], sans: {{dns: [a.example.com]}}, path: web}}
  old: {{ca: mid, usages: [server auth], sans: {{dns: [b.example.com]}}, path: old}}
bundles: {{all: {{cas: [top], path: all.pem}}}}
keypairs: {{sa: {{path: sa}}}}
lock: {{connection: main, mount: {kv}, path: locks/demo}}
prune: true
"""


class Bench:
    """A server with empty engines, and a desired state that uses them."""

    def __init__(self, vault: Vault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.vault = vault
        self.home = Home(path=folder)
        self.kv, self.pki, self.transit = (
            vault.mounted("kv"),
            vault.mounted("pki", max_lease_ttl="87600h"),
            vault.mounted("transit"),
        )
        vault.must("POST", f"{self.pki}/roles/servers", ROLE)
        self.text = DOCUMENT.format(address=vault.address, kv=self.kv, pki=self.pki, transit=self.transit)
        self._setenv = monkeypatch.setenv

    def token(self, mode: str) -> str:
        """A token that has the policy of a mode and no other."""
        self.home.write(self.text)
        said = self.home.call("vault", "policy", "--mode", mode)
        assert said.code == 0, said.log
        return self.vault.token(self.vault.policy(said.out), no_default_policy=True)

    def run(self, mode: str, command: str, *arguments: str) -> Said:
        """Runs a command with such a token."""
        self._setenv("TOKEN", self.token(mode))
        if self.vault.scripted is not None:
            self.vault.scripted.log.clear()
        said = self.home.call(command, *arguments)
        assert said.code == 0, f"{said.out}\n{said.log}"
        assert self.refused() == []
        return said

    def refused(self) -> list[str]:
        """What the server has denied since the last command began, as far as it tells."""
        entries = [] if self.vault.scripted is None else self.vault.scripted.log.entries()
        return [f"{entry.method} {entry.path}" for entry in entries if entry.status == 403]

    def client(self, mode: str) -> Client:
        """A client with such a token."""
        connection = Connection(name="main", addresses=(self.vault.address,), auth=Auth(method="token", token_env="TOKEN"))  # noqa: S106 - the name of one
        return Client(connection, environ={"TOKEN": self.token(mode)})


@pytest.fixture
def bench(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Nothing is made yet."""
    return Bench(vault, tmp_path, monkeypatch)


def test_each_mode_does_its_work(bench: Bench) -> None:
    """Everything is made with the one, looked at with the other, replaced and removed with the third."""
    bench.run("create", "apply", "--auto-approve")
    assert "No changes." in bench.run("plan", "plan").out
    bench.text = bench.text.replace("  old:", "  new:").replace("path: old", "path: new")
    bench.run("apply", "apply", "--auto-approve")
    assert "No changes." in bench.run("plan", "plan").out
    bench.text = bench.text.replace("path: ca/top\n", "path: ca/top\n    generation: 2\n")
    bench.run("create", "apply", "--auto-approve")
    assert "No changes." in bench.run("plan", "plan").out


def test_what_is_retired_can_be_destroyed(bench: Bench) -> None:
    """Keys and issuers on the server, and secrets with all their versions."""
    bench.run("create", "apply", "--auto-approve")
    client, state = bench.client("create"), state_of(bench.text)
    for ca in state.cas.values():
        ring = keyring_of(ca, client, "demo")
        (held,) = ring.held()
        certificate = held.certificate or _certificate(bench, client)
        ring.destroy(certificate)
        assert ring.held() == ()
    kv = Kv(client, bench.kv)
    kv.purge_versions("clusters/demo/web", [1])
    assert kv.read("clusters/demo/web") == NoSecret(version=1, state="destroyed")
    kv.destroy("clusters/demo/mid")
    assert kv.read("clusters/demo/mid") == NoSecret(version=0, state="absent")


def _certificate(bench: Bench, client: Client) -> Certificate:
    """That of the CA whose key alone is on the server."""
    secret = Kv(client, bench.kv).read("clusters/demo/ca/top")
    assert isinstance(secret, Secret)
    return read_certificates(str(secret.data["certificate"]).encode())[0]


#: What a token of each mode must not do, by the first mode that may; None for nobody.
FORBIDDEN: Final[dict[str, tuple[str | None, Callable[[Bench, Client], object]]]] = {
    "write a secret": ("apply", lambda bench, client: Kv(client, bench.kv).write("clusters/demo/x", {}, cas=0)),
    "take the lock": ("apply", lambda bench, client: Kv(client, bench.kv).write("locks/demo", {}, cas=0)),
    "sign": ("apply", lambda bench, client: Transit(client, bench.transit).sign("demo-top-g1", 1, b"\0" * 32, "sha256")),
    "make a key": ("create", lambda bench, client: Transit(client, bench.transit).create("demo-top-g7", "ecdsa-p256")),
    "make a CA": ("create", lambda bench, client: Pki(client, bench.pki).generate_intermediate("internal", {"common_name": "x"})),
    "make a root": (None, lambda bench, client: Pki(client, bench.pki).generate_root("internal", {"common_name": "x"})),
    "read another secret": (None, lambda bench, client: Kv(client, bench.kv).read("clusters/other/web")),
    "write beside the prefix": (None, lambda bench, client: Kv(client, bench.kv).write("clusters/demo", {}, cas=0)),
    "read another key": (None, lambda bench, client: Transit(client, bench.transit).key("other-g1")),
    "sign by another role": (None, lambda bench, client: Pki(client, bench.pki).sign("default", "clients", {})),
    "change a role": (None, lambda bench, client: client.write(f"{bench.pki}/roles/servers", {})),
    "read a policy": (None, lambda _, client: client.list("sys/policies/acl")),
}


@pytest.mark.parametrize("mode", ["plan", "apply", "create"])
def test_nothing_else_gets_through(bench: Bench, mode: str) -> None:
    """A token that looks does not sign, and one that signs makes no CA; what is not ours is out of reach for all."""
    bench.run("create", "apply", "--auto-approve")
    client, modes = bench.client(mode), ("plan", "apply", "create")
    found = [what for what, (_, act) in FORBIDDEN.items() if not _denied(partial(act, bench, client))]
    allowed = [what for what, (first, _) in FORBIDDEN.items() if first is not None and modes.index(first) <= modes.index(mode)]
    assert found == allowed


def _denied(act: Callable[[], object]) -> bool:
    """Whether the policy is what stops a call."""
    try:
        act()
    except VaultError as error:
        return error.kind is Kind.DENIED
    return False
