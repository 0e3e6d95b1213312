"""CAs whose keys nobody here has: what is said of one, and where a request and its answer stand. Data."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

from reconciler.desired.model import CA, Component, DesiredState
from reconciler.desired.place import Place
from reconciler.desired.vault import ExternalKey

#: What is waiting for its certificate stands beside what it will take the place of, under these names.
KEY: Final = ".next.key"
REQUEST: Final = ".next.csr"
ANSWER: Final = ".next.crt"


def is_external(ca: CA) -> bool:
    """Whether nobody here can sign with it: it is asked by files, and answers when it does."""
    return isinstance(ca.key_in, ExternalKey)


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Where the key, the request and the answer of one component stand while its certificate is asked for."""

    stem: str
    """Absolute path without the suffixes above: that of the pair, or of the kubeconfig that the component lives in."""

    @property
    def key(self) -> str:
        """The private key that was made for the request."""
        return f"{self.stem}{KEY}"

    @property
    def request(self) -> str:
        """What the CA is to sign."""
        return f"{self.stem}{REQUEST}"

    @property
    def answer(self) -> str:
        """Where its certificate is expected."""
        return f"{self.stem}{ANSWER}"

    @property
    def paths(self) -> tuple[str, str, str]:
        """All three."""
        return self.key, self.request, self.answer


def place_beside(component: Component, desired: DesiredState) -> Place:
    """The place whose files are called ``NAME.next.key`` and so on; always plain files, whatever the layout of their store."""
    if component.place is not None:
        return replace(component.place, layout="plain")
    holder = desired.kubeconfigs[component.kubeconfig]
    # The first user's stand beside the file under its name; those of a further user have theirs in it as well.
    further = "" if holder.component == component.address else f".{component.name}"
    return replace(holder.place, path=f"{holder.place.path}{further}", layout="plain")


def waiting_of(component: Component, desired: DesiredState) -> Waiting:
    """Where a component's request stands."""
    return Waiting(stem=place_beside(component, desired).absolute)


def asked_outside(desired: DesiredState) -> tuple[Component, ...]:
    """The components of this view that get their certificates from outside; those that are only copied get them elsewhere."""
    outside = {name for name, ca in desired.cas.items() if is_external(ca)}
    if not outside:
        return ()
    return tuple(each for each in desired.components.values() if each.ca in outside and not desired.is_copied(each))
