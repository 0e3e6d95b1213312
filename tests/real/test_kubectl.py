"""kubectl reads every kubeconfig and every Kubernetes object that we write, and works with them."""

from __future__ import annotations

import base64
import http.server
import json
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import kubernetes_validate  # type: ignore[import-untyped]  # it has no types
import pytest
import yaml

from reconciler.x509.kubeconfig_merge import merge, without
from tests.real.cluster import REPOSITORY, Cluster, make_cluster
from tests.real.test_kube_client import TlsServer
from tests.requesting import csr, manifest
from tests.x509.test_kubeconfig_merge import FORMS, NAMES, OURS

RELEASES: Final = ("1.25", "1.36")
_GROUP: Final = {"groupVersion": "certificates.k8s.io/v1", "version": "v1"}
#: As much of an API server's discovery as kubectl asks for before it looks at an object.
_DISCOVERY: Final[dict[str, dict[str, Any]]] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [{"name": "certificates.k8s.io", "versions": [_GROUP], "preferredVersion": _GROUP}],
    },
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": []},
    "/apis/certificates.k8s.io/v1": {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": "certificates.k8s.io/v1",
        "resources": [
            {
                "name": "certificatesigningrequests",
                "singularName": "certificatesigningrequest",
                "namespaced": False,
                "kind": "CertificateSigningRequest",
                "verbs": ["create", "get", "list"],
            }
        ],
    },
}


class Api(http.server.BaseHTTPRequestHandler):
    """Answers discovery, and says who the client is by its certificate; nobody without one is let in."""

    timeout = 10

    def do_GET(self) -> None:
        """One answer."""
        assert isinstance(self.connection, ssl.SSLSocket)
        certificate: Any = self.connection.getpeercert()
        names = [pair for relative in certificate["subject"] for pair in relative]
        answer = _DISCOVERY.get(self.path.partition("?")[0]) or {
            "user": [value for kind, value in names if kind == "commonName"],
            "groups": sorted(value for kind, value in names if kind == "organizationName"),
        }
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stays quiet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A cluster, and where its API server answers."""

    cluster: Cluster
    server: str

    @property
    def jane(self) -> Path:
        """Her directory of kubeconfigs."""
        return self.cluster.home / "jane"


def document(server: str) -> str:
    """An API server, its administrator, and a person with two contexts in a file of her own."""
    return f"""\
apiVersion: cluster-pki/v1
cluster: demo
cas:
  kubernetes: {{path: ca}}
components:
  apiserver: {{ca: kubernetes, usages: [server auth], sans: {{ip: [127.0.0.1]}}, path: apiserver}}
  admin:
    ca: kubernetes
    usages: [client auth]
    subject: {{organizations: ["demo:admins"]}}
    lifetime: 8h
    path: admin
  bob: {{ca: kubernetes, usages: [client auth], subject: {{organizations: [dev]}}}}
bundles:
  kubernetes: {{cas: [kubernetes], path: bundle.crt}}
kubeconfigs:
  bob:
    component: bob
    bundle: kubernetes
    server: {server}
    clusterName: demo
    namespace: apps
    users: {{bob-admin: {{component: admin}}}}
    contexts: {{admin: {{user: bob-admin, namespace: kube-system}}}}
    path: bob/config
    merge: true
policy:
  requests: {{groups: [dev]}}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The cluster, made, with its API server up, and a foreign entry in bob's file."""
    home = tmp_path_factory.mktemp("kubectl")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TlsServer(("127.0.0.1", 0), Api) as server:
        url = f"https://127.0.0.1:{server.server_port}"
        cluster = make_cluster(home, document(url))
        bob = cluster.root / "bob/config"
        bob.parent.mkdir(parents=True)
        bob.write_text(FORMS["block"], encoding="utf-8")
        cluster.apply()
        context.load_cert_chain(cluster.root / "apiserver.crt", cluster.root / "apiserver.key")
        context.load_verify_locations(cluster.root / "ca.crt")
        context.verify_mode = ssl.CERT_REQUIRED
        server.context = context
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Place(cluster=cluster, server=url)
        server.shutdown()
        thread.join()


