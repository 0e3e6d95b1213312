"""What its readers see of an owner's files is one digest: it changes with what matters, and with nothing else."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from reconciler.apply.delivery.content import contents
from reconciler.desired.live import ExecHook
from reconciler.observed.model import Absent, Certificates, FileMeta, Key, KubeconfigFile, Unusable
from tests.plan.world import CORRUPT, NOT_OURS_TO_READ, World, bundle, ca, component, kubeconfig, settled

API, TRUST, ADMIN = "component.api", "bundle.trust", "kubeconfig.admin"
HOOKS = (ExecHook(argv=("true",)),)
META = FileMeta(mode=0o640, uid=7, gid=7)


@pytest.fixture
def world() -> World:
    """A component with a derived file, a bundle and a kubeconfig, each with hooks, and one of each without."""
    return settled(
        ca(),
        component("api", outputs=("pem", "fullchain"), after=HOOKS),
        component("quiet"),
        bundle("trust", after=HOOKS),
        bundle("silent"),
        kubeconfig("admin", after=HOOKS),
        kubeconfig("still", component="component.quiet"),
    )


def test_owners(world: World) -> None:
    """Only those with hooks, in the order of the desired state, each with a digest of its own."""
    found = contents(world.desired, world.observed)
    assert (list(found), len(set(found.values()) - {""})) == ([API, TRUST, ADMIN], 3)
    assert contents(world.desired, world.observed) == found


def renew(world: World) -> None:
    """A new certificate and key; the kubeconfig follows."""
    world.apply(replace=(API,))


def change_modes(world: World) -> None:
    """Other modes and owners everywhere."""
    pair = world.pairs[API]
    assert isinstance(pair.certificate, Certificates)
    assert isinstance(pair.key, Key)
    world.change_pair(
        API,
        certificate=msgspec.structs.replace(pair.certificate, meta=META, plain=False),
        key=msgspec.structs.replace(pair.key, meta=META),
        outputs={name: msgspec.structs.replace(output, meta=META) for name, output in pair.outputs.items()},
    )
    change_kubeconfig(world, meta=META, extras=("users[1]",))
    trusted = world.bundles[TRUST].certificates
    assert isinstance(trusted, Certificates)
    world.bundles[TRUST] = msgspec.structs.replace(world.bundles[TRUST], certificates=msgspec.structs.replace(trusted, meta=META))


def change_kubeconfig(world: World, **fields: object) -> None:
    """Another kubeconfig."""
    found = world.kubeconfigs[ADMIN]
    assert isinstance(found, KubeconfigFile)
    world.kubeconfigs[ADMIN] = msgspec.structs.replace(found, **fields)


def change_output(world: World) -> None:
    """A derived file that is not up to date, as a crash may leave it."""
    pair = world.pairs[API]
    world.change_pair(
        API, outputs={name: msgspec.structs.replace(each, fingerprints=("00",)) for name, each in pair.outputs.items()}
    )


def change_bundle(world: World) -> None:
    """Another CA is trusted."""
    world.bundles[TRUST] = msgspec.structs.replace(
        world.bundles[TRUST], certificates=Certificates(chain=(world.leaf(API),), meta=META)
    )


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        (renew, {API, ADMIN}),
        (change_modes, set()),
        (change_output, {API}),
        (change_bundle, {TRUST}),
        (lambda world: change_kubeconfig(world, server="https://other.example.com"), {API, ADMIN}),
        (lambda world: change_kubeconfig(world, ca_fingerprints=("00",)), {API, ADMIN}),
        (lambda world: world.kubeconfigs.pop(ADMIN), {API, ADMIN}),
        (lambda world: world.kubeconfigs.pop("kubeconfig.still"), set()),
    ],
    ids=["renewed", "modes", "output", "bundle", "server", "trust", "no kubeconfig", "another's"],
)
def test_what_matters(world: World, change: Callable[[World], object], changed: set[str]) -> None:
    """Meaning counts, modes do not; a component's kubeconfigs are part of what its readers see."""
    before = contents(world.desired, world.observed)
    change(world)
    after = contents(world.desired, world.observed)
    assert {address for address in after if after[address] != before[address]} == changed


@pytest.mark.parametrize(
    "fields",
    [{"certificate": Absent()}, {"key": Absent()}, {"certificate": CORRUPT}, {"key": NOT_OURS_TO_READ}],
    ids=["no certificate", "no key", "corrupt", "unreadable"],
)
def test_nothing_usable(world: World, fields: dict[str, Absent | Unusable]) -> None:
    """Of what cannot be used nobody is told; the next certificate will be another one."""
    world.change_pair(API, **fields)
    assert contents(world.desired, world.observed)[API] == ""


def test_nothing_at_all(world: World) -> None:
    """Files that were never looked at are not there."""
    world.pairs, world.bundles, world.kubeconfigs = {}, {}, {}
    assert contents(world.desired, world.observed) == {API: "", TRUST: "", ADMIN: ""}
