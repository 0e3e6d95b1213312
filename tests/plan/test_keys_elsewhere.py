"""CAs whose keys a server keeps: what is made, what is taken over, what waits while it is away, what it may grant otherwise."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest

from reconciler.desired.vault import PkiKey, TransitKey
from reconciler.observed.model import UNREACHABLE, Absent, HeldKey, Key, ObservedCrl, ObservedPair, RevocationLists, Unusable
from reconciler.plan.accepted import request_digest
from reconciler.plan.inventory import Revoked
from reconciler.x509.facts import CrlEntry, CrlFacts, KeyFacts
from tests.plan.world import (
    DAY,
    NOW,
    PUBLIC,
    World,
    bundle,
    ca,
    certificate,
    change,
    changes,
    codes,
    component,
    crl,
    digest,
    key_facts,
    settled,
    state,
)

CA: Final = "ca.main"
API: Final = "component.api"
MADE: Final = PkiKey(connection="main", mount="pki", role="web", create=True)
OTHERS: Final = PkiKey(connection="main", mount="pki", role="web")
TRANSIT: Final = TransitKey(connection="main", mount="transit", name="demo-main")
AWAY: Final = Unusable(problem=UNREACHABLE, detail="connection main: it is sealed")


def held(world: World, address: str = CA, **fields: Any) -> HeldKey:  # noqa: ANN401 - any field
    """The key of a CA that is there, as the server has it."""
    leaf = world.leaf(address)
    defaults: dict[str, Any] = {
        "reference": "id-1",
        "facts": KeyFacts(spki_sha256=leaf.spki_sha256, key=leaf.key),
        "certificate": leaf,
        "generation": 1,
        "name": "test-main-g1",
        "default": True,
    }
    return HeldKey(**defaults | fields)


def stranger(**fields: Any) -> HeldKey:  # noqa: ANN401 - any field
    """Somebody else's."""
    facts = key_facts()
    known: dict[str, Any] = {"reference": "id-9", "facts": facts, "certificate": certificate(ca("other"), facts, None, NOW)}
    return HeldKey(**known | {"name": "other"} | fields)


def running(key_in: PkiKey | TransitKey = MADE, **fields: Any) -> World:  # noqa: ANN401 - any field of the component
    """A CA on a server, a component of it, everything in its place."""
    world = settled(ca(key_in=MADE), component(**fields))
    world.want(CA, key_in=key_in)
    world.held[CA] = (held(world),)
    return world


@pytest.mark.parametrize("key_in", [MADE, TRANSIT])
def test_what_is_ours_is_made(key_in: PkiKey | TransitKey) -> None:
    """The server has nothing of it: a CA is made, and what rests on it."""
    world = World(desired=state(ca(key_in=key_in), component()), held={CA: ()})
    assert changes(world.plan()) == {CA: ("create", ("Missing",)), API: ("create", ("Missing",))}


@pytest.mark.parametrize(
    ("reference", "keys", "found"),
    [
        ("", (stranger(default=True),), True),
        ("", (stranger(),), False),
        ("other", (stranger(),), True),
        ("id-9", (stranger(),), True),
        ("another", (stranger(default=True),), False),
        ("other", (stranger(certificate=None),), False),  # a key without a certificate
        ("", (), False),
    ],
)
def test_what_is_not_ours_is_taken_over_or_missed(reference: str, keys: tuple[HeldKey, ...], *, found: bool) -> None:
    """The issuer that is named, else the default of the mount; without it nothing is made."""
    key_in = PkiKey(connection="main", mount="pki", role="web", issuer=reference)
    world = World(desired=state(ca(key_in=key_in), component()), held={CA: keys})
    plan = world.plan()
    assert (changes(plan).get(CA, ("", ()))[0], codes(plan, "error")) == (
        ("create", []) if found else ("blocked", ["ca-key-missing"])
    )


