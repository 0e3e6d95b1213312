"""CAs: made when nothing rests on them, never made anew, repaired around their key; and who may sign."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import msgspec
import pytest

from reconciler.desired.model import Access, Replica
from reconciler.desired.place import Place
from reconciler.desired.vault import TransitKey, kv_root
from reconciler.observed.model import Absent, Certificates, FileMeta, Key, ObservedPair
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.names import NameConstraints, Subject
from tests.plan.world import (
    CORRUPT,
    DAY,
    NOW,
    PUBLIC,
    SECRET,
    YEAR,
    World,
    bundle,
    ca,
    change,
    changes,
    codes,
    component,
    digest,
    key_facts,
    kubeconfig,
    place,
    settled,
    state,
)

MAIN: Final = "ca.main"
API: Final = "component.api"
COPIES: Final = (Replica(address="ca.main[cp-1]", node="cp-1", place=place("cp-1/main")),)
COPY: Final = "ca.main[cp-1]"


def without(world: World, *parts: str) -> None:
    """Files of the CA are gone."""
    world.change_pair(MAIN, **dict.fromkeys(parts, Absent()))


def test_a_ca_is_made_and_everything_below_it() -> None:
    """A first plan creates parents before children, and what they sign."""
    world = World(desired=state(component("leaf", ca="sub"), ca("sub", issuer="root"), ca("root"), bundle(cas=("root",))))
    plan = world.plan()
    assert [(work.address, work.action.word) for work in plan.work] == [
        ("ca.root", "create"),
        ("ca.sub", "create"),
        ("component.leaf", "create"),
        ("bundle.trust", "create"),
    ]
    world.apply()
    assert changes(world.plan()) == {}


def test_intermediates_follow_the_leaf_without_the_root() -> None:
    """A file that lacks the intermediate, or brings the root along, is repaired; the certificate stays."""
    world = settled(ca("root"), ca("sub", issuer="root"), component(ca="sub"))
    found = world.pairs[API].certificate
    assert isinstance(found, Certificates)
    leaf, sub = found.chain
    assert sub == world.leaf("ca.sub")
    for chain in ((leaf,), (leaf, sub, world.leaf("ca.root"))):
        world.change_pair(API, certificate=Certificates(chain=chain, meta=PUBLIC))
        assert changes(world.plan()) == {API: ("repair", ("ChainBroken",))}
    world.apply()
    assert world.leaf(API) == leaf
    assert changes(world.plan()) == {}


def test_a_lost_key_is_never_made_anew() -> None:
    """The key that we made is gone: an error, nothing below is issued, and everything else goes on."""
    world = settled(ca(), ca("other"), component(), component("b"), component("free", ca="other"))
    without(world, "key")
    world.want(API, sans=())
    world.want("component.free", sans=())
    plan = world.plan()
    assert changes(plan) == {
        MAIN: ("blocked", ("Missing",)),
        API: ("blocked", ("SanMismatch",)),
        "component.free": ("reissue", ("SanMismatch",)),
    }
    assert [(entry.severity, entry.code, entry.address, entry.held_back) for entry in plan.document.diagnostics] == [
        ("error", "ca-key-missing", MAIN, [API])
    ]
    assert [work.address for work in plan.work] == ["component.free"]
    assert (plan.document.summary.blocked, plan.document.summary.change) == (2, 1)


def test_a_ca_without_key_that_we_never_had_is_a_way_to_run_a_cluster() -> None:
    """External-CA mode: a warning while nothing has to be signed, an error when something has."""
    world = settled(ca(), component())
    world.records.clear()
    without(world, "key")
    plan = world.plan()
    assert (changes(plan), codes(plan, "warning"), codes(plan, "error")) == ({}, ["ca-key-missing"], [])
    assert MAIN in plan.unsettled  # so that nobody notes down a key of ours
    world.advance(days=340)
    plan = world.plan()
    assert changes(plan) == {MAIN: ("blocked", ("Missing",)), API: ("blocked", ("RenewalDue",))}
    assert codes(plan, "error") == ["ca-key-missing"]


def test_a_key_without_certificate_is_not_built_upon() -> None:
    """A new certificate around the same key is another CA to those who trust the old one."""
    world = settled(ca(), component())
    without(world, "certificate")
    assert changes(world.plan()) == {MAIN: ("blocked", ("Missing",))}
    assert codes(world.plan()) == ["ca-certificate-missing"]


TRACES: Final = {
    "our record": "It was made or taken over here before",
    "a copy": "A copy of it is at /cp-1/main",
    "a certificate": "component.api is below it and valid until 2027-11-20",
    "a child": "ca.sub is below it and valid until 2036-11-17",
    "a bundle": "bundle.trust holds a certificate of it that is valid until 2036-11-17",
}


@pytest.mark.parametrize(("trace", "told"), TRACES.items(), ids=TRACES.keys())
def test_a_ca_that_something_rests_on_is_not_made_anew(trace: str, told: str) -> None:
    """Certificate and key are gone; any one trace of it is enough to refuse, and the error names it."""
    world = settled(ca(replicas=COPIES), ca("sub", issuer="main"), component(), bundle())
    world.pairs.pop(MAIN)
    pairs = {
        "a copy": {COPY: world.pairs[COPY]},
        "a certificate": {API: msgspec.structs.replace(world.pairs[API], signed_by="")},
        "a child": {"ca.sub": msgspec.structs.replace(world.pairs["ca.sub"], signed_by="")},
    }
    world.pairs = pairs.get(trace, {})
    world.records = world.records if trace == "our record" else {}
    world.bundles = world.bundles if trace == "a bundle" else {}
    plan = world.plan()
    assert changes(plan)[MAIN] == ("blocked", ("Missing",))
    (entry,) = (entry for entry in plan.document.diagnostics if entry.address == MAIN)
    assert (entry.severity, entry.code) == ("error", "ca-certificate-missing")
    assert told in entry.detail
    assert MAIN not in {work.address for work in plan.work}


def test_no_trace_no_refusal() -> None:
    """The other side of the table above: with nothing of it left, it is made."""
    world = settled(ca(replicas=COPIES), component(), bundle())
    fresh = World(desired=world.desired, bundles={"bundle.trust": world.bundles["bundle.trust"]})
    fresh.advance(days=11 * 365)
    assert changes(fresh.plan(adopt=True)) == {
        MAIN: ("create", ("Missing",)),
        COPY: ("create", ("Missing",)),
        API: ("create", ("Missing",)),
        "bundle.trust": ("repair", ("BundleStale",)),
    }


def test_a_ca_whose_traces_have_expired_is_made() -> None:
    """Nothing alive would be cut off. What the dead one left behind is not ours to overwrite, unless told."""
    world = settled(ca(), component())
    world.records.clear()
    world.pairs.pop(MAIN)
    world.change_pair(API, signed_by="", owned=True)
    world.advance(days=400)
    assert changes(world.plan()) == {MAIN: ("create", ("Missing",)), API: ("reissue", ("WrongIssuer", "Expired"))}
    world.change_pair(API, owned=False)
    assert changes(world.plan())[API] == ("blocked", ("WrongIssuer", "Expired", "Foreign"))
    assert changes(world.plan(adopt=True))[API] == ("reissue", ("WrongIssuer", "Expired"))


def test_a_certificate_that_signed_itself_keeps_no_ca_from_being_made() -> None:
    """The kubelet makes such a one on its own; it does not rest on any CA."""
    world = settled(ca(), component())
    leftover = msgspec.structs.replace(world.leaf(API), self_signed=True)
    found = ObservedPair(certificate=Certificates(chain=(leftover,), meta=PUBLIC), key=Absent())
    fresh = World(desired=world.desired, pairs={API: found})
    assert changes(fresh.plan()) == {MAIN: ("create", ("Missing",)), API: ("blocked", ("Missing", "WrongIssuer", "Foreign"))}


def test_a_ca_of_another_node_is_copied_by_people() -> None:
    """Where the CA does not have its home it is not made, and the error says where it is."""
    world = World(desired=state(ca(creatable=False, home="cp-1"), component()))
    plan = world.plan()
    assert changes(plan) == {MAIN: ("blocked", ("Missing",)), API: ("blocked", ("Missing",))}
    (entry,) = plan.document.diagnostics
    assert (entry.severity, entry.code, entry.held_back) == ("error", "ca-certificate-missing", [API])
    assert "cp-1" in entry.detail


@pytest.mark.parametrize(
    ("fields", "way_out"),
    [
        ({}, "Copy /ca/main.crt and /ca/main.key from there."),
        ({"key_in": TransitKey(connection="main", mount="transit", name="main")}, "Copy /ca/main.crt from there."),
        (
            {"place": Place(store="kv", root=kv_root("main", "secret", "demo"), path="main", layout="vault-kv")},
            "Apply there first: what is made there is seen from here.",
        ),
    ],
)
def test_what_is_copied_from_the_home_of_a_ca(fields: dict[str, Any], way_out: str) -> None:
    """Nothing where everybody sees the same secrets, and no key that is on a server."""
    plan = World(desired=state(ca(creatable=False, home="cp-1", **fields), component())).plan()
    (entry,) = plan.document.diagnostics
    assert entry.detail == f"It is made on node cp-1, not here. {way_out}"


def test_what_waits_for_a_parent_waits_for_the_first_cause() -> None:
    """A child CA cannot be made without its parent: one error at the root of it lists everything that waits."""
    world = settled(ca("root"))
    without_key = msgspec.structs.replace(world.pairs["ca.root"], key=Absent())
    fresh = World(desired=state(ca("root"), ca("sub", issuer="root"), component(ca="sub")), pairs={"ca.root": without_key})
    plan = fresh.plan()
    assert changes(plan) == {
        "ca.root": ("blocked", ("Missing",)),
        "ca.sub": ("blocked", ("Missing",)),
        API: ("blocked", ("Missing",)),
    }
    assert [(entry.code, entry.held_back) for entry in plan.document.diagnostics] == [("ca-key-missing", ["ca.sub", API])]


REFUSED: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "expired": ({"not_after": NOW - DAY}, "Expired"),
    "not yet valid": ({"not_before": NOW + timedelta(hours=1)}, "NotYetValid"),
    "no CA": ({"is_ca": False}, "UsageMismatch"),
    "no cert sign": ({"key_usages": ("digital signature",)}, "UsageMismatch"),
    "SHA-1": ({"signature_hash": "sha1"}, "WeakSignature"),
    "RSA-1024": ({"key": "rsa-1024"}, "WeakSignature"),
    "another key": ({"spki_sha256": digest("another")}, "KeyMismatch"),
}


@pytest.mark.parametrize(("fields", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_a_ca_that_must_not_sign_is_refused(fields: dict[str, Any], code: str) -> None:
    """What it signed would be rejected or could be forged: nothing is issued from it, and the error says why."""
    world = settled(ca(), component())
    world.pairs.pop(API)
    world.change_leaf(MAIN, **fields)
    plan = world.plan()
    assert changes(plan) == {MAIN: ("blocked", (code,)), API: ("blocked", ("Missing",))}
    assert code in codes(plan, "error")
    assert plan.work == ()


def test_an_unreadable_ca_is_refused() -> None:
    """A corrupt certificate or key is an error at the CA, not a reason to make one."""
    for part in ("certificate", "key"):
        world = settled(ca(), component())
        world.change_pair(MAIN, **{part: CORRUPT})
        assert changes(world.plan()) == {MAIN: ("blocked", ("Unreadable",))}
        assert codes(world.plan(), "error") == ["Unreadable"]


def test_what_a_new_ca_says() -> None:
    """Its constraints are among the attributes, and its key identifier is not known yet."""
    constraints = NameConstraints(permitted=("dns:example.com",))
    plan = World(desired=state(ca(path_length=0, name_constraints=constraints))).plan()
    entry = change(plan, MAIN).change
    assert entry.before is None
    assert entry.after == {
        "subject": "CN=main",
        "sans": [],
        "key": "ecdsa-p256",
        "issuer": MAIN,
        "mode": "0600",
        "paths": ["/ca/main.crt", "/ca/main.key"],
        "path_length": 0,
        "name_constraints": {"permitted": ["dns:example.com"], "excluded": []},
    }
    assert entry.after_unknown == dict.fromkeys(("serial", "not_before", "not_after", "fingerprint", "ski"), True)


def test_a_kubeconfig_follows_a_new_ca() -> None:
    """What was left of an old one is written anew around the CA that this plan makes."""
    world = settled(ca(), component(), kubeconfig(embed=False, client_certificate="/a", client_key="/b"))
    fresh = World(desired=world.desired, kubeconfigs=dict(world.kubeconfigs))
    assert changes(fresh.plan())["kubeconfig.admin"] == ("repair", ("OutputStale",))
    assert change(fresh.plan(), "kubeconfig.admin").change.after_unknown == {"certificate_authorities": True}


def test_a_copy_is_left_alone_while_nobody_knows_the_original() -> None:
    """Without a usable certificate of the CA there is nothing to compare its copy with."""
    world = settled(ca(replicas=COPIES))
    world.change_pair(MAIN, certificate=CORRUPT)
    world.change_pair(COPY, certificate=CORRUPT)
    assert changes(world.plan()) == {MAIN: ("blocked", ("Unreadable",))}


def test_a_copy_with_a_corrupt_key_is_mended() -> None:
    """From the CA's home, like any other copy."""
    world = settled(ca(replicas=COPIES))
    world.change_pair(COPY, key=CORRUPT)
    assert changes(world.plan()) == {COPY: ("repair", ("Unreadable",))}


