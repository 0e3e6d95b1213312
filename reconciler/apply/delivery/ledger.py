"""What was delivered to whom, and what is owed since when. Data, and how it begins."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec.structs import replace


class Obligation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One owner of hooks. Everything but `delivered` is about what is owed now, and empty when nothing is."""

    delivered: str = ""
    """Digest of the content for which every hook succeeded; empty for "nothing was there"."""
    owed: str = ""
    """Digest of the content that the attempts were for; another one begins anew."""
    revision: str = ""
    """Desired revision at the last attempt; likewise."""
    ran: str = ""
    """Digest of the content for which every hook succeeded and the probe has not agreed yet."""
    stale: bool = False
    """Whether they were for a process that presented another certificate, long after everything had been delivered."""
    attempts: int = 0
    first_owed_at: datetime | None = None
    retry_at: datetime | None = None
    at_hook: str = ""
    """The hook at which it stands, in words."""
    last_detail: str = ""
    last_output: str = ""
    waiting_for: str = ""
    """Address of the member of its group that has to work first."""
    reasons: tuple[str, ...] = ()
    """Why the files changed, in the words of the plan."""


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """Every owner that was seen, by address."""

    format_version: str = "1.0"
    owners: Mapping[str, Obligation] = {}

    def of(self, address: str) -> Obligation:
        """What is known of an owner; nothing of one that was never seen."""
        return self.owners.get(address, Obligation())

    def with_owner(self, address: str, obligation: Obligation) -> Ledger:
        """The same with one owner's entry replaced."""
        return replace(self, owners={**self.owners, address: obligation})


def note_baseline(ledger: Ledger, contents: Mapping[str, str]) -> Ledger:
    """The ledger with every owner that was never seen, as what is there now were delivered; the same one when all are known.

    To be saved before anything is published. What is published then differs from it, and so is owed, whatever happens in
    between; an owner whose files were not there is noted with an empty digest.

    Args:
        ledger: so far.
        contents: digests of what is on disk, by owner.
    """
    unseen = {address: Obligation(delivered=content) for address, content in contents.items() if address not in ledger.owners}
    return replace(ledger, owners={**ledger.owners, **unseen}) if unseen else ledger


def adopt(ledger: Ledger, contents: Mapping[str, str], *, whole: bool) -> Ledger:
    """The ledger with the owners that were never seen and have files, and without those that are no more.

    What is there without our doing counts as delivered: taking files over, or losing the state, restarts nothing.

    Args:
        ledger: so far.
        contents: digests of what is on disk, by owner.
        whole: whether `contents` holds every owner there is; False for a view of one node.
    """
    present = {address: content for address, content in contents.items() if content}
    noted = note_baseline(ledger, present)
    if not whole or noted.owners.keys() <= contents.keys():
        return noted
    return replace(noted, owners={address: entry for address, entry in noted.owners.items() if address in contents})
