"""Configuration files of the API server that name others."""

from __future__ import annotations

import pytest

from reconciler.cluster.references import Reference, references
from reconciler.x509.yaml_tree import Tree

TCP = "egressSelections[e].connection.transport.tcp.tlsConfig"


@pytest.mark.parametrize(
    ("tree", "found"),
    [
        (
            {
                "kind": "EgressSelectorConfiguration",
                "egressSelections": [
                    {"name": "e", "connection": {"transport": {"tcp": {"tlsConfig": {"caBundle": "/c", "clientKey": "/k"}}}}},
                    {"name": "u", "connection": {"transport": {"uds": {"udsName": "/s"}}}},
                ],
            },
            [Reference("/c", f"{TCP}.caBundle", "trust", "egress"), Reference("/k", f"{TCP}.clientKey", "key", "egress")],
        ),
        (
            {
                "kind": "AuthorizationConfiguration",
                "authorizers": [
                    {"type": "Node", "name": "node"},
                    {"name": "w", "webhook": {"connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": "/w.conf"}}},
                ],
            },
            [Reference("/w.conf", "authorizers[w].webhook.connectionInfo.kubeConfigFile", "kubeconfig", "webhook")],
        ),
        (
            {
                "kind": "AdmissionConfiguration",
                "plugins": [
                    {"name": "A", "configuration": {"kubeConfigFile": "/a.conf"}},
                    {"name": "B", "configuration": {"imagePolicy": {"kubeConfigFile": "/b.conf"}}},
                    {"name": "C", "path": "c.yaml"},
                ],
            },
            [
                Reference("/a.conf", "plugins[A].configuration.kubeConfigFile", "kubeconfig", "webhook"),
                Reference("/b.conf", "plugins[B].configuration.imagePolicy.kubeConfigFile", "kubeconfig", "webhook"),
                Reference("c.yaml", "plugins[C].path", None, "webhook"),
            ],
        ),
        ({"kind": "WebhookAdmission", "kubeConfigFile": "/a"}, [Reference("/a", "kubeConfigFile", "kubeconfig", "webhook")]),
        ({"imagePolicy": {"kubeConfigFile": "/a"}}, [Reference("/a", "imagePolicy.kubeConfigFile", "kubeconfig", "webhook")]),
        ({"kind": "AuthenticationConfiguration", "jwt": [{"issuer": {"certificateAuthority": "PEM"}}]}, []),
        ({"kind": "AdmissionConfiguration", "plugins": "x"}, []),
        (["x"], []),
        (None, []),
    ],
)
def test_what_they_name(tree: Tree, found: list[Reference]) -> None:
    """Certificates, keys, kubeconfigs, and further configuration files."""
    assert list(references(tree)) == found
