"""A real nginx beside a real reconciler: ten renewals under load, and a hook that is broken and mended again."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from tests.apply.hooks.occasions import script
from tests.real.cluster import PROGRAM, Cluster, environment, make_cluster
from tests.real.etcd import free_ports

WEB: Final = "component.web"
RENEWALS: Final = 10
#: A loaded machine may take long; a failure shows what the reconciler said.
WITHIN: Final = 60.0
DESIRED: Final = """\
apiVersion: cluster-pki/v1
cluster: web
cas:
  web: {{path: ca}}
components:
  web:
    ca: web
    usages: [server auth]
    sans: {{dns: [web.example.com], ip: [127.0.0.1]}}
    path: web
    reissue: "0"
    after:
      - exec: ["{check}"]
      - signal: {{pidfile: /nginx.pid, name: HUP}}
    probe: {{address: "127.0.0.1:{port}", serverName: web.example.com}}
"""
#: Everything of its own, so that nothing of an nginx of this machine is touched.
CONFIGURATION: Final = """\
daemon off;
pid {home}/root/nginx.pid;
error_log {home}/error.log warn;
worker_processes 1;
events {{}}
http {{
  access_log off;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {home}/root/web.crt;
    ssl_certificate_key {home}/root/web.key;
    location / {{ return 200 "served"; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """A cluster with one web server, and a reconciler that follows its desired state."""

    cluster: Cluster
    port: int
    check: Path
    """The first of its two hooks."""
    served: Counter[str] = field(default_factory=Counter)
    """Requests of the load by the fingerprint of the certificate that answered."""
    failed: list[Exception] = field(default_factory=list)
    """Requests of the load that did not go well."""

    def renew(self, number: int) -> None:
        """Asks for a new certificate, as an editor saves a file."""
        text = re.sub(r'reissue: ".*"', f'reissue: "{number}"', self.cluster.file.read_text(encoding="utf-8"))
        fresh = self.cluster.file.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.rename(self.cluster.file)

    def on_disk(self) -> str:
        """Fingerprint of the certificate on disk."""
        text = (self.cluster.root / "web.crt").read_text(encoding="ascii")
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()

    def request(self) -> str:
        """One request on a connection of its own; gives the fingerprint of the certificate that answered."""
        context = ssl.create_default_context(cafile=str(self.cluster.root / "ca.crt"))
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=20) as plain,
            context.wrap_socket(plain, server_hostname="web.example.com") as secured,
        ):
            secured.sendall(b"GET / HTTP/1.1\r\nHost: web.example.com\r\nConnection: close\r\n\r\n")
            answer = b""
            while part := secured.recv(4096):
                answer += part
            assert (answer[:13], answer[-6:]) == (b"HTTP/1.1 200 ", b"served"), answer
            return hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()

    def told(self) -> tuple[str | None, list[dict[str, Any]]]:
        """What the reconciler last reported of the web server: what it serves, and which hooks are owed."""
        try:
            text = (self.cluster.home / "state/status.json").read_bytes()
        except FileNotFoundError:
            return None, []
        status = msgspec.json.decode(text, type=dict[str, Any])
        return next((one.get("served") for one in status["resources"] if one["address"] == WEB), None), status["hooks"]

    def wait_until(self, what: str, happens: Callable[[], bool]) -> None:
        """Waits for it; fails with what the reconciler said."""
        deadline = time.monotonic() + WITHIN
        while not happens():
            if time.monotonic() > deadline:
                said = (self.cluster.home / "reconciler.log").read_text(encoding="utf-8")
                msg = f"not {what} within {WITHIN:.0f} s\n{said[-8000:]}"
                raise AssertionError(msg)
            time.sleep(0.05)

    @contextmanager
    def under_load(self) -> Iterator[None]:
        """Requests without a pause."""
        ending = threading.Event()

        def loop() -> None:
            while not ending.is_set():
                try:
                    self.served[self.request()] += 1
                except (OSError, AssertionError) as error:
                    self.failed.append(error)

        thread = threading.Thread(target=loop)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()


@contextmanager
def process(*command: str, log: Path) -> Iterator[None]:
    """A program that runs until it is asked to end."""
    with log.open("wb") as output:
        started = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment())
    try:
        yield
    finally:
        started.terminate()
        started.wait(timeout=20)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    """The first certificate is applied, nginx serves it, and a reconciler is at work."""
    nginx = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert nginx is not None, "the tests need nginx; as root: apt-get install nginx-light"
    (port,) = free_ports("127.0.0.1", 1)
    check = Path(script(tmp_path / "check", "exit 0"))
    cluster = make_cluster(tmp_path, DESIRED.format(check=check, port=port))
    # Nothing runs yet that would have to be told: its hook is skipped, and that is no failure.
    cluster.apply()
    made = Web(cluster=cluster, port=port, check=check)
    (tmp_path / "nginx.conf").write_text(CONFIGURATION.format(home=tmp_path, port=port), encoding="utf-8")
    places = ("-f", str(cluster.file), "--root", str(cluster.root), "--state-dir", str(tmp_path / "state"))
    with (
        process(nginx, "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "error.log"), log=tmp_path / "nginx.log"),
        process(*PROGRAM, "run", "--worktree", "--listen", "off", *places, log=tmp_path / "reconciler.log"),
    ):
        made.wait_until("answered", lambda: _answers(made))
        made.wait_until("looked at", lambda: made.told() == ("ok", []))
        yield made


def _answers(web: Web) -> bool:
    with suppress(ConnectionRefusedError):
        return web.request() == web.on_disk()
    return False


def test_ten_renewals_under_load(web: Web) -> None:
    """Each new certificate is served soon after it is asked for, and not one request fails on the way.

    Half of them are asked for in the desired state, half by hand beside the reconciler: it has a budget for each address.
    """
    renewed = [web.on_disk()]
    with web.under_load():
        for number in range(1, RENEWALS + 1):
            if number % 2:
                web.cluster.run("apply", "--auto-approve", "--replace", WEB, "--lock-timeout", "30s")
            else:
                web.renew(number)
            web.wait_until(f"renewed {number}", lambda: web.on_disk() != renewed[-1])
            web.wait_until(f"served {number}", lambda: web.on_disk() in web.served)
            renewed.append(web.on_disk())
    assert web.failed == []
    assert (len(set(renewed)), set(web.served)) == (RENEWALS + 1, set(renewed))
    web.wait_until("settled", lambda: web.told() == ("ok", []))


def test_a_broken_hook(web: Web) -> None:
    """The status says that the old one is served; when the hook is mended, nobody has to do anything else."""
    before = web.on_disk()
    with web.under_load():
        script(web.check, "echo the new certificate is not to be used; exit 1")
        web.renew(1)
        web.wait_until("told", lambda: web.told()[0] == "stale")
        ((hook,),) = web.told()[1:]
        assert (hook["address"], hook["state"], hook["hook"], hook["detail"], hook["output"]) == (
            WEB,
            "failing",
            f"exec {web.check}",
            "It exited with status 1.",
            "the new certificate is not to be used",
        )
        assert (web.request(), web.on_disk() != before) == (before, True)
        script(web.check, "exit 0")
        web.wait_until("recovered", lambda: web.on_disk() in web.served)
    assert (web.failed, set(web.served)) == ([], {before, web.on_disk()})
    web.wait_until("settled", lambda: web.told() == ("ok", []))
