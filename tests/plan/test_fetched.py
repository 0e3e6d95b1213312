"""What the view of a node makes of copies, their sources, and CAs that it only follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from msgspec.structs import replace

from reconciler.desired.place import Place
from reconciler.observed.model import UNREACHABLE, Absent, Certificates, Key, ObservedBundle, Unusable, source_address
from reconciler.plan.inventory import Revoked
from tests.plan.world import (
    CORRUPT,
    DAY,
    World,
    bundle,
    ca,
    certificate,
    change,
    changes,
    codes,
    component,
    key_facts,
    kubeconfig,
    settled,
    state,
)

API, TRUST, ADMIN = "component.api", "bundle.trust", "kubeconfig.admin"
SOURCE: Final = source_address(API)
KV: Final = "vault://main/secret/data"
AWAY: Final = Unusable(problem=UNREACHABLE, detail="connection main: no route to host")
OUTPUTS: Final = ("pem", "fullchain")


def kv(path: str) -> Place:
    """A place in KV."""
    return Place(store="kv", root=KV, path=path, layout="vault-kv")


def node(**fields: Any) -> World:  # noqa: ANN401 - any field of the world
    """A node to which everything is new that another view has made."""
    made = settled(ca(), component(outputs=OUTPUTS), bundle(), kubeconfig())
    desired = state(
        ca(creatable=False, followed=True),
        component(outputs=OUTPUTS, source=kv("api")),
        bundle(source=kv("trust")),
        kubeconfig(source=kv("admin")),
        node="w-1",
    )
    return World(
        desired=desired,
        pairs={"ca.main": made.pairs["ca.main"], SOURCE: made.pairs[API]},
        bundles={source_address(TRUST): made.bundles[TRUST]},
        kubeconfigs={source_address(ADMIN): made.kubeconfigs[ADMIN]},
        **fields,
    )


def fetched() -> World:
    """A node that has all of it."""
    world = node()
    world.apply()
    assert changes(world.plan()) == {}
    return world


def source(**fields: Any) -> Callable[[World], None]:  # noqa: ANN401 - any field
    """Something else is at the source."""
    return lambda world: world.change_pair(SOURCE, **fields)


def source_leaf(**fields: Any) -> Callable[[World], None]:  # noqa: ANN401 - any fact
    """Another certificate is at the source."""
    return lambda world: world.change_leaf(SOURCE, **fields)


def test_everything_is_fetched_and_nothing_else_is_done() -> None:
    """The CA is left alone, nothing counts as issued, and what will be there is known beforehand."""
    world = node()
    plan = world.plan()
    assert changes(plan) == dict.fromkeys((API, TRUST, ADMIN), ("create", ("Missing",)))
    assert (plan.document.summary.issue, plan.document.summary.next_renewal, codes(plan)) == (0, None, [])
    shown = change(plan, API).change
    assert shown.after is not None
    assert (shown.after["serial"], shown.after["paths"][0], shown.after_unknown) == (
        world.leaf(SOURCE).serial,
        "/pki/api.crt",
        {},
    )
    world.apply()
    assert world.leaf(API) == world.leaf(SOURCE)
    assert changes(world.plan()) == {}


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        pytest.param(source(certificate=Absent(), key=Absent()), "Missing", id="absent"),
        pytest.param(source(certificate=Absent()), "Missing", id="no-certificate"),
        pytest.param(source(key=Absent()), "Missing", id="no-key"),
        pytest.param(source(certificate=CORRUPT), "Unreadable", id="corrupt"),
        pytest.param(source(key=AWAY, certificate=AWAY), "Unreadable", id="away"),
        pytest.param(source_leaf(spki_sha256="other"), "KeyMismatch", id="torn"),
        pytest.param(source(signed_by=""), "WrongIssuer", id="another-CA"),
        pytest.param(source(outputs={}), "OutputStale", id="no-output"),
        pytest.param(source(outputs={"fullchain": CORRUPT}), "Unreadable", id="corrupt-output"),
    ],
)
@pytest.mark.parametrize("make", [node, fetched], ids=["first", "again"])
def test_a_source_that_is_not_right_is_not_fetched(make: Callable[[], World], harm: Callable[[World], None], reason: str) -> None:
    """Neither in place of a good copy nor of none; the reason names the source."""
    world = make()
    harm(world)
    entry = change(world.plan(), API).change
    assert (entry.class_, entry.reasons[0].code, entry.reasons[0].path) == ("blocked", reason, "source")


@pytest.mark.parametrize(("days", "reason"), [(400, "Expired"), (-2, "NotYetValid")])
def test_a_source_out_of_its_time(days: float, reason: str) -> None:
    """An old certificate is not put back, and one from tomorrow waits until then."""
    world = node()
    world.now += days * DAY
    entry = change(world.plan(), API).change
    assert (entry.class_, entry.reasons[0].code) == ("blocked", reason)


def test_a_source_that_is_revoked() -> None:
    """By git: then another one has to be issued first."""
    world = fetched()
    leaf = world.leaf(SOURCE)
    world.revoked = (Revoked(serial=leaf.serial, issuer="ca.main", at=world.now, reason="keyCompromise", address=API),)
    assert changes(world.plan()) == {API: ("blocked", ("Revoked",))}


@pytest.mark.parametrize(
    ("owned", "expected"), [(True, ("create", ("Missing",))), (False, ("blocked", ("WrongIssuer", "Missing")))]
)
def test_a_ca_that_is_not_seen(owned: bool, expected: tuple[str, tuple[str, ...]]) -> None:
    """Its secret holds the key too and may not be read: the source has to say whose it is. That is a hint and no error."""
    world = node()
    world.want("ca.main", place=kv("ca"))
    world.pairs["ca.main"] = replace(world.pairs["ca.main"], certificate=AWAY, key=AWAY)
    world.change_pair(SOURCE, signed_by="", owned=owned)
    plan = world.plan()
    assert changes(plan)[API] == expected
    assert codes(plan, "warning") == ["ca-not-seen"]
    assert codes(plan, "error") == ([] if owned else ["WrongIssuer"])


def test_a_ca_that_is_not_there_is_never_made() -> None:
    """Nor renewed, nor rotated, whatever git says."""
    world = node()
    del world.pairs["ca.main"]
    world.want("ca.main", generation=2)
    world.change_pair(SOURCE, signed_by="")
    plan = world.plan()
    assert [work.address for work in plan.work] == [API, TRUST, ADMIN]
    assert (plan.document.rotations, codes(plan)) == ([], ["ca-not-seen"])


def _renewed(world: World) -> None:
    """Whoever issues has issued anew."""
    found, key = world.pairs[SOURCE], key_facts()
    leaf = certificate(world.desired.components[API], key, world.leaf("ca.main"), world.now)
    assert isinstance(found.certificate, Certificates)
    assert isinstance(found.key, Key)
    world.change_pair(
        SOURCE,
        certificate=replace(found.certificate, chain=(leaf,)),
        key=replace(found.key, facts=key),
        outputs={"fullchain": replace(found.outputs["fullchain"], fingerprints=(leaf.fingerprint,))},
    )


def _with_link(world: World) -> None:
    """The source is served with an intermediate now."""
    found = world.pairs[SOURCE]
    assert isinstance(found.certificate, Certificates)
    chain = (*found.certificate.chain, world.leaf("ca.main"))
    output = replace(found.outputs["fullchain"], fingerprints=tuple(link.fingerprint for link in chain))
    world.change_pair(SOURCE, certificate=replace(found.certificate, chain=chain), outputs={"fullchain": output})


@pytest.mark.parametrize(
    ("step", "address", "expected"),
    [
        pytest.param(_renewed, API, ("repair", ("OutputStale", "KeyMismatch", "OutputStale")), id="renewed"),
        pytest.param(lambda w: w.change_pair(API, key=Absent()), API, ("repair", ("Missing",)), id="no-key"),
        pytest.param(lambda w: w.change_pair(API, certificate=Absent()), API, ("repair", ("Missing",)), id="no-certificate"),
        pytest.param(lambda w: w.change_pair(API, certificate=CORRUPT), API, ("repair", ("Unreadable",)), id="corrupt"),
        pytest.param(lambda w: w.change_pair(API, outputs={}), API, ("repair", ("OutputStale",)), id="no-output"),
        pytest.param(_with_link, API, ("repair", ("ChainBroken", "OutputStale")), id="chain"),
        pytest.param(lambda w: w.bundles.pop(TRUST), TRUST, ("create", ("Missing",)), id="no-bundle"),
        pytest.param(
            lambda w: w.bundles.update({TRUST: ObservedBundle(certificates=CORRUPT)}),
            TRUST,
            ("repair", ("Unreadable",)),
            id="corrupt-bundle",
        ),
        pytest.param(
            lambda w: w.bundles.update({source_address(TRUST): ObservedBundle(certificates=Absent())}),
            TRUST,
            ("blocked", ("Missing",)),
            id="bundle-without-source",
        ),
        pytest.param(lambda w: w.kubeconfigs.update({ADMIN: CORRUPT}), ADMIN, ("repair", ("Unreadable",)), id="corrupt-config"),
        pytest.param(
            lambda w: w.kubeconfigs.update({ADMIN: replace(w.kubeconfigs[ADMIN], server="https://old:6443")}),
            ADMIN,
            ("repair", ("OutputStale",)),
            id="another-server",
        ),
        pytest.param(
            lambda w: w.kubeconfigs.update({source_address(ADMIN): AWAY}), ADMIN, ("blocked", ("Unreadable",)), id="config-away"
        ),
    ],
)
def test_a_copy_becomes_what_its_source_is(
    step: Callable[[World], object], address: str, expected: tuple[str, tuple[str, ...]]
) -> None:
    """One address, and after it nothing."""
    world = fetched()
    step(world)
    assert changes(world.plan()) == {address: expected}
    if expected[0] != "blocked":
        world.apply()
        assert changes(world.plan()) == {}


def test_files_of_somebody_else() -> None:
    """Neither record nor place says that they are ours: they stay, unless they are an earlier state of the same source."""
    world = fetched()
    _renewed(world)
    del world.records[API]
    world.change_pair(API, owned=False)
    assert changes(world.plan())[API][0] == "repair"
    world.change_pair(API, signed_by="")
    assert changes(world.plan())[API] == ("blocked", ("OutputStale", "KeyMismatch", "OutputStale", "Foreign"))
    assert changes(world.plan(adopt=True))[API][0] == "repair"
    del world.records[TRUST]
    held = world.bundles[TRUST].certificates
    assert isinstance(held, Certificates)
    strange = replace(held, chain=(replace(held.chain[0], fingerprint="x", spki_sha256="x"),))
    world.bundles[TRUST] = ObservedBundle(certificates=strange)
    assert changes(world.plan())[TRUST] == ("blocked", ("BundleStale", "Foreign"))


def test_what_is_signed_on_a_node_is_held_back() -> None:
    """It says who signs."""
    world = fetched()
    world.desired = replace(world.desired, components={**world.desired.components, "component.own": component("own")})
    plan = world.plan()
    assert changes(plan) == {"component.own": ("blocked", ("Missing",)), "ca.main": ("blocked", ("Missing",))}
    assert codes(plan) == ["ca-elsewhere"]


def test_the_view_that_issues_does_not_see_the_nodes() -> None:
    """So a rotation waits, phase by phase, for somebody who does."""
    world = settled(ca(), component(), bundle(), spread=True)
    world.want("ca.main", generation=2)
    world.apply()
    (entry,) = world.plan().document.rotations
    assert [waiting.message for waiting in entry.waits_for] == [
        "is copied to nodes that are not seen from here; when all nodes are ready, say `rotation.proceed: clients`"
    ]
