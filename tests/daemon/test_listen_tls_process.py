"""Status over HTTP and TLS from the running process: its own certificate, renewed while it runs, and who may look."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from cryptography import x509

from tests.daemon.followed import server, text
from tests.daemon.running import Place, Running, running

READY: Final = ("True", "ReconciliationSucceeded")


def document(**more: object) -> str:
    """A server on loopback, a client, and a bundle that vouches for both."""
    components = {
        "api": server("api", sans={"dns": ["api.test"], "ip": ["127.0.0.1"]}, **more),
        "client": server("client", usages=["client auth"], sans={}),
        "inside": {"ca": "main", "usages": ["client auth"]},
    }
    bundles = {"trust": {"cas": ["main"], "path": "trust.crt"}}
    inside = {"component": "inside", "bundle": "trust", "server": "https://a:1", "path": "inside.conf"}
    parts = {"components": components, "bundles": bundles, "kubeconfigs": {"inside": inside}}
    return yaml.safe_dump(yaml.safe_load(text()) | parts)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """That desired state in a repository."""
    place = Place(home=tmp_path, git=True)
    place.write(document())
    return place


def port_of(one: Running) -> int:
    """Where it says that it serves."""
    told = re.compile(r"status at https?://127\.0\.0\.1:(\d+)/")
    one.wait_for(lambda: told.search(one.logged()))
    found = told.search(one.logged())
    assert found is not None
    return int(found[1])


class Visitor:
    """Somebody who looks, trusting the CA that the reconciler keeps."""

    def __init__(self, place: Place, port: int, *, client: str | None = None) -> None:
        """Takes where, and whose certificate to present."""
        files = place.root / "srv"
        self._port = port
        self._context = ssl.create_default_context(cafile=files / "ca/main.crt")
        if client is not None:
            self._context.load_cert_chain(files / f"pki/{client}.crt", files / f"pki/{client}.key")

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, context=self._context, timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def serial(self) -> int:
        """Of the certificate that is presented, verified."""
        with (
            socket.create_connection(("127.0.0.1", self._port), timeout=20) as line,
            self._context.wrap_socket(line, server_hostname="127.0.0.1") as secured,
        ):
            der = secured.getpeercert(binary_form=True)
            assert der is not None
            return x509.load_der_x509_certificate(der).serial_number


def on_disk(place: Place) -> int:
    """The serial number of its certificate."""
    return x509.load_pem_x509_certificate((place.root / "srv/pki/api.crt").read_bytes()).serial_number


def is_ready(place: Place) -> bool:
    """Whether everything is as it should be."""
    return place.conditions().get("Ready") == READY


def test_it_serves_with_a_certificate_that_it_renews_itself(place: Place) -> None:
    """From the first pass on, and the new one right after its renewal: no restart, no connection refused."""
    with running(place, "--listen-tls", "api", interval="1h", listen="127.0.0.1:0") as one:
        port = port_of(one)
        one.wait_for(lambda: is_ready(place))
        visitor = Visitor(place, port)
        first = visitor.serial()
        assert first == on_disk(place)
        one.wait_for(lambda: visitor.get("/readyz") == (200, b"ok\n"))
        status, body = visitor.get("/status")
        assert (status, b'"cluster":"run"' in body) == (200, True)
        place.write(document(reissue="again"))
        one.wait_for(lambda: on_disk(place) != first)
        assert visitor.serial() == on_disk(place)
        assert visitor.get("/healthz")[0] == 200
        assert one.stop() in {0, 143}
        with pytest.raises(OSError, match="refused"):
            visitor.serial()


def test_clients_prove_who_they_are(place: Place) -> None:
    """Health is open to all; more is for certificates of the bundle's CAs."""
    with running(place, "--listen-tls", "component.api", "--listen-client-ca", "trust", listen="127.0.0.1:0") as one:
        port = port_of(one)
        one.wait_for(lambda: is_ready(place))
        anybody, known = Visitor(place, port), Visitor(place, port, client="client")
        one.wait_for(lambda: anybody.get("/readyz")[0] == 200)
        paths = ("/healthz", "/readyz", "/status", "/metrics", "/")
        assert [anybody.get(path)[0] for path in paths] == [200, 200, 403, 403, 403]
        assert [known.get(path)[0] for path in paths] == [200] * 5
        assert anybody.get("/status")[1] == b"a client certificate is needed\n"


USAGE: Final[list[tuple[tuple[str, ...], str]]] = [
    (("--listen", "0.0.0.0:0"), "Add --listen-tls COMPONENT to serve by TLS, or listen on 127.0.0.1"),
    (("--listen", "nonsense"), "write 127.0.0.1:9808, [::1]:9808 or off"),
    (("--listen", "127.0.0.1:0", "--listen-client-ca", "trust"), "--listen-client-ca needs --listen-tls COMPONENT"),
    (("--listen", "127.0.0.1:0", "--listen-tls", "nobody"), "there is no such component here"),
    (("--listen", "127.0.0.1:0", "--listen-tls", "inside"), "it lives inside a kubeconfig; name a component with a path"),
    (
        ("--listen", "127.0.0.1:0", "--listen-tls", "api", "--listen-client-ca", "nothing"),
        "there is no such bundle here; declare it under `bundles`",
    ),
    (("--events-webhook", "ftp://h/"), "--events-webhook: an events webhook is an http:// or https:// URL"),
]


@pytest.mark.parametrize(("options", "message"), USAGE, ids=[" ".join(options) for options, _ in USAGE])
def test_what_cannot_be_served_is_a_usage_error(options: tuple[str, ...], message: str, place: Place) -> None:
    """Exit 64 before anything is made, with the way out."""
    listen = () if "--listen" in options else ("--listen", "off")
    said = place.command("run", *listen, *options, expect=64)
    assert message in said.stderr
    assert not (place.root / "srv").exists()


def test_a_place_that_is_taken_is_a_usage_error_when_it_was_asked_for(place: Place) -> None:
    """Whoever named it waits for an answer there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: Any = taken.getsockname()[1]
        said = place.command("run", "--listen", f"127.0.0.1:{port}", expect=64)
    assert f"--listen 127.0.0.1:{port}: Address already in use" in said.stderr
