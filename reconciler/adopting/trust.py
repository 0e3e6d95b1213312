"""Files of CAs that somebody trusts: the bundles. Decisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.adopting import facts
from reconciler.adopting.authorities import by_spki
from reconciler.adopting.model import Authority, Ground, Item, Note, Spec, Survey
from reconciler.adopting.names import free_name, slug
from reconciler.cluster.model import File
from reconciler.observed.model import Certificates


def bundle_items(survey: Survey) -> Iterator[Item | Note]:
    """Every file that holds certificates of CAs and is no CA's own; one name for each path."""
    own = frozenset(where for authority in survey.authorities for where in authority.files)
    names: dict[str, str] = {}
    for node in survey.cluster.nodes:
        for path, file in node.files.items():
            if (node.name, path) in own or "/." in path or file.link or not _is_trust(file):
                continue
            cas = _cas(file, survey.authorities)
            if cas is None:
                if file.uses:
                    yield Note(node=node.name, path=path, why="it holds CAs that are not taken over")
                continue
            name = next((name for name, other in names.items() if other == path), "") or free_name(
                _name(path, cas, survey.authorities), names
            )
            names[name] = path
            label = survey.label(node.name)
            if (why := survey.choices.left_out.get(("bundles", name, label))) is not None:
                yield Note(node=node.name, path=path, why=why)
                continue
            spec: Spec = {"cas": list(cas), "path": facts.relative(path), **_owner(file, survey.ground)}
            yield Item(section="bundles", name=name, node=label, spec=spec, paths=(path,))


def own_bundles(survey: Survey, bundles: Sequence[Item]) -> Iterator[Item]:
    """For each CA a bundle that is its own certificate file, wherever that is: what is trusted where there is no other file.

    Args:
        survey: with the CAs.
        bundles: the other ones. One in a file of the same name, on nodes without the key, is the same bundle.
    """
    names = {bundle.name for bundle in bundles}
    for authority in survey.authorities:
        spec: Spec = {"cas": [authority.name], "path": facts.relative(authority.home.names.certificate)}
        elsewhere = next((bundle for bundle in bundles if spec.items() <= bundle.spec.items()), None)
        if elsewhere is not None:
            name, spec = elsewhere.name, elsewhere.spec
        else:
            name = authority.name if authority.name not in names else free_name(f"{authority.name}-own", names)
        names.add(name)
        same = (spot for spot in (authority.home, *authority.copies) if spot.names == authority.home.names)
        for label in dict.fromkeys(survey.label(spot.node.name) for spot in same):
            yield Item(section="bundles", name=name, node=label, spec=spec, paths=(), serves_as=authority.name)


def trusts_of(bundles: Iterable[Item], authorities: Iterable[Authority]) -> Mapping[frozenset[str], str]:
    """The bundle to name for a set of trusted certificates, by their fingerprints; the first of each set."""
    prints = {authority.name: authority.certificate.fingerprint for authority in authorities}
    found: dict[frozenset[str], str] = {}
    for bundle in bundles:
        cas = bundle.spec["cas"]
        found.setdefault(frozenset(prints[name] for name in cas if name in prints), bundle.name)  # type: ignore[attr-defined]
    return found


def _is_trust(file: File) -> bool:
    if not isinstance(file.content, Certificates):
        return False
    trusted = any(use.role in {"trust", "signing-certificate"} for use in file.uses)
    return trusted or all(each.is_ca for each in file.content.chain)


def _cas(file: File, authorities: Iterable[Authority]) -> tuple[str, ...] | None:
    """The names of the CAs in a file; None when one of them is not known."""
    known = by_spki(authorities)
    chain = file.content.chain if isinstance(file.content, Certificates) else ()
    if any(each.spki_sha256 not in known for each in chain):
        return None
    return tuple(dict.fromkeys(known[each.spki_sha256].name for each in chain))


def _name(path: str, cas: tuple[str, ...], authorities: Iterable[Authority]) -> str:
    """That of its one CA, where it stands as that does on its own node; else with its directory, or by directory and file."""
    directory, _, stem = path.rpartition("/")
    parent = directory.rpartition("/")[2]
    if len(cas) != 1:
        return slug(f"{parent} {stem.rpartition('.')[0] or stem}")
    homes = [each.home.names.certificate for each in authorities if each.name == cas[0]]
    return cas[0] if path in homes else slug(f"{cas[0]} {parent}")


def _owner(file: File, ground: Ground) -> Spec:
    meta = file.content.meta if isinstance(file.content, Certificates) else None
    if meta is None or (meta.uid, meta.gid) == ground.owner:
        return {}
    return {"owner": meta.uid, "group": meta.gid}
