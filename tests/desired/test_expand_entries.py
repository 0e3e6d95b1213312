"""Kubeconfigs for people become entries, each with everything that it needs; what cannot be written is said at its place."""

from __future__ import annotations

from typing import Final

import msgspec
import pytest
import yaml

from reconciler.desired.kubeconfig_entries import Entries, KubeCluster, KubeContext, KubeUser
from tests.desired.compiling import HEAD, codes_of, compiled, said_about, state_of, without_origins

BASE: Final = (
    HEAD
    + """\
nodes:
  - {name: n-1, roles: [worker], addresses: [192.0.2.21]}
  - {name: n-2, roles: [worker]}
stores: {files: {type: file, root: "/nodes/{node}"}, shared: {type: file, root: /srv}}
cas: {main: {store: shared, path: main}, other: {store: shared, path: other}}
components:
  jane: {ca: main, usages: [client auth], store: shared, path: jane}
  admin: {ca: other, usages: [client auth], store: shared, path: admin, lifetime: 8h}
  agent: {ca: main, usages: [client auth], forEach: {}, path: agent}
bundles:
  main: {cas: [main], store: shared, path: main.pem}
  other: {cas: [other, main], files: [/etc/more.pem], store: shared, path: other.pem}
kubeconfigs:
  jane: {component: jane, bundle: main, server: "https://a.test:6443", clusterName: a, store: shared, path: jane.conf, FIELDS}
"""
)
FIRST: Final = KubeCluster(name="a", server="https://a.test:6443", cas=("main",))
SECOND: Final = KubeCluster(name="b", server="https://b.test", cas=("other", "main"), files=("/root/etc/more.pem",))
JANE: Final = KubeUser(name="jane", component="component.jane")
ADMIN: Final = KubeUser(name="boss", component="component.admin")
CONTEXT: Final = KubeContext(name="jane@a", cluster="a", user="jane")
CLUSTERS: Final = 'clusters: {b: {server: "https://b.test", bundle: other}}'
CONTEXTS: Final = "contexts: {y: {cluster: b}, z: {user: boss, namespace: n}}"
USERS: Final = "users: {boss: {component: admin}}"


def with_fields(fields: str) -> str:
    """The document with fields of jane's kubeconfig."""
    return BASE.replace("FIELDS", fields)


def entries_of(fields: str) -> Entries | None:
    """The entries of jane's kubeconfig."""
    return state_of(with_fields(fields), root="/root").kubeconfigs["kubeconfig.jane"].entries


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("embed: true", None),
        (
            "merge: false",
            Entries(clusters=(FIRST,), users=(JANE,), contexts=(CONTEXT,), current="jane@a"),
        ),
        ("merge: true", Entries(clusters=(FIRST,), users=(JANE,), contexts=(CONTEXT,), merge=True)),
        (
            "merge: true, currentContext: jane@a, namespace: apps",
            Entries(
                clusters=(FIRST,),
                users=(JANE,),
                contexts=(KubeContext(name="jane@a", cluster="a", user="jane", namespace="apps"),),
                current="jane@a",
                merge=True,
            ),
        ),
        (
            f"{CLUSTERS}, {USERS}, contextName: x, currentContext: z, {CONTEXTS}",
            Entries(
                clusters=(FIRST, SECOND),
                users=(JANE, ADMIN),
                contexts=(
                    KubeContext(name="x", cluster="a", user="jane"),
                    KubeContext(name="y", cluster="b", user="jane"),
                    KubeContext(name="z", cluster="a", user="boss", namespace="n"),
                ),
                current="z",
            ),
        ),
        (
            "users: {boss: {component: admin, embed: false}}",
            Entries(
                clusters=(FIRST,),
                users=(
                    JANE,
                    KubeUser(
                        name="boss",
                        component="component.admin",
                        embed=False,
                        client_certificate="/srv/admin.crt",
                        client_key="/srv/admin.key",
                    ),
                ),
                contexts=(CONTEXT,),
                current="jane@a",
            ),
        ),
    ],
)
def test_entries(fields: str, expected: Entries | None) -> None:
    """The first of each kind come from the plain fields, and are what the others fall back on."""
    assert entries_of(fields) == expected


