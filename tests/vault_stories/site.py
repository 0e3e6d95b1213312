"""A cluster whose PKI is in Vault, wholly or in part: a home, a server, and the commands as a user runs them."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from unittest import mock

from cryptography import x509

from reconciler.issuers.keyrings import keyring_of
from reconciler.vault.sparing import SparingClient
from tests.inprocess import Home, Said
from tests.vault_server.api import Vault
from tests.vault_server.script import Script

#: Commands that take the time.
_CLOCKS: Final = ("apply", "plan", "status", "show")
_KEY: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\\?\n(.*?)-----END", re.DOTALL)
#: What signs in a mount for stories that are about something else.
ROLE: Final[Mapping[str, object]] = {
    "allow_any_name": True,
    "enforce_hostnames": False,
    "key_type": "any",
    "max_ttl": "9000h",
    "server_flag": False,
    "client_flag": False,
    "ext_key_usage": ["ServerAuth"],
    "key_usage": ["DigitalSignature"],
    "use_csr_common_name": True,
    "use_csr_sans": True,
    "cn_validations": ["disabled"],
}


@dataclass(kw_only=True, repr=False)
class Site:
    """One desired state in a home, with a server behind its connection ``main``."""

    vault: Vault
    home: Home
    document: dict[str, Any]
    kv: str
    """Mounts of the server."""
    offset: timedelta = timedelta()
    """By which our clock is ahead."""
    slept: list[float] = field(default_factory=list)
    """Seconds that the program would have waited."""
    told: list[str] = field(default_factory=list)
    """Everything that any command said."""
    tokens: list[str] = field(default_factory=list)
    """What must not be in any of it."""

    @property
    def path(self) -> Path:
        """The directory of it all."""
        return self.home.path

    @property
    def script(self) -> Script:
        """What goes wrong with the scripted server."""
        assert self.vault.scripted is not None
        return self.vault.scripted.script

    def now(self) -> datetime:
        """Our clock."""
        return datetime.now(UTC) + self.offset

    def passes(self, **amount: float) -> None:
        """Time passes for us."""
        self.offset += timedelta(**amount)

    # What is desired.

    def write(self, **sections: Any) -> None:  # noqa: ANN401 - any section
        """Merges entries into sections of the desired state; an entry of None is taken out."""
        for section, entries in sections.items():
            if not isinstance(entries, dict) or section == "lock":
                self.document[section] = entries
                continue
            held = self.document.setdefault(section, {})
            for name, fields in entries.items():
                if fields is None:
                    held.pop(name, None)
                else:
                    held[name] = {**held.get(name, {}), **fields} if isinstance(fields, dict) else fields
        self.document = json.loads(json.dumps(self.document))  # no two places are one object: anchors are no part of the format
        self.home.write(self.document)

    def login(self, token: str) -> None:
        """From now on this is our token."""
        self.tokens.append(token)
        (self.path / "token").write_text(f"{token}\n", encoding="utf-8")

    # What is run.

    def call(self, command: str, *arguments: str) -> Said:
        """Runs a command; a traceback is never an answer."""
        with self.in_place():
            said = self.home.call(command, *arguments)
        self.told += [said.out, said.log]
        assert "Traceback" not in said.out + said.log, said.log
        return said

    def apply(self, *arguments: str, code: int = 0) -> Said:
        """Applies."""
        said = self.call("apply", "--auto-approve", *arguments)
        assert said.code == code, f"exit code {said.code}\n{said.out}{said.log}"
        return said

    def plan(self, *arguments: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """What a plan would do: class and reasons by address."""
        said = self.call("plan", "--format", "json", *arguments)
        assert said.out, said.log
        return said.changes()

    def troubles(self, *arguments: str) -> dict[str, str]:
        """What a plan complains of: code and summary."""
        said = self.call("plan", "--format", "json", *arguments)
        return {entry["code"]: entry["summary"] for entry in said.json["diagnostics"]}

    def settled(self, *arguments: str) -> None:
        """Nothing is left to do, and nothing is complained of."""
        said = self.call("plan", "--detailed-exitcode", *arguments)
        assert said.code == 0, said.out + said.log
        assert "No changes" in said.out, said.out

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The program on our clock, and with waits that are over at once."""
        with ExitStack() as stack:
            for command in _CLOCKS:
                stack.enter_context(mock.patch(f"reconciler.cli.{command}.wall_clock", side_effect=self.now))
            client = partial(SparingClient, sleep=self._sleep, monotonic=self._elapsed)
            stack.enter_context(mock.patch("reconciler.vault.clients.SparingClient", client))
            keyring = partial(keyring_of, sleep=self._sleep, now=self.now)
            stack.enter_context(mock.patch("reconciler.issuers.keyrings.keyring_of", keyring))
            yield

    def _elapsed(self) -> float:
        return time.monotonic() + sum(self.slept) + self.offset.total_seconds()

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    # What is there.

    def file(self, path: str) -> Path:
        """A file on disk."""
        return self.path / path

    def secret(self, path: str, version: int = 0) -> dict[str, Any]:
        """A secret of our prefix."""
        return self.stored(path, version)["data"]  # type: ignore[no-any-return]

    def stored(self, path: str, version: int = 0) -> dict[str, Any]:
        """The same with its metadata."""
        query = {"version": str(version)} if version else None
        reply = self.vault.call("GET", f"{self.kv}/data/site/{path}", params=query)
        assert reply.status == 200, f"{path}: {reply.status} {reply.errors}"
        return reply.data

    def version(self, path: str) -> int:
        """How many versions a secret has had."""
        return int(self.stored(path)["metadata"]["version"])

    def put(self, path: str, data: Mapping[str, object]) -> None:
        """Somebody else writes a secret."""
        self.vault.must("POST", f"{self.kv}/data/site/{path}", {"data": data})

    def secrets(self, folder: str = "") -> dict[str, dict[str, Any]]:
        """All that live, by path."""
        found: dict[str, dict[str, Any]] = {}
        reply = self.vault.call("LIST", f"{self.kv}/metadata/site/{folder}")
        for name in map(str, list(reply.data.get("keys") or ()) if reply.status == 200 else ()):  # type: ignore[call-overload]
            path = f"{folder}{name}"
            if name.endswith("/"):
                found |= self.secrets(path)
            elif self.vault.call("GET", f"{self.kv}/data/site/{path}").status == 200:
                found[path] = self.secret(path)
        return found

    def certificate(self, path: str) -> x509.Certificate:
        """A certificate, on disk or in KV."""
        return x509.load_pem_x509_certificates(self.pem(path).encode())[0]

    def serial(self, path: str) -> int:
        """Its serial number."""
        return self.certificate(path).serial_number

    def pem(self, path: str) -> str:
        """A certificate and what is served with it."""
        file = self.file(f"{path}.crt")
        if file.exists():
            return file.read_text()
        data = self.secret(path)
        return str(data["certificate"]) + str(data.get("chain", ""))

    def verifies(self, leaf: str, trust: str) -> None:
        """openssl, knowing nothing but a bundle, accepts what a component presents."""
        served = self.path / "served.pem"
        served.write_text(self.pem(leaf), encoding="ascii")
        arguments = (
            "verify",
            "-attime",
            str(int(self.now().timestamp())),
            "-CAfile",
            str(self.file(trust)),
            "-untrusted",
            str(served),
        )
        done = subprocess.run(("openssl", *arguments, str(served)), capture_output=True, check=False, timeout=60)
        assert b": OK" in done.stdout, (done.stdout + done.stderr).decode()

    def live(self, mount: str) -> dict[str, int]:
        """How many certificates of a mount live and are not revoked, by their key, as the server has it; CAs apart."""
        reply = self.vault.call("LIST", f"{mount}/certs")
        found: dict[str, int] = {}
        for serial in map(str, list(reply.data.get("keys") or ()) if reply.status == 200 else ()):  # type: ignore[call-overload]
            entry = self.vault.must("GET", f"{mount}/cert/{serial}").data
            parsed = x509.load_pem_x509_certificate(str(entry["certificate"]).encode())
            basic = [each.value for each in parsed.extensions if isinstance(each.value, x509.BasicConstraints)]
            if not entry.get("revocation_time") and not any(each.ca for each in basic):
                key = x509.SubjectKeyIdentifier.from_public_key(parsed.public_key()).digest.hex()
                found[key] = found.get(key, 0) + 1
        return found

    def role(self, mount: str, **fields: object) -> str:
        """The role ``servers`` of a PKI mount; returns its name."""
        name = "servers"
        self.vault.must("POST", f"{mount}/roles/{name}", {**ROLE, **fields})
        return name

    def pki(self) -> str:
        """A PKI mount where CAs may live long."""
        return self.vault.mounted("pki", max_lease_ttl="200000h", default_lease_ttl="200000h")

    def secrecy(self) -> None:
        """No key and no token is in anything that was said or that is remembered."""
        keys = [text for data in self.secrets().values() for text in map(str, data.values())]
        folders = (each for each in self.path.rglob("*") if each.is_file() and self.path / "state" not in each.parents)
        keys += [each.read_bytes().decode(errors="replace") for each in folders]
        lines = {max(body.split(), key=len) for text in keys for body in _KEY.findall(text)}
        kept = [each.read_text(errors="replace") for each in (self.path / "state").rglob("*") if each.is_file()]
        for text in (*self.told, *kept):
            for canary in (*lines, *self.tokens):
                assert canary not in text


