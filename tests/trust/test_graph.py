"""The edges that a desired state has: who connects to whom, under which name, trusting what."""

from __future__ import annotations

import pytest

from reconciler.desired.model import DesiredState
from reconciler.trust.edges import graph_of
from reconciler.trust.graph import End, Family, Graph
from tests.desired.compiling import CENTRAL, HEAD, kubernetes, state_of
from tests.trust.scenes import ENDPOINT, SMALL, connections, failures, made, proven, small

EVERYTHING = {
    "E1": 2, "E2": 2, "E3": 2, "E4": 6, "E5": 6, "E6": 6, "E7": 2, "E8": 2, "E9": 6, "E10": 10, "E11": 4, "E13": 4, "E20": 4,
}  # fmt: skip


def family(graph: Graph, identity: str, client: str = "") -> Family:
    """The first family of an edge, of a kind of client."""
    return next(each for each in graph.families if each.id == identity and (not client or each.clients[0].kind == client))


def test_every_edge_of_a_cluster_with_stacked_etcd() -> None:
    """Two control-plane nodes and a worker: each pair that connects is counted once a purpose."""
    desired = small()
    document = proven(desired, made(desired))
    assert dict(connections(document)) == EVERYTHING
    assert document.summary.connections == sum(EVERYTHING.values()) == graph_of(desired).connections


@pytest.mark.parametrize(
    ("identity", "client", "end"),
    [
        (
            "E1",
            "",
            End(
                who="component.apiserver-etcd-client[cp-1]",
                kind="apiserver-etcd-client",
                node="cp-1",
                presents="component.apiserver-etcd-client[cp-1]",
                trusts="bundle.etcd[cp-1]",
            ),
        ),
        (
            "E6",
            "",
            End(
                who="kubeconfig.kubelet[cp-1]",
                kind="kubelet",
                node="cp-1",
                presents="component.kubelet-client[cp-1]",
                trusts="kubeconfig.kubelet[cp-1]",
                hosts=("api.demo.internal",),
            ),
        ),
        (
            "E7",
            "",
            End(
                who="kubeconfig.controller-manager[cp-1]",
                kind="controller-manager",
                node="cp-1",
                presents="kubeconfig.controller-manager[cp-1]",
                trusts="kubeconfig.controller-manager[cp-1]",
                hosts=("192.0.2.11",),
            ),
        ),
        (
            "E10",
            "pods",
            End(who="pods", kind="pods", trusts="bundle.kubernetes[cp-1]", hosts=("kubernetes.default.svc", "10.96.0.1")),
        ),
        (
            "E13",
            "",
            End(
                who="component.front-proxy-client[cp-1]",
                kind="front-proxy-client",
                node="cp-1",
                presents="component.front-proxy-client[cp-1]",
            ),
        ),
    ],
)
def test_what_a_client_presents_trusts_and_dials(identity: str, client: str, end: End) -> None:
    """As the programs of a kubeadm cluster are configured."""
    assert family(graph_of(small()), identity, client).clients[0] == end


@pytest.mark.parametrize(
    ("identity", "hosts"),
    [("E1", ("127.0.0.1",)), ("E2", ("192.0.2.11",)), ("E3", ("127.0.0.1",)), ("E5", ("192.0.2.11",))],
)
def test_where_a_server_is_reached(identity: str, hosts: tuple[str, ...]) -> None:
    """Etcd on loopback by its own node, on the advertised address by others; the kubelet by its InternalIP."""
    assert family(graph_of(small()), identity).servers[0].hosts == hosts


def test_loopback_is_of_the_family_of_the_node() -> None:
    """As kubeadm has it: [::1] in --etcd-servers where the advertised address is IPv6."""
    desired = small(nodes="nodes:\n  - {name: cp-1, roles: [control-plane], addresses: ['2001:db8::11']}\n")
    graph = graph_of(desired)
    assert (family(graph, "E1").servers[0].hosts, family(graph, "E4").servers[0].hosts) == (("::1",), ("2001:db8::11",))
    assert proven(desired, made(desired)).broken is False


def test_controller_manager_talks_to_the_api_server_beside_it_alone() -> None:
    """Its kubeconfig names its own node, so no other API server has to accept it."""
    graph = graph_of(small())
    assert [(each.clients[0].node, [server.node for server in each.servers]) for each in graph.families if each.id == "E7"] == [
        ("cp-1", ["cp-1"]),
        ("cp-2", ["cp-2"]),
    ]


def test_external_etcd_is_reached_by_address() -> None:
    """Each API server connects to each member; only the members' own nodes have loopback."""
    nodes = SMALL + "  - {name: e-1, roles: [etcd], addresses: [192.0.2.31]}\n"
    desired = small(nodes=nodes)
    document = proven(desired, made(desired))
    assert connections(document)["E1"] == 2
    assert family(graph_of(desired), "E1").servers[0].hosts == ("192.0.2.31",)
    # A single member has no peers, which nobody needs to be told.
    assert "E2" not in connections(document)
    assert "E2" not in {each.id for each in document.not_judged}
    assert document.broken is False