def test_a_parent_that_did_not_sign_is_a_broken_chain() -> None:
    """An intermediate of another root issues what nobody can verify."""
    world = settled(ca("root"), ca("sub", issuer="root"), component(ca="sub"))
    world.change_pair("ca.sub", signed_by=digest("another root"))
    assert changes(world.plan()) == {"ca.sub": ("blocked", ("WrongIssuer",))}


TOLD: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "subject": ({"subject": Subject(common_name="renamed")}, "SubjectMismatch"),
    "name": ({"sans": ("dns:main",)}, "SanMismatch"),
    "path length": ({"path_length": 0}, "UsageMismatch"),
    "key": ({"key": KeyAlgorithm.ECDSA_P384}, "KeyPolicyMismatch"),
    "lifetime": ({"lifetime": 5 * YEAR}, "LifetimeMismatch"),
    "due": ({"renew_before": 10 * YEAR - DAY}, "RenewalDue"),
}


@pytest.mark.parametrize(("fields", "code"), TOLD.values(), ids=TOLD.keys())
def test_what_only_a_rotation_would_change_is_told(fields: dict[str, Any], code: str) -> None:
    """A warning each, no change, and the CA goes on signing."""
    world = settled(ca(), component())
    world.want(MAIN, **fields)
    world.advance(days=2)
    world.want(API, sans=())
    plan = world.plan()
    assert (changes(plan), codes(plan)) == ({API: ("reissue", ("SanMismatch",))}, [code])


