"""Bundles, kubeconfigs and keypairs: what is put together, and what is the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
import pytest

from reconciler.desired.model import Replica
from reconciler.observed.model import (
    Absent,
    Certificates,
    FileMeta,
    Key,
    ObservedBundle,
    PublicKey,
)
from reconciler.x509.facts import KeyAlgorithm
from tests.plan.world import (
    CORRUPT,
    NOT_OURS_TO_READ,
    PUBLIC,
    SECRET,
    World,
    bundle,
    ca,
    change,
    changes,
    codes,
    component,
    key_facts,
    keypair,
    kubeconfig,
    place,
    settled,
    state,
    steps,
)

API: Final = "component.api"
TRUST: Final = "bundle.trust"
ADMIN: Final = "kubeconfig.admin"
SA: Final = "keypair.sa[cp-1]"
SA2: Final = "keypair.sa[cp-2]"
Differ = Callable[[World], object]


def trusted(world: World, *names: str, meta: FileMeta = PUBLIC) -> None:
    """The bundle holds the certificates of these CAs, in this order."""
    chain = tuple(world.leaf(f"ca.{name}") for name in names)
    world.bundles[TRUST] = ObservedBundle(certificates=Certificates(chain=chain, meta=meta))


BUNDLES: Final[dict[str, tuple[Differ, str, tuple[str, ...]]]] = {
    "gone": (lambda w: w.bundles.pop(TRUST), "create", ("Missing",)),
    "corrupt": (lambda w: w.bundles.update({TRUST: ObservedBundle(certificates=CORRUPT)}), "repair", ("Unreadable",)),
    "one more": (lambda w: trusted(w, "main", "second", "third"), "repair", ("BundleStale",)),
    "one less": (lambda w: trusted(w, "main"), "repair", ("BundleStale",)),
    "another": (lambda w: trusted(w, "main", "third"), "repair", ("BundleStale",)),
    "another order": (lambda w: trusted(w, "second", "main"), "", ()),
    "twice": (lambda w: trusted(w, "main", "second", "main"), "", ()),
    "writable": (lambda w: trusted(w, "main", "second", meta=FileMeta(mode=0o666, uid=0, gid=0)), "repair", ("ModeDrift",)),
    "stricter": (lambda w: trusted(w, "main", "second", meta=FileMeta(mode=0o600, uid=0, gid=0)), "", ()),
    "not for us": (
        lambda w: w.bundles.update({TRUST: ObservedBundle(certificates=NOT_OURS_TO_READ)}),
        "blocked",
        ("Unreadable",),
    ),
}


@pytest.mark.parametrize(("differ", "word", "reasons"), BUNDLES.values(), ids=BUNDLES.keys())
def test_bundle(differ: Differ, word: str, reasons: tuple[str, ...]) -> None:
    """A bundle is the set of its CAs' certificates, whatever their order."""
    world = settled(ca(), ca("second"), ca("third"), bundle(cas=("main", "second")))
    differ(world)
    assert changes(world.plan()) == ({TRUST: (word, reasons)} if reasons else {})
    world.apply()
    assert changes(world.plan()) == ({} if word != "blocked" else {TRUST: (word, reasons)})


def test_a_bundle_of_somebody_else_is_not_emptied() -> None:
    """A file without a record that holds other certificates may be a system's: nothing is taken from it, unless told."""
    world = settled(ca(), ca("second"), bundle())
    del world.records[TRUST]
    trusted(world, "main", "second")
    assert changes(world.plan()) == {TRUST: ("blocked", ("BundleStale", "Foreign"))}
    assert changes(world.plan(adopt=True)) == {TRUST: ("repair", ("BundleStale",))}
    world.want(TRUST, cas=("main", "second"))
    assert changes(world.plan()) == {}


def hold(world: World, **fields: Any) -> None:  # noqa: ANN401 - any fact
    """The kubeconfig holds something else."""
    world.kubeconfigs[ADMIN] = msgspec.structs.replace(world.kubeconfigs[ADMIN], **fields)


