"""Components that another view issues and this one fetches: the copy on disk against its source. Decisions.

Names, dates to come and policies are judged where they are issued. Here a source is only kept from doing harm: what is
missing, torn, expired, revoked or signed by somebody else never takes the place of what is on disk.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from reconciler.desired.model import Component
from reconciler.desired.place import Place
from reconciler.observed.model import Absent, Certificates, DerivedOutput, Key, ObservedPair, Unusable, source_address
from reconciler.plan.checks_files import mode_drift, owner_drift
from reconciler.plan.checks_pair import unreadable_finding
from reconciler.plan.checks_time import instant
from reconciler.plan.context import Context, Decision, Situation
from reconciler.plan.copying import CONTENT, certificate_differs, key_differs, repair
from reconciler.plan.foreign import foreign, settle
from reconciler.plan.reasons import Action, Finding, Reason

#: The attribute of everything that is wrong with a source.
SOURCE = "source"


class _Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """One copy beside its source."""

    context: Context
    source: ObservedPair
    place: Place
    """Of the source."""


def decide_fetched(context: Context, situation: Situation) -> Decision | None:
    """Decides about a component with a source; None when there is nothing to say.

    Args:
        context: the component as its checks see it; its pair is the copy.
        situation: what was found.
    """
    component = context.desired
    if component.source is None or component.place is None:
        return None
    here = component.source == component.place
    source = context.pair if here else situation.pair(source_address(component.address))
    fetched = _Fetched(context=context, source=source, place=component.source)
    findings = (*_unfit(fetched), *_differences(fetched))
    if not findings:
        return None
    if _is_strange(fetched, findings) and not situation.may_overwrite(component.address):
        findings = (*findings, foreign(component.place.absolute, "it was not fetched and is not what its source holds"))
    return msgspec.structs.replace(settle(component.address, "component", findings), fetched=True)


def absent_source(place: Place) -> Finding:
    """That nothing is at a source: nothing was made there yet, or it was removed."""
    message = f"its source is not there: {place.absolute}; what is on disk stays until it is made"
    return Finding(reason=Reason.MISSING, action=Action.NONE, message=message, path=SOURCE)


def unusable_source(found: Unusable) -> Finding:
    """That a source cannot be read or used."""
    return unreadable_finding(found, action=Action.NONE, path=SOURCE)


def _unfit(fetched: _Fetched) -> Iterator[Finding]:
    """Why the source may not be fetched: the first thing that is wrong with it."""
    certificate, key = fetched.source.certificate, fetched.source.key
    for found in (certificate, key):
        if isinstance(found, Unusable):
            yield unusable_source(found)
            return
    if isinstance(certificate, Absent) and isinstance(key, Absent):
        yield absent_source(fetched.place)
    elif not isinstance(certificate, Certificates) or not isinstance(key, Key):
        which = "key" if isinstance(key, Absent) else "certificate"
        yield _refused(Reason.MISSING, f"its source has no {which}")
    elif certificate.chain[0].spki_sha256 != key.facts.spki_sha256:
        yield _refused(Reason.KEY_MISMATCH, "the key in its source does not belong to the certificate there")
    else:
        yield from _unfit_outputs(fetched)
        yield from _unfit_certificate(fetched, certificate)


def _unfit_outputs(fetched: _Fetched) -> Iterator[Finding]:
    """A derived file that the source lacks, or that holds another pair than the source."""
    for name in _derived(fetched.context.desired):
        found = fetched.source.outputs.get(name, Absent())
        if isinstance(found, Unusable):
            yield unusable_source(found)
        elif isinstance(found, Absent):
            yield _refused(Reason.OUTPUT_STALE, f"its source has no output {name} yet")


def _unfit_certificate(fetched: _Fetched, certificate: Certificates) -> Iterator[Finding]:
    context, leaf = fetched.context, certificate.chain[0]
    if context.now > leaf.not_after:
        yield _refused(Reason.EXPIRED, f"the certificate in its source expired on {instant(leaf.not_after)}")
    elif context.now < leaf.not_before:
        yield _refused(Reason.NOT_YET_VALID, f"the certificate in its source begins on {instant(leaf.not_before)}")
    if context.generations and fetched.source.signed_by not in context.generations:
        ca = context.authority.desired.address
        yield _refused(Reason.WRONG_ISSUER, f"the certificate in its source was not signed by the key of {ca}")
    elif not context.generations and not fetched.source.owned:
        # Nobody can tell who signed it: then at least it has to say whose it is.
        message = f"its source is not known to be that of {context.desired.address}, and its CA is not seen from here"
        yield _refused(Reason.WRONG_ISSUER, message)
    elif leaf.serial in context.authority.revoked:
        yield _refused(Reason.REVOKED, "the certificate in its source is revoked")


def _differences(fetched: _Fetched) -> Iterator[Finding]:
    """How the copy differs from the source."""
    context, source, found = fetched.context, fetched.source, fetched.context.pair
    if isinstance(found.certificate, Absent) and isinstance(found.key, Absent):
        yield Finding(reason=Reason.MISSING, action=Action.CREATE, message="there is no certificate and no key")
        return
    if isinstance(source.certificate, Certificates):
        whose = f"the source of {context.desired.address}"
        different = list(certificate_differs(found.certificate, source.certificate.chain[0].fingerprint, whose))
        yield from different
        if not different:
            yield from _chain(found, source.certificate)
        yield from key_differs(found.key, source.key, whose)
        yield from _outputs(fetched)
    yield from mode_drift(context)
    yield from owner_drift(context)


def _chain(found: ObservedPair, source: Certificates) -> Iterator[Finding]:
    if isinstance(found.certificate, Certificates) and _prints(found.certificate) != _prints(source):
        yield repair(Reason.CHAIN_BROKEN, "the intermediates behind it are not those in its source", "chain")


def _outputs(fetched: _Fetched) -> Iterator[Finding]:
    for name in _derived(fetched.context.desired):
        found, wanted = (pair.outputs.get(name, Absent()) for pair in (fetched.context.pair, fetched.source))
        path = f"outputs.{name}"
        if isinstance(found, Unusable):
            yield unreadable_finding(found, action=Action.REPAIR, path=path)
        elif isinstance(found, Absent):
            yield repair(Reason.OUTPUT_STALE, f"{name} is missing", path)
        elif isinstance(wanted, DerivedOutput) and _meaning(found) != _meaning(wanted):
            yield repair(Reason.OUTPUT_STALE, f"{name} is not what its source holds", path)


def _is_strange(fetched: _Fetched, findings: tuple[Finding, ...]) -> bool:
    """Whether writing would take somebody's files: not ours by record or place, and no earlier state of the same source."""
    context, found = fetched.context, fetched.context.pair
    there = not (isinstance(found.certificate, Absent) and isinstance(found.key, Absent))
    written = any(finding.path in CONTENT and finding.action > Action.NONE for finding in findings)
    if context.record is not None or found.owned or not there or not written:
        return False
    leaf, source = context.leaf, fetched.source.certificate
    earlier = (
        leaf is not None
        and context.key is not None
        and leaf.spki_sha256 == context.key.spki_sha256
        and found.signed_by in context.generations
        and isinstance(source, Certificates)
        and leaf.subject.same_as(source.chain[0].subject)
    )
    return not earlier


def _derived(component: Component) -> tuple[str, ...]:
    """The outputs beside the pair; a combined file without pem is the pair."""
    pair = "pem" if "pem" in component.outputs else "combined"
    return tuple(name for name in component.outputs if name != pair)


def _prints(certificates: Certificates) -> tuple[str, ...]:
    return tuple(link.fingerprint for link in certificates.chain)


def _meaning(output: DerivedOutput) -> tuple[tuple[str, ...], str]:
    return output.fingerprints, output.spki_sha256


def _refused(reason: Reason, message: str) -> Finding:
    return Finding(reason=reason, action=Action.NONE, message=message, path=SOURCE)
