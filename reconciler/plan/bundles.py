"""Bundles: the certificates of their CAs as they are now, whatever their order in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Final

import msgspec

from reconciler.desired.model import Bundle
from reconciler.observed.model import Absent, Certificates, CertificateState, ObservedState, Unusable
from reconciler.plan.checks_files import owners, public_mode
from reconciler.plan.checks_pair import unreadable_finding
from reconciler.plan.context import Decision, Situation
from reconciler.plan.fetched_files import decide_fetched_bundle
from reconciler.plan.foreign import foreign, settle
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.plan.rotation.lifecycle import Lifecycle
from reconciler.plan.trust import Anchors, anchors, unusable_files


class BundleContext(msgspec.Struct, frozen=True, kw_only=True):
    """One bundle, as its checks see it."""

    desired: Bundle
    found: CertificateState
    wanted: Anchors
    observed: ObservedState
    replace: bool
    ours: bool
    """Whether we wrote the file, so that every byte of it is ours."""


def bundle_request(desired: Bundle) -> str:
    """What is asked for. Recorded when we write the file, which is then ours to the byte."""
    return f"cas={','.join(desired.cas)}" + f" files={','.join(desired.files)}" * bool(desired.files)


def missing(context: BundleContext) -> Iterator[Finding]:
    """The file is not there."""
    if isinstance(context.found, Absent):
        yield Finding(reason=Reason.MISSING, action=Action.CREATE, message="there is no file", path="certificates")


def unreadable(context: BundleContext) -> Iterator[Finding]:
    """The file cannot be used: one bad block makes all of it suspect, since readers stop or skip as they please."""
    if isinstance(context.found, Unusable):
        yield unreadable_finding(context.found, action=Action.REPAIR, path="certificates")


def unusable_anchors(context: BundleContext) -> Iterator[Finding]:
    """A file of CAs made elsewhere is missing or cannot be used."""
    yield from unusable_files(context.wanted)


def bundle_stale(context: BundleContext) -> Iterator[Finding]:
    """It holds other certificates than its CAs have."""
    if not isinstance(context.found, Certificates) or context.wanted.unknown:
        return
    if context.wanted.made:
        message = f"follows {', '.join(context.wanted.made)}"
        yield Finding(reason=Reason.BUNDLE_STALE, action=Action.REPAIR, message=message, path="certificates")
        return
    found, wanted = {each.fingerprint for each in context.found.chain}, set(context.wanted.fingerprints)
    if found != wanted:
        lacking, extra = len(wanted - found), len(found - wanted)
        parts = [f"{lacking} of its CAs missing"] * bool(lacking) + [f"{extra} that should not be in it"] * bool(extra)
        yield Finding(
            reason=Reason.BUNDLE_STALE,
            action=Action.REPAIR,
            message=", ".join(parts),
            path="certificates",
            current=", ".join(sorted(found)),
            planned=", ".join(sorted(wanted)),
        )
    elif context.ours and not context.found.plain:
        message = "it was edited: there is something beside its certificates"
        yield Finding(reason=Reason.BUNDLE_STALE, action=Action.REPAIR, message=message, path="certificates")


def reissue_requested(context: BundleContext) -> Iterator[Finding]:
    """``--replace`` names it."""
    if context.replace and not isinstance(context.found, Absent):
        yield Finding(reason=Reason.REISSUE_REQUESTED, action=Action.REPAIR, message="--replace asks for it", path="replace")


def file_drift(context: BundleContext) -> Iterator[Finding]:
    """Others may write it, or it belongs to somebody else."""
    if isinstance(context.found, Certificates):
        yield from public_mode(context.found.meta, "mode")
        yield from owners(context.desired.access, [context.found.meta], context.observed)


BUNDLE_CHAIN: Final[tuple[Callable[[BundleContext], Iterator[Finding]], ...]] = (
    missing,  # Missing: no file -> create
    unreadable,  # Unreadable: not a clean file of certificates -> repair
    unusable_anchors,  # Unreadable: a file with further anchors -> held back
    bundle_stale,  # BundleStale: a CA too many or too few, or text in a file of ours -> repair
    reissue_requested,  # ReissueRequested: --replace -> repair
    file_drift,  # ModeDrift, OwnerDrift -> repair
)


def decide_bundles(situation: Situation, lives: Mapping[str, Lifecycle]) -> Iterator[Decision]:
    """Decides about every bundle that the plan covers."""
    known: dict[tuple[tuple[str, ...], tuple[str, ...]], Anchors] = {}
    for address, bundle in situation.desired.bundles.items():
        if not situation.covers(address):
            continue
        if bundle.source is not None:
            fetched = decide_fetched_bundle(bundle, lives, situation)
            if fetched is not None:
                yield fetched
            continue
        sources = (bundle.cas, bundle.files)
        if sources not in known:
            known[sources] = anchors(bundle, lives, situation)
        seen, record = situation.observed.bundles.get(address), situation.records.get(address)
        context = BundleContext(
            desired=bundle,
            found=seen.certificates if seen is not None else Absent(),
            wanted=known[sources],
            observed=situation.observed,
            replace=address in situation.replaced,
            ours=bool(record and record.requested),
        )
        findings = tuple(chain.from_iterable(check(context) for check in BUNDLE_CHAIN))
        if findings:
            yield _settle(situation, context, findings)


def _settle(situation: Situation, context: BundleContext, findings: tuple[Finding, ...]) -> Decision:
    bundle = context.desired
    if bundle.address not in situation.records and not situation.may_overwrite(bundle.address) and _is_foreign(context):
        path = bundle.place.absolute
        findings = (*findings, foreign(path, "it was not written here and holds something else than these CAs"))
    writes = any(finding.path in {"certificates", "replace"} for finding in findings)
    return settle(bundle.address, "bundle", findings, held_by=context.wanted.held_by if writes else "")


def _is_foreign(context: BundleContext) -> bool:
    """Whether writing would take certificates from somebody: a system's bundle, or the CA of another cluster."""
    if isinstance(context.found, Certificates) and not context.wanted.unknown:
        return any(each.spki_sha256 not in context.wanted.keys for each in context.found.chain)
    return isinstance(context.found, Unusable)
