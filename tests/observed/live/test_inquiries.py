"""Which endpoints are asked is derived from what is desired and what is on disk."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.desired.live import Probe
from reconciler.observed.live.inquiries import Inquiry, inquiries
from tests.plan.world import ca, component, kubeconfig, settled

PROBE = Probe(host="api.example.com", port=6443)


@pytest.mark.parametrize(
    ("fields", "client"),
    [
        ({}, ("/pki/client.crt", "/pki/client.key")),
        ({"outputs": ("fullchain", "combined")}, ("/pki/client.pem", "/pki/client.pem")),
        ({"place": None, "kubeconfig": "kubeconfig.admin"}, None),
    ],
    ids=["pair", "combined", "in a kubeconfig"],
)
def test_an_endpoint(fields: dict[str, Any], client: tuple[str, str] | None) -> None:
    """It should present what is on disk, to a client whose files we can name."""
    probe = Probe(host="api.example.com", port=6443, client="component.client")
    world = settled(
        ca(),
        component("api", probe=probe),
        component("client", **fields),
        kubeconfig(component="component.client"),
    )
    assert inquiries(world.desired, world.observed) == {
        "component.api": Inquiry(probe=probe, expected=world.leaf("component.api").fingerprint, client=client)
    }


def test_who_is_not_asked() -> None:
    """Nobody is asked for a certificate that is not there, or without a probe."""
    world = settled(ca(), component("api", probe=PROBE), component("other"))
    del world.pairs["component.api"]
    assert inquiries(world.desired, world.observed) == {}