@pytest.mark.parametrize(
    ("reference", "named", "found"),
    [("", "", "error"), ("new", "new", "rotate"), ("old", "", "error")],
    ids=["the default is the old one", "a new one is named", "the old one is named"],
)
def test_a_further_generation_of_others_has_to_be_theirs(reference: str, named: str, found: str) -> None:
    """A rotation to the same key would be none."""
    world = running(OTHERS)
    world.held[CA] = (held(world, name="old"), stranger(name=named or "other"))
    world.want(CA, generation=2, key_in=PkiKey(connection="main", mount="pki", role="web", issuer=reference))
    plan = world.plan()
    if found == "rotate":
        assert (changes(plan)[CA][0], codes(plan, "error")) == ("rotate", [])
    else:
        assert ([work for work in plan.work if work.address == CA], codes(plan, "error")) == ([], ["generation-not-there"])


def test_a_lost_certificate_comes_back_from_the_server() -> None:
    """It has a copy: nothing new is made, however much rests on it; without that copy nothing is."""
    world = running()
    world.change_pair(CA, certificate=Absent(), key=Absent())
    assert (changes(world.plan()), codes(world.plan(), "error")) == ({CA: ("create", ("Missing",))}, [])
    world.held[CA] = ()
    assert codes(world.plan(), "error") == ["ca-certificate-missing"]


def test_a_key_that_the_server_lost() -> None:
    """Nothing is issued, everything stays; the plan says where the key should be."""
    world = running()
    world.change_pair(CA, key=Absent())
    world.held[CA] = (stranger(),)
    world.change_leaf(API, not_after=NOW + DAY)
    plan = world.plan()
    assert [each.code for each in plan.document.diagnostics] == ["ca-key-missing"]
    entry = plan.document.diagnostics[0]
    assert (entry.severity, entry.held_back) == ("error", [API])
    assert entry.summary == "ca.main cannot sign: there is no key for it in pki behind connection main"


def test_a_server_that_is_away_is_told_once() -> None:
    """With everything that waits; what does not need it is unchanged, and nothing is called drift."""
    world = settled(
        ca(key_in=MADE), ca("local"), component(), component("db"), component("own", ca="local"), bundle(cas=("main", "local"))
    )
    world.held[CA] = AWAY
    world.change_pair(CA, key=AWAY)
    world.change_pair("component.db", certificate=AWAY, key=AWAY)
    for address in (API, "component.own"):
        world.change_leaf(address, not_after=NOW + DAY)
    plan = world.plan()
    assert changes(plan)["component.own"] == ("reissue", ("RenewalDue",))
    assert [each.address for each in plan.document.resource_drift if each.address == "component.db"] == []
    (entry,) = [each for each in plan.document.diagnostics if each.code == UNREACHABLE]
    assert (entry.severity, entry.summary, entry.held_back) == (
        "error",
        "connection main: it is sealed",
        [CA, API, "component.db"],
    )
    assert codes(plan, "error") == [UNREACHABLE]


def test_nothing_is_made_while_nobody_can_ask() -> None:
    """A CA of which our store has nothing may be there; that its key cannot be seen is no news about its certificate."""
    world = World(desired=state(ca(key_in=MADE), component()), held={CA: AWAY})
    for key in (Absent(), AWAY):
        world.pairs[CA] = ObservedPair(certificate=Absent(), key=key)
        plan = world.plan()
        assert (plan.work, codes(plan, "error")) == ((), [UNREACHABLE])
        assert [each.summary for each in plan.document.diagnostics] == ["connection main: it is sealed"]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (lambda world: (held(world),), []),
        (lambda world: (held(world, default=False),), []),  # there is no default
        (lambda world: (held(world, default=False), stranger(default=True)), ["default-issuer"]),
        (lambda world: (held(world, default=False), held(world, "ca.second", reference="id-2")), []),
    ],
    ids=["ours", "none", "somebody's", "another of ours"],
)
def test_a_default_that_was_swapped_is_told(keys: Any, told: list[str]) -> None:  # noqa: ANN401 - makes keys of a world
    """We never sign by default, so nothing changes; a person should know."""
    world = settled(ca(key_in=MADE), ca("second", key_in=MADE), component())
    world.held[CA] = keys(world)
    plan = world.plan()
    assert (changes(plan), codes(plan)) == ({}, told)