def other_certificate(world: World) -> None:
    """The kubeconfig holds another certificate than its component has."""
    found = world.kubeconfigs[ADMIN].certificate
    assert isinstance(found, Certificates)
    hold(world, certificate=Certificates(chain=(msgspec.structs.replace(found.chain[0], fingerprint="x"),), meta=SECRET))


KUBECONFIGS: Final[dict[str, tuple[Differ, str, tuple[str, ...]]]] = {
    "gone": (lambda w: w.kubeconfigs.pop(ADMIN), "create", ("Missing",)),
    "corrupt": (lambda w: w.kubeconfigs.update({ADMIN: CORRUPT}), "repair", ("Unreadable",)),
    "another server": (lambda w: hold(w, server="https://elsewhere:6443"), "repair", ("OutputStale",)),
    "server changed": (lambda w: w.want(ADMIN, server="https://elsewhere:6443"), "repair", ("OutputStale",)),
    "another CA": (lambda w: hold(w, ca_fingerprints=("x",)), "repair", ("OutputStale",)),
    "CAs in another order": (lambda w: hold(w, ca_fingerprints=w.kubeconfigs[ADMIN].ca_fingerprints[::-1]), "", ()),
    "another certificate": (other_certificate, "repair", ("OutputStale",)),
    "no certificate": (lambda w: hold(w, certificate=Absent()), "repair", ("OutputStale",)),
    "another key": (lambda w: hold(w, key=Key(facts=key_facts(), meta=SECRET)), "repair", ("OutputStale",)),
    "files instead of data": (lambda w: hold(w, client_certificate_path="/a.crt"), "repair", ("OutputStale",)),
    "a second user": (lambda w: hold(w, extras=("users[1]",)), "repair", ("OutputStale",)),
    "another name found": (lambda w: hold(w, user_name="somebody"), "", ()),
    "another name asked for": (lambda w: w.want(ADMIN, user_name="somebody"), "repair", ("OutputStale",)),
    "readable by all": (lambda w: hold(w, meta=FileMeta(mode=0o644, uid=0, gid=0)), "repair", ("ModeDrift",)),
}


@pytest.mark.parametrize(("differ", "word", "reasons"), KUBECONFIGS.values(), ids=KUBECONFIGS.keys())
def test_kubeconfig(differ: Differ, word: str, reasons: tuple[str, ...]) -> None:
    """A kubeconfig is repaired without touching the certificate that it holds."""
    world = settled(ca(), ca("second"), component(), kubeconfig(cas=("main", "second")))
    before = world.leaf(API)
    differ(world)
    assert changes(world.plan()) == ({ADMIN: (word, reasons)} if reasons else {})
    world.apply()
    assert changes(world.plan()) == {}
    assert world.leaf(API) == before


def test_a_kubeconfig_follows_its_component() -> None:
    """A new certificate means a new kubeconfig in the same plan, with a reason of its own."""
    world = settled(ca(), component(), kubeconfig())
    world.want(API, sans=())
    plan = world.plan()
    assert changes(plan) == {API: ("reissue", ("SanMismatch",)), ADMIN: ("repair", ("OutputStale",))}
    assert change(plan, ADMIN).change.reasons[0].message == "follows component.api"
    assert change(plan, ADMIN).change.after_unknown == {"client_certificate": True}
    world.apply()
    assert changes(world.plan()) == {}


def test_a_kubeconfig_with_references_does_not_follow() -> None:
    """The files it names keep their names."""
    references: dict[str, Any] = {"embed": False, "client_certificate": "/pki/api.crt", "client_key": "/pki/api.key"}
    world = settled(ca(), component(), kubeconfig(**references))
    world.want(API, sans=())
    assert changes(world.plan()) == {API: ("reissue", ("SanMismatch",))}
    hold(world, client_key_path="/elsewhere.key")
    assert changes(world.plan())[ADMIN] == ("repair", ("OutputStale",))


def embedded() -> World:
    """A world in which a component lives only in its kubeconfig."""
    return settled(ca(), component(place=None, kubeconfig=ADMIN), kubeconfig())


