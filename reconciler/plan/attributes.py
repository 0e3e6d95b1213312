"""What a plan says of an address before and after: meaning only, never a PEM, never a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from reconciler.desired.model import CA, Component, parse_address
from reconciler.observed.model import Certificates, DerivedOutput, Key, ObservedPair, Returned, Unusable, source_address
from reconciler.plan.attributes_files import bundle, crl, kubeconfig
from reconciler.plan.checks_files import octal
from reconciler.plan.checks_time import instant
from reconciler.plan.context import Authority, Decision
from reconciler.plan.describing import Attributes, Difference, Ground
from reconciler.plan.inventory import Record
from reconciler.plan.published import paths_of
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.plan.rotation.keypair_life import NOTHING_THERE
from reconciler.x509.facts import CertificateFacts

#: Known only once a certificate is signed.
SIGNED: Final = ("serial", "not_before", "not_after", "fingerprint")


def difference(decision: Decision, ground: Ground) -> Difference:
    """The attributes of one decision before and after it is carried out.

    What is blocked stays as it is; where nothing is, `after` says what would be there.
    """
    if any(finding.reason == Reason.ORPHANED for finding in decision.findings):
        record = recorded(ground.situation.records[decision.address])
        return Difference(before=record, after=record if decision.blocked else None)
    described = _DESCRIBE[decision.kind](decision, ground)
    before, after = described.before, described.after
    for finding in decision.findings:
        _add(finding, before, after, described.unknown)
    if decision.action == Action.NONE:
        return Difference(before=before, after=after if before is None else before)
    return described


def recorded(record: Record) -> Attributes:
    """What our own record knows of an address."""
    known: Attributes = {
        "serial": record.serial,
        "fingerprint": record.fingerprint,
        "issuer": record.issuer,
        "spki_sha256": record.spki_sha256 if record.kind == "keypair" else "",
        "not_after": instant(record.not_after) if record.not_after is not None else "",
        "mode": octal(record.mode) if record.mode is not None else "",
        "paths": list(record.paths),
    }
    return {name: value for name, value in known.items() if value}


def found_pair(pair: ObservedPair, paths: tuple[str, ...], issuers: Mapping[str, str]) -> Attributes | None:
    """What stands at the address of a CA or component; None when neither certificate nor key can be used."""
    found: Attributes = {}
    if isinstance(pair.certificate, Certificates):
        found = _certificate(pair.certificate.chain[0], issuers.get(pair.signed_by, ""))
    if isinstance(pair.key, Key):
        found.setdefault("key", pair.key.facts.key)
        found["mode"] = octal(pair.key.meta.mode)
    return found | {"paths": list(paths)} if found else None


def _certificate(leaf: CertificateFacts, issuer: str) -> Attributes:
    found: Attributes = {
        "subject": str(leaf.subject),
        "sans": list(leaf.sans),
        "usages": list(leaf.usages),
        "key": leaf.key,
        "issuer": issuer or str(leaf.issuer),
        "serial": leaf.serial,
        "not_before": instant(leaf.not_before),
        "not_after": instant(leaf.not_after),
        "fingerprint": leaf.fingerprint,
    }
    return found | ({"ski": leaf.ski} if leaf.ski else {})


def _component(decision: Decision, ground: Ground) -> Difference:
    situation = ground.situation
    component = situation.desired.components[decision.address]
    pair = situation.pair(decision.address)
    paths = paths_of(decision.address, situation.desired)
    before = found_pair(pair, paths, ground.issuers)
    if before is not None:
        before |= _around(component, pair, ground.lives[component.ca].behind(component, pair))
    if decision.fetched and decision.brings:
        return _fetched(component, before, ground)
    return _issued(component, pair, before, decision, ground)


def _issued(
    component: Component, pair: ObservedPair, before: Attributes | None, decision: Decision, ground: Ground
) -> Difference:
    """What stays, mended, or a certificate that is signed now."""
    paths = paths_of(decision.address, ground.situation.desired)
    if decision.action in {Action.NONE, Action.REPAIR} and before is not None:
        after = dict(before)
        if "mode" in before and component.place is not None:
            after["mode"] = octal(component.access.mode)
        if "chain" in before:
            after["chain"] = [str(link.subject) for link in ground.lives[component.ca].behind(component, pair).served or ()]
        if "outputs" in before:
            after["outputs"] = dict.fromkeys(before["outputs"], "current")
        return Difference(before=before, after=after)
    after = {
        "subject": str(component.subject),
        "sans": sorted(component.sans),
        "usages": sorted(component.usages),
        "key": component.key.value,
        "issuer": f"ca.{component.ca}",
        "mode": octal(component.access.mode),
        "paths": list(paths),
    }
    if component.place is None or component.request is not None:
        del after["mode"]
        if before is not None:
            before.pop("mode", None)
    served = ground.lives[component.ca].issuing(component).served
    if before is not None and "chain" in before:
        after["chain"] = [str(link.subject) for link in served or ()]
    if before is not None and "outputs" in before:
        after["outputs"] = dict.fromkeys(before["outputs"], "current")
    if (came := _returned(decision, ground)) is not None:  # signed by somebody else already
        return Difference(before=before, after=after | {name: came[name] for name in (*SIGNED, "ski") if name in came})
    return Difference(before=before, after=after, unknown=_unknown(before, decision, component))


def _returned(decision: Decision, ground: Ground) -> Attributes | None:
    """What has come back from an external CA and is published now; None when nothing has."""
    seen = ground.situation.observed.requests.get(decision.address)
    if seen is None or not decision.issues or not isinstance(seen.answer, Returned):
        return None
    return _certificate(seen.answer.leaf, ground.issuers.get(seen.answer.signed_by, ""))


def _fetched(component: Component, before: Attributes | None, ground: Ground) -> Difference:
    """A copy becomes what its source is."""
    situation = ground.situation
    source = situation.pair(source_address(component.address))
    after = found_pair(source, paths_of(component.address, situation.desired), ground.issuers) or {}
    after |= _around(component, source, ground.lives[component.ca].behind(component, source))
    return Difference(before=before, after=after | {"mode": octal(component.access.mode)})


def _around(component: Component, pair: ObservedPair, authority: Authority) -> Attributes:
    """Intermediates and derived files, where there are any."""
    found: Attributes = {}
    behind = pair.certificate.chain[1:] if isinstance(pair.certificate, Certificates) else ()
    if behind or authority.served:
        found["chain"] = [str(link.subject) for link in behind]
    derived = [output for output in component.outputs if output != "pem"]
    if derived and "pem" in component.outputs:
        words = {output: _word(pair.outputs.get(output)) for output in derived}
        found["outputs"] = words
    return found


def _word(found: object) -> str:
    if isinstance(found, DerivedOutput):
        return "current"
    return found.problem if isinstance(found, Unusable) else "missing"


def _unknown(before: Attributes | None, decision: Decision, component: Component | None) -> Attributes:
    unknown: Attributes = dict.fromkeys(SIGNED, True)
    keeps_key = component is not None and decision.action == Action.REISSUE and not component.rotate_key
    if component is None or (before is not None and "ski" in before and not keeps_key):
        unknown["ski"] = True
    return unknown


def _authority(decision: Decision, ground: Ground) -> Difference:
    kind, name, node = parse_address(decision.address)
    del kind
    ca = ground.situation.desired.cas[name]
    pair = ground.situation.pair(decision.address)
    before = found_pair(pair, paths_of(decision.address, ground.situation.desired), ground.issuers)
    if before is not None and decision.action in {Action.NONE, Action.REPAIR}:
        after = dict(before)
        original = ground.lives[name].signing.certificate
        if node is not None and original is not None:
            after |= _certificate(original, before.get("issuer", ""))
        if "mode" in before:
            after["mode"] = octal(ca.access.mode)
        return Difference(before=before, after=after)
    return Difference(before=before, after=_wanted_authority(decision, ca, ground), unknown=_unknown(before, decision, None))


def _wanted_authority(decision: Decision, ca: CA, ground: Ground) -> Attributes:
    wanted: Attributes = {
        "subject": str(ca.subject),
        "sans": sorted(ca.sans),
        "key": ca.key.value,
        "issuer": f"ca.{ca.issuer}" if ca.issuer is not None else ca.address,
        "mode": octal(ca.access.mode),
        "paths": list(paths_of(decision.address, ground.situation.desired)),
    }
    if ca.path_length is not None:
        wanted["path_length"] = ca.path_length
    if ca.name_constraints is not None:
        wanted["name_constraints"] = {
            "permitted": list(ca.name_constraints.permitted),
            "excluded": list(ca.name_constraints.excluded),
        }
    return wanted


def _keypair(decision: Decision, ground: Ground) -> Difference:
    situation = ground.situation
    keypair = situation.desired.keypairs[parse_address(decision.address)[1]]
    paths = list(paths_of(decision.address, situation.desired))
    life = ground.keypairs.get(keypair.name)
    found = situation.observed.keypairs.get(decision.address, NOTHING_THERE).key
    before: Attributes | None = None
    if isinstance(found, Key):
        before = {"key": found.facts.key, "spki_sha256": found.facts.spki_sha256, "mode": octal(found.meta.mode), "paths": paths}
    after: Attributes = {"key": keypair.key.value, "mode": octal(keypair.access.mode), "paths": paths}
    if life is not None:
        after |= {"key": life.signing_key.key, "spki_sha256": life.signing_key.spki_sha256}
        return Difference(before=before, after=after)
    return Difference(before=before, after=after, unknown={"spki_sha256": True})


def _add(finding: Finding, before: Attributes | None, after: Attributes | None, unknown: Attributes) -> None:
    """Puts what only a finding knows beside the attributes: a lifetime, an owner, a derived file that is stale."""
    if before is None or after is None:
        return
    path = finding.path
    if path.startswith("outputs.") and finding.reason == Reason.OUTPUT_STALE and "outputs" in before:
        before["outputs"][path.removeprefix("outputs.")] = finding.current or "stale"
    elif not path or path in before or path in after or path in unknown:
        return
    elif finding.current is not None and finding.planned is not None:
        before[path], after[path] = finding.current, finding.planned


_DESCRIBE: Final[Mapping[str, Callable[[Decision, Ground], Difference]]] = {
    "ca": _authority,
    "keypair": _keypair,
    "component": _component,
    "request": _component,
    "bundle": bundle,
    "kubeconfig": kubeconfig,
    "crl": crl,
}
