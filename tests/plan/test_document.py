"""The plan document: order, bytes, attributes, counts, digests and schema."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.desired.model import DesiredState, Replica
from reconciler.observed.model import Absent, Certificates, Key
from reconciler.plan.order import natural
from reconciler.plan.renewal import earliest_renewal, renewal_due
from reconciler.plan.schema import plan_schema, schema_text
from tests.plan.world import (
    DAY,
    NOW,
    PUBLIC,
    SECRET,
    YEAR,
    World,
    bundle,
    ca,
    certificate,
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
)

Value = TypeVar("Value")

API: Final = "component.api"
SCHEMA: Final = Path(__file__).parents[2] / "schemas" / "plan.v1.schema.json"


def cluster() -> DesiredState:
    """A bit of everything."""
    nodes = [f"n{number}" for number in range(1, 12)]
    return state(
        ca("root"),
        ca("main", issuer="root", replicas=(Replica(address="ca.main[n1]", node="n1", place=place("n1/main")),)),
        *(component("api", node) for node in nodes),
        component("jane", place=None, kubeconfig="kubeconfig.jane"),
        component("files", outputs=("pem", "fullchain", "pkcs12")),
        *(bundle("trust", node, cas=("root", "main")) for node in nodes),
        kubeconfig("jane", component="component.jane", cas=("root",)),
        keypair(nodes=nodes),
    )


def damaged(seed: int) -> World:
    """Everything applied, then some things wanted otherwise and some lost."""
    world = World(desired=cluster())
    world.apply()
    choice = random.Random(seed)  # noqa: S311 - a test's choice
    for address in world.desired.components:
        match choice.randrange(6):
            case 0:
                world.want(address, sans=("dns:new.example.com",))
            case 1:
                world.pairs.pop(address)
                if address == "component.jane":
                    world.kubeconfigs.pop("kubeconfig.jane")
            case 2 if address != "component.jane":
                world.change_pair(address, key=Key(facts=key_facts(), meta=PUBLIC))
    for address in list(world.bundles):
        if choice.randrange(3) == 0:
            world.bundles.pop(address)
    world.advance(days=choice.randrange(400))
    return world


def shuffled(world: World, seed: int) -> World:
    """The same world, every mapping in another order."""
    choice = random.Random(seed)  # noqa: S311 - a test's choice

    def mix(mapping: dict[str, Value]) -> dict[str, Value]:
        items = list(mapping.items())
        choice.shuffle(items)
        return dict(items)

    desired = world.desired
    return World(
        desired=replace(
            desired,
            cas=mix(dict(desired.cas)),
            keypairs=mix(dict(desired.keypairs)),
            components=mix(dict(desired.components)),
            bundles=mix(dict(desired.bundles)),
            kubeconfigs=mix(dict(desired.kubeconfigs)),
        ),
        now=world.now,
        pairs=mix(world.pairs),
        bundles=mix(world.bundles),
        kubeconfigs=mix(world.kubeconfigs),
        keypairs=mix(world.keypairs),
        records=mix(world.records),
    )


@settings(max_examples=25)
@given(damage=st.integers(0, 10_000), order=st.integers(0, 10_000), seconds=st.integers(0, 29 * 60))
def test_shuffled_input_gives_the_same_bytes(damage: int, order: int, seconds: int) -> None:
    """Whatever the order of mappings; and within the hour, as long as nothing falls due."""
    world = damaged(damage)
    other = shuffled(world, order)
    assert msgspec.json.encode(other.plan().document) == msgspec.json.encode(world.plan().document)
    fresh = World(desired=cluster())
    before = msgspec.json.encode(fresh.plan().document)
    fresh.now += timedelta(seconds=seconds)
    assert msgspec.json.encode(shuffled(fresh, order).plan().document) == before


@settings(max_examples=25)
@given(damage=st.integers(0, 10_000))
def test_a_plan_after_an_apply_is_empty(damage: int) -> None:
    """Whatever was wrong, one apply mends it, and the next plan has nothing to say."""
    world = damaged(damage)
    world.apply(allow_mass_change=True)
    plan = world.plan()
    assert (changes(plan), codes(plan), plan.document.resource_drift) == ({}, [], [])


@settings(max_examples=15)
@given(damage=st.integers(0, 10_000))
def test_every_plan_is_valid_by_the_schema(damage: int) -> None:
    """And survives the way through a file."""
    document = damaged(damage).plan(allow_mass_change=damage % 2 == 0).document
    encoded = msgspec.json.encode(document)
    jsonschema.validate(json.loads(encoded), plan_schema())
    assert msgspec.json.decode(encoded, type=type(document)) == document


def test_the_schema_file_is_what_the_types_say() -> None:
    """``schemas/plan.v1.schema.json`` is generated."""
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(plan_schema())


def test_the_order_of_work() -> None:
    """CAs from the root down with their copies, keypairs, components, bundles, kubeconfigs; names as people count."""
    addresses = [work.address for work in World(desired=cluster()).plan().work]
    assert addresses[:5] == ["ca.root", "ca.main", "ca.main[n1]", "keypair.sa[n1]", "keypair.sa[n2]"]
    assert [address for address in addresses if address.startswith("component.api")] == [
        f"component.api[n{number}]" for number in range(1, 12)
    ]
    kinds = [address.partition(".")[0] for address in addresses]
    assert list(dict.fromkeys(kinds)) == ["ca", "keypair", "component", "bundle", "kubeconfig"]


def test_natural_order_tells_all_addresses_apart() -> None:
    """Leading zeros sort beside each other and never tie."""
    names = ["a[n10]", "a[n2]", "a", "a[n02]", "b", "a[x]"]
    assert sorted(names, key=natural) == ["a", "a[n02]", "a[n2]", "a[n10]", "a[x]", "b"]


def test_what_a_reissue_says() -> None:
    """Before, after, what only apply knows, and every reason with its attribute."""
    world = settled(ca(), component())
    leaf = world.leaf(API)
    world.want(API, sans=("dns:new.example.com",))
    shared = {
        "subject": "CN=api",
        "usages": ["server auth"],
        "key": "ecdsa-p256",
        "issuer": "ca.main",
        "mode": "0600",
        "paths": ["/pki/api.crt", "/pki/api.key"],
    }
    entry = change(world.plan(), API)
    assert (entry.type, entry.name, entry.index) == ("component", "api", None)
    assert entry.change.actions == ["update"]
    assert entry.change.before == shared | {
        "sans": ["dns:api.example.com", "ip:192.0.2.1"],
        "serial": leaf.serial,
        "not_before": "2026-11-20T10:25:15Z",
        "not_after": "2027-11-20T10:25:15Z",
        "fingerprint": leaf.fingerprint,
        "ski": leaf.ski,
    }
    assert entry.change.after == shared | {"sans": ["dns:new.example.com"]}
    assert entry.change.after_unknown == dict.fromkeys(("serial", "not_before", "not_after", "fingerprint", "ski"), True)
    (reason,) = entry.change.reasons
    assert (reason.code, reason.path, reason.message) == (
        "SanMismatch",
        "sans",
        "added dns:new.example.com; removed dns:api.example.com, ip:192.0.2.1",
    )


def test_a_kept_key_keeps_its_identifier() -> None:
    """With ``rotateKey: never`` the SKI is known beforehand."""
    world = settled(ca(), component(rotate_key=False))
    world.want(API, sans=())
    assert "ski" not in change(world.plan(), API).change.after_unknown


def test_what_a_repair_says() -> None:
    """Only what changes differs."""
    world = settled(ca(), component(outputs=("pem", "der")))
    found = world.pairs[API].key
    assert isinstance(found, Key)
    world.change_pair(API, key=Key(facts=found.facts, meta=PUBLIC), outputs={"der": Absent()})
    before, after = (change(world.plan(), API).change.before, change(world.plan(), API).change.after)
    assert before is not None
    assert after is not None
    assert {name: (before[name], after[name]) for name in before if before[name] != after[name]} == {
        "mode": ("0644", "0600"),
        "outputs": ({"der": "missing"}, {"der": "current"}),
    }


def test_what_only_a_finding_knows_stands_among_the_attributes() -> None:
    """A lifetime is no attribute of a certificate that people compare, unless it is the reason."""
    world = settled(ca(), component())
    world.want(API, lifetime=90 * DAY)
    entry = change(world.plan(), API).change
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["lifetime"], entry.after["lifetime"]) == ("364d23h", "90d")


def test_what_is_blocked_stays_as_it_is() -> None:
    """Nothing is promised of what is held back."""
    world = settled(ca(), component())
    world.change_pair("ca.main", key=Absent())
    world.want(API, sans=())
    entry = change(world.plan(), API).change
    assert (entry.actions, entry.class_, entry.before, entry.after_unknown) == (["no-op"], "blocked", entry.after, {})


def test_the_counts() -> None:
    """Terraform's words, ours, and the reasons of what is done."""
    world = settled(ca(), component(), component("b"), component("c"), component("d"))
    world.want(API, sans=())
    world.change_pair("component.b", key=Absent())
    world.pairs.pop("component.c")
    world.want("component.d", outputs=("pem", "der"))
    summary = world.plan().document.summary
    assert (summary.add, summary.change, summary.issue, summary.reissue, summary.rekey, summary.repair) == (1, 3, 1, 1, 1, 1)
    assert (summary.certificates, summary.blocked) == (5, 0)
    assert summary.reasons == {"Missing": 2, "OutputStale": 1, "SanMismatch": 1}


