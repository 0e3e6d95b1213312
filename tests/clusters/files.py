"""Files of a node as their programs leave them: with their modes, and kubeconfigs in the words of clientcmd."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from tests.clusters.certificates import Minted, certificate_pem
from tests.clusters.keys import Key, key_pem, public_pem


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """The root directory of one node."""

    path: Path

    def write(self, path: str, content: bytes | str, mode: int = 0o644) -> Path:
        """Writes a file by its path on the node."""
        file = self.path / path.removeprefix("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        file.chmod(mode)
        return file

    def pair(self, base: str, minted: Minted, *above: Minted) -> None:
        """``base.key`` and ``base.crt``, with what stands above the certificate behind it."""
        self.write(f"{base}.key", key_pem(minted.key), 0o600)
        self.certificate(base, minted, *above)

    def certificate(self, base: str, *minted: Minted) -> None:
        """``base.crt`` alone."""
        self.write(f"{base}.crt", certificate_pem(*(one.certificate for one in minted)))

    def keypair(self, base: str, key: Key) -> None:
        """``base.key`` and ``base.pub``; kubeadm keeps both from others (WriteKey)."""
        self.write(f"{base}.key", key_pem(key), 0o600)
        self.write(f"{base}.pub", public_pem(key), 0o600)

    def link(self, path: str, target: str) -> None:
        """A symbolic link, with its target as the node sees it."""
        link = self.path / path.removeprefix("/")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)


def embedded(name: str, content: bytes) -> str:
    """One line of a kubeconfig with data."""
    return f"{name}-data: {b64encode(content).decode()}"


def kubeconfig(*, trust: str, server: str, user: str, credentials: str, cluster: str = "kubernetes", context: str = "") -> str:
    """A kubeconfig with one context, as clientcmd writes it.

    Args:
        trust: the line about the CA, such as `embedded` gives.
        server: URL.
        user: name of the entry.
        credentials: the two lines about certificate and key.
        cluster: name of the entry.
        context: its name; ``user@cluster`` when left out.
    """
    context = context or f"{user}@{cluster}"
    lines = "".join(f"    {line}\n" for line in credentials.splitlines())
    return (
        f"apiVersion: v1\nclusters:\n- cluster:\n    {trust}\n    server: {server}\n  name: {cluster}\n"
        f"contexts:\n- context:\n    cluster: {cluster}\n    user: {user}\n  name: {context}\n"
        f"current-context: {context}\nkind: Config\npreferences: {{}}\nusers:\n- name: {user}\n  user:\n{lines}"
    )


def embedded_pair(minted: Minted, *above: Minted) -> str:
    """The credentials of a kubeconfig that holds them itself."""
    chain = certificate_pem(minted.certificate, *(one.certificate for one in above))
    return "\n".join((embedded("client-certificate", chain), embedded("client-key", key_pem(minted.key))))