def test_the_expanded_document_means_the_same() -> None:
    """What ``show desired`` prints can be used instead."""
    text = with_fields(f"{CLUSTERS}, {USERS}, contexts: {{y: {{cluster: b}}}}, merge: true")
    again = state_of(yaml.safe_dump(msgspec.to_builtins(compiled(text).expanded)))
    assert without_origins(again) == without_origins(state_of(text))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            "contexts: {y: {cluster: b}}",
            ("CPK330", "b", 'kubeconfig.jane has no cluster "b"', 'there is "a"'),
        ),
        (
            "contexts: {y: {user: janet}}",
            ("CPK330", "janet", 'kubeconfig.jane has no user "janet"', 'did you mean "jane"?'),
        ),
        (
            "currentContext: jane@b",
            ("CPK330", "jane@b", 'kubeconfig.jane has no context "jane@b"', 'did you mean "jane@a"?'),
        ),
        (
            'clusters: {a: {server: "https://b.test", bundle: other}}',
            (
                "CPK331",
                '{server: "https://b.test", bundle: other}',
                'kubeconfig.jane has two clusters "a": this one, and that of its own component and server',
                "rename it, or set clusterName",
            ),
        ),
        (
            'clusters: {b: {server: "https://b:x", bundle: other}}',
            ("CPK218", '"https://b:x"', '"https://b:x" is not the URL of an API server', "such as https://api.example.com:6443"),
        ),
        (
            'clusters: {b: {server: "https://b.test", bundle: othr}}',
            ("CPK203", "othr", 'there is no bundle "othr"', 'did you mean "other"?'),
        ),
        (
            "users: {boss: {component: admn}}",
            ("CPK202", "admn", 'there is no component "admn"', 'did you mean "admin"?'),
        ),
        (
            "users: {x: {component: agent}}",
            (
                "CPK213",
                "agent",
                'kubeconfig.jane holds component "agent", which has one instance on each of its nodes',
                "add the component's forEach to the kubeconfig",
            ),
        ),
        (
            "namespace: No_Namespace",
            (
                "CPK105",
                "No_Namespace",
                'kubeconfigs.jane.namespace: "No_Namespace" is not a namespace',
                "use lower-case letters, digits and hyphens (RFC 1123)",
            ),
        ),
    ],
)
def test_mistakes(fields: str, expected: tuple[str, str, str, str]) -> None:
    """At the very value, with the way out."""
    assert said_about(with_fields(fields)) == [expected]


def test_each_node_has_its_own() -> None:
    """A further cluster and a further user can be the node's."""
    text = with_fields("merge: false").replace("roles: [worker]}", "roles: [worker], addresses: [192.0.2.22]}") + (
        "  agent:\n"
        "    component: agent\n"
        "    bundle: main\n"
        "    forEach: {}\n"
        '    server: "https://a.test:6443"\n'
        '    clusters: {own: {server: "https://{node.host}:6443", bundle: main}}\n'
        "    users: {again: {component: agent, embed: false}}\n"
        "    path: agent.conf\n"
    )
    found = state_of(text).kubeconfigs["kubeconfig.agent[n-2]"]
    assert found.entries is not None
    assert (found.clusters[1].server, found.components) == ("https://192.0.2.22:6443", ("component.agent[n-2]",) * 2)
    assert found.entries.users[1].client_key == "/agent.key"


def test_a_node_without_an_address_is_told() -> None:
    """Where its address would stand in a URL."""
    text = with_fields("merge: false") + (
        '  agent: {component: agent, bundle: main, forEach: {}, server: "https://a.test:6443", path: agent.conf,\n'
        '    clusters: {own: {server: "https://{node.host}:6443", bundle: main}}}\n'
    )
    assert codes_of(text) == ["CPK217"]


def test_these_mistakes_cannot_be_turned_off() -> None:
    """A kubeconfig that has one could not be written."""
    text = with_fields("contexts: {y: {cluster: b}}") + "policy: {rules: {CPK330: off}}\n"
    assert sorted(codes_of(text)) == ["CPK226", "CPK330"]