def test_modes_and_owners_of_a_ca_are_repaired() -> None:
    """They cost no key, so they are mended like any other."""
    world = settled(ca(), component())
    found = world.pairs[MAIN].key
    assert isinstance(found, Key)
    world.change_pair(MAIN, key=Key(facts=found.facts, meta=FileMeta(mode=0o644, uid=7, gid=0)))
    world.want(MAIN, access=Access(owner=0))
    plan = world.plan()
    assert changes(plan) == {MAIN: ("repair", ("ModeDrift", "OwnerDrift"))}
    assert [(reason.path, reason.current, reason.planned) for reason in change(plan, MAIN).change.reasons] == [
        ("mode", "0644", "0600"),
        ("owner", "7", "0"),
    ]


COPY_CASES: Final[dict[str, tuple[Callable[[World], object], str, tuple[str, ...]]]] = {
    "absent": (lambda w: w.pairs.pop(COPY), "create", ("Missing",)),
    "key gone": (lambda w: w.change_pair(COPY, key=Absent()), "repair", ("Missing",)),
    "certificate gone": (lambda w: w.change_pair(COPY, certificate=Absent()), "repair", ("Missing",)),
    "certificate corrupt": (lambda w: w.change_pair(COPY, certificate=CORRUPT), "repair", ("Unreadable",)),
    "older certificate": (lambda w: w.change_leaf(COPY, fingerprint=digest("older")), "repair", ("OutputStale",)),
    "another key": (lambda w: w.change_pair(COPY, key=Key(facts=key_facts(), meta=SECRET)), "repair", ("KeyMismatch",)),
}