def test_without_serving_certificates_nothing_is_said_about_kubelets() -> None:
    """What is not declared is named, with the reason, instead of passing silently."""
    desired = small(more="components: {kubelet-serving: null}\n")
    graph = graph_of(desired)
    assert "E5" not in {each.id for each in graph.families}
    assert {each.id: each.why for each in graph.left_out}["E5"] == "the components of one of its ends are not declared"


def test_the_view_of_a_worker() -> None:
    """It holds no API server, so nothing can be said about its connections; each is named."""
    desired = small(stores="", node="w-1")
    graph = graph_of(desired)
    assert graph.families == ()
    assert {each.id for each in graph.left_out} >= {f"E{number}" for number in range(1, 23)}


def test_a_control_plane_node_by_itself_trusts_the_certificate_files_of_its_cas() -> None:
    """A bundle that would be exactly ca.crt is left out of the desired state; the CA's file is then what is trusted."""
    desired = small(stores="", node="cp-1")
    assert family(graph_of(desired), "E1").servers[0].trusts == "ca.etcd"
    assert proven(desired, made(desired)).broken is False


def test_copies_of_cas_are_trust_files_on_their_nodes() -> None:
    """With distributed CA keys the copy on a node stands in for its bundle."""
    desired = state_of(kubernetes(f"{ENDPOINT}, distributeCAKeys: true", nodes=SMALL, stores=CENTRAL))
    graph = graph_of(desired)
    assert [server.trusts for server in family(graph, "E3").servers] == ["ca.etcd[cp-1]", "ca.etcd[cp-2]"]
    assert {server.trusts for server in family(graph, "E5").servers} == {
        "ca.kubernetes[cp-1]",
        "ca.kubernetes[cp-2]",
        "bundle.kubernetes[w-1]",
    }
    assert proven(desired, made(desired)).broken is False


def test_another_pki_has_no_edges_of_its_own() -> None:
    """Without a preset nothing is guessed."""
    graph = graph_of(state_of(HEAD + "cas: {root: {path: root}}\n"))
    assert graph == Graph(families=())


WEB = (
    HEAD
    + """\
nodes:
  - {name: a, roles: [worker], addresses: [192.0.2.1]}
  - {name: b, roles: [worker], addresses: [192.0.2.2]}
stores:
  files: {type: file, root: "/nodes/{node}"}
  authority: {type: file, root: /authority}
cas:
  internal: {store: authority, path: ca}
components:
  web: {ca: internal, forEach: {}, usages: [client auth], path: web}
  db: {ca: internal, forEach: {}, usages: [server auth], sans: {dns: ["{node}.db.example.com"]}, path: db}
bundles:
  internal: {cas: [internal], forEach: {}, path: ca.crt}
edges:
"""
)
ALL = "  web-to-db: {client: web, server: db, hosts: ['{node}.db.example.com'], trust: internal, clientTrust: internal}\n"


def web(edges: str) -> DesiredState:
    """Two nodes, each with a client and a server, and these edges."""
    return state_of(WEB + edges)


@pytest.mark.parametrize(
    ("edge", "number", "failing"),
    [
        (ALL, 4, {}),
        (ALL.replace("}\n", ", pairs: same-node}\n"), 2, {}),
        ("  web-to-db: {client: web, server: db, hosts: ['{node}.db.example.com'], trust: internal}\n", 4, {}),
        ("  web-to-db: {server: db, hosts: ['{node}.db.example.com'], trust: internal}\n", 4, {}),
        ("  web-to-db: {server: db, hosts: ['{node.addresses}'], trust: internal}\n", 4, {"web-to-db": ("HostMismatch",)}),
        (
            "  web-to-db: {client: db, server: db, hosts: ['{node}.db.example.com'], trust: internal, clientTrust: internal}\n",
            4,
            {"web-to-db": ("UsageMismatch",)},
        ),
    ],
    ids=["all", "same-node", "no-client-certificate", "holders", "addresses", "not-a-client"],
)
def test_declared_edges(edge: str, number: int, failing: dict[str, tuple[str, ...]]) -> None:
    """Each pair is tried as it was declared: who connects, under which names, and whether the server asks."""
    desired = web(edge)
    document = proven(desired, made(desired))
    assert (dict(connections(document)), failures(document)) == ({"web-to-db": number}, failing)


def test_a_declared_edge_without_an_end_in_this_view_is_named() -> None:
    """``--node`` leaves no server that trusts anything: it is said, not passed over."""
    edges = "  far: {client: web, server: lone, hosts: [lone.example.com], trust: internal, clientTrust: elsewhere}\n"
    text = WEB.replace("bundles:\n", "bundles:\n  elsewhere: {cas: [internal], forEach: {nodes: [b]}, path: other.crt}\n")
    text = text.replace("components:\n", "components:\n  lone: {ca: internal, forEach: {nodes: [a]}, usages: [server auth], "
                        "sans: {dns: [lone.example.com]}, path: lone}\n")  # fmt: skip
    graph = graph_of(state_of(text + edges))
    assert [(each.id, each.why) for each in graph.left_out] == [("far", "this view holds no server of it with its trust file")]
