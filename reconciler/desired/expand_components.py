"""Components: one certificate and key for each identity on each node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import UNSET

from reconciler.desired.diagnostics import Path
from reconciler.desired.expand_authorities import durations
from reconciler.desired.expand_context import Context
from reconciler.desired.expand_copies import instances, is_told_elsewhere, placed, placed_at
from reconciler.desired.expand_live import hooks, probe
from reconciler.desired.expand_names import SpoiltNameError, sans, subject
from reconciler.desired.expand_stores import access_of, under
from reconciler.desired.model import Component, Output, address_of
from reconciler.desired.spec import ComponentSpec, KubeconfigSpec
from reconciler.desired.spec_parts import SubjectSpec
from reconciler.desired.templates import MissingAddressError, Node
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.names import EXTENDED_USAGES

#: The one order of outputs.
_OUTPUTS: Final[tuple[Output, ...]] = ("pem", "fullchain", "combined", "der", "pkcs12")
#: Second names of the Kubernetes CSR API for one usage.
_ALIASES: Final[dict[str, str]] = {"s/mime": "email protection", "signing": "digital signature"}


def expand_components(
    context: Context, specs: Mapping[str, ComponentSpec], kubeconfigs: Mapping[str, KubeconfigSpec], root: str
) -> dict[str, Component]:
    """Every instance by address; specs by name, nodes in the order of the list.

    Args:
        context: the cluster.
        specs: the components, sound.
        kubeconfigs: the kubeconfigs, which hold the components that have no path.
        root: ``--root``, put before the password files.
    """
    components: dict[str, Component] = {}
    for name, spec in sorted(specs.items()):
        keepers = sorted(
            (other != name, other) for other, config in kubeconfigs.items() if config.component == name and config.embed is True
        )
        # What belongs to no node is at home, and wherever a kubeconfig holds it.
        further = sorted(other for other, config in kubeconfigs.items() if name in further_users(config))
        holding = (config for other, config in kubeconfigs.items() if config.component == name or other in further)
        needed_here = any(instances(context, config) for config in holding)
        keeper = keepers[0][1] if keepers else further[0] if further else ""
        kept_in = kubeconfigs.get(keeper) if spec.path is UNSET else None
        for instance in _expand(context, name, spec, specs, root, keeper=keeper, kept_in=kept_in, needed_here=needed_here):
            components[instance.address] = instance
    return components


def further_users(spec: KubeconfigSpec) -> frozenset[str]:
    """The components that a kubeconfig embeds beside that of its first user."""
    users = {} if spec.users is UNSET else spec.users
    return frozenset(each.component for each in users.values() if each.embed is not False)


def split_usages(usages: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Extended key usages, and bits of keyUsage, each sorted and by one name."""
    names = {_ALIASES.get(usage, usage) for usage in usages}
    return tuple(sorted(names & EXTENDED_USAGES.keys())), tuple(sorted(names - EXTENDED_USAGES.keys()))


