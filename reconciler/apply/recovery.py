"""What to do with the intents that a run left open when it died: finish what was durable, undo the rest."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from reconciler.apply.journal import Abandoned, Intent, Issued, Journal, OpenIntent, Published, open_intents
from reconciler.desired.model import is_generation
from reconciler.plan.inventory import Record
from reconciler.stores.errors import PartlyCommittedError, StoreError
from reconciler.stores.publication import Staged
from reconciler.stores.store import Store
from reconciler.vault.errors import VaultError

#: What is wrong with the files of a publication, by suffix; None when all is well.
Verify = Callable[[dict[str, bytes]], str | None]
#: Revokes what a server signed for an intent that is undone; gives the number.
Revoke = Callable[[Intent], int]

#: What is missing or does not fit will not come back; anything else that the system says may pass.
_JUDGEMENTS: Final = frozenset({0, errno.ENOENT})


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """One intent that was open, and what became of it."""

    intent: Intent
    completed: bool
    """Whether it is published now; otherwise its serial was never seen by anybody."""
    why: str = ""
    """Why it was undone."""
    revoked: int = 0
    """How many certificates a server had signed for it, which are revoked now."""


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was settled, and what could not be."""

    items: tuple[Recovered, ...]
    failed: tuple[tuple[Intent, StoreError | VaultError], ...]
    """Intents that stay open, because the disk or the server refused: the next apply tries again."""
    records: Mapping[str, Record]
    """Inventory records of what was finished here or had been published without reaching the inventory, by address."""


def _no_server(_: Intent) -> int:
    return 0


def recover(journal: Journal, *, store: Store, verify: Verify, revoke: Revoke = _no_server) -> Recovery:
    """Settles every open intent. Doing it twice, or dying in it, changes nothing about the outcome.

    An intent whose files were marked durable is published, if they are still whole and `verify` agrees; any other
    is undone: what it signed was never visible.

    Args:
        journal: opened by whoever holds the state lock.
        store: where its places are.
        verify: judges the files that are about to become visible.
        revoke: sees to what servers signed for an intent that is undone.

    Raises:
        StoreError: the journal cannot be written.
    """
    items: list[Recovered] = []
    failed: list[tuple[Intent, StoreError | VaultError]] = []
    records = _published(journal)
    for waiting in open_intents(journal.records):
        revoked = 0
        try:
            why = _finish(waiting, store, verify)
        except StoreError as error:
            if error.errno not in _JUDGEMENTS:
                failed.append((waiting.intent, error))
                continue
            why = str(error)
        if why is None:
            journal.append([Published(id=waiting.intent.id)])
            if waiting.issued is not None and not is_generation(waiting.intent.address):
                records[waiting.intent.address] = waiting.issued.record
        else:
            try:
                revoked = revoke(waiting.intent) if waiting.intent.asked else 0
            except VaultError as error:
                failed.append((waiting.intent, error))
                continue
            store.discard(_staged(waiting))
            journal.append([Abandoned(id=waiting.intent.id, why=why)])
        items.append(Recovered(intent=waiting.intent, completed=why is None, why=why or "", revoked=revoked))
    return Recovery(items=tuple(items), failed=tuple(failed), records=records)


def _finish(waiting: OpenIntent, store: Store, verify: Verify) -> str | None:
    """Publishes what is durable and right; otherwise says why not."""
    if waiting.issued is None:
        return "the run ended before its files were complete"
    staged = _staged(waiting)
    problem = verify(dict(store.read_back(staged)))
    if problem is not None:
        return problem
    try:
        store.commit_all([staged])
    except PartlyCommittedError as error:
        raise error.failed[staged.intent] from error
    return None


def _staged(waiting: OpenIntent) -> Staged:
    digests = waiting.issued.digests if waiting.issued else {}
    made_from = waiting.issued.made_from if waiting.issued else {}
    return Staged(intent=waiting.intent.id, place=waiting.intent.place, digests=digests, made_from=made_from)


def _published(journal: Journal) -> dict[str, Record]:
    """The records of what was published after the last checkpoint: the run may have died before its inventory was saved."""
    address: dict[str, str] = {}
    issued: dict[str, Record] = {}
    published: dict[str, Record] = {}
    for record in journal.records:
        match record:
            case Intent():
                address[record.id] = record.address
            case Issued():
                issued[record.id] = record.record
            case Published() if record.id in issued and record.id in address:
                published[address[record.id]] = issued[record.id]
    return {address: record for address, record in published.items() if not is_generation(address)}
