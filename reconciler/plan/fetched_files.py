"""Bundles and kubeconfigs that another view makes and this one fetches: the copy on disk against its source. Decisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from reconciler.desired.model import Bundle, Kubeconfig
from reconciler.observed.model import (
    Absent,
    Certificates,
    CertificateState,
    Key,
    KubeconfigEntries,
    KubeconfigFile,
    KubeconfigState,
    Unusable,
    source_address,
)
from reconciler.plan.checks_files import owners, public_mode, secret_mode
from reconciler.plan.checks_pair import unreadable_finding
from reconciler.plan.context import Decision, Situation
from reconciler.plan.copying import CONTENT, repair
from reconciler.plan.fetched import absent_source, unusable_source
from reconciler.plan.foreign import foreign, settle
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.plan.rotation.lifecycle import Lifecycle

_WHY = "it was not fetched and holds something that its source does not"


def decide_fetched_bundle(bundle: Bundle, lives: Mapping[str, Lifecycle], situation: Situation) -> Decision | None:
    """Decides about a bundle with a source; None when there is nothing to say."""
    found, source = (_bundle(address, situation) for address in (bundle.address, source_address(bundle.address)))
    findings = tuple(_bundle_findings(bundle, found, source, situation))
    known = _known_keys(bundle.cas, lives) | _keys(source)
    strange = isinstance(found, Unusable) or not _keys(found) <= known
    return _settled("bundle", bundle, findings, strange=strange, situation=situation)


def decide_fetched_kubeconfig(kubeconfig: Kubeconfig, lives: Mapping[str, Lifecycle], situation: Situation) -> Decision | None:
    """Decides about a kubeconfig with a source; None when there is nothing to say."""
    states = situation.observed.kubeconfigs
    found = states.get(kubeconfig.address, Absent())
    source = states.get(source_address(kubeconfig.address), Absent())
    findings = tuple(_kubeconfig_findings(kubeconfig, found, source, situation))
    known = _known_keys(kubeconfig.cas, lives) | (set(source.ca_keys) if isinstance(source, KubeconfigFile) else set())
    strange = isinstance(found, Unusable) or (
        isinstance(found, KubeconfigFile) and (bool(found.extras) or not set(found.ca_keys) <= known)
    )
    return _settled("kubeconfig", kubeconfig, findings, strange=strange, situation=situation)


def _settled(
    kind: str, wanted: Bundle | Kubeconfig, findings: tuple[Finding, ...], *, strange: bool, situation: Situation
) -> Decision | None:
    if not findings:
        return None
    writes = any(finding.path in CONTENT and finding.action > Action.NONE for finding in findings)
    known = wanted.address in situation.records or situation.may_overwrite(wanted.address)
    if strange and writes and not known:
        findings = (*findings, foreign(wanted.place.absolute, _WHY))
    return msgspec.structs.replace(settle(wanted.address, kind, findings), fetched=True)


def _bundle_findings(
    bundle: Bundle, found: CertificateState, source: CertificateState, situation: Situation
) -> Iterator[Finding]:
    yield from _unfit(bundle, source)
    match found:
        case Absent():
            yield Finding(reason=Reason.MISSING, action=Action.CREATE, message="there is no file", path="certificates")
        case Unusable():
            yield unreadable_finding(found, action=Action.REPAIR, path="certificates")
        case Certificates():
            if isinstance(source, Certificates) and _prints(found.chain) != _prints(source.chain):
                yield repair(Reason.BUNDLE_STALE, "it does not hold the certificates of its source", "certificates")
            yield from public_mode(found.meta, "mode")
            yield from owners(bundle.access, [found.meta], situation.observed)


def _kubeconfig_findings(
    kubeconfig: Kubeconfig, found: KubeconfigState, source: KubeconfigState, situation: Situation
) -> Iterator[Finding]:
    yield from _unfit(kubeconfig, source)
    match found:
        case Absent():
            yield Finding(reason=Reason.MISSING, action=Action.CREATE, message="there is no file", path="file")
        case Unusable():
            yield unreadable_finding(found, action=Action.REPAIR, path="file")
        case KubeconfigFile():
            if isinstance(source, KubeconfigFile) and meaning(found) != meaning(source):
                yield repair(Reason.OUTPUT_STALE, "it is not what its source holds", "file")
            yield from secret_mode(found.meta, kubeconfig.access.mode, "mode")
            yield from owners(kubeconfig.access, [found.meta], situation.observed)


def _unfit(wanted: Bundle | Kubeconfig, source: CertificateState | KubeconfigState) -> Iterator[Finding]:
    """Why the source may not be fetched."""
    if isinstance(source, Unusable):
        yield unusable_source(source)
    elif isinstance(source, Absent) and wanted.source is not None:
        yield absent_source(wanted.source)


def meaning(found: KubeconfigFile) -> tuple[object, ...]:
    """What a client gets from a kubeconfig."""
    return (
        found.server,
        found.ca_fingerprints,
        found.cluster_name,
        found.user_name,
        found.context,
        _prints(found.certificate.chain) if isinstance(found.certificate, Certificates) else (),
        found.key.facts.spki_sha256 if isinstance(found.key, Key) else "",
        found.client_certificate_path,
        found.client_key_path,
        found.extras,
        _entries(found.entries),
    )


def _entries(found: KubeconfigEntries | None) -> object:
    if found is None:
        return None
    users = {name: (_chain_of(user.certificate), user.certificate_path, user.key_path) for name, user in found.users.items()}
    return (found.clusters, users, found.contexts, found.current)


def _chain_of(found: CertificateState) -> tuple[str, ...]:
    return _prints(found.chain) if isinstance(found, Certificates) else ()


def _bundle(address: str, situation: Situation) -> CertificateState:
    seen = situation.observed.bundles.get(address)
    return seen.certificates if seen is not None else Absent()


def _known_keys(cas: Iterable[str], lives: Mapping[str, Lifecycle]) -> set[str]:
    return {key for name in cas if name in lives for key in lives[name].keys}


def _keys(found: CertificateState) -> set[str]:
    return {link.spki_sha256 for link in found.chain} if isinstance(found, Certificates) else set()


def _prints(chain: Iterable[object]) -> tuple[str, ...]:
    return tuple(getattr(link, "fingerprint", "") for link in chain)