def test_a_default_that_was_swapped_in_transit() -> None:
    """There is no such thing."""
    world = settled(ca(key_in=TRANSIT), component())
    world.held[CA] = (held(world, default=False), stranger(default=True))
    assert codes(world.plan()) == []


@pytest.mark.parametrize(
    ("reference", "generation", "told"),
    [
        ("", 1, []),
        ("id-1", 1, []),
        ("test-main-g1", 1, []),
        ("other", 1, ["issuer-reference"]),
        ("nobody", 1, ["issuer-reference"]),
        ("other", 2, []),  # it comes in by a rotation
    ],
)
def test_another_issuer_that_is_named_is_told_until_it_comes_in(reference: str, generation: int, told: list[str]) -> None:
    """Naming another issuer changes nothing by itself, and is not passed over in silence."""
    key_in = PkiKey(connection="main", mount="pki", role="web", issuer=reference)
    world = running()
    world.held[CA] = (held(world), stranger())
    world.desired = state(ca(key_in=key_in, generation=generation), component())
    assert codes(world.plan()) == told


def test_what_somebody_else_made_is_not_measured() -> None:
    """Name, key, path length and lifetime of a CA that is taken over are what they are; that it ends is told."""
    looks: dict[str, Any] = {"subject": ca("else").subject, "key": "rsa-4096", "path_length": 7}
    for key_in, told in ((OTHERS, []), (MADE, ["KeyPolicyMismatch", "SubjectMismatch", "UsageMismatch"])):
        world = running()
        world.desired = state(ca(key_in=key_in), component())
        world.change_leaf(CA, **looks)
        assert codes(world.plan()) == told
    world.desired = state(ca(key_in=OTHERS), component())
    world.change_leaf(CA, not_after=NOW + 20 * DAY)
    assert "RenewalDue" in codes(world.plan())


#: What an issuer may grant otherwise: the word that accepts it, the facts, the reason without it.
GRANTED: Final[dict[str, tuple[str, dict[str, Any], str]]] = {
    "names": ("sans", {"sans": ("dns:api.example.com",)}, "SanMismatch"),
    "usages": ("usages", {"usages": ("client auth", "server auth")}, "UsageMismatch"),
    "subject": ("subject", {"subject": ca("else").subject}, "SubjectMismatch"),
    "a longer life": ("lifetime", {"not_after": NOW + 800 * DAY}, "LifetimeMismatch"),
}


@pytest.mark.parametrize("name", GRANTED)
@pytest.mark.parametrize("record", ["of this request", "of another request", "of another certificate", "none"])
def test_what_is_accepted_is_no_finding(name: str, record: str) -> None:
    """As long as it was granted for what is still asked; whoever lost the records asks for nothing anew."""
    word, facts, reason = GRANTED[name]
    world = running(accepts=frozenset({word}))
    world.change_leaf(API, **facts)
    wanted = world.desired.components[API]
    known = world.records[API]
    if record == "none":
        del world.records[API]
    else:
        from msgspec.structs import replace  # noqa: PLC0415

        requested = request_digest(wanted) if record != "of another request" else "another"
        world.records[API] = replace(
            known, requested=requested, fingerprint="another" if record == "of another certificate" else known.fingerprint
        )
    accepted = record in {"of this request", "none"}
    found = changes(world.plan()).get(API)
    assert found == (None if accepted else ("reissue", (reason,)))


def test_what_is_not_accepted_is_a_finding() -> None:
    """Another word accepts nothing else."""
    world = running(accepts=frozenset({"sans"}))
    world.change_leaf(API, usages=("client auth",))
    assert changes(world.plan())[API] == ("reissue", ("UsageMismatch",))


@pytest.mark.parametrize(
    ("accepts", "after", "due"),
    [
        ({"lifetime"}, timedelta(minutes=1), False),
        ({"lifetime"}, timedelta(minutes=30), False),
        ({"lifetime"}, timedelta(minutes=50), True),
        (set(), timedelta(minutes=1), True),
    ],
)
def test_a_life_that_was_made_shorter_is_renewed_by_its_share(accepts: set[str], after: timedelta, *, due: bool) -> None:
    """An hour where a day was asked for, renewed a third before its end: not from the first minute on."""
    day = timedelta(days=1)
    world = running(accepts=frozenset(accepts), lifetime=day, renew_before=day / 3)
    world.change_leaf(API, not_before=NOW, not_after=NOW + timedelta(hours=1))
    world.now = NOW + after
    assert (API in changes(world.plan())) is due