def test_the_next_renewal() -> None:
    """The earliest of what stands; of what is made now, by the hour; never something overdue that cannot be renewed."""
    world = settled(ca(), component(), component("soon", lifetime=60 * DAY, renew_before=10 * DAY))
    summary = world.plan().document.summary
    due = renewal_due("component.soon", world.leaf("component.soon"), 10 * DAY)
    assert (summary.next_renewal_address, summary.next_renewal) == ("component.soon", due)
    world.advance(days=55)
    summary = world.plan().document.summary
    assert summary.next_renewal_address == "component.soon"
    assert summary.next_renewal == (world.now + 50 * DAY).replace(minute=0, second=0)
    world.change_pair("ca.main", key=Absent())
    assert world.plan().document.summary.next_renewal_address == API


def test_valid_until_is_the_same_within_an_hour() -> None:
    """24 hours from the full hour on."""
    document = World(desired=state()).plan().document
    assert document.valid_until == NOW.replace(minute=0, second=0) + timedelta(hours=24)


def test_a_digest_tells_what_the_plan_rests_on() -> None:
    """It changes with the files of the address or of its CA, and with nothing else."""
    world = settled(ca(), ca("other"), component(), component("b"))
    world.want(API, sans=())
    before = world.plan().document.observed
    assert list(before) == [API]
    world.change_leaf("component.b", serial="0")
    world.change_leaf("ca.other", serial="0")
    assert world.plan().document.observed == before
    world.change_leaf("ca.main", serial="0")
    assert world.plan().document.observed != before