@pytest.mark.parametrize(("differ", "word", "reasons"), COPY_CASES.values(), ids=COPY_CASES.keys())
def test_a_copy_follows_its_original(differ: Callable[[World], object], word: str, reasons: tuple[str, ...]) -> None:
    """Copies hold the certificate and key of the CA's home, and are mended from there."""
    world = settled(ca(replicas=COPIES))
    differ(world)
    assert changes(world.plan()) == {COPY: (word, reasons)}
    world.apply()
    assert changes(world.plan()) == {}
    assert world.leaf(COPY) == world.leaf(MAIN)


def test_a_copy_with_another_key_that_is_not_ours_stays() -> None:
    """The CA of another cluster on a node that joins this one is not overwritten, unless told."""
    world = settled(ca(replicas=COPIES))
    del world.records[COPY]
    world.change_pair(COPY, key=Key(facts=key_facts(), meta=SECRET), owned=False)
    assert changes(world.plan()) == {COPY: ("blocked", ("KeyMismatch", "Foreign"))}
    assert codes(world.plan(), "error") == ["Foreign"]
    assert changes(world.plan(adopt=True)) == {COPY: ("repair", ("KeyMismatch",))}


def test_a_copy_waits_for_a_key_that_is_lost() -> None:
    """There is nothing to copy."""
    world = settled(ca(replicas=COPIES))
    world.pairs.pop(COPY)
    without(world, "key")
    assert changes(world.plan()) == {MAIN: ("blocked", ("Missing",)), COPY: ("blocked", ("Missing",))}


def test_an_expired_ca_can_still_be_copied() -> None:
    """Copying needs no signature."""
    world = settled(ca(replicas=COPIES))
    world.pairs.pop(COPY)
    world.change_leaf(MAIN, not_after=NOW - DAY)
    assert changes(world.plan()) == {MAIN: ("blocked", ("Expired",)), COPY: ("create", ("Missing",))}


def test_what_is_put_together_from_a_missing_ca_waits() -> None:
    """A bundle or kubeconfig cannot be written without the CA's certificate; one that is there stays."""
    desired = state(ca(creatable=False), component(), bundle(), bundle("second"), kubeconfig())
    world = settled(ca(), component(), bundle("second"))
    fresh = World(desired=desired, bundles={"bundle.second": world.bundles["bundle.second"]})
    plan = fresh.plan()
    assert changes(plan) == {
        MAIN: ("blocked", ("Missing",)),
        API: ("blocked", ("Missing",)),
        "bundle.trust": ("blocked", ("Missing",)),
        "kubeconfig.admin": ("blocked", ("Missing",)),
    }
    assert plan.document.diagnostics[0].held_back == ["bundle.trust", API, "kubeconfig.admin"]