def lists(world: World, *entries: str, **fields: Any) -> RevocationLists:  # noqa: ANN401 - any fact
    """The list of the CA, as its server makes it."""
    facts: dict[str, Any] = {
        "fingerprint": digest(f"list {entries}"),
        "number": 5,
        "this_update": NOW - timedelta(hours=1),
        "next_update": NOW + timedelta(hours=71),
        "aki": "",
        "signature_hash": "sha256",
        "entries": tuple(CrlEntry(serial=each, at=NOW - DAY, reason="unspecified") for each in entries),
    }
    made = CrlFacts(**facts | fields)
    return RevocationLists(lists=(made,), signers=(world.leaf(CA).spki_sha256,), meta=PUBLIC)


def published(key_in: PkiKey | None, found: RevocationLists | None = None) -> World:
    """A CA with a list in one place, in DER."""
    world = settled(ca(key_in=key_in, publishes=True), component(), crl(formats=("der",)))
    world.crls["crl.main"] = ObservedCrl(files={"der": found or lists(world)}, owned=True)
    return world


@pytest.mark.parametrize(
    ("validity", "left", "due"),
    [
        (timedelta(hours=72), timedelta(hours=71), False),
        (timedelta(hours=72), timedelta(hours=25), False),
        (timedelta(hours=72), timedelta(hours=23), True),
        (timedelta(hours=1), timedelta(minutes=50), False),  # far less than was asked for: it is the server's to say
        (timedelta(days=300), timedelta(days=299), False),
    ],
)
def test_how_long_a_list_lasts_is_the_servers_to_say(validity: timedelta, left: timedelta, *, due: bool) -> None:
    """It is due when a third of that is left, and never for being valid for longer or shorter than asked."""
    world = published(MADE)
    until = NOW + left
    world.crls["crl.main"] = ObservedCrl(files={"der": lists(world, next_update=until, this_update=until - validity)}, owned=True)
    assert changes(world.plan()) == ({"crl.main": ("repair", ("CrlDue",))} if due else {})


def revoked(signer: str = "") -> Revoked:
    """A certificate that was taken out of use."""
    return Revoked(serial="77", issuer=CA, at=NOW - 2 * DAY, reason="superseded", not_after=NOW + 9 * DAY, signer=signer)


@pytest.mark.parametrize(
    ("key_in", "signer", "listed", "wanted"),
    [
        (MADE, "", (), True),  # nobody knows whether the server has it
        (MADE, "own", (), True),  # the list is an older one
        (MADE, "another generation", (), False),  # that one's list has it, and this never will
        (MADE, "", ("77",), False),  # with the server's date and reason, not ours
        (None, "", ("77",), False),
        (None, "another generation", (), True),  # our own lists all name the same
    ],
)
def test_a_list_names_what_its_generation_signed(
    key_in: PkiKey | None, signer: str, listed: tuple[str, ...], *, wanted: bool
) -> None:
    """A server keeps a list for each generation."""
    world = published(key_in)
    world.crls["crl.main"] = ObservedCrl(
        files={"der": lists(world, *listed, number=5, next_update=NOW + 5 * DAY, this_update=NOW - DAY)}, owned=True
    )
    own = world.leaf(CA).spki_sha256
    world.revoked = (revoked({"own": own, "": ""}.get(signer, signer) if key_in else ""),)
    assert changes(world.plan()) == ({"crl.main": ("repair", ("Revoked",))} if wanted else {})
    assert isinstance(world.pairs[CA].key, Key)


def test_the_files_of_such_a_ca() -> None:
    """Its certificate alone."""
    world = running()
    world.change_pair(CA, certificate=Absent(), key=Absent())
    assert change(world.plan(), CA).change.after["paths"] == ["/ca/main.crt"]  # type: ignore[index]
