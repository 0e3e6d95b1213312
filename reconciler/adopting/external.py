"""A CA whose key is somewhere else: what its entry says."""

from __future__ import annotations

from reconciler.adopting.model import Spec


def issuer_of(parent: str, *, has_key: bool) -> Spec:
    """Who signs for a CA, and who stands above it.

    Args:
        parent: name of the CA that signed it; empty for a root.
        has_key: whether its key is here.
    """
    if has_key:
        return {"issuer": parent} if parent else {}
    return {"issuer": {"external": {"parent": parent} if parent else {}}}
