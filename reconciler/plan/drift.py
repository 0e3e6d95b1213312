"""Drift: what differs from our own record, whatever the desired state says about it."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.desired.external import is_external
from reconciler.desired.model import parse_address
from reconciler.observed.model import UNREACHABLE, Absent, Certificates, Key, KubeconfigFile, RevocationLists, Unusable
from reconciler.plan.attributes import found_pair, recorded
from reconciler.plan.checks_files import octal
from reconciler.plan.context import Situation
from reconciler.plan.describing import Attributes, Ground
from reconciler.plan.document import Change, ReasonEntry, ResourceChange
from reconciler.plan.inventory import Record
from reconciler.plan.options import desired_addresses
from reconciler.plan.order import RANKS, natural
from reconciler.plan.reasons import Reason
from reconciler.plan.rotation.keypair_life import NOTHING_THERE


def find_drift(ground: Ground) -> list[ResourceChange]:
    """One entry for each recorded address that is not as we left it."""
    situation = ground.situation
    drifted: list[ResourceChange] = []
    for address in desired_addresses(situation.desired):
        record = situation.records.get(address)
        if record is not None and situation.covers(address):
            drifted += _drift(address, record, ground)
    return sorted(drifted, key=lambda entry: (RANKS.get(entry.type, len(RANKS)), natural(entry.address)))


def _drift(address: str, record: Record, ground: Ground) -> Iterator[ResourceChange]:
    """What is different; nothing about what nobody can look at now: it need not have changed."""
    match record.kind:
        case "ca" | "component" | "request":
            yield from _pair_drift(address, record, ground)
        case "keypair":
            yield from _keypair_drift(address, record, ground.situation)
        case _:
            yield from _file_drift(address, record, ground.situation)


def _pair_drift(address: str, record: Record, ground: Ground) -> Iterator[ResourceChange]:
    pair = ground.situation.pair(address)
    if isinstance(pair.certificate, Absent) and isinstance(pair.key, Absent):
        yield _gone(address, record)
        return
    if _is_away(pair.certificate) or _is_away(pair.key):
        return
    reasons: list[ReasonEntry] = []
    parts = [("certificate", pair.certificate), ("key", pair.key)]
    keyless = record.kind == "request" or _is_outside(address, ground.situation)
    for part, found in parts[:1] if keyless else parts:
        if isinstance(found, Absent):
            reasons.append(ReasonEntry(code=Reason.MISSING.value, message=f"the {part} is gone", path=part))
        elif isinstance(found, Unusable):
            reasons.append(ReasonEntry(code=Reason.UNREADABLE.value, message=f"{part}: {found.detail}", path=part))
    replaced = isinstance(pair.certificate, Certificates) and pair.certificate.chain[0].fingerprint != record.fingerprint
    other_key = isinstance(pair.key, Key) and pair.key.facts.spki_sha256 != record.spki_sha256
    if other_key and not replaced and not keyless:  # a request for another key is the desired state's change
        reasons.append(ReasonEntry(code=Reason.KEY_MISMATCH.value, message="the key was replaced", path="key"))
    mode = pair.key.meta.mode if isinstance(pair.key, Key) else None
    changed_mode = record.mode is not None and mode is not None and mode != record.mode
    if not (reasons or replaced or changed_mode):
        return
    after = found_pair(pair, record.paths, ground.issuers) or {"paths": list(record.paths)}
    before = {name: value for name, value in recorded(record).items() if name in after or name in ("fingerprint", "serial")}
    known = {name: value for name, value in after.items() if name in before}
    yield _entry(address, record, before, known, reasons)


def _is_outside(address: str, situation: Situation) -> bool:
    """Whether it is a CA whose key was never here."""
    kind, name, _ = parse_address(address)
    return kind == "ca" and name in situation.desired.cas and is_external(situation.desired.cas[name])


def _keypair_drift(address: str, record: Record, situation: Situation) -> Iterator[ResourceChange]:
    found = situation.observed.keypairs.get(address, NOTHING_THERE)
    if isinstance(found.key, Absent):
        yield _gone(address, record)
    elif isinstance(found.key, Unusable):
        yield from _unreadable(address, record, found.key)
    else:
        after = {"spki_sha256": found.key.facts.spki_sha256, "mode": octal(found.key.meta.mode), "paths": list(record.paths)}
        yield from _compare(address, record, after)


def _file_drift(address: str, record: Record, situation: Situation) -> Iterator[ResourceChange]:
    seen = situation.observed.bundles.get(address)
    found: object = seen.certificates if seen is not None else situation.observed.kubeconfigs.get(address, Absent())
    if (lists := situation.observed.crls.get(address)) is not None:
        found = next(iter(lists.files.values()))
    if isinstance(found, Absent):
        yield _gone(address, record)
    elif isinstance(found, Unusable):
        yield from _unreadable(address, record, found)
    elif isinstance(found, Certificates | KubeconfigFile | RevocationLists):
        yield from _compare(address, record, {"mode": octal(found.meta.mode), "paths": list(record.paths)})


def _compare(address: str, record: Record, after: Attributes) -> Iterator[ResourceChange]:
    before = {name: value for name, value in recorded(record).items() if name in after}
    known = {name: value for name, value in after.items() if name in before}
    if before != known:
        yield _entry(address, record, before, known, [])


def _is_away(found: object) -> bool:
    return isinstance(found, Unusable) and found.problem == UNREACHABLE


def _unreadable(address: str, record: Record, found: Unusable) -> Iterator[ResourceChange]:
    if _is_away(found):
        return
    reason = ReasonEntry(code=Reason.UNREADABLE.value, message=found.detail)
    yield _entry(address, record, recorded(record), {"paths": list(record.paths)}, [reason])


def _gone(address: str, record: Record) -> ResourceChange:
    return _entry(address, record, recorded(record), None, [])


def _entry(
    address: str, record: Record, before: Attributes, after: Attributes | None, reasons: list[ReasonEntry]
) -> ResourceChange:
    _, name, node = parse_address(address)
    return ResourceChange(
        address=address,
        type=record.kind,
        name=name,
        index=node,
        change=Change(
            actions=["delete"] if after is None else ["update"], before=before, after=after, reasons=reasons, class_="none"
        ),
    )
