"""Which changes may be made now: refusals, backoff, budget, and somebody else who writes the same files. Decisions.

cert-manager has issued nine revisions of a certificate in four days, and renewed every few seconds where an issuer
changed what it was asked for. Whatever goes wrong, an address is changed a bounded number of times an hour; and whatever
went wrong, the next try comes while the certificate is still valid. Only what an issuer or a server refused is not asked
for again until there is something else to ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from math import ceil
from typing import Final

import msgspec
from msgspec.structs import replace

from reconciler.daemon.memory import Attempts, Made
from reconciler.plan.build import Work
from reconciler.plan.reasons import Action, Reason

FIRST_RETRY: Final = timedelta(seconds=10)
LONGEST_RETRY: Final = timedelta(minutes=15)
#: Of something that has expired already.
URGENT_RETRY: Final = timedelta(minutes=1)
WINDOW: Final = timedelta(hours=1)
#: Certificates for one address within an hour, besides what its lifetime demands.
BUDGET: Final = 5
#: So many times within an hour somebody else's change is undone; after that only once every `LONGEST_RETRY`.
PATIENCE: Final = 3

_ISSUING: Final = frozenset({Action.CREATE, Action.REISSUE, Action.REKEY, Action.REPLACE, Action.ROTATE})
_WITH_GENERATIONS: Final = frozenset({"ca", "keypair"})


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A change that has to wait."""

    address: str
    until: datetime | None
    """None when no time helps."""
    reason: str
    """``Refused``, ``Backoff``, ``BudgetExhausted`` or ``Flapping``."""
    detail: str


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """How an address lives: when its certificate ends (None without one), and how long each is used."""

    ends: datetime | None = None
    used_for: timedelta = timedelta(days=335)


def holds(
    work: Iterable[Work],
    attempts: Mapping[str, Attempts],
    *,
    revision: str,
    lives: Mapping[str, Life],
    now: datetime,
    impatient: bool = False,
) -> tuple[Hold, ...]:
    """What of a plan has to wait.

    Args:
        work: of the plan.
        attempts: what became of earlier changes, by address.
        revision: the desired state in force; a new one is a new reason to try.
        lives: by address, of what has a certificate.
        now: the time.
        impatient: somebody asked for it now: failures do not wait; a crash loop, the budget and another writer still do.
    """
    found = (
        _hold(
            each,
            attempts[each.address],
            revision=revision,
            life=lives.get(each.address, Life()),
            now=now,
            impatient=impatient,
        )
        for each in work
        if each.address in attempts
    )
    return tuple(hold for hold in found if hold is not None)


def begun(addresses: Iterable[str], attempts: Mapping[str, Attempts], *, revision: str, now: datetime) -> dict[str, Attempts]:
    """The attempts as they are written down before a pass changes anything: it may never come to its end."""
    known = dict(attempts)
    for address in addresses:
        one = _for(known.get(address, Attempts()), revision)
        unfinished = one.unfinished + 1
        # Once may be a power cut; from the second time on it is waited.
        retry_at = now + _pause(unfinished - 1) if unfinished > 1 else one.retry_at
        known[address] = replace(one, unfinished=unfinished, retry_at=retry_at, detail=one.detail or "it never came to its end")
    return known


def ended(
    work: Iterable[Work],
    attempts: Mapping[str, Attempts],
    *,
    done: Iterable[str],
    failed: Mapping[str, str],
    refused: frozenset[str] = frozenset(),
    foreign: frozenset[str],
    lives: Mapping[str, Life],
    now: datetime,
) -> dict[str, Attempts]:
    """The attempts after a pass.

    Args:
        work: what was carried out.
        attempts: as `begun` left them.
        done: addresses that are as they should be now.
        failed: addresses that are not, with the reason.
        refused: those of them for which somebody said no.
        foreign: addresses that were found otherwise than we had left them.
        lives: by address.
        now: the time.
    """
    known = dict(attempts)
    worked = {each.address: each for each in work}
    for address in worked:
        one = replace(known.get(address, Attempts()), unfinished=0)
        if address in failed:
            failures = one.failures + 1
            final = address in refused
            retry_at = None if final else now + _bounded(_pause(failures), lives.get(address, Life()), now)
            one = replace(one, failures=failures, retry_at=retry_at, refused=final, detail=failed[address])
        else:
            one = replace(one, failures=0, retry_at=None, refused=False, detail="")
        known[address] = one
    for address in done:
        each = worked.get(address)
        if each is not None and each.action > Action.NONE:
            made = Made(at=now, issued=_issues(each), undone=address in foreign)
            known[address] = replace(known[address], made=(*known[address].made, made))
    return forgotten(known, now)


