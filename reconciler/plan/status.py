"""How every address is doing: what was found, against the plan, our record and the clock. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from reconciler.desired.external import is_external
from reconciler.desired.model import (
    CA,
    OUTPUT_SUFFIX,
    Bundle,
    Component,
    Crl,
    DesiredState,
    Keypair,
    Kubeconfig,
    Replica,
    parse_address,
)
from reconciler.desired.place import Place
from reconciler.desired.vault import PkiKey
from reconciler.observed.model import Absent, Certificates, Key, ObservedPair, ObservedState, RevocationLists, Served, Unusable
from reconciler.plan.document import Change, PlanDocument, RotationEntry
from reconciler.plan.health import health_of, sync_of
from reconciler.plan.inventory import LEAVES, Inventory
from reconciler.plan.order import RANKS, natural
from reconciler.plan.renewal import renew_before_of, renewal_due
from reconciler.plan.requests import KIND
from reconciler.plan.revocation.due import due_at
from reconciler.plan.rotation.keypair_life import keypair_signing
from reconciler.plan.rotation.observe import family_of
from reconciler.plan.served import current
from reconciler.plan.status_document import FORMAT_VERSION, FilePaths, ResourceStatus, StatusDocument, StatusSummary
from reconciler.plan.suspension import is_suspended
from reconciler.x509.facts import CertificateFacts

__all__ = ["StatusDocument", "status_of"]


class _World(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a row is made from, besides what it is about."""

    desired: DesiredState
    observed: ObservedState
    served: Mapping[str, Served]
    changes: Mapping[str, Change]
    inventory: Inventory
    authorities: Mapping[str, str]
    """Addresses of CAs by the SPKI SHA-256 of the certificates found for them."""
    rotations: Mapping[str, RotationEntry]
    """By the address of the CA or keypair."""
    signing: Mapping[str, int]
    """The number of the generation that signs, by the address of the CA or keypair."""
    now: datetime


def status_of(
    desired: DesiredState,
    observed: ObservedState,
    plan: PlanDocument,
    inventory: Inventory,
    now: datetime,
    *,
    served: Mapping[str, Served] | None = None,
) -> StatusDocument:
    """The status of everything that is desired, in the order of a plan: CAs from the root down, then what rests on them.

    Args:
        desired: what should be; a view restricted to a node gives that node's status.
        observed: what was found.
        plan: the whole plan of the two, without targets: what it changes is out of sync.
        inventory: our record, for generations.
        now: the time; aware.
        served: what endpoints presented when they were last asked, by address.
    """
    world = _World(
        desired=desired,
        served=current(served or {}, observed.pairs),
        observed=observed,
        changes={entry.address: entry.change for entry in plan.resource_changes},
        inventory=inventory,
        authorities=_authorities(desired, observed),
        rotations={entry.address: entry for entry in plan.rotations},
        signing=_signing(desired, observed, inventory),
        now=now,
    )
    depths = _depths(desired)
    resources = sorted(
        _resources(desired, world), key=lambda row: (RANKS[row.type], depths.get(row.address, 0), natural(row.address))
    )
    return StatusDocument(
        format_version=FORMAT_VERSION,
        cluster=desired.cluster,
        at=now.replace(microsecond=0),
        summary=_summary(resources),
        rotations=plan.rotations,
        resources=resources,
    )


def component_paths(component: Component, desired: DesiredState) -> FilePaths:
    """The files of a component. Without the pem output, the combined file is certificate and key at once."""
    place = component.place
    if place is None:
        return FilePaths(kubeconfig=desired.kubeconfigs[component.kubeconfig].place.absolute)
    derived = {output: place.file(OUTPUT_SUFFIX[output]) for output in component.outputs if output in OUTPUT_SUFFIX}
    certificate, key = map(place.file, component.pair)
    return FilePaths(certificate=certificate, key=key if component.request is None else None, **derived)


def _resources(desired: DesiredState, world: _World) -> Iterator[ResourceStatus]:
    for ca in desired.cas.values():
        if ca.followed and not _is_seen(world, ca):
            continue  # told as a hint: it is nothing that this node should have
        yield _pair(world, ca, ca.address, ca.home, _authority_paths(ca, ca.place))
        for copy in ca.replicas:
            yield _pair(world, ca, copy.address, copy.node, _authority_paths(ca, copy.place))
    for keypair in desired.keypairs.values():
        for copy in keypair.replicas:
            yield _keypair(world, keypair, copy)
    for component in desired.components.values():
        yield _pair(world, component, component.address, component.node, component_paths(component, desired))
    yield from _unsigned(desired, world)
    for bundle in desired.bundles.values():
        found = world.observed.bundles.get(bundle.address)
        yield _file(world, bundle, FilePaths(bundle=bundle.place.absolute), found.certificates if found else Absent())
    for kubeconfig in desired.kubeconfigs.values():
        state = world.observed.kubeconfigs.get(kubeconfig.address, Absent())
        yield _file(world, kubeconfig, FilePaths(kubeconfig=kubeconfig.place.absolute), state)
    for crl in desired.crls.values():
        yield _crl(world, crl)


