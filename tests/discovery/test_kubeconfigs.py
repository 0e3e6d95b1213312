"""What entries of kubeconfigs hold, and what lies behind the paths in them."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from reconciler.cluster.model import Entry, Kubeconfig
from reconciler.observed.model import Absent, Certificates, CombinedPair, Key, Unusable
from tests.builders import make_ca, make_leaf
from tests.discovery.trees import node, tree

CA = make_ca()
LEAF = make_leaf(CA)
KEY, CRT = LEAF.key.pem(), LEAF.certificate.pem


def data(content: bytes) -> str:
    """As it stands behind ``-data``."""
    return b64encode(content).decode()


def entry(root: Path, user: str, files: dict[str, str | bytes]) -> Entry:
    """The entry of a kubeconfig with that user, among files."""
    text = f"users: [{{name: u, user: {{{user}}}}}]\nclusters: [{{name: c, cluster: {{certificate-authority: ca.crt}}}}]\n"
    tree(root, {"root/.kube/config": text, **files})
    content = node(root).files["/root/.kube/config"].content
    assert isinstance(content, Kubeconfig)
    return content.entries[0]


@pytest.mark.parametrize(
    ("user", "files", "certificate", "key"),
    [
        (f"client-certificate-data: {data(CRT)}, client-key-data: {data(KEY)}", {}, Certificates, Key),
        (f"client-certificate-data: {data(CRT)}, client-key: k", {"root/.kube/k": KEY}, Certificates, Key),
        ("client-certificate: /both.pem, client-key: /both.pem", {"both.pem": CRT + KEY}, Certificates, Key),
        (f"client-certificate: /k, client-certificate-data: {data(CRT)}", {"k": KEY}, Certificates, Absent),
        ("client-certificate: gone, client-key: gone", {}, Absent, Absent),
        ("client-certificate: ../k, client-key: ../c", {"root/k": KEY, "root/c": CRT}, Unusable, Unusable),
        ("client-certificate-data: '?', client-key-data: '?'", {}, Unusable, Unusable),
        (f"client-certificate-data: {data(KEY)}, client-key-data: {data(CRT)}", {}, Unusable, Unusable),
        ("token: SECRET", {}, Absent, Absent),
    ],
)
def test_certificate_and_key(tmp_path: Path, user: str, files: dict[str, str | bytes], certificate: type, key: type) -> None:
    """Embedded or by file, relative to the kubeconfig; data counts before a file; each is judged for itself."""
    found = entry(tmp_path, user, files)
    assert (type(found.certificate), type(found.key)) == (certificate, key)
    assert "SECRET" not in repr(found)


def test_where_files_are(tmp_path: Path) -> None:
    """Paths are the node's, and the files belong to its inventory."""
    found = entry(tmp_path, "client-certificate: c.pem, client-key: /k.pem", {"root/.kube/c.pem": CRT + KEY, "k.pem": KEY})
    assert (found.certificate_path, found.key_path, found.trust_path) == ("/root/.kube/c.pem", "/k.pem", "/root/.kube/ca.crt")
    files = node(tmp_path).files
    assert isinstance(files["/root/.kube/c.pem"].content, CombinedPair)
    assert list(files) == ["/k.pem", "/root/.kube/c.pem", "/root/.kube/ca.crt", "/root/.kube/config"]


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"\xff", "the kubeconfig is not UTF-8"),
        (b"users: [", "the kubeconfig is not valid YAML"),
        (b"kind: Config\n", "the file is no kubeconfig"),
        (b"", "the file is empty"),
    ],
)
def test_what_is_no_kubeconfig(tmp_path: Path, content: bytes, detail: str) -> None:
    """It is told why, in the place of what it should hold."""
    found = node(tree(tmp_path, {"root/.kube/config": content})).files["/root/.kube/config"].content
    assert isinstance(found, Unusable)
    assert found.detail == detail
