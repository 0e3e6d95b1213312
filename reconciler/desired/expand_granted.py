"""What is signed of the requests in a desired state: those that are approved, as components without a key of their own."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET
from msgspec.structs import replace

from reconciler.desired.durations import format_duration
from reconciler.desired.expand_defaults import shared_store
from reconciler.desired.expand_stores import places
from reconciler.desired.model import Access, Component, Output, address_of
from reconciler.desired.place import Place
from reconciler.desired.report import did_you_mean
from reconciler.desired.request_reader import Reader
from reconciler.desired.requested import Requested
from reconciler.desired.spec import Document
from reconciler.desired.spec_requests import RequestSpec
from reconciler.desired.vault import NO_MODE
from reconciler.x509.facts import KeyAlgorithm


def granted(reader: Reader, specs: Mapping[str, RequestSpec], requests: Mapping[str, Requested]) -> dict[str, Component]:
    """What is signed for in this view: those that are approved, as components without a key of their own."""
    found = {}
    for name, spec in sorted(specs.items()):
        place = _place_of(reader, name, spec)
        requested = requests.get(address_of("request", name))
        if place is not None and requested is not None and requested.approval == "approved":
            found[requested.address] = _component(spec, requested, place)
    return found


def written_out(document: Document, requests: Mapping[str, Requested]) -> dict[str, RequestSpec]:
    """The entries with every default that takes effect; what a Kubernetes object says stays there.

    Args:
        document: what the user wrote.
        requests: what became of it, by address.
    """
    found = {}
    for name, spec in ({} if document.requests is UNSET else document.requests).items():
        requested = requests[address_of("request", name)]
        own = {
            "ca": requested.ca,
            "approval": requested.approval,
            "store": shared_store(document) if spec.store is UNSET else spec.store,
            "path": default_path(name) if spec.path is UNSET else spec.path,
        }
        if not requested.manifest:
            own["lifetime"] = format_duration(requested.lifetime)
            own["renew_before"] = format_duration(requested.renew_before)
        usages = [*requested.usages, *requested.key_usages] if not requested.manifest else spec.usages
        found[name] = replace(spec, usages=usages, **own)
    return found


def default_path(name: str) -> str:
    """Where the certificate of a request goes in its store when nobody says."""
    return f"var/lib/cluster-pki/requests/{name}"


def _component(spec: RequestSpec, requested: Requested, place: Place) -> Component:
    outputs: tuple[Output, ...] = ("pem", "answer") if requested.manifest else ("pem",)
    return Component(
        address=requested.address,
        name=requested.address,  # a component of the same name is another thing
        node=None,
        ca=requested.ca,
        subject=requested.facts.subject,
        usages=requested.usages,
        key_usages=requested.key_usages,
        sans=requested.facts.sans,
        key=KeyAlgorithm(requested.facts.key),
        lifetime=requested.lifetime,
        renew_before=requested.renew_before,
        rotate_key=False,
        place=place,
        outputs=outputs,
        access=Access(
            mode=NO_MODE,  # there is no secret
            owner=None if spec.owner is UNSET else spec.owner,
            group=None if spec.group is UNSET else spec.group,
        ),
        reissue="" if spec.reissue is UNSET else spec.reissue,
        request=requested,
        origin=requested.origin,
    )


def _place_of(reader: Reader, name: str, spec: RequestSpec) -> Place | None:
    """Where the certificate goes; None after a mistake, and in a view that it does not belong to."""
    context = reader.context
    store = shared_store(context.document) if spec.store is UNSET else spec.store
    if store not in context.stores:
        hint = did_you_mean(store, context.stores) or "declare it under `stores`"
        reader.say("CPK204", name, f'there is no store "{store}"', "store", hint=hint)
        return None
    path = default_path(name) if spec.path is UNSET else spec.path
    nodes = context.instances(UNSET)
    place_of = places(context, ("requests", name), nodes or (None,), kind="request", store_name=store, path=path)
    return place_of(None) if place_of is not None and nodes else None