def test_a_component_inside_its_kubeconfig_appears_with_it() -> None:
    """Both addresses are named: one for the identity, one for the file."""
    world = embedded()
    world.want(API, sans=())
    assert changes(world.plan()) == {API: ("reissue", ("SanMismatch",)), ADMIN: ("repair", ("OutputStale",))}
    world = embedded()
    world.kubeconfigs.pop(ADMIN)
    world.pairs.pop(API)
    assert changes(world.plan()) == {API: ("create", ("Missing",)), ADMIN: ("create", ("Missing",))}
    world = embedded()
    world.kubeconfigs[ADMIN] = CORRUPT
    world.change_pair(API, certificate=CORRUPT, key=CORRUPT)
    assert changes(world.plan()) == {API: ("rekey", ("Unreadable",)), ADMIN: ("repair", ("Unreadable",))}
    world = embedded()
    hold(world, server="https://elsewhere:6443")
    assert changes(world.plan()) == {ADMIN: ("repair", ("OutputStale",))}


def test_an_intermediate_behind_an_embedded_certificate_needs_a_new_one() -> None:
    """The file is rewritten around the chain that it holds, so a repair would not mend the chain."""
    world = settled(ca("root"), ca("main", issuer="root"), component(place=None, kubeconfig=ADMIN), kubeconfig())
    found = world.pairs[API].certificate
    assert isinstance(found, Certificates)
    world.change_pair(API, certificate=Certificates(chain=found.chain[:1], meta=SECRET))
    assert changes(world.plan()) == {API: ("reissue", ("ChainBroken",)), ADMIN: ("repair", ("OutputStale",))}


def test_a_kubeconfig_of_somebody_else_is_not_overwritten() -> None:
    """Contexts of their own in a file that we did not write would be lost."""
    world = settled(ca(), component(), kubeconfig())
    del world.records[ADMIN]
    hold(world, extras=("contexts[1]",))
    assert changes(world.plan()) == {ADMIN: ("blocked", ("OutputStale", "Foreign"))}
    assert changes(world.plan(adopt=True)) == {ADMIN: ("repair", ("OutputStale",))}
    world = embedded()
    world.records.clear()
    world.want(API, sans=())
    hold(world, server="https://elsewhere:6443")
    assert changes(world.plan()) == {
        API: ("blocked", ("SanMismatch", "Foreign")),
        ADMIN: ("blocked", ("OutputStale", "Foreign")),
    }


def test_a_kubeconfig_whose_component_has_no_usable_pair_waits() -> None:
    """Nothing may be written that holds the key of somebody else; a certificate that is only old may."""
    world = settled(ca(), component(), kubeconfig())
    world.want(ADMIN, server="https://elsewhere:6443")
    world.change_pair(API, key=NOT_OURS_TO_READ)
    plan = world.plan()
    assert changes(plan) == {API: ("blocked", ("Unreadable",)), ADMIN: ("blocked", ("OutputStale",))}
    assert [entry.held_back for entry in plan.document.diagnostics] == [[API, ADMIN]]


def found_key(world: World, address: str, **fields: Any) -> None:  # noqa: ANN401 - any fact
    """Another state of one replica."""
    world.keypairs[address] = msgspec.structs.replace(world.keypairs[address], **fields)


KEYPAIRS: Final[dict[str, tuple[Differ, dict[str, tuple[str, tuple[str, ...]]]]]] = {
    "one replica gone": (lambda w: w.keypairs.pop(SA2), {SA2: ("create", ("Missing",))}),
    "the first gone": (lambda w: w.keypairs.pop(SA), {SA: ("create", ("Missing",))}),
    "private key gone": (lambda w: found_key(w, SA, key=Absent()), {SA: ("repair", ("Missing",))}),
    "public key gone": (lambda w: found_key(w, SA, public=Absent()), {SA: ("repair", ("Missing",))}),
    "public key of another": (
        lambda w: found_key(w, SA, public=PublicKey(spki_sha256="x", meta=SECRET)),
        {SA: ("repair", ("OutputStale",))},
    ),
    "public key corrupt": (lambda w: found_key(w, SA, public=CORRUPT), {SA: ("repair", ("Unreadable",))}),
    "corrupt": (lambda w: found_key(w, SA, key=CORRUPT), {SA: ("repair", ("Unreadable",))}),
    "another key": (
        lambda w: found_key(w, SA, key=Key(facts=key_facts("rsa-2048"), meta=SECRET)),
        {SA: ("repair", ("KeyMismatch",))},
    ),
    "readable by all": (
        lambda w: found_key(w, SA, key=Key(facts=w.keypairs[SA].key.facts, meta=PUBLIC)),  # type: ignore[union-attr]
        {SA: ("repair", ("ModeDrift",))},
    ),
    "public half stricter or public": (
        lambda w: found_key(w, SA, public=PublicKey(spki_sha256=w.keypairs[SA].public.spki_sha256, meta=PUBLIC)),  # type: ignore[union-attr]
        {},
    ),
}


