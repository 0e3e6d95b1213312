"""CAs and keypairs: what is made once and copied."""

from __future__ import annotations

import graphlib
from collections.abc import Iterable, Mapping
from datetime import timedelta

from msgspec import UNSET, UnsetType

from reconciler.desired.diagnostics import Path
from reconciler.desired.durations import InvalidDurationError, parse_duration, parse_renew_before
from reconciler.desired.expand_constraints import name_constraints
from reconciler.desired.expand_context import Context
from reconciler.desired.expand_copies import follows
from reconciler.desired.expand_keys import key_home
from reconciler.desired.expand_names import sans, subject
from reconciler.desired.expand_stores import access_of, places
from reconciler.desired.issuing import parent_of, parents
from reconciler.desired.model import CA, Keypair, Replica, Rotation, address_of
from reconciler.desired.place import Place
from reconciler.desired.spec import CaSpec, KeypairSpec
from reconciler.desired.spec_parts import KeypairRotationSpec, RotationSpec, SubjectSpec
from reconciler.x509.facts import KeyAlgorithm


def expand_cas(context: Context, specs: Mapping[str, CaSpec]) -> dict[str, CA]:
    """Every CA, parents first, those of one level by name."""
    above = parents(specs)
    order = graphlib.TopologicalSorter({name: [above[name]] if name in above else [] for name in specs})
    order.prepare()
    cas: dict[str, CA] = {}
    while order.is_active():
        ready = sorted(order.get_ready())
        for name in ready:
            if (ca := _ca(context, name, specs[name])) is not None:
                cas[name] = ca
        order.done(*ready)
    return cas


def needed_here(context: Context, cas: Mapping[str, CA], used: Iterable[str]) -> dict[str, CA]:
    """The CAs of this view: those that something of it names, those above them, and those made or copied here.

    Args:
        context: the cluster.
        cas: all of them.
        used: names of the CAs that the components, bundles and kubeconfigs of this view name.
    """
    if context.node is None:
        return dict(cas)
    keep: set[str] = set()
    here = [name for name, ca in cas.items() if ca.replicas or context.node == (ca.home or context.home)]
    for start in (*used, *here):
        name = start
        while name in cas and name not in keep:
            keep.add(name)
            name = cas[name].issuer or ""
    return {name: ca for name, ca in cas.items() if name in keep}


def expand_keypairs(context: Context, specs: Mapping[str, KeypairSpec]) -> dict[str, Keypair]:
    """Every keypair that has a place in this view, by name."""
    found = ((name, _keypair(context, name, spec)) for name, spec in sorted(specs.items()))
    return {name: keypair for name, keypair in found if keypair is not None}


def durations(
    context: Context, section: str, name: str, lifetime: str | UnsetType, renew_before: str | UnsetType
) -> tuple[timedelta, timedelta] | None:
    """Lifetime and renewBefore, or None after a mistake; the same text under ``defaults`` is reported once."""
    key = "lifetime"
    try:
        length = parse_duration(str(lifetime))
        if not length:
            context.report.add_once("CPK229", "a lifetime of zero", at=context.where(section, name, key), hint="such as 1y")
            return None
        key = "renewBefore"
        return length, parse_renew_before(str(renew_before), length)
    except InvalidDurationError as problem:
        context.report.add_once("CPK229", problem.message, at=context.where(section, name, key), hint=problem.hint)
        return None


def _ca(context: Context, name: str, spec: CaSpec) -> CA | None:
    here: Path = ("cas", name)
    address = address_of("ca", name)
    place_of = places(context, here, (None,), kind="ca", store_name=str(spec.store), path=str(spec.path), naming=spec.naming)
    subject_of = subject(context, here, SubjectSpec() if spec.subject is UNSET else spec.subject, (None,))
    sans_of = sans(context, here, (("sans", spec.sans),), (None,))
    spans = durations(context, "cas", name, spec.lifetime, spec.renew_before)
    constraints = name_constraints(context, here, spec.name_constraints)
    rotation = _rotation(context, "cas", name, spec.rotation)
    key_in, sound = key_home(context, name, spec)
    if place_of is None or spans is None or rotation is None or not sound:
        return None
    home = None if context.central or context.spread else spec.home if spec.home is not UNSET else context.home
    place = place_of(None)
    return CA(
        address=address,
        name=name,
        place=place,
        subject=subject_of(None),
        key=KeyAlgorithm(str(spec.key)),
        lifetime=spans[0],
        renew_before=spans[1],
        issuer=parent_of(spec),
        key_in=key_in,
        sans=sans_of(None),
        path_length=spec.path_length if isinstance(spec.path_length, int) else None,
        name_constraints=constraints,
        generation=spec.generation if isinstance(spec.generation, int) else 1,
        rotation=rotation,
        numbered=isinstance(spec.rotation, RotationSpec) and spec.rotation.numbered_names is True,
        access=access_of(spec),
        creatable=not follows(context) and (context.node is None or home is None or home == context.node),
        followed=follows(context),
        home=home,
        replicas=_copies(context, name, spec, place),
        publishes=spec.crl is not UNSET,
        suspended=spec.suspend is True,
        origin=context.origin("cas", name),
    )


