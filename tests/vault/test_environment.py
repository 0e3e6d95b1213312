"""What stands in the environment has no effect but for the variables that a connection names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.vault.hostile import http, serving
from tests.vault.scene import TOKEN, Vault, client_of, connection

DATA = http(200, {"data": {"value": 1}})


def test_nothing_of_the_environment_is_used(tmp_path: Path) -> None:
    """Proxies, netrc, bundles, and all that hvac would take; in a process of its own, as hvac looks when it is imported."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password stolen\n")
    (tmp_path / ".vault-token").write_text("hvs.of-somebody-else")
    with serving(Vault(a=DATA)) as server, serving(Vault(a=DATA)) as trap:
        proxies = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
        environ = {
            **dict.fromkeys(proxies, trap.url),
            "NETRC": str(netrc),
            "HOME": str(tmp_path),
            "REQUESTS_CA_BUNDLE": "/nowhere/ca.pem",
            "CURL_CA_BUNDLE": "/nowhere/ca.pem",
            "VAULT_ADDR": trap.url,
            "VAULT_TOKEN": "hvs.of-somebody-else",
            "VAULT_NAMESPACE": "of-somebody-else",
            "VAULT_CACERT": "/nowhere/ca.pem",
            "VAULT_CAPATH": "/nowhere",
            "VAULT_CLIENT_CERT": "/nowhere/client.pem",
            "VAULT_CLIENT_KEY": "/nowhere/client.key",
            "ROLE_ID": "ours",
            "SECRET_ID": "ours",
            "PATH": "/usr/bin:/bin",
        }
        code = (
            "import os, sys; sys.path.insert(0, '.')\n"
            "from tests.vault.scene import client_of, connection\n"
            f"with client_of(connection({server.url!r}, namespace='team-a'), environ=dict(os.environ)) as client:\n"
            "    print(client.read('a').data)\n"
        )
        root = Path(__file__).resolve().parents[2]
        done = subprocess.run(
            [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False, timeout=60, cwd=root
        )
        assert (done.stdout, done.stderr) == ("{'value': 1}\n", "")
        assert trap.connections == 0
        assert [each.line for each in server.requests] == [
            "POST /v1/auth/approle/login",
            "GET /v1/a",
            "POST /v1/auth/token/revoke-self",
        ]
        assert [each.token for each in server.requests] == ["", TOKEN, TOKEN]
        assert {each.headers.get("x-vault-namespace") for each in server.requests} == {"team-a"}
        assert {each.headers.get("x-vault-request") for each in server.requests} == {"true"}
        assert {each.headers.get("authorization") for each in server.requests} == {None}


def test_without_a_namespace_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even that of the variable which Vault's own program has for it."""
    monkeypatch.setenv("VAULT_NAMESPACE", "of-somebody-else")
    with serving(Vault(a=DATA)) as server, client_of(connection(server.url)) as client:
        client.read("a")
        assert {each.headers.get("x-vault-namespace") for each in server.requests} == {None}


def test_importing_the_client_imports_no_library() -> None:
    """Nor does having one: only a call needs hvac and requests."""
    code = (
        "import sys; from reconciler.vault.client import Client; import reconciler.vault.engines.kv\n"
        "from reconciler.desired.vault import Auth, Connection\n"
        "Client(Connection(name='main', addresses=('https://127.0.0.1:1',), auth=Auth(method='token')), environ={})\n"
        "print(sorted({'hvac', 'requests', 'urllib3'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n", "")
