"""From decisions to the plan document: the only thing that renderers, saved plans and other programs see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from reconciler.desired.model import parse_address
from reconciler.plan.attributes import difference
from reconciler.plan.context import Decision, Situation
from reconciler.plan.describing import Ground
from reconciler.plan.document import ActionWord, Change, ClassWord, ReasonEntry, ResourceChange, Summary
from reconciler.plan.inventory import LEAVES
from reconciler.plan.reasons import Action, Finding
from reconciler.plan.schedule import Due

#: How long a saved plan may wait: time alone changes what is due.
VALIDITY: Final = timedelta(hours=24)

_ACTIONS: Final[dict[Action, list[ActionWord]]] = {
    Action.NONE: ["no-op"],
    Action.REPAIR: ["update"],
    Action.REQUEST: ["update"],
    Action.REISSUE: ["update"],
    Action.REKEY: ["update"],
    Action.ROTATE: ["create", "delete"],
    Action.REPLACE: ["delete", "create"],
    Action.CREATE: ["create"],
    Action.FORGET: ["forget"],
    Action.DESTROY: ["delete"],
}
_CLASSES: Final[dict[Action, ClassWord]] = {
    Action.NONE: "none",
    Action.REPAIR: "repair",
    Action.REQUEST: "request",
    Action.REISSUE: "reissue",
    Action.REKEY: "rekey",
    Action.ROTATE: "rotate",
    Action.REPLACE: "replace",
    Action.CREATE: "create",
    Action.FORGET: "forget",
    Action.DESTROY: "destroy",
}


def resource_change(decision: Decision, ground: Ground) -> ResourceChange:
    """One decision as the document shows it."""
    _, name, node = parse_address(decision.address)
    described = difference(decision, ground)
    return ResourceChange(
        address=decision.address,
        type=decision.kind,
        name=name,
        index=node,
        change=Change(
            actions=_ACTIONS[decision.action],
            before=described.before,
            after=described.after,
            after_unknown=described.unknown,
            reasons=[reason_entry(finding) for finding in decision.findings],
            class_=class_of(decision),
            importing={"id": decision.importing} if decision.importing else None,
        ),
        previous_address=decision.previous,
    )


def class_of(decision: Decision) -> ClassWord:
    """The PKI action: what is asked for, else that something is taken over or renamed."""
    if decision.blocked:
        return "blocked"
    if decision.action == Action.NONE:
        if decision.importing or decision.previous is not None:
            return "import" if decision.importing else "move"
        return "waiting" if decision.waits else "none"
    return _CLASSES[decision.action]


def reason_entry(finding: Finding) -> ReasonEntry:
    """A finding as the document shows it."""
    return ReasonEntry(
        code=finding.reason.value,
        message=finding.message,
        path=finding.path,
        current=finding.current,
        planned=finding.planned,
    )


def summarize(decisions: Iterable[Decision], situation: Situation, due: Due | None) -> Summary:
    """Counts, in Terraform's words and in those of a PKI. A replacement counts twice, a pure move not at all."""
    classes: Counter[str] = Counter()
    words: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    issued = imported = 0
    for decision in decisions:
        classes[class_of(decision)] += 1
        imported += bool(decision.importing)
        if decision.blocked or not decision.acts:
            continue
        words.update(_ACTIONS[decision.action])
        reasons.update({finding.reason.value for finding in decision.findings})
        issued += decision.action == Action.CREATE and (decision.kind == "ca" or decision.kind in LEAVES) and not decision.fetched
    desired = situation.desired
    return Summary(
        add=words["create"],
        change=words["update"],
        destroy=words["delete"],
        import_=imported,
        forget=words["forget"],
        move=classes["move"],
        issue=issued,
        reissue=classes["reissue"],
        rekey=classes["rekey"],
        repair=classes["repair"],
        replace=classes["replace"],
        blocked=classes["blocked"],
        certificates=len(desired.cas) + len(desired.components),
        reasons=dict(sorted(reasons.items())),
        next_renewal=due.at if due is not None else None,
        next_renewal_address=due.address if due is not None else None,
    )


def valid_until(now: datetime) -> datetime:
    """Until when a plan may be applied: from the full hour on, so that the same input gives the same bytes within it."""
    return now.replace(minute=0, second=0, microsecond=0) + VALIDITY