def _unsigned(desired: DesiredState, world: _World) -> Iterator[ResourceStatus]:
    """Requests for which nothing is signed: those that wait, and those that were denied."""
    for address, requested in desired.requests.items():
        if requested.approval != "approved":
            row = _row(world, address, kind=KIND, node=None, paths=FilePaths(), found=())
            yield msgspec.structs.replace(
                row,
                health="Suspended",
                subject=str(requested.facts.subject),
                organizations=list(requested.facts.subject.organizations),
                sans=list(requested.facts.sans),
                usages=list(requested.usages),
                key=requested.facts.key,
                generation=None,
                approval=requested.approval,
                approval_reason=requested.reason,
            )


def _is_seen(world: _World, ca: CA) -> bool:
    pair = world.observed.pairs.get(ca.address)
    return pair is not None and isinstance(pair.certificate, Certificates)


def _authority_paths(ca: CA, place: Place) -> FilePaths:
    return FilePaths(certificate=place.file(".crt"), key=place.file(".key") if ".key" in ca.suffixes else "")


def _pair(world: _World, wanted: CA | Component, address: str, node: str | None, paths: FilePaths) -> ResourceStatus:
    pair = world.observed.pairs.get(address) or ObservedPair(certificate=Absent(), key=Absent())
    leaf = pair.certificate.chain[0] if isinstance(pair.certificate, Certificates) else None
    # Nobody here is expected to have the key.
    is_followed = isinstance(wanted, CA) and ((wanted.followed and address == wanted.address) or is_external(wanted))
    renew_before = wanted.renew_before if leaf is None else renew_before_of(wanted, leaf)
    row = _row(
        world,
        address,
        kind=parse_address(address)[0],
        node=node,
        paths=paths,
        found=(pair.certificate,) if is_followed else (pair.certificate, pair.key, *pair.outputs.values()),
        rotates=wanted.address if isinstance(wanted, CA) else "",
        leaf=leaf,
        renew_before=renew_before,
    )
    if isinstance(wanted, Component) and wanted.request is not None:
        row = msgspec.structs.replace(row, approval=wanted.request.approval, approval_reason=wanted.request.reason)
    if leaf is None:
        return row
    return msgspec.structs.replace(
        row,
        subject=str(leaf.subject),
        organizations=list(leaf.subject.organizations),
        sans=list(leaf.sans),
        usages=list(leaf.usages),
        key=leaf.key,
        serial=leaf.serial,
        fingerprint=leaf.fingerprint,
        issuer=world.authorities.get(pair.signed_by) or str(leaf.issuer),
        ski=leaf.ski or None,
        not_before=leaf.not_before,
        not_after=leaf.not_after,
        renew_at=renewal_due(wanted.address, leaf, renew_before),
        days_left=(leaf.not_after - world.now) // timedelta(days=1),
    )


def _keypair(world: _World, keypair: Keypair, copy: Replica) -> ResourceStatus:
    found = world.observed.keypairs.get(copy.address)
    row = _row(
        world,
        copy.address,
        kind="keypair",
        node=copy.node,
        paths=FilePaths(key=copy.place.file(".key"), public_key=copy.place.file(".pub")),
        found=(found.key, found.public) if found else (Absent(),),
        rotates=keypair.address,
    )
    key = found.key.facts.key if found and isinstance(found.key, Key) else None
    return msgspec.structs.replace(row, key=key)


def _file(world: _World, wanted: Bundle | Kubeconfig, paths: FilePaths, found: object) -> ResourceStatus:
    kind = "bundle" if isinstance(wanted, Bundle) else "kubeconfig"
    return _row(world, wanted.address, kind=kind, node=wanted.node, paths=paths, found=(found,))


