"""Who waits for an external CA, and what people have to do: one entry a CA, however many wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from reconciler.desired.external import Waiting, waiting_of
from reconciler.desired.vault import NO_MODE
from reconciler.observed.model import Key
from reconciler.plan.context import Decision, Situation
from reconciler.plan.document import DiagnosticEntry
from reconciler.plan.external.decide import UNASKED
from reconciler.plan.order import natural
from reconciler.plan.reasons import Finding, Reason

#: Requests that are listed one by one; the plan has a block for every other.
_LISTED: Final = 10
#: Of group and others.
_OTHERS: Final = 0o077
#: The code of a key that is no secret.
OPEN_KEY: Final = "request-key-open"
_DER: Final = "a certificate in DER becomes one in PEM with: openssl x509 -inform der -in FILE -out"


def tell_waiting(decisions: Iterable[Decision], situation: Situation) -> Iterator[DiagnosticEntry]:
    """One warning for each external CA that has requests to sign, with where they are and where the answers belong."""
    waiting: defaultdict[str, list[str]] = defaultdict(list)
    for decision in decisions:
        if decision.waits and decision.kind == "component":
            waiting[situation.desired.components[decision.address].ca].append(decision.address)
    for name, found in sorted(waiting.items(), key=lambda item: natural(item[0])):
        addresses = sorted(found, key=natural)
        places = [_waiting(address, situation) for address in addresses]
        ca = situation.desired.cas[name].address
        summary = f"{addresses[0]} waits for {ca}" if len(addresses) == 1 else f"{len(addresses)} certificates wait for {ca}"
        listed = "; ".join(f"{each.request} -> {each.answer}" for each in places[:_LISTED])
        more = f"; and {len(places) - _LISTED} more, each beside its files" if len(places) > _LISTED else ""
        yield DiagnosticEntry(
            severity="warning",
            code=Reason.REQUEST_PENDING.value,
            summary=f"{summary}, whose key is not here",
            detail=f"Have each request signed there, and put the certificate beside it: {listed}{more}. "
            "It is published by the next apply, or by the reconciler at once.",
            address=addresses[0] if len(addresses) == 1 else ca,
            held_back=addresses,
        )


def tell_open_keys(situation: Situation) -> Iterator[DiagnosticEntry]:
    """A warning for each key that waits and that others can read: it is what the certificate will be for."""
    for address, seen in situation.observed.requests.items():
        if not situation.covers(address) or address not in situation.desired.components or not isinstance(seen.key, Key):
            continue
        mode, where = seen.key.meta.mode, _waiting(address, situation)
        if mode != NO_MODE and mode & _OTHERS:
            yield DiagnosticEntry(
                severity="warning",
                code=OPEN_KEY,
                summary=f"{address}: the key that waits for its certificate can be read by others (mode {mode:04o})",
                detail=f"chmod 600 {where.key}; and where somebody may have it, cluster-pki apply --replace {address}: it asks "
                "with another key.",
                address=address,
            )


def unfit_words(decision: Decision, situation: Situation) -> tuple[str, str]:
    """Summary and detail about an answer that must not be used: every deviation by its field, and how to mend it."""
    component = situation.desired.components[decision.address]
    ca, where = situation.desired.cas[component.ca].address, _waiting(decision.address, situation)
    found = [finding for finding in decision.findings if finding.reason == Reason.ANSWER_UNFIT]
    summary = f"{decision.address}: what came back from {ca} is not used: {'; '.join(map(_deviation, found))}"
    if any("not-pem" in finding.message for finding in found):
        return summary, f"It is {where.answer}, and stays as it is; {_DER} {where.answer}."
    if any(finding.path == UNASKED for finding in found):
        return summary, f"It is {where.answer}. Remove it, or put it where it belongs."
    words = sorted({_ACCEPTED[finding.path] for finding in found if finding.path in _ACCEPTED})
    accept = f" Or let {ca} grant it: issuer: {{external: {{accept: [{', '.join(words)}]}}}}." if _all_acceptable(found) else ""
    return summary, (
        f"It is {where.answer}, and stays as it is; nothing is lost. Have {where.request} signed again as it asks, "
        f"with its names and usages copied, and replace it.{accept}"
    )


#: The words of `accept` by the attribute that deviates.
_ACCEPTED: Final = {"subject": "subject", "sans": "sans", "usages": "usages", "key_usages": "usages", "lifetime": "lifetime"}


def _all_acceptable(found: list[Finding]) -> bool:
    return all(finding.path in _ACCEPTED for finding in found)


def _deviation(finding: Finding) -> str:
    if finding.current is None or finding.planned is None:
        return finding.message
    return f"{finding.message} ({finding.path}: asked for {finding.planned or 'none'}, got {finding.current or 'none'})"


def _waiting(address: str, situation: Situation) -> Waiting:
    return waiting_of(situation.desired.components[address], situation.desired)