def _expand(
    context: Context,
    name: str,
    spec: ComponentSpec,
    specs: Mapping[str, ComponentSpec],
    root: str,
    *,
    keeper: str,
    kept_in: KubeconfigSpec | None,
    needed_here: bool,
) -> list[Component]:
    """The instances of one component. What is per entry is worked out once, so that thousands of nodes cost little."""
    here: Path = ("components", name)
    nodes = instances(context, spec, kept_in)
    if needed_here and not nodes:
        nodes = (None,) if spec.for_each is UNSET else context.instances(spec.for_each)
    _check_selection(context, name, spec)
    outputs = _outputs(context, here, spec)
    spans = durations(context, "components", name, spec.lifetime, spec.renew_before)
    subject_of = subject(context, here, SubjectSpec() if spec.subject is UNSET else spec.subject, nodes)
    sans_of = sans(context, here, (("sans", spec.sans), ("extraSans", spec.extra_sans)), nodes)
    places_of = None
    if spec.path is not UNSET or spec.copies is not UNSET:
        places_of = placed(context, "components", name, spec, nodes)
    elif not keeper:
        message = f'component "{name}" has neither a path nor a kubeconfig that embeds it'
        context.report.add("CPK214", message, at=here, hint="add path: pki/NAME", address=f"component.{name}")
    if spans is None or not outputs:
        return []
    usages, key_usages = split_usages(list(spec.usages) if spec.usages is not UNSET else [])
    key = KeyAlgorithm(str(spec.key))
    lifetime, renew_before = spans
    access = access_of(spec)
    origin = context.origin("components", name)
    rotate_key = spec.rotate_key != "never"
    password_file = "" if spec.pkcs12 is UNSET else under(root, spec.pkcs12.password_file)
    reissue = "" if spec.reissue is UNSET else spec.reissue
    hooks_of = hooks(context, here, spec.after, nodes, root)
    is_client = "client auth" in usages
    probe_of = probe(
        context,
        here,
        spec.probe,
        nodes,
        known=specs,
        identity=lambda node: address_of("component", name, node.name if node else None) if is_client else "",
    )
    ca = str(spec.ca)
    told_elsewhere = is_told_elsewhere(context, spec, kept_in)
    found = []
    for node in nodes:
        node_name = node.name if node else None
        address = address_of("component", name, node_name)
        try:
            instance_subject, instance_sans = subject_of(node), sans_of(node)
            where = None if places_of is None else placed_at(context, places_of, node)
        except SpoiltNameError:
            continue
        except MissingAddressError:
            _lacks_address(context, node, address)
            continue
        found.append(
            Component(
                address=address,
                name=name,
                node=node_name,
                ca=ca,
                subject=instance_subject,
                usages=usages,
                key_usages=key_usages,
                sans=instance_sans,
                key=key,
                lifetime=lifetime,
                renew_before=renew_before,
                rotate_key=rotate_key,
                place=None if where is None else where.place,
                source=None if where is None else where.source,
                outputs=outputs,
                pkcs12_password_file=password_file,
                kubeconfig="" if where else address_of("kubeconfig", keeper, node_name),
                access=access,
                reissue=reissue,
                after=() if told_elsewhere else hooks_of(node),
                probe=None if told_elsewhere else probe_of(node),
                suspended=spec.suspend is True,
                origin=origin,
            )
        )
    return found


def _outputs(context: Context, here: Path, spec: ComponentSpec) -> tuple[Output, ...]:
    """The outputs in their one order; empty after a mistake."""
    wanted = ["pem"] if spec.outputs is UNSET else spec.outputs
    at = (*here, "outputs")
    address = f"component.{here[1]}"
    if spec.path is UNSET and wanted != ["pem"]:
        message = f"{address} has outputs and no path to write them to"
        context.report.add("CPK221", message, at=at, hint="add path: pki/NAME", address=address)
        return ()
    if not {"pem", "combined"} & set(wanted):
        message = f"{address} keeps its key in none of its outputs"
        context.report.add("CPK221", message, at=at, hint="add pem or combined", address=address)
        return ()
    if "pkcs12" in wanted and spec.pkcs12 is UNSET:
        hint = "add pkcs12: {passwordFile: /etc/…}"
        context.report.add("CPK221", f"{address} has a pkcs12 output and no password", at=at, hint=hint, address=address)
        return ()
    if spec.pkcs12 is not UNSET and not spec.pkcs12.password_file.startswith("/"):
        message = f'"{spec.pkcs12.password_file}" is not an absolute path'
        context.report.add("CPK221", message, at=(*here, "pkcs12", "passwordFile"), address=address)
        return ()
    return tuple(output for output in _OUTPUTS if output in wanted)


def _check_selection(context: Context, name: str, spec: ComponentSpec) -> None:
    """A selector of the user's that matches nothing is likely a slip; a preset's is not: a cluster may have no workers."""
    selector = spec.for_each
    if selector is UNSET or not context.origin("components", name) or context.select(selector):
        return
    if context.nodes or selector.roles is not UNSET or selector.nodes is not UNSET:
        message = f'forEach of component "{name}" matches no node'
        context.report.add(
            "CPK220", message, at=("components", name, "forEach"), hint="add a node, or change it", address=f"component.{name}"
        )


def _lacks_address(context: Context, node: Node | None, address: str) -> None:
    if node is not None:
        context.lacks_address(node, address)
