"""What the decisions of a plan look at, and what they come to: data only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import msgspec

from reconciler.desired.model import CA, Component, DesiredState
from reconciler.observed.model import Absent, ObservedPair, ObservedState, Served
from reconciler.plan.document import DiagnosticEntry
from reconciler.plan.inventory import Record, Revoked
from reconciler.plan.options import Options
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.plan.revocation.data import Known
from reconciler.x509.facts import CertificateFacts, KeyFacts

Check = Callable[["Context"], Iterator[Finding]]
"""Looks at one thing about a component."""

NOTHING_THERE = ObservedPair(certificate=Absent(), key=Absent())


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a plan is made from."""

    desired: DesiredState
    observed: ObservedState
    records: Mapping[str, Record]
    """Our own records under today's addresses: `moved` is applied."""
    previous: Mapping[str, str]
    """The address that a moved record had, by the address it has now."""
    now: datetime
    options: Options
    selected: frozenset[str] | None
    """What ``--target`` leaves in; None for everything."""
    replaced: frozenset[str]
    served: Mapping[str, Served] = {}
    """What endpoints presented when they were last asked, by address."""
    unready: Mapping[str, str] = {}
    """Why the readers of an address may not have loaded what is on disk, as a clause: hooks that are owed."""
    revoked: tuple[Revoked, ...] = ()
    """What we took out of use while it was alive."""

    def covers(self, address: str) -> bool:
        """Whether the plan is about this address."""
        return self.selected is None or address in self.selected

    def pair(self, address: str) -> ObservedPair:
        """The files found for a CA, a copy of it or a component."""
        return self.observed.pairs.get(address, NOTHING_THERE)

    def may_overwrite(self, address: str) -> bool:
        """Whether foreign files at this address may be replaced: a person said so."""
        return self.options.adopt or address in self.desired.imports or address in self.desired.adopted


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a CA cannot sign now."""

    address: str
    """The CA at the root of it: of a chain of CAs that wait for each other, the first."""
    code: str
    """``ca-key-missing``, ``ca-certificate-missing``, or the word of the finding."""
    summary: str
    detail: str
    finding: Finding
    severe: bool
    """An error even when nothing waits for a signature."""
    keeps_files: bool
    """Whether certificate and key are there and can be copied: an expired CA's can, a missing key cannot."""


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """A CA as the checks of what rests on it see it."""

    desired: CA
    certificate: CertificateFacts | None
    """None while there is no usable one."""
    creating: bool = False
    """This plan makes it, or publishes what a server keeps of it: then its certificate is known."""
    not_before: datetime | None = None
    not_after: datetime | None = None
    """Of the certificate, or of the one that this plan makes; None when neither is known."""
    served: tuple[CertificateFacts, ...] | None = None
    """The intermediates that follow a leaf, this CA first, never the root; None when one of them is not known."""
    refusal: Refusal | None = None
    revoked: Mapping[str, Known] = {}
    """What is revoked of it, by serial."""
    family: frozenset[str] = frozenset()
    """SHA-256 of the public keys of all generations of its CA that are in use."""

    @property
    def spki(self) -> str:
        """SHA-256 of its public key, empty when there is no usable certificate."""
        return self.certificate.spki_sha256 if self.certificate is not None else ""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """One component, as its checks see it."""

    desired: Component
    authority: Authority
    """The generation of its CA that it is judged by: the one that signed what it has, while that may stay."""
    issuing: Authority
    """The generation that would sign now."""
    generations: Mapping[str, int]
    """Numbers of the generations of its CA, by the SHA-256 of their public key."""
    pair: ObservedPair
    leaf: CertificateFacts | None
    key: KeyFacts | None
    record: Record | None
    now: datetime
    observed: ObservedState
    """For the ids of accounts."""
    replace: bool = False

    @property
    def made_here(self) -> bool:
        """Whether we asked for the certificate: it stands in a generation of ours, or its record holds what was asked."""
        return self.pair.owned or (self.record is not None and bool(self.record.requested))


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one address. Addresses without findings have none."""

    address: str
    kind: str
    action: Action
    findings: tuple[Finding, ...]
    blocked: bool = False
    """Something should change and may not, or cannot."""
    held_by: str = ""
    """Address of the CA that cannot sign, or the name of the guard."""
    diagnostics: tuple[DiagnosticEntry, ...] = ()
    task: str = ""
    """What is done about a CA or keypair: see `rotation.lifecycle.Task`."""
    importing: str = ""
    """Path of the certificate that is taken over."""
    previous: str | None = None
    waits: bool = False
    """Whether it waits for somebody outside, who has been asked: no error, and nothing that another apply would help."""
    fetched: bool = False
    """Whether what comes to stand there is copied from where another view makes it."""

    @property
    def acts(self) -> bool:
        """Whether apply has something to do."""
        return not self.blocked and (self.action > Action.NONE or bool(self.importing) or self.previous is not None)

    @property
    def asks(self) -> bool:
        """Whether its certificate is asked of somebody outside, now or before."""
        return self.waits or (self.action == Action.REQUEST and not self.blocked)

    @property
    def issues(self) -> bool:
        """Whether the component gets a certificate that is signed for it now."""
        signed = self.action in {Action.REISSUE, Action.REKEY, Action.REPLACE, Action.CREATE}
        return signed and not self.blocked and not self.fetched

    @property
    def brings(self) -> bool:
        """Whether another certificate or key comes to stand there: signed now, or fetched."""
        content = any(finding.reason not in {Reason.MODE_DRIFT, Reason.OWNER_DRIFT} for finding in self.findings)
        return self.issues or (self.fetched and self.acts and content)
