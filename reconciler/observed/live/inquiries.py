"""Which endpoints there are to ask, and what they should present. Decisions."""

from __future__ import annotations

import msgspec

from reconciler.desired.live import Probe
from reconciler.desired.model import Component, DesiredState
from reconciler.observed.model import Certificates, ObservedState


class Inquiry(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint."""

    probe: Probe
    expected: str
    """SHA-256 fingerprint of the certificate on disk."""
    client: tuple[str, str] | None = None
    """Paths of the certificate and key that are presented when the server asks for them."""


def inquiries(desired: DesiredState, observed: ObservedState) -> dict[str, Inquiry]:
    """Every component with a probe and a certificate on disk, by address, in the order of the desired state.

    Args:
        desired: what should be.
        observed: what was found.
    """
    found: dict[str, Inquiry] = {}
    for component in desired.components.values():
        pair = observed.pairs.get(component.address)
        if component.probe is not None and pair is not None and isinstance(pair.certificate, Certificates):
            found[component.address] = Inquiry(
                probe=component.probe,
                expected=pair.certificate.chain[0].fingerprint,
                client=_client_files(desired.components.get(component.probe.client)),
            )
    return found


def _client_files(client: Component | None) -> tuple[str, str] | None:
    """Certificate and key of a client; None for none, and for one whose files are inside a kubeconfig."""
    if client is None or client.place is None:
        return None
    certificate, key = map(client.place.file, client.pair)
    return certificate, key
