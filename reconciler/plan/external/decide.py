"""What becomes of a component whose CA is outside: it is asked for, it waits, or what came back is published. Decisions.

```
  a finding that needs a signature ──> REQUEST ──> waits ──> the answer is there ──> reissue, create, … as found
                                          ^          │                       └─────> blocked: it is not what was asked for
                                          └──────────┘ git wants something else
```
"""

from __future__ import annotations

from typing import Final

from reconciler.desired.external import waiting_of
from reconciler.observed.model import Absent, ObservedRequest, Unusable
from reconciler.plan.context import Context, Decision, Situation
from reconciler.plan.external.judging import unfit
from reconciler.plan.external.progress import NOTHING, Progress, Stage, progress_of
from reconciler.plan.foreign import blocks, settle
from reconciler.plan.reasons import Action, Finding, Reason

#: The attribute of an answer to no request.
UNASKED: Final = "unasked"
#: What is mended while a certificate is on its way: who may read the files must not wait for weeks.
_MEANWHILE: Final = frozenset({Reason.MODE_DRIFT, Reason.OWNER_DRIFT})


def decide_external(context: Context, findings: tuple[Finding, ...], situation: Situation) -> Decision | None:
    """Decides about a component that an external CA signs; None when there is nothing to say.

    Args:
        context: the component as its checks see it.
        findings: what they found about certificate and key that are in use.
        situation: what was found.
    """
    address = context.desired.address
    refusal = context.issuing.refusal
    needs_signature = any(finding.action >= Action.REISSUE for finding in findings)
    if any(blocks(finding) for finding in findings):
        return settle(address, "component", findings)
    if refusal is not None:
        return settle(address, "component", findings, held_by=refusal.address if needs_signature else "") if findings else None
    seen = situation.observed.requests.get(address, NOTHING)
    progress = progress_of(context, seen)
    if progress.stage is Stage.UNSEEN:
        unseen = Finding(reason=Reason.UNREADABLE, action=Action.NONE, message=progress.why, path="request")
        return settle(address, "component", (*findings, unseen))
    if progress.stage is Stage.OUT:
        return _out(context, findings, seen, situation)
    if needs_signature:
        stale = (_stale(progress),) if progress.stage is not Stage.NONE else ()
        return Decision(address=address, kind="component", action=Action.REQUEST, findings=(*findings, *stale))
    if progress.stage is Stage.NONE and not isinstance(seen.answer, Absent):
        unasked = _unfit("nothing was asked for, and a certificate is there all the same", path=UNASKED)
        return settle(address, "component", (*findings, unasked))
    if progress.stage is not Stage.NONE:
        findings = (*findings, _stale(progress))
    return settle(address, "component", findings) if findings else None


def _out(context: Context, findings: tuple[Finding, ...], seen: ObservedRequest, situation: Situation) -> Decision:
    """A request is out that asks for what is wanted."""
    address, ca = context.desired.address, context.issuing.desired.address
    where = waiting_of(context.desired, situation.desired)
    if isinstance(seen.answer, Absent):
        if context.replace:
            return Decision(address=address, kind="component", action=Action.REQUEST, findings=findings)
        waits = Finding(
            reason=Reason.REQUEST_PENDING,
            action=Action.NONE,
            message=f"{ca} has not signed {where.request} yet",
            path="request",
        )
        return Decision(address=address, kind="component", action=_meanwhile(findings), findings=(*findings, waits), waits=True)
    if isinstance(seen.answer, Unusable):
        problem = f"{seen.answer.detail.rstrip('.')} ({seen.answer.problem})"
        return settle(address, "component", (*findings, _unfit(problem)))
    if problems := unfit(context, seen):
        return settle(address, "component", (*findings, *problems))
    came = Finding(
        reason=Reason.REQUEST_ANSWERED,
        action=Action.REISSUE,
        message=f"{ca} has signed its request: {where.answer}",
        path="answer",
    )
    return settle(address, "component", (*findings, came))


def _meanwhile(findings: tuple[Finding, ...]) -> Action:
    """What is done while it waits."""
    return Action.REPAIR if meanwhile(findings) else Action.NONE


def meanwhile(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings that are mended while a certificate is on its way: modes alone, where its files are to change."""
    repairs = tuple(finding for finding in findings if finding.action == Action.REPAIR)
    if any(finding.action >= Action.REISSUE for finding in findings):
        return tuple(finding for finding in repairs if finding.reason in _MEANWHILE)
    return repairs


def _stale(progress: Progress) -> Finding:
    return Finding(reason=Reason.REQUEST_STALE, action=Action.REPAIR, message=progress.why, path="request")


def _unfit(message: str, *, path: str = "answer") -> Finding:
    return Finding(reason=Reason.ANSWER_UNFIT, action=Action.NONE, message=message, path=path)
