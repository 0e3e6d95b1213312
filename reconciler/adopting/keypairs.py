"""Keys without certificates: what signs service-account tokens. Decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.adopting import facts
from reconciler.adopting.model import Item, Note, Spec, Survey
from reconciler.adopting.names import free_name, slug
from reconciler.adopting.pair_names import names_of
from reconciler.cluster.model import Node
from reconciler.observed.model import Certificates, FileMeta, Key, PublicKey
from reconciler.x509.facts import KeyAlgorithm

_KEY: Final = ".key"


def keypair_items(survey: Survey) -> Iterator[Item | Note]:
    """Every private key with its public half beside it, and the token keys that have none."""
    names: dict[tuple[str, str], str] = {}
    for node in survey.cluster.nodes:
        certified = _certified(node)
        for path, file in node.files.items():
            key = file.content
            if not isinstance(key, Key) or "/." in path or path in certified:
                continue
            why = _problem(path, key, node)
            if why:
                if any(use.role == "token-key" for use in file.uses):
                    yield Note(node=node.name, path=path, why=why)
                continue
            # The same key on every replica is what makes it one keypair.
            known = (path, key.facts.spki_sha256)
            name = names.get(known) or free_name(slug(path.rpartition("/")[2].removesuffix(_KEY)), names.values())
            names[known] = name
            label = survey.label(node.name)
            if why := survey.choices.left_out.get(("keypairs", name, label), ""):
                yield Note(node=node.name, path=path, why=why)
                continue
            spec: Spec = {
                "key": key.facts.key,
                "path": facts.relative(path.removesuffix(_KEY)),
                **facts.access_spec(survey.ground, key.meta, *_public_meta(path, node)),
            }
            yield Item(section="keypairs", name=name, node=label, spec=spec, paths=(path, _public(path)))


def _certified(node: Node) -> set[str]:
    """The keys of certificates: those say what they are for."""
    pairs = (names_of(path, node) for path, file in node.files.items() if isinstance(file.content, Certificates))
    return {names.key for names in pairs if names is not None}


def _problem(path: str, key: Key, node: Node) -> str:
    public = node.files.get(_public(path))
    if not path.endswith(_KEY) or public is None or not isinstance(public.content, PublicKey):
        return f"its public key does not lie beside it as {_public(path)}"
    if public.content.keys != (key.facts.spki_sha256,):
        return f"{_public(path)} is not its public key, or not alone"
    if key.facts.key not in [algorithm.value for algorithm in KeyAlgorithm]:
        return f"it is of type {key.facts.key}"
    return ""


def _public_meta(path: str, node: Node) -> list[FileMeta]:
    content = node.files[_public(path)].content
    return [content.meta] if isinstance(content, PublicKey) else []


def _public(path: str) -> str:
    return f"{path.removesuffix(_KEY)}.pub"
