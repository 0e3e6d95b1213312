"""--target, --replace and --refresh-only: what a person may ask of one plan."""

from __future__ import annotations

import pytest

from reconciler.desired.model import Replica
from reconciler.observed.model import Certificates, CertificateState, FileMeta, Key
from reconciler.plan.options import InvalidOptionError, Options, desired_addresses, replaced, selected
from tests.plan.world import World, bundle, ca, changes, codes, component, keypair, kubeconfig, place, settled, state

DESIRED = state(
    ca("root"),
    ca("main", issuer="root", replicas=(Replica(address="ca.main[n1]", node="n1", place=place("n1/main")),)),
    ca("other"),
    component("api", "n1"),
    component("api", "n10"),
    component("jane", place=None, kubeconfig="kubeconfig.jane"),
    bundle(cas=("other",)),
    kubeconfig("jane", component="component.jane"),
    kubeconfig("api", component="component.api[n1]", cas=("other",)),
    keypair(),
)

CLOSURES = {
    "ca.root": {"ca.root"},
    "ca.main": {"ca.main", "ca.main[n1]", "ca.root"},
    "ca.main[n1]": {"ca.main", "ca.main[n1]", "ca.root"},
    "component.api[n1]": {"component.api[n1]", "ca.main", "ca.root"},
    "component.api": {"component.api[n1]", "component.api[n10]", "ca.main", "ca.root"},
    "component.jane": {"component.jane", "kubeconfig.jane", "ca.main", "ca.root"},
    "kubeconfig.jane": {"component.jane", "kubeconfig.jane", "ca.main", "ca.root"},
    "kubeconfig.api": {"component.api[n1]", "kubeconfig.api", "ca.main", "ca.root", "ca.other"},
    "bundle.trust": {"bundle.trust", "ca.other"},
    "keypair.sa": {"keypair.sa[cp-1]", "keypair.sa[cp-2]"},
}


@pytest.mark.parametrize(("target", "closure"), CLOSURES.items(), ids=CLOSURES.keys())
def test_a_target_brings_what_it_depends_on(target: str, closure: set[str]) -> None:
    """The chain of CAs, a kubeconfig's component; without index all instances."""
    assert selected(Options(targets=(target,)), DESIRED, {}) == frozenset(closure)


def test_targets_add_up() -> None:
    """Several targets give the union; none gives everything."""
    both = selected(Options(targets=("ca.other", "component.api[n1]")), DESIRED, {})
    assert both == frozenset(CLOSURES["component.api[n1]"] | {"ca.other"})
    assert selected(Options(), DESIRED, {}) is None


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("component.apj", 'did you mean "component.api"?'),
        ("component.api[n2]", 'did you mean "component.api[n1]"?'),
        ("ca.mian", 'did you mean "ca.main"?'),
        ("zzz", "`cluster-pki status` lists all addresses"),
    ],
)
@pytest.mark.parametrize("option", ["--target", "--replace"])
def test_an_unknown_address_is_named_with_the_nearest(option: str, address: str, hint: str) -> None:
    """A typo must not become a plan of nothing."""
    options = Options(targets=(address,)) if option == "--target" else Options(replace=(address,))
    with pytest.raises(InvalidOptionError) as caught:
        selected(options, DESIRED, {}) if option == "--target" else replaced(options, DESIRED)
    error = caught.value
    assert (error.option, error.address, error.problem, error.hint) == (option, address, "no such address", hint)
    assert str(error) == f"{option} {address}: no such address; {hint}"


@pytest.mark.parametrize("address", ["ca.main", "ca.main[n1]", "keypair.sa"])
def test_shared_keys_are_not_replaced_at_once(address: str) -> None:
    """Everything below a CA, and everything that a keypair has signed, would break: rotation is another thing."""
    with pytest.raises(InvalidOptionError, match="generation"):
        replaced(Options(replace=(address,)), DESIRED)


def test_a_targeted_plan_says_that_it_is_partial() -> None:
    """A warning, ``complete: false``, and nothing of the rest; what it left out stays unsettled."""
    world = settled(ca(), component(), component("b"), bundle(), kubeconfig(), keypair())
    world.want("component.api", sans=())
    world.want("component.b", sans=())
    world.keypairs.clear()
    world.bundles.clear()
    world.kubeconfigs.clear()
    plan = world.plan(targets=("component.api",))
    assert changes(plan) == {"component.api": ("reissue", ("SanMismatch",))}
    assert (plan.document.complete, codes(plan)) == (False, ["targeting"])
    assert plan.document.options == {"targets": ["component.api"]}
    left_out = {"component.b", "bundle.trust", "kubeconfig.admin", "keypair.sa[cp-1]", "keypair.sa[cp-2]"}
    assert plan.unsettled == {"component.api"} | left_out


