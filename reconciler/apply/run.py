"""The state of one apply: what it works with, and what it has done so far."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.apply.audit import Entry
from reconciler.apply.journal import Journal
from reconciler.apply.progress import Event, Listener, Outcome
from reconciler.desired.diagnostics import Path
from reconciler.desired.model import Access, DesiredState
from reconciler.desired.place import Place
from reconciler.issuers.keyrings import Keyring
from reconciler.issuers.protocol import Issuer
from reconciler.observed.model import ObservedState
from reconciler.plan.build import Work
from reconciler.plan.inventory import Record, Revoked
from reconciler.plan.reasons import Action
from reconciler.plan.revocation.data import ListPlan
from reconciler.plan.rotation.keypair_life import KeypairLife
from reconciler.plan.rotation.lifecycle import Lifecycle
from reconciler.stores.errors import StoreError
from reconciler.stores.store import Store
from reconciler.vault.election.leadership import ALONE, Leadership
from reconciler.vault.errors import Kind, VaultError
from reconciler.x509.crl import RevocationList
from reconciler.x509.errors import LintError, UnreadableError
from reconciler.x509.keys import PrivateKey
from reconciler.x509.read import Certificate

#: What may go wrong with one address without stopping the others.
FAILURES = (StoreError, UnreadableError, LintError, VaultError, OSError)


class BlockedError(Exception):
    """An address cannot start because something it rests on did not come to be."""

    def __init__(self, address: str, why: str = "is not there") -> None:
        super().__init__(f"{address} {why}")


@dataclass(slots=True, kw_only=True, repr=False)
class Run:
    """One apply. `records` is the inventory to be; it changes only for work that is done."""

    desired: DesiredState
    observed: ObservedState
    journal: Journal
    store: Store
    keyrings: Mapping[str, Keyring]
    """Of the CAs whose keys are not in the store, by name."""
    records: dict[str, Record]
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    """Makes intent ids."""
    where: Callable[[Path], str]
    """``cluster-pki.yaml:12`` for a path of the document; empty when unknown."""
    listen: Listener
    stop: Callable[[], bool]
    """Whether to end before the next step."""
    leadership: Leadership = ALONE
    """Asked before anything is signed or written."""
    parallelism: int = 10
    """How many keys are made at a time."""
    actor: str = ""
    revision: str = ""
    """The commit that asks for all this; empty without one."""
    unsettled: frozenset[str] = frozenset()
    """Addresses for which a server may have signed something that nobody has: until that is told, nothing is asked for them."""
    lives: Mapping[str, Lifecycle] = field(default_factory=dict)
    """The CAs by name, with their generations, as the plan saw them."""
    issuers: dict[tuple[str, int], Issuer] = field(default_factory=dict)
    """Opened issuers by CA name and generation."""
    generations: dict[tuple[str, int], Certificate] = field(default_factory=dict)
    """CA certificates that were read or made, by CA name and generation."""
    moved: dict[tuple[str, int], Place] = field(default_factory=dict)
    """Where a generation stands by now, when this run put it somewhere else than the plan found it."""
    keypair_lives: Mapping[str, KeypairLife] = field(default_factory=dict)
    """The keypairs by name, likewise; without those that have no key."""
    keypairs: dict[tuple[str, int], PrivateKey] = field(default_factory=dict)
    """Keys of keypairs that were made or read, by name and generation; gone with the run."""
    new_keys: dict[str, PrivateKey] = field(default_factory=dict)
    """Keys that were made for the batch in hand, by address; each is taken out when it is used."""
    carried: set[str] = field(default_factory=set)
    """Kubeconfigs that were written because the component that lives in them was issued."""
    lists: Mapping[str, ListPlan] = field(default_factory=dict)
    """What the revocation lists of each CA should be, by its name."""
    signed_lists: dict[str, tuple[RevocationList, ...]] = field(default_factory=dict)
    """Revocation lists that were signed or read in this run, by CA name; that of the CA's own key first."""
    revoked: list[Revoked] = field(default_factory=list)
    """What this run took out of use while it was alive."""
    entries: list[Entry] = field(default_factory=list)
    """Audit entries that are not written yet."""
    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    """Of the failed, those that only a changed desired state or a person can help."""
    overtaken: set[str] = field(default_factory=set)
    """Of the failed, those to whose place somebody else wrote."""
    interrupted: bool = False
    lost: str = ""
    """Why this run must not go on: somebody else may act."""

    def outcome(self) -> Outcome:
        """How it ended."""
        return Outcome(
            done=tuple(self.done),
            failed=tuple(self.failed.items()),
            skipped=tuple(self.skipped.items()),
            refused=frozenset(self.refused),
            overtaken=frozenset(self.overtaken),
            interrupted=self.interrupted,
            lost=self.lost,
        )

    def ids(self, access: Access) -> tuple[int | None, int | None]:
        """The numbers of an owner and group.

        Raises:
            LintError: the machine does not know the name.
        """
        return (
            _id_of(access.owner, self.observed.owners, "user"),
            _id_of(access.group, self.observed.groups, "group"),
        )

    def is_lost(self, ca: str) -> bool:
        """Whether a CA was to be made in this run, and was not."""
        address = self.desired.cas[ca].address
        return address in self.failed or address in self.skipped

    def rename(self, work: Work) -> None:
        """Gives the record of something that moved its new address."""
        if work.previous in self.records:
            self.records[work.address] = self.records.pop(work.previous)

    def finish(
        self, work: Work, *, record: Record | None, started: float, detail: str = "", issued: Record | None = None
    ) -> None:
        """Notes a success: record, audit entry and event. A record of None takes the address out of the inventory.

        Args:
            work: what was done.
            record: of the address.
            started: when the step began.
            detail: for people.
            issued: what was made, when that is not what stands at the address.
        """
        made = issued or record
        if record is None:
            self.records.pop(work.address, None)
        else:
            self.records[work.address] = record
        self.done.append(work.address)
        self.entries.append(
            Entry(
                at=self.now(),
                actor=self.actor,
                operation=_operation(work),
                address=work.address,
                reasons=tuple(dict.fromkeys(finding.reason.value for finding in work.findings)),
                serial=made.serial if made else "",
                fingerprint=made.fingerprint if made else "",
                issuer=made.issuer if made else "",
            )
        )
        self.listen(
            Event(
                stage="done",
                address=work.address,
                action=work.action,
                detail=detail,
                elapsed=time.monotonic() - started,
            )
        )

    def fail(self, work: Work, error: Exception) -> None:
        """Notes a failure; everything else goes on."""
        if isinstance(error, BlockedError):
            self.skipped[work.address] = str(error)
            self.listen(Event(stage="skipped", address=work.address, action=work.action, detail=str(error)))
        else:
            what = error.advice if isinstance(error, StoreError | VaultError) else str(error)
            self.failed[work.address] = what
            if is_refusal(error):
                self.refused.add(work.address)
            if isinstance(error, StoreError) and error.errno == errno.ESTALE:
                self.overtaken.add(work.address)
            self.listen(Event(stage="failed", address=work.address, action=work.action, detail=what))

    @contextmanager
    def step(self, work: Work) -> Iterator[float]:
        """Announces a step and turns what may go wrong with it into a noted failure; yields the start time."""
        self.listen(Event(stage="start", address=work.address, action=work.action))
        try:
            yield time.monotonic()
        except (*FAILURES, BlockedError) as error:
            self.fail(work, error)


def is_refusal(error: Exception) -> bool:
    """Whether an issuer or a server said no to what was asked, so that asking again costs it work and changes nothing.

    What a disk or a file says is not final, nor a login that fails, nor a server that is not set up yet: that is put right
    without anybody telling this program.
    """
    match error:
        case StoreError():
            return error.refused
        case LintError():
            return not error.retryable
        case VaultError():
            return error.kind == Kind.REFUSED or (error.kind == Kind.DENIED and not error.path.startswith("auth/"))
        case _:
            return False


def _operation(work: Work) -> str:
    """The class of the plan, or what happens to the record when nothing happens to the files."""
    if work.action != Action.NONE:
        return work.action.word
    return "move" if work.previous else "import"


def _id_of(name: str | int | None, known: object, kind: str) -> int | None:
    if name is None or isinstance(name, int):
        return name
    if name.isdigit():
        return int(name)
    number = known.get(name) if isinstance(known, dict) else None
    if number is None:
        raise LintError((f'{kind} "{name}" does not exist on this machine',))
    return int(number)
