"""What a desired state rests on beyond itself: its stores, and the keyrings that sign for its CAs, as one pass sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from reconciler.desired.model import DesiredState
from reconciler.desired.vault import ExternalKey
from reconciler.stores.disk import DISK
from reconciler.stores.store import Store

if TYPE_CHECKING:
    from reconciler.issuers.keyrings import Keyring
    from reconciler.vault.clients import Clients


class Outside(msgspec.Struct, frozen=True, kw_only=True):
    """Where places are, and where keys are that are not in places."""

    store: Store
    keyrings: Mapping[str, Keyring] = {}
    """By the name of the CA."""


ON_DISK: Final = Outside(store=DISK)


def outside_of(desired: DesiredState, clients: Clients) -> Outside:
    """The outside of a desired state; without connections it is this machine's disk, and nothing is loaded for it."""
    if not desired.connections:
        return ON_DISK
    from reconciler.issuers.keyrings import keyring_of  # noqa: PLC0415 - see above
    from reconciler.stores.stores import Stores  # noqa: PLC0415
    from reconciler.stores.vault_kv import KvStore  # noqa: PLC0415
    from reconciler.vault.engines.kv import Kv  # noqa: PLC0415

    def kv_store(name: str) -> Store:
        connection = desired.connections.get(name)
        at_a_time = connection.requests if connection is not None else 1
        return KvStore(lambda mount: Kv(clients.of(desired.connections, name), mount), at_a_time=at_a_time)

    keyrings = {
        ca.name: keyring_of(ca, clients.of(desired.connections, ca.key_in.connection), desired.cluster)
        for ca in desired.cas.values()
        if ca.key_in is not None and not isinstance(ca.key_in, ExternalKey) and not ca.followed
    }
    return Outside(store=Stores(kv_store), keyrings=keyrings)
