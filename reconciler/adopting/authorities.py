"""Which CAs a cluster has: where each one's key is, where copies of it stand, and who signed whom. Decisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

import msgspec

from reconciler.adopting import facts
from reconciler.adopting.external import issuer_of
from reconciler.adopting.model import Authority, Ground, Item, Spec, Spot, Survey
from reconciler.adopting.names import authority_name, free_name
from reconciler.adopting.pair_names import names_of
from reconciler.cluster.model import Cluster, File, Kubeconfig
from reconciler.observed.model import Absent, Certificates, FileMeta, Key
from reconciler.x509.facts import CertificateFacts

_TRUSTED: Final = frozenset({"trust", "signing-certificate"})
_LIFETIME: Final = 10 * facts.YEAR
_ELSEWHERE: Final = "its key is not here: what it has to sign becomes a request in a file (external CA)"


def authorities_of(cluster: Cluster) -> tuple[Authority, ...]:
    """Every CA whose certificate stands in a file of its own, and which signed something here or could."""
    found: dict[str, list[Spot]] = {}
    for spot in _spots(cluster):
        found.setdefault(spot.certificate.spki_sha256, []).append(spot)
    leaves = tuple(_leaves(cluster))
    bare: list[Authority] = []
    names: set[str] = set()
    for spots in sorted((sorted(each, key=_rank) for each in found.values()), key=lambda each: _rank(each[0])):
        home, certificate = spots[0], spots[0].certificate
        if not home.has_key and not any(_signed(certificate, leaf, cluster.signers) for leaf in leaves):
            continue
        uses = tuple(use for spot in spots for use in spot.file.uses)
        file = msgspec.structs.replace(home.file, uses=uses)
        name = free_name(authority_name(home.names.base, file, certificate.subject.common_name), names)
        names.add(name)
        same = [spot for spot in spots[1:] if spot.has_key and spot.certificate == certificate]
        copies = tuple(spot for spot in same if spot.names.naming == home.names.naming)
        apart = tuple(spot for spot in same if spot.names.naming != home.names.naming)
        bare.append(Authority(name=name, certificate=certificate, home=home, copies=copies, apart=apart))
    return tuple(msgspec.structs.replace(each, parent=_parent(each, bare, cluster.signers)) for each in bare)


def signer_in(survey: Survey, leaf: CertificateFacts, name: str, label: str) -> Authority | None:
    """The CA that signed the certificate of a component on a node: as a trial has found out, else as `signer_of` says."""
    really = survey.choices.signers.get((name, label), "")
    return signer_of(leaf, survey.authorities, {leaf.fingerprint: (really,)} if really else survey.cluster.signers)


def signer_of(
    leaf: CertificateFacts, authorities: Iterable[Authority], signers: Mapping[str, tuple[str, ...]]
) -> Authority | None:
    """The CA that signed a certificate: by its signature where somebody has checked it, else by what both say."""
    verified = signers.get(leaf.fingerprint)
    if verified is not None:
        return next((each for each in authorities if each.certificate.spki_sha256 in verified), None)
    named = [each for each in authorities if _may_have_signed(each.certificate, str(leaf.issuer), leaf.aki)]
    return next((each for each in named if leaf.aki and leaf.aki == each.certificate.ski), named[0] if named else None)


def authority_items(survey: Survey) -> Iterator[Item]:
    """The entries of CAs."""
    return (_item(authority, survey.ground, survey.now) for authority in survey.authorities)


def is_authority(file: File) -> CertificateFacts | None:
    """The certificate in a file that stands for a CA: one alone, marked as a CA, or trusted for want of marks (version 1)."""
    if not isinstance(file.content, Certificates) or len(file.content.chain) != 1:
        return None
    certificate = file.content.chain[0]
    unmarked = certificate.self_signed and any(use.role in _TRUSTED for use in file.uses)
    return certificate if certificate.is_ca or unmarked else None


def _item(authority: Authority, ground: Ground, now: datetime) -> Item:
    certificate = authority.certificate
    ours = authority.has_key or authority.home.wrong_key  # of a key that is another's, the plan says what is wrong
    lifetime = facts.unlike(certificate.not_after - certificate.not_before, _LIFETIME)
    default = facts.default_renew_before(lifetime, _LIFETIME, facts.YEAR)
    renew_before = facts.renew_before_of(certificate.not_after, default, now)
    sans = facts.sans_spec(certificate.sans, None)
    spec: Spec = {"subject": facts.subject_spec(certificate.subject, None)}
    spec |= {"sans": sans} if sans else {}
    spec |= issuer_of(authority.parent, has_key=ours)
    spec |= {
        "key": certificate.key,
        **authority.home.names.spec,
        **(facts.access_spec(ground, *_metas(authority.home)) if authority.has_key else {}),
    }
    if certificate.path_length is not None or authority.parent:
        spec["pathLength"] = certificate.path_length
    spec |= _constraints(certificate)
    if authority.copies and ground.central:
        nodes = [ground.machine(spot.node.name).label for spot in (authority.home, *authority.copies)]
        spec["copies"] = {
            "forEach": {"nodes": list(dict.fromkeys(nodes))},
            "path": facts.relative(authority.copies[0].names.base),
        }
    remarks = [] if ours else [_ELSEWHERE]
    content = authority.home.file.content
    if isinstance(content, Certificates) and len(content.chain) > 1:
        remarks.append(f"its file holds {len(content.chain)} certificates, where what signs should stand alone")
    return Item(
        section="cas",
        name=authority.name,
        node="",
        spec=spec,
        paths=(authority.home.names.certificate, authority.home.names.key),
        remarks=(
            *remarks,
            *facts.owners(ground, *_metas(authority.home)),
            *facts.ending(certificate.not_after, renew_before, now),
        ),
        lifetime=lifetime,
        renew_before=renew_before,
    )


def _metas(spot: Spot) -> tuple[FileMeta, ...]:
    """Of the key, where there is one, and of the certificate."""
    content = spot.file.content
    return (spot.meta, content.meta) if isinstance(content, Certificates) else (spot.meta,)


def _constraints(certificate: CertificateFacts) -> Spec:
    constraints = certificate.name_constraints
    if constraints is None:
        return {}
    sides = {"permitted": constraints.permitted, "excluded": constraints.excluded}
    return {"nameConstraints": {side: facts.sans_spec(names, None) for side, names in sides.items() if names}}


def _spots(cluster: Cluster) -> Iterator[Spot]:
    for node in cluster.nodes:
        for path, file in node.files.items():
            content = file.content
            if "/." in path or not isinstance(content, Certificates) or (names := names_of(path, node)) is None:
                continue
            certificate = content.chain[0]
            key = node.files[names.key].content if names.key in node.files else None
            mine = isinstance(key, Key) and key.facts.spki_sha256 == certificate.spki_sha256
            # Whoever rotates a CA by hand puts both generations into its file: what signs stands first, and has the key.
            if is_authority(file) is None and not (mine and all(each.is_ca for each in content.chain)):
                continue
            meta = key.meta if isinstance(key, Key) and mine else content.meta
            wrong = not mine and key is not None and not isinstance(key, Absent)
            yield Spot(node=node, names=names, file=file, certificate=certificate, meta=meta, has_key=mine, wrong_key=wrong)


def _rank(spot: Spot) -> tuple[bool, bool, bool, int, str, str]:
    """Where a CA is at home: with its key, where it signs, on a control plane, on the first node."""
    signs = any(use.role == "signing-certificate" for use in spot.file.uses)
    used = bool(spot.file.uses)
    return (not spot.has_key, not signs, not spot.node.is_control_plane, 0 if used else 1, spot.node.name, spot.names.base)


def _leaves(cluster: Cluster) -> Iterator[CertificateFacts]:
    """Every certificate that is no CA's own file."""
    for node in cluster.nodes:
        for file in node.files.values():
            content = file.content
            if isinstance(content, Certificates):
                yield from content.chain[:1] if is_authority(file) is None or not content.chain[0].self_signed else ()
            if isinstance(content, Kubeconfig):
                yield from (each.certificate.chain[0] for each in content.entries if isinstance(each.certificate, Certificates))


def _signed(certificate: CertificateFacts, leaf: CertificateFacts, signers: Mapping[str, tuple[str, ...]]) -> bool:
    verified = signers.get(leaf.fingerprint)
    if verified is not None:
        return certificate.spki_sha256 in verified
    return _may_have_signed(certificate, str(leaf.issuer), leaf.aki)


def _may_have_signed(certificate: CertificateFacts, issuer: str, aki: str) -> bool:
    return str(certificate.subject) == issuer and (not aki or not certificate.ski or aki == certificate.ski)


def _parent(authority: Authority, others: list[Authority], signers: Mapping[str, tuple[str, ...]]) -> str:
    certificate = authority.certificate
    if certificate.self_signed:
        return ""
    above = signer_of(certificate, [each for each in others if each is not authority], signers)
    return above.name if above is not None else ""


def by_spki(authorities: Iterable[Authority]) -> Mapping[str, Authority]:
    """CAs by the SHA-256 of their public key."""
    return {each.certificate.spki_sha256: each for each in authorities}
