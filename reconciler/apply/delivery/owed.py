"""Whose readers may not have loaded what is on disk: a rotation waits for them. Decisions."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.apply.delivery.due import is_owed
from reconciler.apply.delivery.ledger import Ledger
from reconciler.desired.model import DesiredState
from reconciler.observed.model import Served

CHANGED = "is on disk, and its hooks have not been delivered yet"
STALE = "is served otherwise, and its hooks are to be run again"


def unready(desired: DesiredState, ledger: Ledger, contents: Mapping[str, str], served: Mapping[str, Served]) -> dict[str, str]:
    """A clause for everybody who has not been told, by address; the kubeconfigs of a component share its fate.

    Args:
        desired: what should be.
        ledger: what was delivered.
        contents: digests of what is on disk, by owner of hooks.
        served: what endpoints present, of what is on disk now.
    """
    found = {
        address: CHANGED if why == "changed" else STALE
        for address in contents
        if (why := is_owed(address, ledger, contents, served)) is not None
    }
    for kubeconfig in desired.kubeconfigs.values():
        for one, other in ((kubeconfig.address, kubeconfig.component), (kubeconfig.component, kubeconfig.address)):
            if one in found:
                found.setdefault(other, found[one])
    return found