def kubectl(config: Path, *arguments: str) -> str:
    """Runs kubectl with one kubeconfig and nothing of its own home; returns what it prints."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(config.parent), "KUBECONFIG": str(config)}
    done = subprocess.run(
        ["kubectl", "--request-timeout=10s", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def viewed(config: Path) -> dict[str, Any]:
    """What kubectl makes of a kubeconfig, data included."""
    return json.loads(kubectl(config, "config", "view", "--raw", "--output", "json"))  # type: ignore[no-any-return]


def test_every_kubeconfig_of_the_example_cluster(tmp_path: Path) -> None:
    """Kubectl shows what is in the file, and finds its one context."""
    cluster = make_cluster(tmp_path, (REPOSITORY / "cluster-pki.example.yaml").read_text(encoding="utf-8"))
    cluster.apply()
    found = [
        Path(resource["paths"]["kubeconfig"]) for resource in cluster.resources().values() if resource["type"] == "kubeconfig"
    ]
    for path in found:
        written = yaml.safe_load(path.read_text(encoding="utf-8"))
        seen = viewed(path)
        assert {key: seen[key] for key in written} == written
        assert kubectl(path, "config", "get-contexts", "--output", "name").split() == [written["current-context"]]
    assert len(found) > 10


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS.keys())
def test_a_merged_file_in_every_form(tmp_path: Path, text: str) -> None:
    """What kubectl saw before it sees afterwards, and our entries beside it; and the old again without them."""
    config = tmp_path / "config"
    config.write_bytes(text.encode())
    before = viewed(config)
    config.write_bytes(merge(text.encode(), OURS, {}))
    after = viewed(config)
    for section, names in NAMES.items():
        kept = [each for each in after[section] or [] if each["name"] not in names]
        assert (kept, len(after[section])) == (before[section] or [], len(before[section] or []) + len(names))
    assert after["current-context"] == (before["current-context"] or "jane@demo")
    config.write_bytes(without(config.read_bytes(), NAMES))
    assert viewed(config) == before


def test_bob_works_in_both_contexts(place: Place) -> None:
    """The server knows him by the certificate of each, and the namespaces are theirs."""
    config = place.cluster.root / "bob/config"
    who = {name: json.loads(kubectl(config, "--context", name, "get", "--raw", "/whoami")) for name in ("bob@demo", "admin")}
    assert who == {
        "bob@demo": {"user": ["bob"], "groups": ["dev"]},
        "admin": {"user": ["admin"], "groups": ["demo:admins"]},
    }
    table = kubectl(config, "config", "get-contexts", "--no-headers")
    assert sorted(line.split() for line in table.splitlines()) == [
        ["*", "kind", "kind", "kind"],
        ["admin", "demo", "bob-admin", "kube-system"],
        ["bob@demo", "demo", "bob", "apps"],
    ]


def test_what_kubectl_changes_is_no_drift(place: Place) -> None:
    """It writes the whole file anew in its own order; ours are still ours, and a namespace of ours is put right."""
    config = place.cluster.root / "bob/config"
    before = config.read_bytes()
    try:
        kubectl(config, "config", "use-context", "bob@demo")
        kubectl(config, "config", "set-cluster", "test", "--server", "https://127.0.0.1:2")
        kubectl(config, "config", "delete-context", "kind")
        place.cluster.plan(expect=0)
        kubectl(config, "config", "set-context", "bob@demo", "--namespace", "elsewhere")
        assert place.cluster.reasons() == {"kubeconfig.bob": ("OutputStale",)}
        place.cluster.apply()
        place.cluster.plan(expect=0)
        seen = viewed(config)
        contexts = {each["name"]: each["context"].get("namespace") for each in seen["contexts"]}
        assert (contexts, seen["current-context"]) == ({"admin": "kube-system", "bob@demo": "apps"}, "bob@demo")
        assert [each["name"] for each in seen["clusters"]] == ["demo", "kind", "test"]
    finally:
        config.write_bytes(before)


def test_a_request_becomes_access(place: Place) -> None:
    """``new``, ``approve``, ``apply``, ``get``: then kubectl is let in, and kubectl can read the other form as well."""
    cluster, config = place.cluster, place.jane / "config"
    cluster.run("requests", "new", "jane", "--group", "dev", "--kubeconfig", str(config), "--namespace", "apps")
    cluster.run("requests", "approve", "jane")
    cluster.apply()
    (place.jane / "jane.crt").write_text(cluster.run("requests", "get", "jane"), encoding="utf-8")
    (place.jane / "other").write_text(cluster.run("requests", "get", "jane", "--format", "kubeconfig"), encoding="utf-8")
    for path in (config, place.jane / "other"):
        assert json.loads(kubectl(path, "get", "--raw", "/whoami")) == {"user": ["jane"], "groups": ["dev"]}
        assert kubectl(path, "config", "current-context").strip() == "jane@demo"


def test_an_object_and_its_answer(place: Place) -> None:
    """The answer is the same object with a status: valid in the API's schema, and kubectl takes it."""
    cluster = place.cluster
    asked = yaml.safe_load(manifest(csr("/O=dev/CN=ann", holder="ann")))
    asked["metadata"]["name"] = "ann"
    (cluster.home / "requests").mkdir(exist_ok=True)
    (cluster.home / "requests/ann.yaml").write_text(yaml.safe_dump(asked), encoding="utf-8")
    section = "requests:\n  ann: {csr: requests/ann.yaml, approval: approved}\n"
    text = cluster.file.read_text(encoding="utf-8").replace("requests:\n  jane", f"{section}  jane")
    cluster.file.write_text(text if section in text else text + section, encoding="utf-8")
    cluster.apply()
    answer = cluster.home / "answer.yaml"
    answer.write_text(cluster.run("requests", "get", "ann", "--format", "yaml"), encoding="utf-8")
    found = yaml.safe_load(answer.read_text(encoding="utf-8"))
    shared = ("apiVersion", "kind", "spec")
    assert [found[key] for key in shared] == [asked[key] for key in shared]
    assert base64.b64decode(found["status"]["certificate"]).startswith(b"-----BEGIN CERTIFICATE-----\n")
    for release in RELEASES:
        kubernetes_validate.validate(found, release, strict=True)
    file = ("--filename", str(answer), "--output", "json")
    for command in (("create", "--validate=false"), ("label", "--local", "checked=yes")):
        text = kubectl(cluster.root / "bob/config", "--context", "admin", *command, "--dry-run=client", *file)
        assert json.loads(text)["status"]["certificate"] == found["status"]["certificate"]
