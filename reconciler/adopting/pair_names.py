"""What the two files of a pair are called, by any of the conventions that tools have. Decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from reconciler.cluster.model import Node
from reconciler.desired.place import Naming
from reconciler.observed.model import Key, Unusable

#: How tools call the files of a pair, the usual key first: kubeadm and openssl's manual, cfssl, step by step guides to openssl.
_ENDINGS: Final[Mapping[str, tuple[str, ...]]] = {
    ".crt": (".key", "-key.pem", ".key.pem"),
    ".cert.pem": (".key.pem", "-key.pem", ".key"),
    ".crt.pem": (".key.pem", "-key.pem", ".key"),
    ".pem": ("-key.pem", ".key", ".key.pem"),
    ".cert": (".key",),
    ".cer": (".key",),
}


class Names(NamedTuple):
    """What the two files of a pair are called."""

    base: str
    """Path without what the names end with."""
    naming: Naming = Naming()

    @property
    def certificate(self) -> str:
        """Path of the certificate."""
        return self.base + self.naming.certificate

    @property
    def key(self) -> str:
        """Path of the key."""
        return self.base + self.naming.key

    @property
    def spec(self) -> dict[str, object]:
        """The fields of an entry that say so."""
        ends = {"certificate": self.naming.certificate, "key": self.naming.key}
        return {"path": self.base.lstrip("/"), **({"naming": ends} if self.naming != Naming() else {})}


def names_of(path: str, node: Node) -> Names | None:
    """Those of the pair that a certificate file is one of: with its key, with one that nobody can read, else as is usual.

    Args:
        path: of a file of the node, with a certificate.
        node: whose files may hold the key.

    Returns:
        None where no pair is called like it.
    """
    found = [
        Names(path.removesuffix(certificate), Naming(certificate=certificate, key=key))
        for certificate, keys in _ENDINGS.items()
        for key in keys
        if path.endswith(certificate)
    ]
    chain = node.files[path].chain
    keys = {names: node.files[names.key].content for names in found if names.key in node.files}
    for names, key in keys.items():
        if isinstance(key, Key) and chain and key.facts.spki_sha256 == chain[0].spki_sha256:
            return names
    return next((names for names, key in keys.items() if isinstance(key, Unusable)), found[0] if found else None)
