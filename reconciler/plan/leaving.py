"""What is in our records and no longer desired: left alone and told, forgotten, or destroyed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.desired.external import is_external
from reconciler.desired.model import DesiredState, parse_address
from reconciler.desired.moves import Removal
from reconciler.desired.vault import PkiKey
from reconciler.plan.context import Decision, Situation
from reconciler.plan.document import DiagnosticEntry
from reconciler.plan.guards import empty_desired_state, hold_destruction
from reconciler.plan.inventory import LEAVES, Record
from reconciler.plan.options import desired_addresses
from reconciler.plan.order import natural
from reconciler.plan.published import paths_of, place_of
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.plan.requests import KIND, renamed_to, withdrawn


def decide_leaving(situation: Situation) -> tuple[list[Decision], tuple[DiagnosticEntry, ...]]:
    """Decides about every record that the desired state no longer explains."""
    removals = situation.desired.removals
    explained = {address: removal for address in _orphans(situation) if (removal := _removal(address, removals)) is not None}
    orphans = [address for address in _orphans(situation) if address not in explained]
    heirs = _heirs(situation) if explained or orphans else {}
    decisions = [
        _leave(situation, address, "`removed` names it", heirs, destroy=removal.destroy) for address, removal in explained.items()
    ]
    diagnostics: list[DiagnosticEntry] = []
    empty = empty_desired_state(situation, orphans)
    if empty is not None:
        diagnostics.append(empty)
    elif situation.desired.prune:
        decisions += [_leave(situation, address, "it left the desired state", heirs, destroy=True) for address in orphans]
    else:
        diagnostics += [_orphan(situation, address) for address in orphans]
    # Whoever asked has the certificate: it is taken back whether or not what leaves is pruned.
    gone = withdrawn(situation)
    decisions += [_leave(situation, address, why, renamed_to(situation, address), destroy=True) for address, why in gone.items()]
    kept, tripped = hold_destruction(decisions, situation)
    diagnostics += tripped
    diagnostics += [_lives_on(situation, decision) for decision in kept if _outlives_removal(situation, decision)]
    return kept, tuple(diagnostics)


def _orphans(situation: Situation) -> list[str]:
    """Recorded and not desired. Of a node's view only what is that node's, of a targeted plan only what is targeted."""
    wanted = frozenset(desired_addresses(situation.desired))
    node = situation.desired.node
    return sorted(
        (
            address
            for address in situation.records
            if address not in wanted
            and situation.records[address].kind != KIND
            and situation.covers(address)
            and (node is None or parse_address(address)[2] == node)
        ),
        key=natural,
    )


def _removal(address: str, removals: tuple[Removal, ...]) -> Removal | None:
    bare = address.partition("[")[0]
    return next((removal for removal in removals if removal.address in {address, bare}), None)


def _heirs(situation: Situation) -> dict[str, str]:
    """Who is desired at each path: what has only changed its name must not lose its files to its former self."""
    return {path: address for address in desired_addresses(situation.desired) for path in paths_of(address, situation.desired)}


def _leave(situation: Situation, address: str, why: str, heirs: dict[str, str], *, destroy: bool) -> Decision:
    record = situation.records[address]
    heir = next((heirs[path] for path in record.paths if path in heirs), None)
    action = Action.DESTROY if destroy and heir is None else Action.FORGET
    message = why if heir is None else f"{why}; its files are those of {heir}"
    return Decision(
        address=address,
        kind=record.kind,
        action=action,
        findings=(Finding(reason=Reason.ORPHANED, action=action, message=message),),
    )


def _orphan(situation: Situation, address: str) -> DiagnosticEntry:
    paths = ", ".join(situation.records[address].paths)
    return DiagnosticEntry(
        severity="warning",
        code=Reason.ORPHANED.value,
        summary=f"{address} is no longer in the desired state",
        detail=f"Its files stay ({paths}). Say what becomes of it with `removed`, or remove such things with `prune: true`.",
        address=address,
    )


def _outlives_removal(situation: Situation, decision: Decision) -> bool:
    record = situation.records[decision.address]
    alive = record.not_after is not None and record.not_after > situation.now
    ca = situation.desired.cas.get(parse_address(record.issuer)[1]) if record.issuer else None
    # A server that has signed it revokes it, whether or not its list is published here.
    listed = ca is not None and isinstance(ca.key_in, PkiKey)
    listed = listed or any(f"ca.{crl.name}" == record.issuer for crl in situation.desired.crls.values())
    return decision.action == Action.DESTROY and record.kind in LEAVES and alive and not listed


def _lives_on(situation: Situation, decision: Decision) -> DiagnosticEntry:
    record = situation.records[decision.address]
    ca = situation.desired.cas.get(parse_address(record.issuer)[1]) if record.issuer else None
    if ca is not None and is_external(ca):
        way_out = f"ask whoever keeps {record.issuer} to revoke it."
    elif ca is not None and ca.publishes:
        way_out = f"the list of {record.issuer} is signed elsewhere. Name it under `revocations`."
    else:
        way_out = f"{record.issuer or 'its CA'} has no revocation list. Give it a `crl`: what left is on it."
    return DiagnosticEntry(
        severity="warning",
        code=Reason.ORPHANED.value,
        summary=f"The certificate of {decision.address} stays valid until it expires",
        detail=f"Its files are removed, but whoever has a copy of serial {record.serial} can use it until "
        f"{record.not_after:%Y-%m-%d}: {way_out}",
        address=decision.address,
    )


def left_behind(situation: Situation, addresses: Iterable[str]) -> Iterator[DiagnosticEntry]:
    """Files of before that nothing writes any more, and nothing removes.

    Args:
        situation: what the plan is made from.
        addresses: what may have other files now, in the order in which it is told.
    """
    for address in addresses:
        record, current = situation.records.get(address), paths_of(address, situation.desired)
        if record is None or not current or not situation.covers(address) or _is_replaced(record, address, situation.desired):
            continue
        old = [path for path in record.paths if path not in current]
        if old:
            yield DiagnosticEntry(
                severity="warning",
                code="moved",
                summary=f"{address} is written to other files now",
                detail=f"What was written before stays until you remove it: {', '.join(old)}.",
                address=address,
            )


def _is_replaced(record: Record, address: str, desired: DesiredState) -> bool:
    """Whether what is written takes the names of before away: those that lead into generations of the same place."""
    place = place_of(address, desired)
    return place is not None and (place.root, place.path, "generations") == (record.root, record.path, record.layout)
