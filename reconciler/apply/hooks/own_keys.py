"""The private keys of whoever a hook is run for, to be known again in what it prints. An edge."""

from __future__ import annotations

from typing import Final

from reconciler.apply.hooks.occasion import Occasion
from reconciler.apply.hooks.redaction import bodies
from reconciler.stores.read import ReadFile, read_file

#: The words of the status document for text files that hold a private key.
_HOLDING: Final = ("key", "combined", "kubeconfig")


def own_keys(occasion: Occasion) -> frozenset[str]:
    """The keys in an owner's files as they are now, for `redaction.without_keys`; never kept, never shown.

    Args:
        occasion: what a hook was run for. A file that cannot be read has none.
    """
    paths = {occasion.paths[kind] for kind in _HOLDING if kind in occasion.paths}
    files = (found for path in paths if isinstance(found := read_file(path), ReadFile))
    return frozenset(body for found in files for body in bodies(found.data.decode(errors="replace")))