@pytest.mark.parametrize(("differ", "expected"), KEYPAIRS.values(), ids=KEYPAIRS.keys())
def test_keypair(differ: Differ, expected: dict[str, tuple[str, tuple[str, ...]]]) -> None:
    """Every replica gets the key that our record knows; the key itself is never made anew."""
    world = settled(keypair())
    original = world.keypairs[SA].key
    differ(world)
    assert changes(world.plan()) == expected
    world.apply()
    assert changes(world.plan()) == {}
    assert isinstance(original, Key)
    facts = [found.key.facts for found in world.keypairs.values() if isinstance(found.key, Key)]
    assert facts == [original.facts, original.facts]


def test_a_keypair_is_made_once_for_all_replicas() -> None:
    """Without any key and any record it is created."""
    world = World(desired=state(keypair()))
    assert changes(world.plan()) == {SA: ("create", ("Missing",)), SA2: ("create", ("Missing",))}


LOST: Final[dict[str, Differ]] = {
    "we had one": lambda w: w.keypairs.clear(),
    "it is made elsewhere": steps(
        lambda w: w.keypairs.clear(), lambda w: w.records.clear(), lambda w: w.want("keypair.sa", creatable=False)
    ),
    "its public half is there": steps(
        lambda w: w.records.clear(), lambda w: found_key(w, SA, key=Absent()), lambda w: w.keypairs.pop(SA2)
    ),
    "it is corrupt": steps(lambda w: w.records.clear(), lambda w: found_key(w, SA, key=CORRUPT), lambda w: w.keypairs.pop(SA2)),
}


@pytest.mark.parametrize("lose", LOST.values(), ids=LOST.keys())
def test_a_lost_keypair_is_never_made_anew(lose: Differ) -> None:
    """Every token that it has signed would become invalid."""
    world = settled(keypair())
    lose(world)
    plan = world.plan()
    assert {word for word, _ in changes(plan).values()} == {"blocked"}
    assert (codes(plan), plan.work) == (["keypair-missing"], ())


def test_two_keys_without_a_record_are_nobodys_to_choose() -> None:
    """The first counts, and the other is not overwritten unless told."""
    world = settled(keypair())
    world.records.clear()
    found_key(world, SA2, key=Key(facts=key_facts("rsa-2048"), meta=SECRET))
    assert changes(world.plan()) == {SA2: ("blocked", ("KeyMismatch", "Foreign"))}
    assert changes(world.plan(adopt=True)) == {SA2: ("repair", ("KeyMismatch",))}


def test_what_would_need_a_new_key_is_told() -> None:
    """Another algorithm is a warning: a new key is phased in, not swapped."""
    world = settled(keypair())
    world.want("keypair.sa", key=KeyAlgorithm.RSA_4096)
    assert (changes(world.plan()), codes(world.plan())) == ({}, ["KeyPolicyMismatch"])


def test_a_keypair_without_nodes_has_one_replica() -> None:
    """Its address is the keypair's own."""
    world = settled(keypair(replicas=(Replica(address="keypair.sa", node=None, place=place("sa")),)))
    assert list(world.records) == ["keypair.sa"]
    world.keypairs.clear()
    assert changes(world.plan()) == {"keypair.sa": ("blocked", ("Missing",))}
