"""A TLS server with our apiserver certificate knows the holder of our admin kubeconfig, as kube-apiserver would."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.real.cluster import REPOSITORY, Cluster, make_cluster
from tests.real.kubeconfigs import Extracted, extract


class WhoAmI(http.server.BaseHTTPRequestHandler):
    """Answers with the names in the client's certificate."""

    timeout = 10

    def do_GET(self) -> None:
        """Says who the client is."""
        connection = self.connection
        assert isinstance(connection, ssl.SSLSocket)
        certificate: Any = connection.getpeercert()
        names = [pair for relative in certificate["subject"] for pair in relative]
        body = json.dumps(
            {
                "user": [value for kind, value in names if kind == "commonName"],
                "groups": [value for kind, value in names if kind == "organizationName"],
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stays quiet."""


class TlsServer(http.server.ThreadingHTTPServer):
    """Shakes hands in the thread of the connection, and takes a failed handshake as the refusal that it is."""

    daemon_threads = True
    context: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's own types
        """Speaks TLS, then HTTP."""
        try:
            with self.context.wrap_socket(request, server_side=True) as connection:
                super().finish_request(connection, client_address)
        except (ssl.SSLError, ConnectionError):
            return


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The server's port and the cluster it belongs to."""

    cluster: Cluster
    port: int
    admin: Extracted


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server that stands for the kube-apiserver of cp-1."""
    home = tmp_path_factory.mktemp("kube-client")
    cluster = make_cluster(home, (REPOSITORY / "cluster-pki.example.yaml").read_text(encoding="utf-8"))
    cluster.apply()
    paths = cluster.paths("component.apiserver[cp-1]")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paths["certificate"], paths["key"])
    context.load_verify_locations(cluster.paths("bundle.kubernetes[w-1]")["bundle"])
    context.verify_mode = ssl.CERT_REQUIRED
    server = TlsServer(("127.0.0.1", 0), WhoAmI)
    server.context = context
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        admin = extract(cluster.paths("kubeconfig.admin[cp-1]")["kubeconfig"], home / "admin")
        yield Api(cluster=cluster, port=server.server_address[1], admin=admin)
    finally:
        server.shutdown()
        server.server_close()


ADMIN: Final = {"user": ["kubernetes-admin"], "groups": ["kubeadm:cluster-admins"]}


def test_python_is_let_in_and_recognised(api: Api) -> None:
    """The server name is checked by the client, the client's CN and O are read by the server."""
    context = ssl.create_default_context(cafile=str(api.admin.roots))
    # What Python 3.13 made the default: RFC 5280 to the letter.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.load_cert_chain(api.admin.certificate, api.admin.key)
    with (
        socket.create_connection(("127.0.0.1", api.port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="kubernetes.default.svc.cluster.local") as connection,
    ):
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == ADMIN


def test_curl_is_let_in_under_the_name_in_the_kubeconfig(api: Api) -> None:
    """Curl reaches the host that the kubeconfig names, with the kubeconfig's roots, certificate and key."""
    host = urlsplit(api.admin.server).hostname
    done = _curl(api, f"https://{host}:{api.port}/", "--resolve", f"{host}:{api.port}:127.0.0.1", admin=api.admin)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ADMIN


@pytest.mark.parametrize("with_certificate", [False, True])
def test_curl_is_refused(api: Api, tmp_path: Path, with_certificate: bool) -> None:
    """Without a certificate, and with one of the etcd CA, nobody gets in."""
    paths = api.cluster.paths("component.apiserver-etcd-client[cp-1]")
    stranger = Extracted(certificate=paths["certificate"], key=paths["key"], roots=api.admin.roots, server=str(tmp_path))
    host = "kubernetes.default"
    resolve = ("--resolve", f"{host}:{api.port}:127.0.0.1")
    done = _curl(api, f"https://{host}:{api.port}/", *resolve, admin=stranger if with_certificate else None)
    assert done.returncode != 0
    assert done.stdout == ""


def _curl(api: Api, url: str, *options: str, admin: Extracted | None) -> subprocess.CompletedProcess[str]:
    credentials = () if admin is None else ("--cert", str(admin.certificate), "--key", str(admin.key))
    return subprocess.run(
        ["curl", "--silent", "--show-error", "--noproxy", "*", "--cacert", str(api.admin.roots), *credentials, *options, url],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
