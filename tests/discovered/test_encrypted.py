"""A key that has a passphrase."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, load_pem_private_key

from tests.clusters.kubeadm import kubeadm
from tests.discovered.hands import PKI
from tests.discovered.looking import look


def test_a_passphrase_is_to_be_removed(tmp_path: Path) -> None:
    """No component of Kubernetes asks for one: the key is whole, and no backup is needed."""
    path = kubeadm(tmp_path, workers=0) / PKI / "apiserver.key"
    key = load_pem_private_key(path.read_bytes(), None)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    (finding,) = [each for each in look(tmp_path) if each.severity == "error"]
    assert (finding.code, finding.mend) == (
        "CPK602",
        "write it without its passphrase, as `openssl pkey -in /etc/kubernetes/pki/apiserver.key` prints it, or issue it again",
    )
