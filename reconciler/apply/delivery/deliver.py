"""Runs the hooks that are owed, one owner after the other, and notes what came of it.

The steps of one owner:

1. Note the attempt, durably: whatever a hook does to us, attempts are counted and their pauses grow.
2. Run its hooks in their order, up to the first that fails.
3. Ask its probe until it presents what is on disk, for some seconds.
4. Note that it is delivered, durably; or why it is not, and when it is tried again.

A crash anywhere leads to hooks that are run once more, never to hooks that are forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from reconciler.apply.delivery.backoff import pause
from reconciler.apply.delivery.content import contents as contents_of
from reconciler.apply.delivery.content import hooks_of
from reconciler.apply.delivery.due import Turn, is_new, remaining_life, turns
from reconciler.apply.delivery.ledger import Ledger, Obligation, adopt
from reconciler.apply.delivery.occasions import occasion_of
from reconciler.apply.delivery.round import Ask, Ran, Round, RunHook
from reconciler.apply.delivery.telling import statuses
from reconciler.apply.hooks.describing import describe
from reconciler.apply.hooks.occasion import HookResult
from reconciler.desired.live import AnyHook
from reconciler.desired.model import DesiredState
from reconciler.observed.model import ObservedState, Served
from reconciler.plan.served import current
from reconciler.plan.status_document import HookStatus

#: Seconds from one look at an endpoint to the next while its process takes up the new files.
PAUSES: Final = (0.1, 0.2, 0.3, 0.4, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0)
#: What all looks may take, those of an endpoint that does not answer included.
PATIENCE: Final = timedelta(seconds=10)
BEGUN: Final = "It was begun, and how it ended is not known: the reconciler was ended before."
STOPPED: Final = "The reconciler stopped before its hooks were run to the end."


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    ledger: Ledger
    ran: tuple[Ran, ...]
    """In order; what counted for several owners stands once, under the first."""
    served: Mapping[str, Served]
    """What was seen on the way, by address: newer than what came in."""
    failing: tuple[HookStatus, ...]
    """Everybody who is owed hooks now, waiting or failing."""


def deliver(
    desired: DesiredState,
    observed: ObservedState,
    ledger: Ledger,
    *,
    served: Mapping[str, Served],
    run_hook: RunHook,
    probe: Ask,
    save: Callable[[Ledger], None],
    now: Callable[[], datetime],
    wait: Callable[[float], object],
    stop: Callable[[], bool],
    revision: str,
    reasons: Mapping[str, tuple[str, ...]],
    impatient: bool = False,
) -> Delivered:
    """Runs the hooks that are owed.

    Args:
        desired: what should be.
        observed: what is on disk now, after everything that was published.
        ledger: what was delivered, as it is on disk.
        served: what endpoints presented when they were last asked, by address.
        run_hook: runs one hook; must not raise for what a hook can do.
        probe: asks the endpoint of a component; None for an address without one.
        save: makes a ledger durable. It is called for changes only.
        now: the time, aware.
        wait: waits that many seconds, less when there is reason to stop.
        stop: whether to stop: asked between hooks and between looks at an endpoint.
        revision: of the desired state; a new one ends every pause.
        reasons: why files changed, in the words of the plan, by address; remembered until delivered.
        impatient: whether somebody asked for it now: no pause is waited for.

    Raises:
        StoreError: a ledger could not be saved. No hook is run that was not noted before.
    """
    contents = contents_of(desired, observed)
    work = Round(
        desired=desired,
        observed=observed,
        ledger=adopt(ledger, contents, whole=desired.node is None),
        saved=ledger,
        contents=contents,
        revision=revision,
        reasons=reasons,
        run_hook=run_hook,
        probe=probe,
        save=save,
        now=now,
        wait=wait,
        stop=stop,
    )
    about_now = current(served, observed.pairs)
    owed = turns(desired, work.ledger, contents, served=about_now, revision=revision)
    agreeing = frozenset(address for address, seen in about_now.items() if seen.state == "ok")
    _take_turns(work, owed, agreeing=agreeing, impatient=impatient)
    work.keep()
    return Delivered(
        ledger=work.ledger,
        ran=tuple(work.ran),
        served=work.served,
        failing=tuple(statuses(desired, work.ledger, contents, now=now())),
    )


def _take_turns(work: Round, owed: tuple[Turn, ...], *, agreeing: frozenset[str], impatient: bool) -> None:
    """Everybody whose turn it is; in a serial group the first who is not done stops those after him.

    Only the probe was missing for an owner whose endpoint was seen to present what is on disk since: nothing is run for
    him, so he waits neither for the end of his pause nor for anybody else.
    """
    unfinished: dict[str, str] = {}
    for turn in owed:
        if work.stop():
            return
        ahead = unfinished.get(turn.group, "")
        done, entry = False, _entry(work, turn)
        if turn.address in agreeing and entry.ran == entry.owed:
            done = _settle(work, turn)
        elif ahead or not (impatient or turn.is_due(work.now())):
            work.note(turn.address, replace(entry, waiting_for=ahead))
        else:
            done = _take_turn(work, turn)
        if turn.group and not done:
            unfinished.setdefault(turn.group, turn.address)


def _entry(work: Round, turn: Turn) -> Obligation:
    """What is known of an owner, as far as it is about what is owed now."""
    old, content = work.ledger.of(turn.address), work.contents[turn.address]
    why = work.reasons.get(turn.address, ())
    if old.owed != content:
        return Obligation(
            delivered=old.delivered,
            owed=content,
            revision=work.revision,
            stale=turn.why == "stale",
            first_owed_at=work.now(),
            reasons=why,
        )
    kept = replace(old, stale=turn.why == "stale", reasons=why or old.reasons)
    if is_new(old, content=content, revision=work.revision):
        return replace(kept, revision=work.revision, attempts=0, retry_at=None)
    return kept


def _take_turn(work: Round, turn: Turn) -> bool:
    """Hooks and probe of one owner; whether it is delivered."""
    entry, before = _entry(work, turn), None
    if turn.why == "stale" or entry.ran == entry.owed:
        # The hooks may have done their work since: who presents what is on disk need not be told again.
        before = work.ask(turn.address)
        if before is None or before.state == "ok":
            return _settle(work, turn)
    hooks = hooks_of(turn.address, work.desired)
    entry = replace(
        entry, attempts=entry.attempts + 1, at_hook=describe(hooks[0]), last_detail=BEGUN, last_output="", waiting_for=""
    )
    _postpone(work, turn, entry)
    failed, skipped = _run_hooks(work, turn, hooks, entry)
    if failed is not None:
        return _postpone(work, turn, failed)
    if skipped and (before is None or before.state != "stale"):
        return _settle(work, turn)
    seen = before if skipped else _agreement(work, turn.address)
    if seen is None or seen.state == "ok":
        return _settle(work, turn)
    detail = f"{seen.detail} Its hooks found nothing that runs: {skipped}." if skipped else seen.detail
    return _postpone(work, turn, replace(entry, ran=entry.owed, at_hook=describe(hooks[-1]), last_detail=detail))


def _run_hooks(work: Round, turn: Turn, hooks: tuple[AnyHook, ...], entry: Obligation) -> tuple[Obligation | None, str]:
    """The entry of an owner with a hook that failed, else None; and why a hook was skipped, empty when none was."""
    occasion = occasion_of(turn.address, work.desired, work.observed, entry.reasons)
    skipped, alone, own = "", bool(turn.group), False
    for hook in hooks:
        if work.stop():
            # No fault of the hook: it is run at once when somebody goes on.
            return replace(entry, attempts=entry.attempts - 1, at_hook=describe(hook), last_detail=STOPPED), ""
        # What was done for somebody else came before this owner's own hooks, and does not count after one of them.
        result, was_run = work.run(hook, occasion, reuse=not alone and not own, offer=not alone)
        own = own or was_run
        if result.status == "failed":
            return _failed(entry, hook, result), ""
        if result.status == "skipped":
            skipped = skipped or result.detail
    return None, skipped


def _failed(entry: Obligation, hook: AnyHook, result: HookResult) -> Obligation:
    detail = f"{result.detail[:1].upper()}{result.detail[1:]}."
    return replace(entry, at_hook=describe(hook), last_detail=detail, last_output=result.output)


def _agreement(work: Round, address: str) -> Served | None:
    """What the endpoint presents at last: its process has some seconds to take up what is on disk."""
    began = work.now()
    seen = work.ask(address)
    for seconds in PAUSES:
        if seen is None or seen.state == "ok" or work.stop() or work.now() - began >= PATIENCE:
            break
        work.wait(seconds)
        seen = work.ask(address)
    return seen


def _settle(work: Round, turn: Turn) -> bool:
    """Everything that is on disk is delivered."""
    work.note(turn.address, Obligation(delivered=work.contents[turn.address]))
    work.keep()
    return True


def _postpone(work: Round, turn: Turn, entry: Obligation) -> bool:
    """It is tried again after a pause, which begins now."""
    now = work.now()
    if entry.attempts:
        remaining = remaining_life(turn.address, work.desired, work.observed, since=entry.first_owed_at or now, now=now)
        entry = replace(entry, retry_at=now + pause(entry.attempts, remaining=remaining))
    else:
        entry = replace(entry, retry_at=None)
    work.note(turn.address, entry)
    work.keep()
    return False
