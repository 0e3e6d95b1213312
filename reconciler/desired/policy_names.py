"""Policy on names: which a certificate may hold for its purpose, and which the CAs above it allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import UNSET, UnsetType

from reconciler.desired.model import CA, Component
from reconciler.desired.policy import Policed
from reconciler.desired.spec_parts import SansSpec
from reconciler.x509.constraints import violation
from reconciler.x509.names import NameConstraints

Constraining = tuple[tuple[CA, NameConstraints], ...]


def check_names(policed: Policed, components: Iterable[Component]) -> None:
    """Applies the rules on names to all instances; each rule speaks once for a component.

    Args:
        policed: what the other rules looked at.
        components: every instance of this view.
    """
    above = _constraints(policed.cas)
    told: set[tuple[str, str]] = set()
    # A name that was refused elsewhere leaves a component without names, but that is not what its author has to mend.
    named = {name for name, spec in policed.fragments.components.items() if _has_names(spec.sans) or _has_names(spec.extra_sans)}
    for component in components:
        nameless = not component.sans and component.name not in named
        for code, message, hint in _breaches(component, above.get(component.ca, ()), nameless=nameless):
            if (code, component.name) not in told:
                told.add((code, component.name))
                policed.breach(code, message, "components", component.name, "sans", hint=hint)
    for ca in policed.cas.values():
        for parent, san in _outside(above.get(ca.issuer or "", ()), ca.sans):
            message = f"{ca.address} holds {san}, which the name constraints of CA {parent} do not allow"
            policed.breach("CPK306", message, "cas", ca.name, "sans", hint="change the name, or the constraints above")


def _breaches(component: Component, above: Constraining, *, nameless: bool) -> Iterator[tuple[str, str, str]]:
    """Code, message and hint of each rule that one instance breaks."""
    serves = "server auth" in component.usages
    if serves and nameless:
        # Clients match host names against SANs alone (RFC 6125 section 6.4.4; Go reads no CN at all).
        message = f"{component.address} is for server auth and has no subject alternative name"
        yield "CPK307", message, "sans: {dns: [api.example.com]}"
    if not serves and (wildcard := next((san for san in component.sans if san.startswith("dns:*.")), "")):
        message = f"{component.address} holds the wildcard {wildcard.removeprefix('dns:')} and is not for server auth"
        yield "CPK309", message, "name each host"
    for ca, san in _outside(above, component.sans):
        message = f"{component.address} holds {san}, which the name constraints of CA {ca} do not allow"
        yield "CPK306", message, f"change the name, or nameConstraints of CA {ca}"


def _has_names(spec: SansSpec | UnsetType) -> bool:
    return spec is not UNSET and any((spec.dns, spec.ip, spec.uri, spec.email))


def _constraints(cas: Mapping[str, CA]) -> dict[str, Constraining]:
    """By CA: itself and all above it, as far as they have name constraints. Parents come before children."""
    found: dict[str, Constraining] = {}
    for name, ca in cas.items():
        own = () if ca.name_constraints is None else ((ca, ca.name_constraints),)
        found[name] = (*own, *found.get(ca.issuer or "", ()))
    return found


def _outside(above: Constraining, sans: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The name of each CA that forbids one of the names, with the first such name."""
    for ca, constraints in above:
        if san := next((san for san in sans if violation(constraints.permitted, constraints.excluded, san)), ""):
            yield ca.name, san
