"""What a plan leaves behind in the forecast is what apply leaves behind on disk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from reconciler.desired.model import DesiredState
from reconciler.observed.gather import gather
from reconciler.observed.model import Certificates, ObservedState
from reconciler.plan.build import make_plan
from reconciler.plan.document import Source
from reconciler.plan.foresee import foresee
from reconciler.plan.inventory import Inventory
from reconciler.plan.options import Options
from reconciler.x509.facts import CertificateFacts
from tests.desired.compiling import CENTRAL, kubernetes, state_of
from tests.inprocess import Home
from tests.trust.scenes import ENDPOINT, NOTHING, SMALL, leaf, made, small, with_bundle, with_facts

CLIENT = "component.apiserver-etcd-client[cp-1]"
MORE = """\
cas:
  root: {store: authority, path: root}
  web: {store: authority, path: web, issuer: root, pathLength: 0}
components:
  shop: {ca: web, usages: [server auth], sans: {dns: [shop.example.com]}, store: authority, path: shop}
"""


def document() -> str:
    """The small cluster, and an intermediate with a server below it."""
    stores, _, cas = CENTRAL.partition("cas:\n")
    return kubernetes(ENDPOINT, nodes=SMALL, stores=stores) + MORE.replace("cas:\n", "cas:\n" + cas)


def comparable(facts: CertificateFacts) -> CertificateFacts:
    """A certificate without what is drawn at random, and without its dates, which are of different moments."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    ids = {"fingerprint": "", "spki_sha256": "", "serial": "", "ski": "", "aki": "yes" if facts.aki else ""}
    # Whole days: on disk a CA is a second younger than the one above it, at whose end it ends.
    days = round((facts.not_after - facts.not_before) / timedelta(days=1))
    return replace(facts, **ids, not_before=moment, not_after=moment + timedelta(days=days))


def chains(state: ObservedState) -> dict[str, tuple[CertificateFacts, ...]]:
    """Every chain by address."""
    return {
        address: tuple(map(comparable, pair.certificate.chain))
        for address, pair in state.pairs.items()
        if isinstance(pair.certificate, Certificates)
    }


def planned(desired: DesiredState, observed: ObservedState, at: datetime) -> ObservedState:
    """What a plan of this leaves behind."""
    plan = make_plan(
        desired,
        observed,
        Inventory(cluster="demo", records={}),
        now=at,
        options=Options(),
        source=Source(path="", sha256=""),
        tool_version="0",
    )
    return foresee(desired, observed, plan, now=at)


@pytest.mark.parametrize("text", [document(), kubernetes(f"{ENDPOINT}, distributeCAKeys: true", nodes=SMALL)])
def test_it_is_what_apply_makes(text: str, tmp_path: Path) -> None:
    """The same chains at the same addresses, signed by the same CAs; only what is drawn at random differs."""
    home = Home(path=tmp_path)
    home.write(text)
    assert home.apply().code == 0
    desired = state_of(text, root=str(tmp_path))
    found, foreseen = gather(desired), made(desired)
    assert chains(foreseen) == chains(found)
    names = {
        state.pairs[ca.address].certificate.chain[0].spki_sha256: name  # type: ignore[union-attr]
        for state in (found, foreseen)
        for name, ca in desired.cas.items()
    }
    signers = [{address: names[pair.signed_by] for address, pair in state.pairs.items()} for state in (found, foreseen)]
    assert signers[0] == signers[1]
    assert foreseen.bundles.keys() == found.bundles.keys()
    assert foreseen.kubeconfigs.keys() == found.kubeconfigs.keys()


def test_a_plan_after_it_is_empty() -> None:
    """Nothing is left to do, so a forecast comes to an end."""
    desired = small()
    first = made(desired)
    assert planned(desired, first, at=leaf(first, "ca.etcd").not_before) == first


def test_a_reissue_makes_a_new_certificate_and_what_holds_it_follows() -> None:
    """A drifted certificate and a missing bundle are put right, and the rest stays as it is."""
    desired = small()
    sound = made(desired)
    at = leaf(sound, "ca.etcd").not_before
    drifted = with_facts(sound, CLIENT, usages=("server auth",))
    drifted = with_bundle(drifted, "bundle.etcd[cp-2]")
    mended = planned(desired, drifted, at=at)
    assert leaf(mended, CLIENT).usages == ("client auth",)
    assert leaf(mended, CLIENT).spki_sha256 != leaf(drifted, CLIENT).spki_sha256
    changed = [address for address in mended.pairs if mended.pairs[address] != drifted.pairs[address]]
    assert (changed, mended.bundles) == ([CLIENT], sound.bundles)
    assert planned(desired, mended, at=at) == mended


def test_from_nothing_everything_has_its_place() -> None:
    """Every address of the desired state but keypairs is there."""
    desired = small()
    state = planned(desired, NOTHING, at=datetime(2026, 11, 23, tzinfo=UTC))
    addresses = {*state.pairs, *state.bundles, *state.kubeconfigs}
    wanted = {*(ca.address for ca in desired.cas.values()), *desired.components, *desired.bundles, *desired.kubeconfigs}
    assert addresses == wanted
