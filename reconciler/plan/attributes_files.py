"""The attributes of files that are put together from certificates, or say something of them: bundles, kubeconfigs, lists."""

from __future__ import annotations

from reconciler.desired.kubeconfig_entries import KubeContext
from reconciler.observed.model import Absent, Certificates, KubeconfigEntries, KubeconfigFile, RevocationLists, source_address
from reconciler.plan.checks_files import octal
from reconciler.plan.checks_time import instant
from reconciler.plan.context import Decision
from reconciler.plan.describing import Attributes, Difference, Ground
from reconciler.plan.reasons import Action
from reconciler.plan.trust import anchors
from reconciler.x509.facts import CrlFacts


def bundle(decision: Decision, ground: Ground) -> Difference:
    """A bundle by the fingerprints of its certificates."""
    desired = ground.situation.desired.bundles[decision.address]
    seen = ground.situation.observed.bundles.get(decision.address)
    found = seen.certificates if seen is not None else Absent()
    shared: Attributes = {"cas": [f"ca.{name}" for name in desired.cas], "paths": [desired.place.absolute]}
    before: Attributes | None = None
    if isinstance(found, Certificates):
        held = sorted({each.fingerprint for each in found.chain})
        before = shared | {"certificates": held, "mode": octal(found.meta.mode)}
    after = shared | {"mode": octal(desired.access.mode)}
    source = ground.situation.observed.bundles.get(source_address(decision.address))
    if decision.fetched and source is not None and isinstance(source.certificates, Certificates):
        after["certificates"] = sorted({each.fingerprint for each in source.certificates.chain})
        return Difference(before=before, after=after)
    wanted = anchors(desired, ground.lives, ground.situation)
    if before is not None and _keeps_text(decision):
        after["certificates"] = before["certificates"]
    elif wanted.known:
        after["certificates"] = list(wanted.fingerprints)
    else:
        return Difference(before=before, after=after, unknown={"certificates": True})
    return Difference(before=before, after=after)


def kubeconfig(decision: Decision, ground: Ground) -> Difference:
    """A kubeconfig by its server, the CAs it trusts and whose certificate it holds."""
    situation = ground.situation
    desired = situation.desired.kubeconfigs[decision.address]
    found = situation.observed.kubeconfigs.get(decision.address, Absent())
    shared: Attributes = {"component": desired.component, "paths": [desired.place.absolute]}
    before = shared | _held(found) if isinstance(found, KubeconfigFile) else None
    if before is not None and _keeps_text(decision):
        return Difference(before=before, after=before | {"mode": octal(desired.access.mode)})
    source = situation.observed.kubeconfigs.get(source_address(decision.address))
    if decision.fetched and isinstance(source, KubeconfigFile):
        return Difference(before=before, after=shared | _held(source) | {"mode": octal(desired.access.mode)})
    after = shared | {"server": desired.server, "mode": octal(desired.access.mode)}
    if desired.entries is not None:
        after["contexts"] = sorted(_context(each) for each in desired.entries.contexts)
    unknown: Attributes = {}
    wanted = anchors(desired, ground.lives, ground.situation)
    if wanted.known:
        after["certificate_authorities"] = list(wanted.fingerprints)
    else:
        unknown["certificate_authorities"] = True
    if not desired.embed:
        after["client_certificate"] = desired.client_certificate
    elif (fingerprint := _current(desired.component, ground)) is not None:
        after["client_certificate"] = fingerprint
    else:
        unknown["client_certificate"] = True
    return Difference(before=before, after=after, unknown=unknown)


def crl(decision: Decision, ground: Ground) -> Difference:
    """A revocation list by its number, its dates and how many certificates it names."""
    from reconciler.plan.revocation.lists import current_of  # noqa: PLC0415 - only where there are lists

    situation = ground.situation
    desired = situation.desired.crls[decision.address]
    authority, plan = ground.lives[desired.name].signing, ground.lists[desired.name]
    seen = situation.observed.crls.get(decision.address)
    states = tuple(seen.files.values()) if seen is not None else ()
    shared: Attributes = {"issuer": authority.desired.address, "paths": list(desired.paths.values())}
    listed = next((facts for state in states if (facts := current_of(state, authority)) is not None), None)
    meta = next((state.meta for state in states if isinstance(state, RevocationLists)), None)
    before = None if meta is None else shared | _listed(listed) | {"mode": octal(meta.mode)}
    if before is not None and _keeps_text(decision):
        return Difference(before=before, after=before | {"mode": octal(desired.access.mode)})
    after = shared | {"mode": octal(desired.access.mode)}
    if plan.reference is not None:
        return Difference(before=before, after=after | _listed(plan.reference.facts))
    unknown = dict.fromkeys(("number", "this_update", "next_update"), True)
    return Difference(before=before, after=after | {"revoked": len(plan.entries)}, unknown=unknown)


def _listed(facts: CrlFacts | None) -> Attributes:
    if facts is None:
        return {}
    end = instant(facts.next_update) if facts.next_update is not None else ""
    return {"number": facts.number, "revoked": len(facts.entries), "this_update": instant(facts.this_update), "next_update": end}


def _held(found: KubeconfigFile) -> Attributes:
    held = found.certificate.chain[0].fingerprint if isinstance(found.certificate, Certificates) else ""
    return {
        "server": found.server,
        "certificate_authorities": sorted(set(found.ca_fingerprints)),
        "client_certificate": found.client_certificate_path or held,
        "mode": octal(found.meta.mode),
    } | _contexts(found.entries)


def _contexts(found: KubeconfigEntries | None) -> Attributes:
    if found is None:
        return {}
    wanted = (
        KubeContext(name=name, cluster=each.cluster, user=each.user, namespace=each.namespace)
        for name, each in found.contexts.items()
    )
    return {"contexts": sorted(map(_context, wanted))}


def _context(each: KubeContext) -> str:
    """``dev: jane@demo/apps``."""
    namespace = f"/{each.namespace}" if each.namespace else ""
    return f"{each.name}: {each.user}@{each.cluster}{namespace}"


def _current(component: str, ground: Ground) -> str | None:
    """The component's certificate when it stays, None when it is issued anew."""
    certificate = ground.situation.pair(component).certificate
    if component in ground.issuing or not isinstance(certificate, Certificates):
        return None
    return certificate.chain[0].fingerprint


def _keeps_text(decision: Decision) -> bool:
    """Whether only the file's mode or owner changes, or nothing at all."""
    return decision.action in {Action.NONE, Action.REPAIR} and all(
        finding.path in {"mode", "owner", "group", "der.mode", "pem.mode"} for finding in decision.findings
    )
