"""What was read of all nodes, parsed: equal bytes once, and at the end it is known who signed what."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from reconciler.cluster.model import Cluster, File, Node
from reconciler.observed.interpret import Chain, Readers
from reconciler.observed.model import RevocationLists
from reconciler.x509.crl import RevocationList, signed_by
from reconciler.x509.keys import read_key_facts
from reconciler.x509.read import Certificate, read_certificates
from reconciler.x509.signers import signers


class Seen:
    """Every certificate and revocation list that was read. Of keys nothing is kept."""

    def __init__(self) -> None:
        self._chains: dict[bytes, tuple[Certificate, ...]] = {}
        self._lists: dict[str, RevocationList] = {}
        self.readers: Final = Readers(self._chain, read_key_facts)

    def keep(self, lists: tuple[RevocationList, ...]) -> None:
        """Lists whose signers are looked for when all CAs are known."""
        self._lists.update((crl.facts.fingerprint, crl) for crl in lists)

    def cluster(self, nodes: tuple[Node, ...]) -> Cluster:
        """Nodes with what their signatures say."""
        certificates = {each.facts.fingerprint: each for chain in self._chains.values() for each in chain}
        authorities = [each for each in certificates.values() if each.facts.is_ca]
        by_list = {name: _signer(crl, authorities) for name, crl in self._lists.items()}
        return Cluster(
            nodes=tuple(_with_signers(node, by_list) if by_list else node for node in nodes),
            signers=signers(certificates.values()),
        )

    def _chain(self, data: bytes) -> tuple[Chain, Certificate | None]:
        digest = hashlib.blake2b(data, digest_size=32).digest()
        chain = self._chains.get(digest)
        if chain is None:
            chain = self._chains[digest] = read_certificates(data)
        return tuple(certificate.facts for certificate in chain), chain[0]


def _signer(crl: RevocationList, authorities: list[Certificate]) -> str:
    return next((each.facts.spki_sha256 for each in authorities if signed_by(crl, each)), "")


def _with_signers(node: Node, by_list: dict[str, str]) -> Node:
    return msgspec.structs.replace(node, files={path: _signed(file, by_list) for path, file in node.files.items()})


def _signed(file: File, by_list: dict[str, str]) -> File:
    if not isinstance(file.content, RevocationLists):
        return file
    found = tuple(by_list[crl.fingerprint] for crl in file.content.lists)
    return msgspec.structs.replace(file, content=msgspec.structs.replace(file.content, signers=found))