def _rotation(context: Context, section: str, name: str, spec: RotationSpec | KeypairRotationSpec | UnsetType) -> Rotation | None:
    """How it rotates, with every default filled in; None after a mistake."""
    if spec is UNSET:
        return Rotation()
    try:
        soak = parse_duration(str(spec.soak))
    except InvalidDurationError as problem:
        context.report.add_once("CPK229", problem.message, at=(section, name, "rotation", "soak"), hint=problem.hint)
        return None
    return Rotation(
        strategy="manual" if isinstance(spec, KeypairRotationSpec) or spec.strategy is UNSET else spec.strategy,
        soak=soak,
        hold=None if spec.hold is UNSET else spec.hold,
        proceed=None if spec.proceed is UNSET else spec.proceed,
        retired="keep" if spec.retired is UNSET else spec.retired,
    )


def _copies(context: Context, name: str, spec: CaSpec, own: Place) -> tuple[Replica, ...]:
    """The copies that are not the CA's own files: when each node runs this by itself, they are the same place."""
    if spec.copies is UNSET:
        return ()
    nodes = context.instances(spec.copies.for_each)
    if own.path == spec.copies.path and own.store == spec.copies.store:
        return ()
    place_of = places(
        context,
        ("cas", name, "copies"),
        nodes,
        kind="ca",
        store_name=str(spec.copies.store),
        path=spec.copies.path,
        for_each=spec.copies.for_each,
        naming=spec.naming,
    )
    if place_of is None:
        return ()
    placed = ((node, place_of(node)) for node in nodes)
    return tuple(
        Replica(address=address_of("ca", name, node.name if node else None), node=node.name if node else None, place=place)
        for node, place in placed
        if place.absolute != own.absolute
    )


def _keypair(context: Context, name: str, spec: KeypairSpec) -> Keypair | None:
    nodes = context.instances(spec.for_each)
    if follows(context) and context.stores[str(spec.store)].in_kv:
        nodes = ()
    place_of = places(
        context,
        ("keypairs", name),
        nodes,
        kind="keypair",
        store_name=str(spec.store),
        path=str(spec.path),
        for_each=spec.for_each,
    )
    rotation = _rotation(context, "keypairs", name, spec.rotation)
    if place_of is None or rotation is None or not nodes:
        return None
    replicas = tuple(
        Replica(
            address=address_of("keypair", name, node.name if node else None),
            node=node.name if node else None,
            place=place_of(node),
        )
        for node in nodes
    )
    return Keypair(
        address=address_of("keypair", name),
        name=name,
        key=KeyAlgorithm(str(spec.key)),
        replicas=replicas,
        generation=spec.generation if isinstance(spec.generation, int) else 1,
        rotation=rotation,
        access=access_of(spec),
        creatable=not follows(context)
        and (context.node is None or context.central or _keypair_home(context, name, spec) == context.node),
        home=None if context.central or context.spread else _keypair_home(context, name, spec),
        origin=context.origin("keypairs", name),
    )


def _keypair_home(context: Context, name: str, spec: KeypairSpec) -> str | None:
    """The node on which it is made: as written, else the first that has it."""
    owners = None if spec.for_each is UNSET else [node.name for node in context.select(spec.for_each)]
    if spec.home is UNSET:
        return owners[0] if owners else context.home
    if owners is not None and spec.home not in owners:
        message = f'keypair "{name}" is not on node "{spec.home}", so it cannot be made there'
        hint = f'such as "{owners[0]}"' if owners else ""
        context.report.add_once("CPK205", message, at=("keypairs", name, "home"), hint=hint, address=address_of("keypair", name))
    return spec.home
