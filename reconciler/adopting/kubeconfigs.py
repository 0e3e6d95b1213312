"""Kubeconfigs, and the identities that live inside them alone. Decisions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from reconciler.adopting import facts
from reconciler.adopting.authorities import signer_in
from reconciler.adopting.identities import Named, identity_item, identity_spec
from reconciler.adopting.kubelets import is_kubelets
from reconciler.adopting.model import Item, Machine, Note, Spec, Survey
from reconciler.adopting.names import free_name, kubeconfig_name
from reconciler.cluster.model import Entry, File, Kubeconfig, Node
from reconciler.observed.model import Certificates, Key
from reconciler.x509.facts import CertificateFacts

_OTHER_CAS: Final = "it trusts other CAs than those that are found here"
_OTHER_FILES: Final = "it refers to files that are not taken over"
_UNREADABLE: Final = "its certificate cannot be read"


class _Taken:
    """Names and identities that are spoken for, and the bundles that may be named."""

    def __init__(self, components: Iterable[Named], trusts: Mapping[frozenset[str], str]) -> None:
        self.trusts = trusts
        self._paths: dict[str, str] = {}
        self._components = tuple(components)
        self._inside: dict[tuple[str, str], str] = {}

    def name(self, wanted: str, path: str) -> str:
        """A name for the kubeconfigs at a path."""
        mine = next((name for name, other in self._paths.items() if other == path), "")
        name = mine or free_name(wanted, self._paths)
        self._paths[name] = path
        return name

    def by_fingerprint(self, node: str, fingerprint: str) -> str:
        """Name of the component on a node that has this certificate in files, or in a kubeconfig seen before."""
        for each in self._components:
            if each.pair.node.name == node and each.pair.chain[0].fingerprint == fingerprint:
                return each.name
        return self._inside.get((node, fingerprint), "")

    def by_path(self, node: str, entry: Entry) -> str:
        """Name of the component on a node whose files a kubeconfig refers to."""
        paths = (entry.certificate_path, entry.key_path)
        found = (each.name for each in self._components if each.pair.node.name == node and each.pair.paths == paths)
        return next(found, "")

    def move_in(self, wanted: str, node: str, fingerprint: str) -> str:
        """A name for an identity that lives in a kubeconfig of a node."""
        name = free_name(wanted, {each.name for each in self._components})
        self._inside[node, fingerprint] = name
        return name


def kubeconfig_items(survey: Survey, components: Iterable[Named], trusts: Mapping[frozenset[str], str]) -> Iterator[Item | Note]:
    """Kubeconfigs and the identities inside them.

    Args:
        survey: the cluster.
        components: those in files of their own.
        trusts: name of the bundle by the fingerprints of the certificates in it.
    """
    taken = _Taken(components, trusts)
    for node in survey.cluster.nodes:
        for path, file in sorted(node.files.items(), key=lambda each: _rank(each[0])):
            if not isinstance(file.content, Kubeconfig):
                continue
            if is_kubelets(path, node):
                yield Note(node=node.name, path=path, why="the kubelet keeps it by itself")
                continue
            try:
                yield from _items(node, file, file.content, taken, survey)
            except _PassedOver as reason:
                yield Note(node=node.name, path=path, why=reason.why)


class _PassedOver(Exception):  # noqa: N818 - nothing failed
    """A kubeconfig stays its owner's."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def _rank(path: str) -> tuple[bool, str]:
    return (not path.startswith("/etc/kubernetes/"), path)