def _crl(world: _World, crl: Crl) -> ResourceStatus:
    """A revocation list: what its first file says that can be read."""
    seen = world.observed.crls.get(crl.address)
    states = tuple(seen.files.values()) if seen is not None else (Absent(),)
    paths = FilePaths(**{f"crl_{form}": path for form, path in crl.paths.items()})
    row = _row(world, crl.address, kind="crl", node=crl.node, paths=paths, found=states)
    found = next((state for state in states if isinstance(state, RevocationLists)), None)
    if found is None:
        return row
    facts, signer = found.lists[0], found.signers[0]
    end = facts.next_update
    return msgspec.structs.replace(
        row,
        health="Degraded" if row.health != "Missing" and (end is None or end < world.now) else row.health,
        fingerprint=facts.fingerprint,
        issuer=world.authorities.get(signer) or None,
        not_before=facts.this_update,
        not_after=end,
        renew_at=due_at(crl, facts, by_server=isinstance(world.desired.cas[crl.name].key_in, PkiKey)),
        days_left=(end - world.now) // timedelta(days=1) if end is not None else None,
        number=facts.number,
        revoked=len(facts.entries),
    )


def _row(
    world: _World,
    address: str,
    *,
    kind: str,
    node: str | None,
    paths: FilePaths,
    found: tuple[object, ...],
    rotates: str = "",
    leaf: CertificateFacts | None = None,
    renew_before: timedelta = timedelta(0),
) -> ResourceStatus:
    """What every row holds; `rotates` is the address of the CA or keypair that the row is of."""
    change = world.changes.get(address)
    rotation = world.rotations.get(rotates)
    unusable = frozenset(part.problem for part in found if isinstance(part, Unusable))
    served, suspended = world.served.get(address), is_suspended(address, world.desired)
    return ResourceStatus(
        address=address,
        type=kind,
        node=node,
        sync=sync_of(change, unusable),
        health=health_of(
            leaf,
            change,
            missing=any(isinstance(part, Absent) for part in found),
            unusable=bool(unusable),
            renew_before=renew_before,
            now=world.now,
            stale=served is not None and served.state == "stale",
            suspended=suspended,
            rotating=rotation is not None and rotation.phase != "stable",
        ),
        paths=paths,
        generation=world.signing.get(rotates) if rotates else 1 if kind in LEAVES else None,
        phase=(rotation.phase if rotation is not None else "stable") if rotates else None,
        reasons=list(dict.fromkeys(reason.code for reason in change.reasons)) if change else [],
        suspended=suspended,
        served=served.state if served else None,
        served_detail=served.detail if served else "",
        served_at=served.at if served else None,
    )


def _signing(desired: DesiredState, observed: ObservedState, inventory: Inventory) -> dict[str, int]:
    """The generation in each signing pair, and in the first replica of each keypair, where it can be told."""
    found = {
        ca.address: family_of(ca, observed, inventory.records.get(ca.address)).signing or ca.generation
        for ca in desired.cas.values()
    }
    for keypair in desired.keypairs.values():
        found[keypair.address] = keypair_signing(keypair, observed) or keypair.generation
    return found


def _authorities(desired: DesiredState, observed: ObservedState) -> dict[str, str]:
    """The CAs by their keys, as found at home or, on a node that only holds a copy, there."""
    found: dict[str, str] = {}
    for ca in desired.cas.values():
        for address in (ca.address, *(copy.address for copy in ca.replicas)):
            pair = observed.pairs.get(address)
            if pair is not None and isinstance(pair.certificate, Certificates):
                found.setdefault(pair.certificate.chain[0].spki_sha256, ca.address)
    return found


def _depths(desired: DesiredState) -> dict[str, int]:
    """How many CAs stand above each CA and its copies. Parents come before children in a desired state."""
    by_name: dict[str, int] = {}
    for ca in desired.cas.values():
        by_name[ca.name] = by_name[ca.issuer] + 1 if ca.issuer is not None else 0
    return {
        address: by_name[ca.name]
        for ca in desired.cas.values()
        for address in (ca.address, *(copy.address for copy in ca.replicas))
    }


def _summary(resources: list[ResourceStatus]) -> StatusSummary:
    sync, health = Counter(row.sync for row in resources), Counter(row.health for row in resources)
    due = min(((row.renew_at, row.address) for row in resources if row.renew_at is not None), default=None)
    return StatusSummary(
        total=len(resources),
        synced=sync["Synced"],
        out_of_sync=sync["OutOfSync"],
        unknown=sync["Unknown"],
        healthy=health["Healthy"],
        progressing=health["Progressing"],
        degraded=health["Degraded"],
        missing=health["Missing"],
        suspended=health["Suspended"],
        next_renewal=due[0] if due else None,
        next_renewal_address=due[1] if due else None,
    )