def test_renewals_of_a_fleet_are_spread() -> None:
    """2,000 certificates of one day do not fall due in one hour; each always at the same instant, a whole second."""
    leaf = certificate(component(), key_facts(), None, NOW)
    before = 30 * DAY
    due = [
        renewal_due(f"component.api[n{number}]", msgspec.structs.replace(leaf, serial=f"{number:x}"), before)
        for number in range(2000)
    ]
    assert due == [
        renewal_due(f"component.api[n{number}]", msgspec.structs.replace(leaf, serial=f"{number:x}"), before)
        for number in range(2000)
    ]
    assert leaf.not_after - before - 3 * DAY <= min(due) < max(due) <= leaf.not_after - before
    by_hour = [sum(instant.replace(minute=0, second=0) == hour for instant in due) for hour in
               {instant.replace(minute=0, second=0) for instant in due}]  # fmt: skip
    assert max(by_hour) < 2000 * 3 / 72
    assert all(instant.microsecond == 0 for instant in due)


@given(share=st.floats(0.001, 0.99), serial=st.integers(1, 2**64))
def test_a_due_instant_is_a_whole_second_and_within_its_bound(share: float, serial: int) -> None:
    """A daemon that sleeps until the instant finds it due: no fraction of a second is left (cert-manager 4399)."""
    leaf = msgspec.structs.replace(certificate(component(), key_facts(), None, NOW), serial=f"{serial:x}")
    before = YEAR * share
    due = renewal_due(API, leaf, before)
    assert due.microsecond == 0
    assert earliest_renewal(leaf.not_after, before) <= due <= leaf.not_after - before
    assert due > NOW
    world = settled(ca(), component(renew_before=before))
    world.now = renewal_due(API, world.leaf(API), before)
    assert changes(world.plan()) == {API: ("reissue", ("RenewalDue",))}
    world.now -= timedelta(seconds=1)
    assert changes(world.plan()) == {}


def test_a_plan_never_makes_anything() -> None:
    """Two plans of nothing are the same, byte for byte: no key, no serial, no date is drawn."""
    world = World(desired=cluster())
    assert msgspec.json.encode(world.plan().document) == msgspec.json.encode(world.plan().document)


def test_a_chain_is_told_by_its_subjects() -> None:
    """Intermediates stand in the attributes where there are any."""
    world = settled(ca("root"), ca("main", issuer="root"), component())
    found = world.pairs[API].certificate
    assert isinstance(found, Certificates)
    world.change_pair(API, certificate=Certificates(chain=found.chain[:1], meta=SECRET))
    entry = change(world.plan(), API).change
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["chain"], entry.after["chain"]) == ([], ["CN=main"])


@pytest.mark.parametrize("days", [0, 336, 366])
def test_a_plan_of_a_later_day_is_the_same_function(days: int) -> None:
    """``--at`` is nothing but another clock."""
    world = settled(ca(), component())
    world.advance(days=days)
    expected = {0: {}, 336: {API: ("reissue", ("RenewalDue",))}, 366: {API: ("reissue", ("Expired",))}}
    assert changes(world.plan()) == expected[days]