def test_an_orphan_can_be_targeted() -> None:
    """Only the targeted one of two leaves."""
    world = settled(ca(), component(), component("b"), component("c"))
    desired = state(*world.desired.cas.values(), world.desired.components["component.api"], prune=True)
    world.desired = desired
    assert changes(world.plan(targets=("component.b",))) == {"component.b": ("destroy", ("Orphaned",))}


def test_replace_makes_a_new_key_whatever_the_state() -> None:
    """A rekey for a component, a rewrite for what is put together; what follows it follows."""
    world = settled(ca(), component(rotate_key=False), bundle(), kubeconfig())
    plan = world.plan(replace=("component.api", "bundle.trust"))
    assert changes(plan) == {
        "component.api": ("rekey", ("ReissueRequested",)),
        "bundle.trust": ("repair", ("ReissueRequested",)),
        "kubeconfig.admin": ("repair", ("OutputStale",)),
    }
    assert changes(world.plan(replace=("kubeconfig.admin",))) == {"kubeconfig.admin": ("repair", ("ReissueRequested",))}
    assert plan.document.options == {"replace": ["bundle.trust", "component.api"]}


def test_every_address_is_known() -> None:
    """What can be targeted is what can appear."""
    plan = World(desired=DESIRED).plan()
    assert sorted(desired_addresses(DESIRED)) == sorted(entry.address for entry in plan.document.resource_changes)


def with_mode(found: CertificateState, mode: int) -> Certificates:
    """The same file with another mode."""
    assert isinstance(found, Certificates)
    return Certificates(chain=found.chain, meta=FileMeta(mode=mode, uid=0, gid=0))


def drifted() -> World:
    """Things that are not as we left them, some of which git now wants so."""
    world = settled(ca(), component(), component("b"), component("c"), bundle(), kubeconfig(), keypair())
    key = world.pairs["component.api"].key
    assert isinstance(key, Key)
    world.change_pair("component.api", key=Key(facts=key.facts, meta=FileMeta(mode=0o644, uid=0, gid=0)))
    world.change_leaf("component.b", fingerprint="other", serial="ff")
    world.pairs.pop("component.c")
    world.bundles.clear()
    world.keypairs.pop("keypair.sa[cp-2]")
    world.kubeconfigs.pop("kubeconfig.admin")
    return world


def test_drift_is_what_differs_from_our_record() -> None:
    """Changed or gone, in the order of work, whether or not it leads to a change."""
    plan = drifted().plan()
    assert [(entry.address, entry.change.actions) for entry in plan.document.resource_drift] == [
        ("keypair.sa[cp-2]", ["delete"]),
        ("component.api", ["update"]),
        ("component.b", ["update"]),
        ("component.c", ["delete"]),
        ("bundle.trust", ["delete"]),
        ("kubeconfig.admin", ["delete"]),
    ]
    by_address = {entry.address: entry.change for entry in plan.document.resource_drift}
    api = by_address["component.api"]
    assert api.before is not None
    assert api.after is not None
    assert {name for name in api.before if api.before[name] != api.after.get(name)} == {"mode"}
    assert (api.before["mode"], api.after["mode"]) == ("0600", "0644")
    assert by_address["component.c"].after is None
    other = by_address["component.b"]
    assert other.before is not None
    assert other.after is not None
    assert (other.after["serial"], other.after["fingerprint"]) == ("ff", "other")
    assert other.before["serial"] != "ff"


def test_a_wish_is_no_drift() -> None:
    """What git changed is a change; what nobody touched did not drift."""
    world = settled(ca(), component(), bundle(), kubeconfig(), keypair())
    world.want("component.api", sans=())
    assert world.plan().document.resource_drift == []


def test_refresh_only_plans_nothing() -> None:
    """Only the drift, and what will be due."""
    plan = drifted().plan(refresh_only=True)
    document = plan.document
    assert (document.resource_changes, document.diagnostics, plan.work) == ([], [], ())
    assert len(document.resource_drift) == 6
    assert document.options == {"refresh_only": True}
    assert plan.unsettled


def test_a_mode_of_a_certificate_is_no_drift_of_the_key() -> None:
    """Only the mode that we recorded is compared."""
    world = settled(ca(), component())
    world.change_pair("component.api", certificate=with_mode(world.pairs["component.api"].certificate, 0o600))
    assert world.plan().document.resource_drift == []
