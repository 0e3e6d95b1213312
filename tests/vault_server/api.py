"""A server as a test sees it, whichever it is: raw calls, and things in it that are taken away afterwards."""

from __future__ import annotations

import http.client
import json
import secrets
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

from tests.vault_server.server import VaultServer


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer."""

    status: int
    raw: bytes
    headers: Mapping[str, str]

    @property
    def body(self) -> Mapping[str, object]:
        """The JSON; empty without one."""
        if not self.raw:
            return {}
        found = json.loads(self.raw)
        assert isinstance(found, dict)
        return found

    @property
    def data(self) -> dict[str, object]:
        """What is under ``data``."""
        return _object(self.body.get("data"))

    @property
    def auth(self) -> dict[str, object]:
        """What is under ``auth``."""
        return _object(self.body.get("auth"))

    @property
    def errors(self) -> list[str]:
        """What is under ``errors``."""
        return _texts(self.body.get("errors"))

    @property
    def warnings(self) -> list[str]:
        """What is under ``warnings``."""
        return _texts(self.body.get("warnings"))


class Vault:
    """Raw calls; what is made by the methods here has a name of its own, and `clean` takes it away."""

    def __init__(
        self, address: str, root_token: str, *, ca_file: Path | None = None, scripted: VaultServer | None = None
    ) -> None:
        """Takes where it is.

        Args:
            address: ``http://…`` or ``https://…``.
            root_token: may do everything.
            ca_file: the CAs that it is checked against.
            scripted: our own server, when it is that one.
        """
        self.address: Final = address
        self.root_token: Final = root_token
        self.ca_file: Final = ca_file
        self.scripted: Final = scripted
        self._undo: list[Callable[[], object]] = []

    def call(  # noqa: PLR0917  (reads as a request does)
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        token: str | None = None,
        namespace: str = "",
        params: Mapping[str, str] | None = None,
        certificate: tuple[Path, Path] | None = None,
    ) -> Reply:
        """Sends a request, and reads the answer whatever it is."""
        given = self.root_token if token is None else token
        headers = {
            **({"X-Vault-Token": given} if given else {}),
            **({"X-Vault-Namespace": namespace} if namespace else {}),
        }
        query = f"?{urlencode(params)}" if params else ""
        return self._send(method, f"/v1/{path}{query}", body, headers, certificate)

    def control(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Mapping[str, object]:
        """Asks the scripted server in another process for what only tests may: see `tests.vault_server.control`."""
        reply = self._send(method, f"/test/{path}", body, {}, None)
        assert reply.status == 200, reply.raw
        return reply.body

    def _send(
        self,
        method: str,
        target: str,
        body: Mapping[str, object] | None,
        headers: Mapping[str, str],
        certificate: tuple[Path, Path] | None,
    ) -> Reply:
        place = urlsplit(self.address)
        connection: http.client.HTTPConnection
        if place.scheme == "https":
            context = ssl.create_default_context(cafile=str(self.ca_file))
            if certificate:
                context.load_cert_chain(*certificate)
            connection = http.client.HTTPSConnection(place.netloc, timeout=30, context=context)
        else:
            connection = http.client.HTTPConnection(place.netloc, timeout=30)
        kind = {"Content-Type": "application/json"} if body is not None else {}
        try:
            connection.request(method, target, json.dumps(body) if body is not None else None, {**headers, **kind})
            answer = connection.getresponse()
            return Reply(status=answer.status, raw=answer.read(), headers={k.lower(): v for k, v in answer.getheaders()})
        finally:
            connection.close()

    def must(self, method: str, path: str, body: Mapping[str, object] | None = None, *, namespace: str = "") -> Reply:
        """Sends a request as root that has to succeed."""
        reply = self.call(method, path, body, namespace=namespace)
        assert reply.status in {200, 204}, f"{method} {path}: {reply.status} {reply.raw!r}"
        return reply

    def mounted(self, kind: str, **config: object) -> str:
        """Mounts an engine, ``kv`` in version 2; returns the path."""
        name = f"{kind}-{secrets.token_hex(4)}"
        options = {"options": {"version": "2"}} if kind == "kv" else {}
        self.must("POST", f"sys/mounts/{name}", {"type": kind, "config": config, **options})
        self._undo.append(lambda: self.call("DELETE", f"sys/mounts/{name}"))
        return name

    def auth(self, kind: str) -> str:
        """Mounts an auth method; returns the path."""
        name = f"{kind}-{secrets.token_hex(4)}"
        self.must("POST", f"sys/auth/{name}", {"type": kind})
        self._undo.append(lambda: self.call("DELETE", f"sys/auth/{name}"))
        return name

    def policy(self, text: str) -> str:
        """Writes a policy; returns its name."""
        name = f"policy-{secrets.token_hex(4)}"
        self.must("POST", f"sys/policies/acl/{name}", {"policy": text})
        self._undo.append(lambda: self.call("DELETE", f"sys/policies/acl/{name}"))
        return name

    def namespace(self) -> str:
        """Makes a namespace; returns its path."""
        name = f"ns-{secrets.token_hex(4)}"
        self.must("POST", f"sys/namespaces/{name}", {})
        self._undo.append(lambda: self.call("DELETE", f"sys/namespaces/{name}"))
        return name

    def token(self, *policies: str, **fields: object) -> str:
        """Makes a token with policies and an hour to live; returns it."""
        reply = self.must("POST", "auth/token/create", {"ttl": "1h", **fields, "policies": list(policies)})
        made = str(reply.auth["client_token"])
        self._undo.append(lambda: self.call("POST", "auth/token/revoke", {"token": made}))
        return made

    def allowed(self, rules: Mapping[str, tuple[str, ...]]) -> str:
        """A token that may do what a mapping from paths to capabilities says."""
        text = "".join(
            f'path "{path}" {{\n  capabilities = [{", ".join(f"{chr(34)}{name}{chr(34)}" for name in names)}]\n}}\n'
            for path, names in rules.items()
        )
        return self.token(self.policy(text))

    def approle(self, *policies: str, **fields: object) -> tuple[str, str, str]:
        """Makes an AppRole; returns its mount, a role id and a secret id."""
        mount = self.auth("approle")
        self.must("POST", f"auth/{mount}/role/tester", {"token_policies": list(policies), **fields})
        role_id = self.must("GET", f"auth/{mount}/role/tester/role-id").data["role_id"]
        secret_id = self.must("POST", f"auth/{mount}/role/tester/secret-id", {}).data["secret_id"]
        return mount, str(role_id), str(secret_id)

    def clean(self) -> None:
        """Takes away what was made, the last first."""
        while self._undo:
            self._undo.pop()()


def _object(found: object) -> dict[str, object]:
    assert found is None or isinstance(found, dict)
    return found or {}


def _texts(found: object) -> list[str]:
    assert found is None or isinstance(found, list)
    return [str(text) for text in found or ()]
