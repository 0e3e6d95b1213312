"""A CA with all its generations, as the rest of a plan sees it. Data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from reconciler.desired.model import CA, Component
from reconciler.observed.model import ObservedPair
from reconciler.plan.context import Authority, Refusal
from reconciler.plan.rotation.barriers import Blocker
from reconciler.plan.rotation.phase import PHASES, Phase, is_client

Task = Literal["", "create", "stage", "promote", "renew", "retire"]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a CA or keypair stands between two generations."""

    phase: Phase = Phase.STABLE
    source: int = 1
    """The generation that goes out; the target's own number outside of a rotation."""
    target: int = 1
    """The generation that stays, or comes in."""
    signing: int = 1
    """The one in the signing pair; 0 when there is none, or it is none that we know."""
    trusted: tuple[int, ...] = (1,)
    """The generations that belong into trust outputs, ascending; also one that this plan makes."""
    waits: tuple[Blocker, ...] = ()
    """What keeps the next phase from beginning."""
    retiring: tuple[int, ...] = ()
    """Generations that nobody uses any more and whose files are to be removed."""
    soaks_until: datetime | None = None
    settled: datetime | None = None
    """Since when everything is on the target; None before that."""
    asked: int = 0
    """The generation that is asked for and may not come in yet; 0 when that is `target`."""
    frozen: bool = False
    """Whether everything stays with whichever generation it has."""
    assumed: tuple[Blocker, ...] = ()
    """What is taken to have been restarted by people, because one of them asks for this plan."""
    error: str = ""
    """Why what git asks for cannot begin, as a sentence without a full stop; empty when nothing is wrong."""
    note: str = ""
    """What git should be told, such as the number that is really in use."""

    @property
    def rotating(self) -> bool:
        """Whether two generations are in use."""
        return self.phase is not Phase.STABLE

    def issues(self, *, client: bool) -> int:
        """The generation that signs now."""
        row = PHASES[self.phase]
        side = row.clients if client else row.servers
        return self.target if side == "target" else self.source

    def accepts(self, *, client: bool) -> frozenset[int]:
        """The generations whose certificates stay as they are."""
        row = PHASES[self.phase]
        if self.frozen:
            return frozenset(self.trusted)
        if row.must_move == "nothing" or (row.must_move == "clients" and not client):
            return frozenset({self.source, self.target})
        return frozenset({self.target})


class Lifecycle(msgspec.Struct, frozen=True, kw_only=True):
    """A CA with all its generations."""

    desired: CA
    standing: Standing
    authorities: Mapping[int, Authority]
    """By number; also one that this plan makes."""
    task: Task = ""
    """What this plan does about the CA itself."""

    @property
    def keys(self) -> Mapping[str, int]:
        """Numbers by the SHA-256 of their public key."""
        return {authority.spki: number for number, authority in self.authorities.items() if authority.spki}

    @property
    def signing(self) -> Authority:
        """The generation of the signing pair; of a CA that has none yet, the one that is to be."""
        standing = self.standing
        return self.authorities.get(standing.signing) or self.authorities[standing.target]

    def issuing(self, component: Component) -> Authority:
        """The generation that would sign for a component now."""
        return self.authorities[self.standing.issues(client=is_client(component.usages))]

    def behind(self, component: Component, pair: ObservedPair) -> Authority:
        """The generation that a component is judged by: the one that signed what it has, if that may stay."""
        number = self.keys.get(pair.signed_by)
        if number is not None and number in self.standing.accepts(client=is_client(component.usages)):
            return self.authorities[number]
        return self.issuing(component)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Why a generation that is needed now, or will be, cannot sign; or why one that is trusted cannot be told."""
        standing = self.standing
        unknown = (number for number in standing.trusted if self.authorities[number].certificate is None)
        numbers = dict.fromkeys((standing.issues(client=False), standing.issues(client=True), standing.target, *unknown))
        refusals = [refusal for number in numbers if (refusal := self.authorities[number].refusal) is not None]
        return tuple(refusals[:1])