@contextmanager
def site(vault: Vault, path: Path, **sections: dict[str, Any]) -> Iterator[Site]:
    """A site with a store in KV (``kv``) beside the disk; afterwards nothing secret was said."""
    kv = vault.mounted("kv")
    document: dict[str, Any] = {
        "apiVersion": "cluster-pki/v1",
        "cluster": f"s{secrets.token_hex(3)}",
        "connections": {
            "main": {"type": "vault", "addresses": [vault.address], "auth": {"method": "token", "tokenFile": "/token"}},
        },
        "stores": {
            "files": {"type": "file", "root": "/"},
            "kv": {"type": "vault-kv", "connection": "main", "mount": kv, "prefix": "site"},
        },
    }
    if vault.ca_file is not None:
        (path / "vault-ca.pem").write_bytes(vault.ca_file.read_bytes())
        document["connections"]["main"]["caFile"] = "/vault-ca.pem"
    made = Site(vault=vault, home=Home(path=path), document=document, kv=kv)
    made.login(vault.token("root"))
    made.write(**sections)
    yield made
    made.secrecy()


def server(ca: str, name: str, **more: object) -> dict[str, Any]:
    """A component that serves a name."""
    return {"ca": ca, "usages": ["server auth"], "sans": {"dns": [f"{name}.test"]}, "path": f"pki/{name}", **more}


def in_pki(mount: str, **more: object) -> dict[str, Any]:
    """The issuer of a CA in a PKI engine."""
    return {"issuer": {"vault": {"connection": "main", "mount": mount, **more}}}


def in_transit(mount: str, name: str = "ca") -> dict[str, Any]:
    """The key of a CA in a transit engine."""
    return {"transit": {"connection": "main", "mount": mount, "name": name}}


def entries(said: Said) -> list[dict[str, Any]]:
    """What a plan in JSON complains of."""
    return list(json.loads(said.out)["diagnostics"])
