"""Configuration files of the API server that themselves name certificates, keys and kubeconfigs.

These are admission, authorization and egress; an AuthenticationConfiguration embeds its CAs, so it names none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from reconciler.cluster.documents import at, items, string
from reconciler.cluster.model import Role
from reconciler.x509.yaml_tree import Tree

#: The settings of kube-apiserver that name such a file, with the word for messages.
CONFIGURATIONS: Final[Mapping[str, str]] = {
    "admission-control-config-file": "admission configuration",
    "authorization-config": "authorization configuration",
    "authentication-config": "authentication configuration",
    "egress-selector-config-file": "egress selector configuration",
}


class Reference(NamedTuple):
    """A file that a configuration names."""

    path: str
    field: str
    """Where it stands: ``egressSelections[cluster].connection.transport.tcp.tlsConfig.clientCert``."""
    role: Role | None
    """None for another configuration file, which has to be read in its turn."""
    purpose: str


def references(tree: Tree) -> Iterator[Reference]:
    """The files that an admission, authorization or egress selector configuration names."""
    kind = string(at(tree, "kind"))
    if kind == "EgressSelectorConfiguration":
        yield from _egress(tree)
    elif kind == "AuthorizationConfiguration":
        yield from _authorizers(tree)
    elif kind == "AdmissionConfiguration":
        for plugin in items(at(tree, "plugins")):
            field = f"plugins[{string(at(plugin, 'name'))}]"
            yield from _kubeconfig(at(plugin, "configuration"), f"{field}.configuration.")
            yield from _present(at(plugin, "path"), f"{field}.path", None)
    else:  # the file of a single plugin
        yield from _kubeconfig(tree, "")


def _egress(tree: Tree) -> Iterator[Reference]:
    fields: tuple[tuple[str, Role], ...] = (("caBundle", "trust"), ("clientCert", "certificate"), ("clientKey", "key"))
    for selection in items(at(tree, "egressSelections")):
        where = f"egressSelections[{string(at(selection, 'name'))}].connection.transport.tcp.tlsConfig"
        config = at(selection, "connection", "transport", "tcp", "tlsConfig")
        for name, role in fields:
            yield from _present(at(config, name), f"{where}.{name}", role, "egress")


def _authorizers(tree: Tree) -> Iterator[Reference]:
    for authorizer in items(at(tree, "authorizers")):
        where = f"authorizers[{string(at(authorizer, 'name'))}].webhook.connectionInfo.kubeConfigFile"
        yield from _present(at(authorizer, "webhook", "connectionInfo", "kubeConfigFile"), where, "kubeconfig")


def _kubeconfig(tree: Tree, prefix: str) -> Iterator[Reference]:
    """Of WebhookAdmission and ImagePolicyWebhook."""
    yield from _present(at(tree, "kubeConfigFile"), f"{prefix}kubeConfigFile", "kubeconfig")
    yield from _present(at(tree, "imagePolicy", "kubeConfigFile"), f"{prefix}imagePolicy.kubeConfigFile", "kubeconfig")


def _present(value: Tree, field: str, role: Role | None, purpose: str = "webhook") -> Iterator[Reference]:
    if string(value):
        yield Reference(string(value), field, role, purpose)
