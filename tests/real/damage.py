"""What happens to a PKI between two runs: each function does one kind of damage, or changes the desired state."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.real.cluster import Cluster

CRT = "srv/pki/server.crt"
KEY = "srv/pki/server.key"


def delete(cluster: Cluster, name: str) -> None:
    """Removes a file by its visible name."""
    (cluster.root / name).unlink()


def overwrite(cluster: Cluster, name: str, content: bytes) -> None:
    """Writes into a file in place, as an editor or `cat >` does: name, inode and mode stay."""
    (cluster.root / name).write_bytes(content)


def edit(cluster: Cluster, old: str, new: str) -> None:
    """Changes the desired state in one place."""
    text = cluster.file.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    cluster.file.write_text(text.replace(old, new), encoding="utf-8")


def key_of_another_pair(cluster: Cluster) -> None:
    """The bystander's key in place of the server's."""
    overwrite(cluster, KEY, (cluster.root / "srv/pki/bystander.key").read_bytes())


def certificate_of_another_ca(cluster: Cluster) -> None:
    """The same names, dates and key, signed by a CA that nobody asked for."""
    old = x509.load_pem_x509_certificate((cluster.root / CRT).read_bytes())
    authority = x509.load_pem_x509_certificate((cluster.root / "srv/ca/other.crt").read_bytes())
    signer = serialization.load_pem_private_key((cluster.root / "srv/ca/other.key").read_bytes(), password=None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    builder = (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(authority.subject)
        .public_key(old.public_key())
        .serial_number(old.serial_number)
        .not_valid_before(old.not_valid_before_utc)
        .not_valid_after(old.not_valid_after_utc)
    )
    for extension in old.extensions:
        if not isinstance(extension.value, x509.AuthorityKeyIdentifier):
            builder = builder.add_extension(extension.value, critical=extension.critical)
    subject_key = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(subject_key), critical=False)
    overwrite(cluster, CRT, builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


def corrupt(cluster: Cluster, name: str) -> None:
    """A line of the PEM body replaced: still base64, no longer what it says it is."""
    lines = (cluster.root / name).read_bytes().splitlines(keepends=True)
    overwrite(cluster, name, b"".join([lines[0], b"A" * 64 + b"\n", *lines[2:]]))


def truncate(cluster: Cluster, name: str) -> None:
    """Half of a file, as after a full disk."""
    content = (cluster.root / name).read_bytes()
    overwrite(cluster, name, content[: len(content) // 2])


def edit_kubeconfig(cluster: Cluster) -> None:
    """Somebody points the kubeconfig at another server."""
    content = (cluster.root / "srv/admin.conf").read_bytes()
    assert b"https://api.drift.internal:6443" in content
    overwrite(cluster, "srv/admin.conf", content.replace(b"api.drift.internal", b"localhost"))


def edit_bundle(cluster: Cluster) -> None:
    """Somebody adds another CA to what is trusted."""
    trusted = (cluster.root / "srv/pki/trust.crt").read_bytes()
    overwrite(cluster, "srv/pki/trust.crt", trusted + (cluster.root / "srv/ca/other.crt").read_bytes())
