"""Declared edges: what they become, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.desired.connected import Edge, KubernetesFacts
from tests.desired.compiling import HEAD, codes_of, kubernetes, merged, said_about, state_of

TEXT = (
    HEAD
    + """\
nodes:
  - {name: a, roles: [worker], addresses: [192.0.2.1, '2001:db8::1']}
  - {name: b, roles: [worker], addresses: [192.0.2.2]}
stores:
  files: {type: file, root: "/nodes/{node}"}
  authority: {type: file, root: /authority}
cas:
  internal: {store: authority, path: ca}
components:
  web: {ca: internal, forEach: {}, usages: [client auth], path: web}
  db: {ca: internal, forEach: {}, usages: [server auth], sans: {dns: ["{node}"]}, path: db}
bundles:
  trust: {cas: [internal], forEach: {}, path: ca.crt}
"""
)
EDGE: dict[str, Any] = {"client": "web", "server": "db", "hosts": ["{node}"], "trust": "trust", "clientTrust": "trust"}


def edges(**fields: Any) -> str:  # noqa: ANN401 - any field of an edge, None to leave it out
    """The document with one edge."""
    return merged(TEXT, {"edges": {"web-to-db": {key: value for key, value in (EDGE | fields).items() if value is not None}}})


def test_an_edge_with_everything() -> None:
    """Hosts are those of each server, with the addresses of its node."""
    state = state_of(edges(hosts=["{node}", "{node.addresses}", "db.example.com", "10.0.0.1"], pairs="same-node"))
    assert state.edges == {
        "web-to-db": Edge(
            name="web-to-db",
            client="web",
            server="db",
            hosts={
                "component.db[a]": ("a", "192.0.2.1", "2001:db8::1", "db.example.com", "10.0.0.1"),
                "component.db[b]": ("b", "192.0.2.2", "db.example.com", "10.0.0.1"),
            },
            trust="trust",
            trust_cas=("internal",),
            client_trust="trust",
            client_trust_cas=("internal",),
            same_node=True,
            origin=("edges", "web-to-db"),
        )
    }


def test_what_may_be_left_out() -> None:
    """Without a client whoever holds the bundle connects; without clientTrust nobody shows a certificate."""
    edge = state_of(edges(client=None, clientTrust=None)).edges["web-to-db"]
    assert (edge.client, edge.client_trust, edge.client_trust_cas, edge.same_node) == ("", "", (), False)


def test_an_address_in_a_url_loses_its_brackets() -> None:
    """{node.host} is for URLs; what is dialled is the address."""
    assert state_of(edges(hosts=["{node.address}"])).edges["web-to-db"].hosts["component.db[a]"] == ("192.0.2.1",)


def test_in_the_view_of_a_node_servers_are_those_of_the_node() -> None:
    """The names of everything else are known all the same."""
    per_node = merged(edges(), {"stores": {"files": {"type": "file", "root": "/"}}, "cas": {"internal": {"path": "pki/ca"}}})
    assert set(state_of(per_node, node="b").edges["web-to-db"].hosts) == {"component.db[b]"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"client": "wep"}, [("CPK202", "wep", 'there is no component "wep"', 'did you mean "web"?')]),
        ({"server": "bd"}, [("CPK202", "bd", 'there is no component "bd"', 'there is "db", "web"')]),
        ({"trust": "trusty"}, [("CPK203", "trusty", 'there is no bundle "trusty"', 'did you mean "trust"?')]),
        ({"clientTrust": "thrust"}, [("CPK203", "thrust", 'there is no bundle "thrust"', 'did you mean "trust"?')]),
        (
            {"client": None},
            [
                (
                    "CPK240",
                    "trust",
                    'edge "web-to-db" has a server that asks for a certificate, and a client that has none',
                    "name the `client`, or remove `clientTrust`",
                )
            ],
        ),
    ],
)
def test_what_is_wrong_with_an_edge(fields: dict[str, Any], said: list[tuple[str, str, str, str]]) -> None:
    """Each mistake at its place, with the way out."""
    assert said_about(edges(**fields)) == said


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("*.example.com", "CPK240"),
        ("db.example.com:5432", "CPK240"),
        ("https://db.example.com", "CPK240"),
        ("DB.example.com", "CPK240"),
        ("10.0.0.300", "CPK240"),
        ("{nodes}", "CPK210"),
        ("x-{node.addresses}", "CPK210"),
    ],
)
def test_hosts_that_nobody_could_dial(host: str, code: str) -> None:
    """A name or an address, as a client would give it to its TLS library."""
    assert codes_of(edges(hosts=[host])) == [code]


def test_every_mistake_is_told_at_once() -> None:
    """A wrong component hides no wrong bundle."""
    assert sorted(codes_of(edges(client="x", server="y", trust="z", clientTrust="w"))) == ["CPK202", "CPK202", "CPK203", "CPK203"]


def test_a_node_without_the_address_that_is_dialled() -> None:
    """Told once, at the node."""
    text = merged(edges(hosts=["{node.address}"]), {"nodes": [{"name": "a", "roles": ["worker"]}]})
    assert codes_of(text) == ["CPK217"]


def test_a_placeholder_needs_a_server_on_nodes() -> None:
    """A server that belongs to no node has no {node}."""
    text = edges(server="lone")
    more = {"lone": {"ca": "internal", "usages": ["server auth"], "sans": {"dns": ["l"]}, "store": "authority", "path": "l"}}
    import yaml  # noqa: PLC0415 - one test puts documents together

    document = yaml.safe_load(text)
    document["components"] |= more
    assert codes_of(yaml.safe_dump(document)) == ["CPK211"]


def test_the_facts_of_a_cluster() -> None:
    """Version, endpoint and service address are known where there is a preset, and nowhere else."""
    settings = "version: '1.30.2', controlPlaneEndpoint: 'api.demo.internal:6443', serviceSubnets: [10.0.0.0/16]"
    state = state_of(kubernetes(settings))
    assert state.kubernetes == KubernetesFacts(version=(1, 30), endpoint="api.demo.internal:6443", service_ip="10.0.0.1")
    assert state.node_addresses["w-2"] == ("192.0.2.22", "2001:db8::22")
    assert state_of(TEXT).kubernetes is None
