"""The conditions of the reconciler, from what a pass came to. Decisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from reconciler.daemon.attempts import Hold
from reconciler.daemon.role import ONLY_ONE, Role
from reconciler.observed.model import Served
from reconciler.plan.document import PlanDocument, ResourceChange
from reconciler.plan.health import BREAKING, UNSETTLED
from reconciler.plan.reasons import Reason
from reconciler.plan.rotation.barriers import BY_HAND
from reconciler.plan.rotation.lifecycle import Standing
from reconciler.plan.status_document import Condition, ConditionStatus, HookStatus
from reconciler.plan.suspension import SUSPENDED

#: The reason of a pass that met somebody else's apply.
LOCK_HELD: Final = "LockHeld"
#: The reason of a pass that had to end because somebody else may act.
LEASE_LOST: Final = "LeaseLost"
#: Conditions about what a pass looks at; one that could not look says nothing about them.
SEEN: Final = frozenset({"Flapping", "BudgetExhausted", "HooksFailing", "RotationWaiting", "ExternalCAWaiting"})
#: The reason of what an external CA was asked for.
WAITS_OUTSIDE: Final = "RequestPending"
_STARTING: Final = "Starting"
#: What people have to do for a rotation to go on: the reason, and the way out.
_FOR_PEOPLE: Final = {
    "restart": ("RestartNeeded", "Then say that it is done: `cluster-pki apply`."),
    "release": ("HeldByDesiredState", "Take `rotation.hold` out, or move it to a later phase."),
    "proceed": ("ProceedNeeded", "This view of a cluster cannot tell by itself."),
    "decide": ("UnfinishedRotation", "The status says which numbers may be asked for."),
}
#: The way out of a refusal.
_ASK_AGAIN: Final = (
    "It is not tried again under this desired state. Change what is asked for; or change the server, and then run "
    "`cluster-pki apply` or send SIGHUP."
)
#: Names in a message before it says "and 7 more".
_LISTED: Final = 5


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Why a desired state is not acted on."""

    reason: str
    message: str
    stalled: bool = True
    """Whether only a person can change that."""


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What a pass came to."""

    source: Refused | None = None
    """Why the newest revision is not acted on."""
    source_is_verified: bool = False
    """Whether signatures are asked for; the condition is there only then, or when a revision is refused."""
    signer: str = ""
    clock: Refused | None = None
    trouble: Refused | None = None
    """Why the pass could not do its work at all: lock, state directory."""
    role: Role = ONLY_ONE
    """Whether it is this one of several reconcilers that acts."""
    plan: PlanDocument | None = None
    """What is left to do after the pass."""
    failed: Mapping[str, str] = {}
    refused: frozenset[str] = frozenset()
    """Of the failed, those that are not tried again under this desired state."""
    holds: Sequence[Hold] = ()
    hooks: Sequence[HookStatus] = ()
    served: Mapping[str, Served] = {}
    suspended: bool = False
    standings: Mapping[str, Standing] = {}
    """Where CAs and keypairs stand, by address."""
    flapping: Mapping[str, str] = {}
    """Addresses that somebody else keeps changing, each with who it was, as far as the disk tells."""


def conditions(findings: Findings, before: Iterable[Condition], now: datetime) -> tuple[Condition, ...]:
    """Every condition that holds, Ready first; one whose status did not change keeps its time.

    Args:
        findings: of the pass.
        before: the conditions of the pass before.
        now: the time.
    """
    known = {condition.type: condition for condition in before}
    found = (
        _ready(findings),
        _source(findings),
        _leader(findings),
        _reconciling(findings),
        _stalled(findings),
        _clock(findings),
        _present("Suspended", "SuspendedByDesiredState", "`suspend: true`: nothing is changed.", there=findings.suspended),
        _flapping(findings),
        _budget(findings),
        _hooks(findings),
        _served(findings),
        _rotations(findings),
        _external(findings),
    )
    return tuple(_since(condition, known.get(condition[0]), now) for condition in found if condition is not None)


_Said = tuple[str, ConditionStatus, str, str]


def _since(said: _Said, before: Condition | None, now: datetime) -> Condition:
    kind, status, reason, message = said
    since = before.last_transition_time if before is not None and before.status == status else now.replace(microsecond=0)
    return Condition(type=kind, status=status, reason=reason, message=message, last_transition_time=since)


def _ready(findings: Findings) -> _Said:
    """The first thing that is in the way of "everything is as the desired state says"."""
    for reason, message in (*_could_not(findings), *_did_not(findings), *_is_left(findings.plan)):
        return ("Ready", "Unknown" if reason == _STARTING else "False", reason, message)
    if waiting := _waiting(findings.plan):
        message = f"All that can be done here is done; {_names(waiting)} will follow when an external CA has signed."
        return ("Ready", "True", WAITS_OUTSIDE, message)
    return ("Ready", "True", "ReconciliationSucceeded", "Everything is as the desired state says.")


def _could_not(findings: Findings) -> Iterator[tuple[str, str]]:
    """What kept the pass from its work, and what its work came to."""
    for refused in (findings.trouble, findings.clock, findings.source):
        if refused is not None:
            yield refused.reason, refused.message
    for why in findings.failed.values():
        yield "ApplyFailed", f"{_names(findings.failed)}: {why}"
    errors = [entry.summary for entry in findings.plan.diagnostics if entry.severity == "error"] if findings.plan else []
    if errors:
        yield "PlanErrored", ". ".join(errors[:_LISTED]) + "."


def _did_not(findings: Findings) -> Iterator[tuple[str, str]]:
    """What waits, and who was not told."""
    for hold in findings.holds:
        yield hold.reason, f"{_names(each.address for each in findings.holds)}: {hold.detail}."
    for abnormal in (_hooks(findings), _served(findings)):
        if abnormal is not None:
            yield abnormal[2], abnormal[3]


def _is_left(plan: PlanDocument | None) -> Iterator[tuple[str, str]]:
    """What the plan after the pass says."""
    if plan is None:
        yield _STARTING, "No pass has come to its end yet."
        return
    for entry in plan.diagnostics:
        if entry.code == SUSPENDED:
            yield "ChangesSuspended", f"{entry.summary}. {entry.detail}"
    if broken := [entry.address for entry in plan.resource_changes if entry.change.class_ == "waiting" and _is_broken(entry)]:
        yield WAITS_OUTSIDE, f"{_names(broken)} does not work, and an external CA has not signed its successor yet."
    if plan.has_changes:
        yield "ChangesPending", f"{_names(_pending(plan))} still to be changed."


def _source(findings: Findings) -> _Said | None:
    if findings.source is not None:
        return ("SourceVerified", "False", findings.source.reason, findings.source.message)
    if findings.source_is_verified:
        return ("SourceVerified", "True", "SignatureValid", f"Signed by {findings.signer}.")
    return None


def _leader(findings: Findings) -> _Said | None:
    role = findings.role
    return ("Leader", role.status, role.reason, role.message) if role.reason else None


def _reconciling(findings: Findings) -> _Said | None:
    failed = [address for address in findings.failed if address not in findings.refused]
    retrying = [*failed, *(hold.address for hold in findings.holds if hold.reason == "Backoff")]
    return _present("Reconciling", "ProgressingWithRetry", f"{_names(retrying)} will be tried again.", there=bool(retrying))


def _stalled(findings: Findings) -> _Said | None:
    refused = next((each for each in (findings.trouble, findings.source) if each is not None and each.stalled), None)
    if refused is not None:
        return ("Stalled", "True", refused.reason, refused.message)
    final = {address: why for address, why in findings.failed.items() if address in findings.refused}
    final |= {hold.address: hold.detail for hold in findings.holds if hold.reason == "Refused"}
    told = "; ".join(f"{address}: {why}" for address, why in list(final.items())[:_LISTED])
    more = f"; and {len(final) - _LISTED} more" if len(final) > _LISTED else ""
    return _present("Stalled", "Refused", f"{told}{more}. {_ASK_AGAIN}", there=bool(final))


def _clock(findings: Findings) -> _Said | None:
    return None if findings.clock is None else ("ClockUncertain", "True", findings.clock.reason, findings.clock.message)


def _flapping(findings: Findings) -> _Said | None:
    told = "; ".join(f"{address}: {who}" for address, who in list(findings.flapping.items())[:_LISTED])
    message = f"Somebody else keeps changing the same files. {told}. Stop the other writer, or set `suspend: true` there."
    return _present("Flapping", "AnotherWriter", message, there=bool(findings.flapping))


def _budget(findings: Findings) -> _Said | None:
    spent = [hold for hold in findings.holds if hold.reason == "BudgetExhausted"]
    message = f"{_names(hold.address for hold in spent)}: {spent[0].detail}; the plan says why." if spent else ""
    return _present("BudgetExhausted", "TooManyIssuances", message, there=bool(spent))


def _hooks(findings: Findings) -> _Said | None:
    failing = [hook for hook in findings.hooks if hook.state == "failing"]
    message = f"{failing[0].address}: {failing[0].hook}: {failing[0].detail}" if failing else ""
    if len(failing) > 1:
        message += f" ({_names(hook.address for hook in failing[1:])} too)"
    return _present("HooksFailing", "HookFailed", message, there=bool(failing))


def _served(findings: Findings) -> _Said | None:
    stale = sorted(address for address, result in findings.served.items() if result.state == "stale")
    message = f"{_names(stale)} on disk, and the running process serves another certificate."
    return _present("ServedStale", "ServesAnotherCertificate", message, there=bool(stale))


def _rotations(findings: Findings) -> _Said | None:
    """What only people can do, once nothing is left for a plan: whoever restarts before the files are there does it twice."""
    waiting = [
        (address, standing.phase, [blocker for blocker in standing.waits if blocker.people])
        for address, standing in findings.standings.items()
        if not any(blocker.by_plan for blocker in standing.waits)
    ]
    waiting = [each for each in waiting if each[2]]
    if not waiting:
        return None
    address, phase, blockers = waiting[0]
    reason, way_out = _FOR_PEOPLE[blockers[0].people]
    told = "; ".join(blocker.message.removeprefix(BY_HAND) for blocker in blockers[:_LISTED])
    more = f"; and {len(blockers) - _LISTED} more" if len(blockers) > _LISTED else ""
    others = f" ({_names(each[0] for each in waiting[1:])} too)" if len(waiting) > 1 else ""
    return ("RotationWaiting", "True", reason, f"{address} in phase {phase}: {told}{more}. {way_out}{others}")


def _external(findings: Findings) -> _Said | None:
    """What only somebody outside can do: no failure, and nothing that another try would help."""
    waiting = [entry for entry in findings.plan.diagnostics if entry.code == Reason.REQUEST_PENDING] if findings.plan else []
    told = ". ".join(entry.summary for entry in waiting[:_LISTED])
    message = f"{told}. Each request stands beside its files, as .next.csr; the certificate is expected there as .next.crt."
    return _present("ExternalCAWaiting", WAITS_OUTSIDE, message, there=bool(waiting))


def _waiting(plan: PlanDocument | None) -> list[str]:
    return [entry.address for entry in plan.resource_changes if entry.change.class_ == "waiting"] if plan else []


def _is_broken(entry: ResourceChange) -> bool:
    """Whether what is there cannot do its work meanwhile; what never was there is missed by nobody yet."""
    return any(reason.code in BREAKING for reason in entry.change.reasons)


def _present(kind: str, reason: str, message: str, *, there: bool) -> _Said | None:
    """A condition that is there only while it is true."""
    return (kind, "True", reason, message) if there else None


def _pending(plan: PlanDocument) -> list[str]:
    return [entry.address for entry in plan.resource_changes if entry.change.class_ not in UNSETTLED]


def _names(addresses: Iterable[str]) -> str:
    names = list(addresses)
    rest = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {rest} more" if rest > 0 else "")
