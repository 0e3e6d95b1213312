"""The inventory of a node: a row for each certificate, wherever it is, and for each file that holds none. Decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from reconciler.cluster.model import Content, Entry, File, Kubeconfig, Node, Use
from reconciler.health.document import InventoryEntry, State, UseEntry
from reconciler.observed.model import (
    Absent,
    Certificates,
    CombinedPair,
    FileMeta,
    Key,
    PublicKey,
    RevocationLists,
    Unusable,
)
from reconciler.x509.facts import CertificateFacts, CrlFacts


class Dates(msgspec.Struct, frozen=True, kw_only=True):
    """What dates are judged by."""

    now: datetime
    """Aware."""
    expiring: timedelta
    """What ends within it is expiring."""

    def state(self, not_before: datetime, not_after: datetime | None) -> State:
        """How something with these dates is doing (RFC 5280 section 4.1.2.5: both instants belong to it)."""
        if not_after is not None and not_after < self.now:
            return "expired"
        if not_before > self.now:
            return "not-yet-valid"
        return "expiring" if not_after is not None and not_after <= self.now + self.expiring else "valid"

    def days_left(self, not_after: datetime | None) -> int | None:
        """Whole days until then: 0 on the last, negative afterwards."""
        return None if not_after is None else (not_after - self.now) // timedelta(days=1)


def rows_of(node: Node, dates: Dates) -> Iterator[InventoryEntry]:
    """Every row of a node, by path; in the order of the file where there are several."""
    keys = _key_paths(node)
    for file in node.files.values():
        common = InventoryEntry(
            node=node.name,
            path=file.path,
            kind="unusable",
            used_by=[use_entry(use) for use in file.uses],
            link=file.link,
        )
        for row in _of_content(file, common, dates):
            yield replace(row, key_path=keys.get(row.spki_sha256 or "")) if row.kind in ("ca", "certificate") else row


def use_entry(use: Use) -> UseEntry:
    """A use, as the document has it."""
    return UseEntry(process=use.process, setting=use.setting, role=use.role, purpose=use.purpose, source=use.source)


def _key_paths(node: Node) -> Mapping[str, str]:
    """Where private keys are, by the SHA-256 of their public key: a file of its own goes before a kubeconfig."""
    found: dict[str, str] = {}
    for file in node.files.values():
        match file.content:
            case Key() as key:
                found.setdefault(key.facts.spki_sha256, file.path)
            case CombinedPair(key=Key() as key):
                found.setdefault(key.facts.spki_sha256, file.path)
    for file in node.files.values():
        if isinstance(file.content, Kubeconfig):
            for entry in file.content.entries:
                if isinstance(entry.key, Key):
                    found.setdefault(entry.key.facts.spki_sha256, file.path)
    return found


def _of_content(file: File, common: InventoryEntry, dates: Dates) -> Iterator[InventoryEntry]:
    content: Content = file.content
    match content:
        case Certificates():
            yield from _certificates(content, common, dates)
        case CombinedPair():
            yield from _combined(content, common, dates)
        case Kubeconfig():
            yield from _kubeconfig(content, common, dates)
        case Key():
            yield replace(
                _with_meta(common, content.meta), kind="key", key=content.facts.key, spki_sha256=content.facts.spki_sha256
            )
        case PublicKey():
            yield replace(_with_meta(common, content.meta), kind="public-key", spki_sha256=content.spki_sha256)
        case RevocationLists():
            yield from (
                _revocation_list(facts, replace(_with_meta(common, content.meta), position=number), dates)
                for number, facts in enumerate(content.lists, start=1)
            )
        case Unusable():
            yield _unusable(content, common)
        case Absent():
            yield replace(common, kind="missing", state="missing", problem="there is no such file")


def _certificates(found: Certificates, common: InventoryEntry, dates: Dates) -> Iterator[InventoryEntry]:
    base = _with_meta(common, found.meta)
    for number, facts in enumerate(found.chain, start=1):
        yield _certificate(facts, replace(base, position=number), dates)


def _certificate(facts: CertificateFacts, base: InventoryEntry, dates: Dates) -> InventoryEntry:
    return replace(
        base,
        kind="ca" if facts.is_ca else "certificate",
        state=dates.state(facts.not_before, facts.not_after),
        subject=str(facts.subject),
        common_name=facts.subject.common_name,
        organizations=list(facts.subject.organizations),
        sans=list(facts.sans),
        usages=list(facts.usages),
        issuer=str(facts.issuer),
        issuer_common_name=facts.issuer.common_name,
        key=facts.key,
        serial=facts.serial,
        fingerprint=facts.fingerprint,
        spki_sha256=facts.spki_sha256,
        not_before=facts.not_before,
        not_after=facts.not_after,
        days_left=dates.days_left(facts.not_after),
    )


def _combined(found: CombinedPair, common: InventoryEntry, dates: Dates) -> Iterator[InventoryEntry]:
    """The certificates of a file that holds a key as well; the key has a row of its own only where it belongs to none of them."""
    if isinstance(found.certificate, Certificates):
        yield from _certificates(found.certificate, common, dates)
    else:
        yield _unusable(found.certificate, common)
    key = found.key
    if isinstance(key, Unusable):
        yield replace(_unusable(key, common), within="key")
    elif not (isinstance(found.certificate, Certificates) and found.certificate.chain[0].spki_sha256 == key.facts.spki_sha256):
        base = _with_meta(common, key.meta)
        yield replace(base, within="key", kind="key", key=key.facts.key, spki_sha256=key.facts.spki_sha256)


def _kubeconfig(found: Kubeconfig, common: InventoryEntry, dates: Dates) -> Iterator[InventoryEntry]:
    base = _with_meta(common, found.meta)
    if not found.entries:
        yield replace(base, kind="kubeconfig", problem="it has no context")
    told: set[tuple[str, str]] = set()
    for entry in found.entries:
        if ("user", entry.user) not in told:
            told.add(("user", entry.user))
            yield from _user(entry, replace(base, user=entry.user, server=entry.server), dates)
        if ("cluster", entry.cluster) not in told and not entry.trust_path:
            told.add(("cluster", entry.cluster))
            within = f"clusters[{entry.cluster}].certificate-authority-data"
            yield from _embedded(entry.trust, replace(base, user=entry.user, server=entry.server, within=within), dates)


def _user(entry: Entry, base: InventoryEntry, dates: Dates) -> Iterator[InventoryEntry]:
    """What a user presents: its embedded certificates, else what it has instead."""
    if entry.certificate_path or isinstance(entry.certificate, Absent):
        yield replace(base, kind="kubeconfig", certificate_path=entry.certificate_path, credential=entry.other_credential)
        return
    yield from _embedded(entry.certificate, replace(base, within=f"users[{entry.user}].client-certificate-data"), dates)


def _embedded(found: Certificates | Unusable | Absent, base: InventoryEntry, dates: Dates) -> Iterator[InventoryEntry]:
    match found:
        case Certificates():
            for number, facts in enumerate(found.chain, start=1):
                yield _certificate(facts, replace(base, position=number), dates)
        case Unusable():
            yield _unusable(found, base)


def _revocation_list(facts: CrlFacts, base: InventoryEntry, dates: Dates) -> InventoryEntry:
    return replace(
        base,
        kind="crl",
        # A list lives for days at best: only its end says something.
        state=replace(dates, expiring=timedelta(0)).state(facts.this_update, facts.next_update),
        fingerprint=facts.fingerprint,
        not_before=facts.this_update,
        not_after=facts.next_update,
        days_left=dates.days_left(facts.next_update),
    )


def _unusable(found: Unusable, base: InventoryEntry) -> InventoryEntry:
    return replace(base, kind="unusable", state="unusable", problem=found.detail)


def _with_meta(base: InventoryEntry, meta: FileMeta) -> InventoryEntry:
    return replace(base, mode=f"{meta.mode:04o}", uid=meta.uid, gid=meta.gid)
