"""Which file a process trusts: the bundle on its node, or the CA's own certificate where that serves as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from reconciler.desired.model import DesiredState, address_of


class TrustFiles:
    """The trust files of a desired state.

    A bundle that would be exactly a CA's certificate file is left out of the desired state: that file, or the CA's copy on
    the node, is then what is trusted.
    """

    def __init__(self, desired: DesiredState) -> None:
        self._desired: Final = desired
        self._written: Final = frozenset(bundle.name for bundle in desired.bundles.values())

    def on(self, node: str | None, bundle: str, cas: Sequence[str]) -> str:
        """Address of the trust file of a bundle on a node; empty when this view holds none.

        Args:
            node: where the process runs; None for no node.
            bundle: the name of the bundle.
            cas: the names of its CAs.
        """
        for address in (address_of("bundle", bundle, node), address_of("bundle", bundle)):
            if address in self._desired.bundles:
                return address
        if len(cas) != 1 or cas[0] not in self._desired.cas:
            return ""
        ca = self._desired.cas[cas[0]]
        for replica in ca.replicas:
            if replica.node == node:
                return replica.address
        if bundle in self._written:
            return ""  # others have a file of their own, and this node has none
        return ca.address if node in (None, ca.home, self._desired.node) else ""
