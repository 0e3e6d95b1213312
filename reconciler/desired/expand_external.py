"""CAs whose keys nobody here has: what is said of one, and what cannot be asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import UNSET

from reconciler.desired.diagnostics import Path
from reconciler.desired.expand_context import Context
from reconciler.desired.external import asked_outside
from reconciler.desired.model import CA, Component, DesiredState
from reconciler.desired.spec import CaSpec
from reconciler.desired.spec_vault import ExternalIssuerSpec, IssuerSpec
from reconciler.desired.store import KV_LAYOUT
from reconciler.desired.vault import ExternalKey


def is_one_issuer(context: Context, name: str, spec: IssuerSpec) -> bool:
    """Whether it is said in one way who signs; reports none and two."""
    given = [word for word, found in (("vault", spec.vault), ("external", spec.external)) if found is not UNSET]
    if len(given) == 1:
        return True
    message = f'the issuer of CA "{name}" is {" and ".join(given) or "left open"}, one of vault and external is wanted'
    at: Path = ("cas", name, "issuer", *given[1:])
    context.report.add("CPK510", message, at=at, hint="issuer: {external: {}}, or self", address=f"ca.{name}", key=bool(given))
    return False


def external_key(context: Context, name: str, spec: CaSpec, issuer: ExternalIssuerSpec) -> tuple[ExternalKey | None, bool]:
    """The key as the model has it; and whether nothing is asked of the CA that only whoever has it can do."""
    found = list(_beyond_us(context, name, spec))
    for field, message, hint in found:
        context.report.add("CPK509", message, at=("cas", name, field), hint=hint, address=f"ca.{name}", key=True)
    return ExternalKey(accept=frozenset(() if issuer.accept is UNSET else issuer.accept)), not found


def check_external(context: Context, cas: Mapping[str, CA], state: DesiredState) -> None:
    """CPK509: a key waits beside the request for its certificate, and neither has a place in KV."""
    for component in {each.name: each for each in asked_outside(state) if _in_kv(each, state)}.values():
        message = f"{component.address} is in KV, and {cas[component.ca].address} is asked by files beside what it signs"
        hint = "give it a store of type file"
        context.report.add("CPK509", message, at=("components", component.name, "store"), hint=hint, address=component.address)


def _in_kv(component: Component, state: DesiredState) -> bool:
    place = component.place or state.kubeconfigs[component.kubeconfig].place
    return place.layout == KV_LAYOUT


def _beyond_us(context: Context, name: str, spec: CaSpec) -> Iterator[tuple[str, str, str]]:
    """Fields that ask for the key of the CA: the field, what is wrong with it, and the way out."""
    whose = f'CA "{name}" is external'
    written = context.document.cas
    own = None if written is UNSET else written.get(name)
    if isinstance(spec.generation, int) and spec.generation > 1:
        yield (
            "generation",
            f"{whose}: nobody here can make another generation of it",
            "remove it; a new CA is one with a name and a path of its own, trusted beside this one first",
        )
    if spec.transit is not UNSET:
        yield "transit", f"{whose}, and its key would be in a transit engine", "remove one of `issuer` and `transit`"
    if spec.crl is not UNSET:
        yield "crl", f"{whose}: nobody here can sign its revocation list", "remove it; whoever keeps the CA publishes its list"
    if spec.rotation is not UNSET:
        yield "rotation", f"{whose}: nobody here can rotate or renew it", "remove it"
    if spec.copies is not UNSET:
        hint = "remove `copies`; a bundle brings its certificate to nodes"
        at_home = own is not None and own.copies is not UNSET
        yield "copies", f"{whose}: there is no key to be copied", hint if at_home else "remove distributeCAKeys"
