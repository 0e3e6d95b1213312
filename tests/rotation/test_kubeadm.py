"""The kubeadm preset: every CA through its phases, what a person confirms by applying, trust files beside copies of a CA."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rotation import judges
from tests.rotation.clusters import SOAK, applied, kubeadm
from tests.rotation.story import Story

BUNDLE = "store/cp-1/etc/kubernetes/pki/ca-bundle.crt"


def walked(story: Story, address: str) -> list[str]:
    """The phases in which applies stop, one after the other: each apply says that what had to be restarted was."""
    phases: list[str] = []
    for _ in range(8):
        story.apply()
        phases.append(story.phase(address))
        if phases[-1] == "soak":
            story.passes(days=400)
            story.apply()
            return [*dict.fromkeys(phases), story.phase(address)]
    return phases


@pytest.mark.parametrize(
    ("ca", "phases"),
    [
        ("kubernetes", ["stage", "clients", "soak", "stable"]),
        ("etcd", ["stage", "soak", "stable"]),
        ("front-proxy", ["soak", "stable"]),
    ],
)
def test_every_ca_rotates_with_the_restarts_it_needs(tmp_path: Path, ca: str, phases: list[str]) -> None:
    """An apply goes as far as nobody has to restart anything, and the next one takes that as done."""
    story = applied(tmp_path, kubeadm())
    story.ca(ca, generation=2, rotation=dict(SOAK))
    assert walked(story, f"ca.{ca}") == phases
    assert story.actions() == {}


@pytest.mark.parametrize("generation", [1, 2])
def test_nodes_that_hold_a_copy_of_the_ca_trust_both_generations(tmp_path: Path, generation: int) -> None:
    """`ca.crt` is the signing file there; what is trusted stands apart, also when it rotates by itself and git's number lags."""
    document = kubeadm(distributeCAKeys=True)
    document["cas"]["kubernetes"].update(lifetime="365d", rotation={**SOAK, "strategy": "staged"})
    story = applied(tmp_path, document)
    assert len(judges.certificates(story.content(BUNDLE))) == 1
    if generation == 1:
        story.passes(days=260)
    story.ca("kubernetes", generation=generation)
    story.apply()
    assert story.phase("ca.kubernetes") == "stage"
    assert len(judges.certificates(story.content(BUNDLE))) == 2
    for _ in range(3):
        story.apply()
    assert story.phase("ca.kubernetes") == "soak"
    signing = {story.content(f"store/{place}.key") for place in ("authority/kubernetes/ca", "cp-1/etc/kubernetes/pki/ca")}
    assert len(signing) == 1


def test_a_kubeconfig_holds_both_cas_while_they_rotate(tmp_path: Path) -> None:
    """One entry with two certificates, which kubectl accepts; one again at the end."""
    story = applied(tmp_path, kubeadm())
    story.ca("kubernetes", generation=2, rotation=dict(SOAK))
    story.apply()
    held = {address: len(anchors) for address, anchors in story.seen()[1].items() if address.startswith("kubeconfig.")}
    assert set(held.values()) == {2}
    assert walked(story, "ca.kubernetes")[-1] == "stable"
    assert {len(anchors) for address, anchors in story.seen()[1].items() if address.startswith("kubeconfig.")} == {1}
