"""Planning options, and which addresses they select."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from reconciler.desired.kubeconfig_entries import KubeconfigContent
from reconciler.desired.model import DesiredState, parse_address
from reconciler.plan.inventory import Record


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a person may ask of one plan. Nothing here belongs into a daemon's configuration."""

    targets: tuple[str, ...] = ()
    """Only these addresses and what they depend on; without index all instances."""
    replace: tuple[str, ...] = ()
    """A new key and certificate for these, whatever their state."""
    refresh_only: bool = False
    """Report drift from our own record, plan nothing."""
    adopt: bool = False
    """Overwrite foreign files that do not fit."""
    allow_mass_change: bool = False
    """Lift maxChanges and maxDestroy for this plan."""
    confirmed: bool = True
    """Whether a person asks, who is taken to have restarted what the last plan told to restart. The daemon is none."""

    @property
    def in_effect(self) -> dict[str, object]:
        """The options that differ from the default, for the plan document."""
        effect: dict[str, object] = {}
        if self.targets:
            effect["targets"] = sorted(self.targets)
        if self.replace:
            effect["replace"] = sorted(self.replace)
        for name in ("refresh_only", "adopt", "allow_mass_change"):
            if getattr(self, name):
                effect[name] = True
        return effect


class InvalidOptionError(ValueError):
    """An option names something that it cannot mean.

    Attributes:
        option: ``--target`` or ``--replace``.
        address: what was given.
        problem: what is wrong with it.
        hint: the way out.
    """

    def __init__(self, *, option: str, address: str, problem: str, hint: str) -> None:
        super().__init__(f"{option} {address}: {problem}; {hint}")
        self.option = option
        self.address = address
        self.problem = problem
        self.hint = hint


def desired_addresses(desired: DesiredState) -> Iterator[str]:
    """Every address that can appear in a plan: CAs and copies, keypairs, components, bundles, kubeconfigs, revocation lists."""
    for ca in desired.cas.values():
        yield ca.address
        for replica in ca.replicas:
            yield replica.address
    for keypair in desired.keypairs.values():
        for replica in keypair.replicas:
            yield replica.address
    yield from desired.components
    yield from desired.bundles
    yield from desired.kubeconfigs
    yield from desired.crls


def selected(options: Options, desired: DesiredState, records: Mapping[str, Record]) -> frozenset[str] | None:
    """The addresses that ``--target`` leaves in the plan, dependencies included; None for all.

    Raises:
        InvalidOptionError: a target is no address of the desired state, nor of the inventory.
    """
    if not options.targets:
        return None
    known = frozenset(desired_addresses(desired)) | records.keys()
    found: set[str] = set()
    for target in options.targets:
        for address in _instances("--target", target, known):
            found |= _with_dependencies(address, desired)
    return frozenset(found)


def replaced(options: Options, desired: DesiredState) -> frozenset[str]:
    """The addresses that ``--replace`` names.

    Raises:
        InvalidOptionError: one is unknown, or cannot be replaced by itself.
    """
    if not options.replace:
        return frozenset()
    known = frozenset(desired_addresses(desired))
    found: set[str] = set()
    for target in options.replace:
        instances = _instances("--replace", target, known)
        _refuse_shared_keys(target)
        found.update(instances)
    return frozenset(found)


def _refuse_shared_keys(target: str) -> None:
    kind = parse_address(target)[0]
    if kind == "ca":
        raise InvalidOptionError(
            option="--replace",
            address=target,
            problem="replacing a CA at once would break every certificate below it",
            hint="a new CA key is phased in by raising its `generation`",
        )
    if kind == "keypair":
        raise InvalidOptionError(
            option="--replace",
            address=target,
            problem="replacing this key at once would invalidate everything it has signed",
            hint="a new key is phased in by raising its `generation`",
        )


def _instances(option: str, target: str, known: frozenset[str]) -> tuple[str, ...]:
    instances = tuple(address for address in known if address == target or address.startswith(f"{target}["))
    if instances:
        return instances
    import difflib  # noqa: PLC0415 - only to explain a mistake

    near = difflib.get_close_matches(target, sorted(known | {address.partition("[")[0] for address in known}), n=1)
    raise InvalidOptionError(
        option=option,
        address=target,
        problem="no such address",
        hint=f'did you mean "{near[0]}"?' if near else "`cluster-pki status` lists all addresses",
    )


def _with_dependencies(address: str, desired: DesiredState) -> set[str]:
    found: set[str] = {address}
    component = desired.components.get(address)
    kubeconfig = desired.kubeconfigs.get(address)
    bundle = desired.bundles.get(address)
    cas: tuple[str, ...] = ()
    if component is not None:
        cas = (component.ca,)
        if component.place is None:  # it has no other file to live in
            found.add(component.kubeconfig)
            cas += _trusted(desired.kubeconfigs[component.kubeconfig])
    elif kubeconfig is not None:
        found.update(kubeconfig.components)
        cas = (*_trusted(kubeconfig), *(desired.components[each].ca for each in kubeconfig.components))
    elif bundle is not None:
        cas = bundle.cas
    else:
        kind, name, _ = parse_address(address)
        if kind in {"ca", "crl"} and name in desired.cas:
            cas = (name,)
    for name in cas:
        current: str | None = name
        while current is not None:
            found.add(desired.cas[current].address)
            current = desired.cas[current].issuer
    return found


def _trusted(kubeconfig: KubeconfigContent) -> tuple[str, ...]:
    return tuple(name for cluster in kubeconfig.clusters for name in cluster.cas)