def _items(node: Node, file: File, content: Kubeconfig, taken: _Taken, survey: Survey) -> list[Item]:
    """The kubeconfig, after the identity that lives in it."""
    user = content.entries[0].user if content.entries else ""
    name = taken.name(kubeconfig_name(file.path, file, user), file.path)
    machine, label = survey.machine(node.name), survey.label(node.name)
    problem = survey.choices.left_out.get(("kubeconfigs", name, label)) or _problem(content)
    if problem:
        raise _PassedOver(problem)
    entry = content.entries[0]
    trusted = frozenset(each.fingerprint for each in entry.trust.chain) if isinstance(entry.trust, Certificates) else frozenset()
    bundle = taken.trusts.get(trusted, "")
    if not bundle:
        raise _PassedOver(_OTHER_CAS)
    spec: Spec = {"bundle": bundle, "server": _server(entry.server, machine), "path": facts.relative(file.path)}
    spec |= facts.access_spec(survey.ground, content.meta)
    spec |= {"embed": False} if entry.certificate_path else {}
    spec |= _entry_names(entry)
    component, inside = _component(name, node, file, entry, taken, survey)
    inside = [replace(item, apart=spec) for item in inside]
    spec = {"component": component, **spec}
    return [*inside, Item(section="kubeconfigs", name=name, node=label, spec=spec, paths=(file.path,))]


def _component(  # noqa: PLR0917 - the kubeconfig, and what is known
    name: str, node: Node, file: File, entry: Entry, taken: _Taken, survey: Survey
) -> tuple[str, list[Item]]:
    """Name of the component whose certificate it is, and that component where it lives in here."""
    if entry.certificate_path:
        component = taken.by_path(node.name, entry)
        if not component:
            raise _PassedOver(_OTHER_FILES)
        return component, []
    leaf = _leaf(entry)
    if leaf is None:
        raise _PassedOver(_UNREADABLE)
    known = taken.by_fingerprint(node.name, leaf.fingerprint)
    if known:
        return known, []
    component, label = taken.move_in(name, node.name, leaf.fingerprint), survey.label(node.name)
    authority = signer_in(survey, leaf, component, label)
    why = survey.choices.left_out.get(("components", component, label)) or "; ".join(facts.unspeakable(leaf))
    if why or authority is None:
        raise _PassedOver(why or f'the CA that signed its certificate, "{leaf.issuer}", is not here or not taken over')
    spec, remarks = identity_spec(leaf, authority, survey.machine(node.name), ())
    item = identity_item(component, label, leaf, spec, authority=authority, now=survey.now, paths=(file.path,), remarks=remarks)
    return component, [item]


def _problem(content: Kubeconfig) -> str:
    """What a kubeconfig has that we would not write: it stays its owner's."""
    if not content.entries:
        return "it has no context"
    if len(content.entries) != 1 or not content.entries[0].current:
        return "it has other contexts than a current one"
    (entry,) = content.entries
    if entry.other_credential:
        return f"it authenticates by {entry.other_credential}, not by a certificate"
    if entry.insecure or entry.namespace or entry.server_name:
        return "it has settings of its own (namespace, tls-server-name or insecure-skip-tls-verify)"
    if entry.trust_path and entry.certificate_path:
        return "it only refers to files, so that it need not change when they do"
    if entry.trust_path:
        return "it refers to a file of CAs, where ours hold them"
    if not entry.certificate_path and not (isinstance(entry.certificate, Certificates) and isinstance(entry.key, Key)):
        return "its certificate and key cannot be read"
    return ""


def _leaf(entry: Entry) -> CertificateFacts | None:
    return entry.certificate.chain[0] if isinstance(entry.certificate, Certificates) else None


def _server(server: str, machine: Machine | None) -> str:
    """The URL, with the node's own address as a placeholder."""
    if machine is None or not machine.addresses:
        return server
    if urlsplit(server).hostname != machine.addresses[0]:
        return server
    return server.replace(machine.host, "{node.host}", 1)


def _entry_names(entry: Entry) -> Spec:
    """Names of its entries, where they are not those that we would choose."""
    leaf = _leaf(entry)
    spec: Spec = {"clusterName": entry.cluster} if entry.cluster != "kubernetes" else {}
    return spec if leaf is not None and entry.user == leaf.subject.common_name else spec | {"userName": entry.user}
