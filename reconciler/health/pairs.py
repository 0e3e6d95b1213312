"""Which key belongs with which certificate: by the settings that name them, else by the names of the files. Decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from reconciler.cluster.model import File, Kubeconfig, Node, Role, Use
from reconciler.health.context import is_left_behind
from reconciler.observed.model import Certificates, CombinedPair, Key
from reconciler.x509.facts import CertificateFacts, KeyFacts

_KEY_OF: Final[dict[Role, Role]] = {"certificate": "key", "signing-certificate": "signing-key"}
#: How tools name a key beside ``NAME.crt`` or ``NAME.pem``: kubeadm and openssl, cfssl.
_KEY_ENDINGS: Final = (".key", "-key.pem", ".key.pem")


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate and the key that is used with it."""

    path: str
    """Of the certificate."""
    certificate: CertificateFacts
    key_path: str
    key: KeyFacts
    uses: tuple[Use, ...]
    """None for a pair that is one by the names of its files alone."""


def pairs(node: Node) -> Iterator[Pair]:
    """The pairs of a node, each once, by the certificate's path."""
    for file in node.files.values():
        if not is_left_behind(file):
            if isinstance(file.content, Kubeconfig):
                yield from _embedded(file, file.content)
            yield from _of_file(node, file)


def _of_file(node: Node, file: File) -> Iterator[Pair]:
    if not file.chain:
        return
    leaf = file.chain[0]
    uses = tuple(use for use in file.uses if use.role in _KEY_OF)
    if isinstance(file.content, CombinedPair) and isinstance(file.content.key, Key):
        yield Pair(path=file.path, certificate=leaf, key_path=file.path, key=file.content.key.facts, uses=uses)
        return
    known: set[str] = set()
    for key_file in _keys_by_use(node, file) or _keys_by_name(node, file):
        if key_file.path not in known and isinstance(key_file.content, Key):
            known.add(key_file.path)
            yield Pair(path=file.path, certificate=leaf, key_path=key_file.path, key=key_file.content.facts, uses=uses)


def _embedded(file: File, content: Kubeconfig) -> Iterator[Pair]:
    """Data in a kubeconfig, each user once; where it refers to two files, those are judged as files."""
    known: set[str] = set()
    for entry in content.entries:
        both = isinstance(entry.certificate, Certificates) and isinstance(entry.key, Key)
        if entry.user in known or not both or (entry.certificate_path and entry.key_path):
            continue
        known.add(entry.user)
        if isinstance(entry.certificate, Certificates) and isinstance(entry.key, Key):
            path = f"{file.path}#{entry.user}"
            yield Pair(
                path=path,
                certificate=entry.certificate.chain[0],
                key_path=entry.key_path or path,
                key=entry.key.facts,
                uses=file.uses,
            )


def _keys_by_use(node: Node, file: File) -> list[File]:
    """The files that the same process names as key for the same purpose; of several (SNI) the one with the same name."""
    wanted = {(use.process, use.purpose, use.source, _KEY_OF[use.role]) for use in file.uses if use.role in _KEY_OF}
    if not wanted:
        return []
    found = [
        other
        for other in node.files.values()
        if any((use.process, use.purpose, use.source, use.role) in wanted for use in other.uses)
    ]
    return [other for other in found if _stem(other.path) == _stem(file.path)] or (found if len(found) == 1 else [])


def _keys_by_name(node: Node, file: File) -> list[File]:
    stem = _stem(file.path)
    candidates = (node.files.get(stem + ending) for ending in _KEY_ENDINGS)
    return [found for found in candidates if found is not None]


def _stem(path: str) -> str:
    for ending in (*_KEY_ENDINGS[1:], ".cert.pem", ".crt.pem", ".pem", ".crt", ".cert", ".key"):
        if path.endswith(ending):
            return path.removesuffix(ending)
    return path
