"""A world whose CA is outside: its certificate is there, its key is nowhere, and requests wait beside components."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from reconciler.desired.model import CA, Component
from reconciler.desired.vault import ExternalKey
from reconciler.observed.model import (
    Absent,
    AskedFile,
    Certificates,
    Key,
    ObservedPair,
    ObservedRequest,
    Returned,
)
from reconciler.x509.facts import AskedFacts, CertificateFacts, KeyFacts
from tests.plan.world import PUBLIC, SECRET, Thing, World, ca, certificate, component, key_facts, state

ADDRESS = "component.api"


def outside(*things: Thing, **fields: Any) -> World:  # noqa: ANN401 - any field of the CA
    """A CA that is outside, with its certificate in place, and `things` below it."""
    authority = ca(key_in=ExternalKey(), **fields)
    world = World(desired=state(authority, *(things or (component(),))))
    bring(world, authority, key_facts("rsa-2048"))
    return world


def bring(world: World, authority: CA, key: KeyFacts, **facts: Any) -> None:  # noqa: ANN401 - any fact
    """Somebody puts the certificate of a CA into its place."""
    leaf = replace(certificate(authority, key, None, world.now), **facts)
    world.pairs[authority.address] = ObservedPair(
        certificate=Certificates(chain=(leaf,), meta=PUBLIC), key=Absent(), signed_by=leaf.spki_sha256
    )


def asked(wanted: Component, of: KeyFacts, **facts: Any) -> AskedFacts:  # noqa: ANN401 - any fact
    """What a request for a component asks for."""
    whole = AskedFacts(
        spki_sha256=of.spki_sha256,
        key=of.key,
        subject=wanted.subject,
        sans=tuple(sorted(wanted.sans)),
        usages=wanted.usages,
        key_usages=("digital signature",),
        is_ca=False,
    )
    return replace(whole, **facts)


def request(world: World, address: str = ADDRESS, **facts: Any) -> KeyFacts:  # noqa: ANN401 - any fact of the request
    """A run has made a key and a request; gives the key."""
    wanted, key = world.desired.components[address], key_facts()
    world.requests[address] = ObservedRequest(
        key=Key(facts=key, meta=SECRET), request=AskedFile(asked=asked(wanted, key, **facts)), answer=Absent()
    )
    return key


def answer(world: World, address: str = ADDRESS, *, signed: bool = True, **facts: Any) -> CertificateFacts:  # noqa: ANN401
    """The CA has answered, with a certificate of which some facts differ."""
    found, wanted = world.requests[address], world.desired.components[address]
    assert isinstance(found.key, Key)
    issuer = world.leaf("ca.main")
    leaf = replace(certificate(wanted, found.key.facts, issuer, world.now), **facts)
    came = Returned(leaf=leaf, signed_by=issuer.spki_sha256 if signed else "")
    world.requests[address] = replace(found, answer=came)
    return leaf


def publish(world: World, address: str = ADDRESS) -> None:
    """The answer, with its key, is in use; nothing of the request is left."""
    found = world.requests.pop(address)
    assert isinstance(found.answer, Returned)
    world.pairs[address] = ObservedPair(
        certificate=Certificates(chain=(found.answer.leaf,), meta=PUBLIC),
        key=found.key,
        owned=True,
        signed_by=found.answer.signed_by,
    )


def waiting() -> World:
    """One component, whose request is out."""
    world = outside()
    request(world)
    return world


def issued(*things: Thing, **fields: Any) -> World:  # noqa: ANN401 - any field of the CA
    """The same world with everything issued."""
    world = outside(*things, **fields)
    for address in world.desired.components:
        request(world, address)
        answer(world, address)
        publish(world, address)
    return world