def forgotten(attempts: Mapping[str, Attempts], now: datetime) -> dict[str, Attempts]:
    """The attempts without what is too long ago to matter."""
    kept: dict[str, Attempts] = {}
    for address, one in attempts.items():
        made = tuple(each for each in one.made if now - WINDOW < each.at <= now)
        if made or one.failures or one.unfinished:
            kept[address] = replace(one, made=made)
    return kept


def asked_again(attempts: Mapping[str, Attempts], addresses: Iterable[str] | None = None) -> dict[str, Attempts]:
    """The attempts without the refusals of these addresses; of all without any: somebody wants it tried."""
    wanted = attempts.keys() if addresses is None else frozenset(addresses)
    return {
        address: replace(one, refused=False) if one.refused and address in wanted else one for address, one in attempts.items()
    }


def flapping(attempts: Mapping[str, Attempts], now: datetime) -> tuple[str, ...]:
    """Addresses that somebody else keeps changing."""
    return tuple(sorted(address for address, one in attempts.items() if len(_recent(one, now, undone=True)) >= PATIENCE))


def next_retry(holds_now: Iterable[Hold], attempts: Mapping[str, Attempts], now: datetime) -> datetime | None:
    """When the next held change may be tried again."""
    retries = [one.retry_at for one in attempts.values() if one.retry_at is not None and one.retry_at > now]
    return min((*retries, *(hold.until for hold in holds_now if hold.until is not None)), default=None)


def _hold(work: Work, one: Attempts, *, revision: str, life: Life, now: datetime, impatient: bool) -> Hold | None:
    if work.action == Action.NONE:
        return None
    if one.refused and one.revision == revision:
        return Hold(address=work.address, until=None, reason="Refused", detail=one.detail)
    undone, issued = _recent(one, now, undone=True), _recent(one, now, issued=True)
    if len(undone) >= PATIENCE and undone[-1].at + _bounded(LONGEST_RETRY, life, now) > now:
        detail = f"somebody else changed it {len(undone)} times within an hour after it was put right"
        return Hold(address=work.address, until=undone[-1].at + LONGEST_RETRY, reason="Flapping", detail=detail)
    budget = BUDGET + 2 * ceil(WINDOW / max(life.used_for, timedelta(seconds=1)))
    if _issues(work) and len(issued) >= budget:
        detail = f"{len(issued)} certificates were issued for it within an hour"
        return Hold(address=work.address, until=issued[-budget].at + WINDOW, reason="BudgetExhausted", detail=detail)
    waits = one.revision == revision and (not impatient or one.unfinished > 1)
    if waits and one.retry_at is not None and one.retry_at > now:
        return Hold(address=work.address, until=one.retry_at, reason="Backoff", detail=one.detail)
    return None


def _issues(work: Work) -> bool:
    """Whether it costs a certificate or a key; that another generation signs from now on costs neither, and must not wait."""
    if work.kind in _WITH_GENERATIONS and work.action == Action.ROTATE:
        return any(each.action == Action.ROTATE and each.reason != Reason.ISSUER_ROTATED for each in work.findings)
    return work.action in _ISSUING


def _for(one: Attempts, revision: str) -> Attempts:
    """Failures of another desired state say nothing about this one; crashes and changes do."""
    return one if one.revision == revision else replace(one, revision=revision, failures=0, refused=False, detail="")


def _recent(one: Attempts, now: datetime, *, issued: bool = False, undone: bool = False) -> list[Made]:
    return [each for each in one.made if each.at > now - WINDOW and (each.issued or not issued) and (each.undone or not undone)]


def _pause(times: int) -> timedelta:
    """10 s, 20 s, 40 s … 15 min."""
    doublings: int = min(times - 1, 16)
    return min(LONGEST_RETRY, FIRST_RETRY * (1 << doublings))


def _bounded(pause: timedelta, life: Life, now: datetime) -> timedelta:
    """Never beyond half of what is left of a certificate: there is always another try before it expires."""
    if life.ends is None:
        return pause
    left = life.ends - now
    if left <= timedelta(0):
        return min(pause, URGENT_RETRY)
    return min(pause, max(FIRST_RETRY, left / 2))
