"""A kubeconfig's bytes, as its first user reads them: by the current context, or where there are entries by their names."""

from __future__ import annotations

from reconciler.desired.model import Kubeconfig
from reconciler.x509.kubeconfig import ParsedKubeconfig, parse


def read_as(desired: Kubeconfig, data: bytes, component: str = "") -> ParsedKubeconfig:
    """What the first cluster of a desired kubeconfig is in a file, and its first user or that of a component.

    Raises:
        UnreadableError: it is no kubeconfig, or has no such user.
    """
    if desired.entries is None:
        return parse(data)
    from reconciler.x509.kubeconfig_entries import through  # noqa: PLC0415 - only kubeconfigs for people need it

    return through(data, desired.cluster_name, desired.user_of(component))
