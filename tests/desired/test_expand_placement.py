"""Where things are placed, and what a view of one node holds."""

from __future__ import annotations

from typing import Final

import pytest

from tests.desired.compiling import CENTRAL, HEAD, NODES, codes_of, diagnostics_of, kubernetes, said_about, state_of

PKI: Final = "/etc/kubernetes/pki"
PER_NODE: Final = kubernetes(stores="")


@pytest.mark.parametrize(
    ("node", "cas", "creatable"),
    [
        ("cp-1", ["etcd", "front-proxy", "kubernetes"], True),
        ("cp-2", ["etcd", "front-proxy", "kubernetes"], False),
        ("w-1", ["kubernetes"], False),
    ],
)
def test_each_node_by_itself(node: str, cas: list[str], creatable: bool) -> None:
    """A node has the CAs that it needs, and makes them only where ``kubeadm init`` would run."""
    state = state_of(PER_NODE, node=node)
    assert sorted(state.cas) == cas
    assert {ca.creatable for ca in state.cas.values()} == {creatable}
    assert {ca.home for ca in state.cas.values()} == {"cp-1"}
    assert state.cas["kubernetes"].place.absolute == f"{PKI}/ca"
    assert {component.node for component in state.components.values()} == {node}


def test_a_certificate_file_serves_as_its_bundle() -> None:
    """In kubeadm's layout ``ca.crt`` is the CA's own file: no bundle is written over it."""
    assert [dict(state_of(PER_NODE, node=node).bundles) for node in ("cp-1", "w-1")] == [{}, {}]


#: Every CA of the cluster in its second generation, in the layouts in which a CA's own file is also a trust file.
SECOND: Final = "cas:\n  kubernetes: {generation: 2}\n  etcd: {generation: 2}\n  front-proxy: {generation: 2}\n"
SECOND_CENTRAL: Final = CENTRAL.replace("/ca}", "/ca, generation: 2}")


def trust_files(text: str, *, node: str | None = None) -> dict[str, str]:
    """Every bundle and its file as its node sees it."""
    return {address: bundle.place.on_node for address, bundle in state_of(text, node=node).bundles.items()}


@pytest.mark.parametrize(
    ("node", "names"),
    [
        ("cp-1", {"etcd": "etcd/ca", "front-proxy": "front-proxy-ca", "kubernetes": "ca"}),
        ("cp-2", {"etcd": "etcd/ca", "front-proxy": "front-proxy-ca", "kubernetes": "ca"}),
        ("w-1", {"kubernetes": "ca"}),
    ],
)
def test_from_the_second_generation_on_trust_has_a_file_of_its_own(node: str, names: dict[str, str]) -> None:
    """A signing file holds exactly one certificate, so what is trusted stands beside it, on every node that read it."""
    wanted = {f"bundle.{name}[{node}]": f"{PKI}/{stem}-bundle.crt" for name, stem in names.items()}
    assert trust_files(kubernetes(stores=SECOND), node=node) == wanted


def test_only_the_ca_of_a_second_generation_is_told_apart() -> None:
    """The others' certificate files go on serving."""
    text = kubernetes(stores="cas: {etcd: {generation: 2}}\n")
    assert trust_files(text, node="cp-1") == {"bundle.etcd[cp-1]": f"{PKI}/etcd/ca-bundle.crt"}


@pytest.mark.parametrize(
    ("rotation", "apart"),
    [("{soak: 1d}", True), ("{strategy: staged}", True), ("{strategy: renew}", False), ("{strategy: manual}", False)],
)
def test_a_rotation_that_begins_by_itself_finds_its_trust_file_apart(rotation: str, apart: bool) -> None:
    """When a CA falls due, git still says generation 1: both generations need a file to be trusted in all the same."""
    text = kubernetes(stores=f"cas: {{etcd: {{rotation: {rotation}}}}}\n")
    wanted = {"bundle.etcd[cp-1]": f"{PKI}/etcd/ca-bundle.crt"} if apart else {}
    assert trust_files(text, node="cp-1") == wanted


def test_trust_stands_beside_a_copy_of_the_ca() -> None:
    """Where control-plane nodes hold copies of the CA's pair; workers have no pair, and keep their file."""
    second = trust_files(kubernetes("distributeCAKeys: true", stores=SECOND_CENTRAL))
    assert {address: path for address, path in second.items() if "kubernetes" in address} == {
        **{f"bundle.kubernetes[cp-{i}]": f"{PKI}/ca-bundle.crt" for i in (1, 2, 3)},
        **{f"bundle.kubernetes[w-{i}]": f"{PKI}/ca.crt" for i in (1, 2)},
    }
    assert second["bundle.etcd[cp-1]"] == f"{PKI}/etcd/ca-bundle.crt"


def test_trust_stays_where_no_ca_stands() -> None:
    """With the CAs in a store of their own, generations move no file."""
    assert trust_files(kubernetes(stores=SECOND_CENTRAL)) == trust_files(kubernetes())


def test_what_a_user_placed_elsewhere_stays_there() -> None:
    """A bundle that is no CA's file keeps its path in the second generation, even the one we would take."""
    text = kubernetes(stores=SECOND) + f"bundles: {{kubernetes: {{path: {PKI[1:]}/ca-bundle.crt}}, etcd: {{path: trust.pem}}}}\n"
    assert trust_files(text, node="cp-2") == {
        "bundle.etcd[cp-2]": "/trust.pem",
        "bundle.front-proxy[cp-2]": f"{PKI}/front-proxy-ca-bundle.crt",
        "bundle.kubernetes[cp-2]": f"{PKI}/ca-bundle.crt",
    }


def test_a_file_in_the_way_of_a_bundle_is_a_clash() -> None:
    """Two outputs at the bundle's own path are told as everywhere."""
    text = kubernetes(stores=SECOND) + f"bundles: {{mine: {{cas: [etcd], path: {PKI[1:]}/ca-bundle.crt}}}}\n"
    assert [(code, message) for code, _, message, _ in said_about(text, node="cp-1")] == [
        ("CPK207", f"bundle.kubernetes[cp-1] and bundle.mine would both be {PKI}/ca-bundle.crt")
    ]


def test_a_bundle_of_two_cas_is_a_file_of_its_own() -> None:
    """A bundle at the path of a CA's certificate that holds more than it would overwrite it."""
    text = PER_NODE + "bundles: {kubernetes: {cas: [kubernetes, front-proxy]}}\n"
    assert [(code, message) for code, _, message, _ in said_about(text, node="cp-1")] == [
        ("CPK207", f"ca.kubernetes and bundle.kubernetes[cp-1] would both be {PKI}/ca.crt")
    ]


def test_keypair_is_made_at_home_and_copied_elsewhere() -> None:
    """The service-account key is made on the first control-plane node; workers have none."""
    made = {node: state_of(PER_NODE, node=node).keypairs for node in ("cp-1", "cp-2", "w-1")}
    assert {node: [keypair.creatable for keypair in keypairs.values()] for node, keypairs in made.items()} == {
        "cp-1": [True],
        "cp-2": [False],
        "w-1": [],
    }


def test_several_nodes_in_one_tree() -> None:
    """Without ``--node`` the nodes' files would be the same: one error for the store, with both ways out."""
    ((code, _, message, hint),) = said_about(PER_NODE)
    assert code == "CPK212"
    assert "[cp-1] and " in message
    assert "--node NAME" in hint
    assert '"/nodes/{node}"' in hint


def test_node_in_a_path_is_enough() -> None:
    """A path with ``{node}`` tells the nodes apart in one tree."""
    text = HEAD + NODES + "cas: {root: {path: root}}\n"
    text += 'components: {web: {ca: root, usages: [client auth], forEach: {roles: [worker]}, path: "web/{node}"}}\n'
    assert [component.place.absolute for component in state_of(text).components.values() if component.place] == [
        "/web/w-1",
        "/web/w-2",
    ]


def test_ca_keys_stay_in_their_store() -> None:
    """Where CAs have a store of their own, nodes get certificates and no key of a CA."""
    state = state_of(kubernetes())
    assert {name: (ca.place.absolute, ca.home, ca.replicas) for name, ca in state.cas.items()} == {
        name: (f"/authority/{name}/ca", None, ()) for name in ("etcd", "front-proxy", "kubernetes")
    }


def test_distributed_ca_keys() -> None:
    """With distributeCAKeys each control-plane node has a copy under an address of its own, which serves as its bundle."""
    state = state_of(kubernetes("distributeCAKeys: true"))
    assert [(replica.address, replica.place.absolute) for replica in state.cas["kubernetes"].replicas] == [
        (f"ca.kubernetes[cp-{i}]", f"/nodes/cp-{i}{PKI}/ca") for i in (1, 2, 3)
    ]
    assert sorted(state.bundles) == ["bundle.kubernetes[w-1]", "bundle.kubernetes[w-2]"]


def test_distributed_ca_keys_in_kubeadms_layout() -> None:
    """Where each node runs this by itself, the CA's own files are the copy."""
    assert state_of(kubernetes("distributeCAKeys: true", stores=""), node="cp-2").cas["kubernetes"].replicas == ()


def test_central_view_of_a_node_can_make_cas() -> None:
    """All files are on this machine, whichever node the view is restricted to."""
    state = state_of(kubernetes(), node="w-1")
    assert {name: ca.creatable for name, ca in state.cas.items()} == {"kubernetes": True}


PEOPLE: Final = "components: {jane: {ca: kubernetes, usages: [client auth], store: authority, path: people/jane}}\n"


@pytest.mark.parametrize(("node", "there"), [(None, True), ("cp-1", True), ("cp-2", False), ("w-1", False)])
def test_what_belongs_to_no_node_lives_at_home(node: str | None, there: bool) -> None:
    """A person's certificate is made once, in the view of the first control-plane node."""
    assert ("component.jane" in state_of(kubernetes() + PEOPLE, node=node).components) is there


@pytest.mark.parametrize(("roles", "home"), [("control-plane", "b"), ("etcd", "a")])
def test_home_is_the_first_control_plane_node(roles: str, home: str) -> None:
    """Without a preset too; where nobody is one, the first node."""
    nodes = f"nodes: [{{name: a, roles: [worker]}}, {{name: b, roles: [{roles}]}}]\n"
    state = state_of(HEAD + nodes + "cas: {root: {path: root}}\n")
    assert state.cas["root"].home == home


def test_explicit_home() -> None:
    """A CA can be made on another node."""
    text = HEAD + NODES + "cas: {root: {path: root, home: cp-2}}\n"
    text += "components: {api: {ca: root, usages: [client auth], forEach: {}, path: api}}\n"
    assert {node: state_of(text, node=node).cas["root"].creatable for node in ("cp-1", "cp-2")} == {"cp-1": False, "cp-2": True}


@pytest.mark.parametrize("root", ["/tmp/x", "/tmp/x/"])
def test_root_is_put_before_every_absolute_path(root: str) -> None:
    """Stores, password files and imports move below ``--root``; what a kubeconfig says about its node does not."""
    more = (
        "components:\n  jane:\n    ca: kubernetes\n    usages: [client auth]\n    store: authority\n    path: people/jane\n"
        "    outputs: [pkcs12, pem]\n    pkcs12: {passwordFile: /etc/password}\n"
        "imports: [{to: component.jane, id: /authority/people/jane.crt}]\n"
    )
    state = state_of(kubernetes() + more, root=root)
    jane = state.components["component.jane"]
    assert jane.place is not None
    assert (jane.place.absolute, jane.pkcs12_password_file) == ("/tmp/x/authority/people/jane", "/tmp/x/etc/password")
    assert jane.outputs == ("pem", "pkcs12")
    assert state.imports == {"component.jane": "/tmp/x/authority/people/jane.crt"}
    assert state.kubeconfigs["kubeconfig.kubelet[w-1]"].client_key.startswith("/var/lib/kubelet/")


def test_unknown_node_in_view() -> None:
    """``--node`` with a name that is not declared suggests one that is."""
    (diagnostic,) = diagnostics_of(kubernetes(), node="cp-11")
    assert (diagnostic.code, diagnostic.hint) == ("CPK205", 'did you mean "cp-1"?')


def test_no_nodes_at_all() -> None:
    """``forEach: {}`` without any nodes is one instance without a node."""
    text = HEAD + "cas: {root: {path: root}}\nbundles: {trust: {cas: [root], forEach: {}, path: trust.pem}}\n"
    assert list(state_of(text).bundles) == ["bundle.trust"]


def test_staging_prefix_is_not_part_of_what_a_node_sees() -> None:
    """What follows the node's directory in a root is part of the path on the node."""
    stores = CENTRAL.replace("/nodes/{node}", "/srv/{node}/image/opt")
    kubeconfig = state_of(kubernetes(stores=stores)).kubeconfigs["kubeconfig.kubelet[w-1]"]
    assert kubeconfig.client_key == "/image/opt/var/lib/kubelet/pki/kubelet-client-current.pem"
    assert (kubeconfig.place.absolute, kubeconfig.place.on_node) == (
        "/srv/w-1/image/opt/etc/kubernetes/kubelet.conf",
        "/image/opt/etc/kubernetes/kubelet.conf",
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("{path: a}", "{path: a}", id="same"),
        pytest.param("{path: a}", "{path: a.crt/b}", id="inside-certificate"),
        pytest.param("{path: x/a}", "{path: x/.a/b}", id="inside-generations"),
        pytest.param("{path: a.crt/b}", "{path: a}", id="holds"),
        pytest.param("{path: a.crt/b/c/d}", "{path: a}", id="holds-deep"),
        pytest.param("{path: a, outputs: [combined]}", "{path: b, store: other}", id="no-clash"),
        pytest.param("{path: x/a}", "{path: a, store: same}", id="another-store"),
    ],
)
def test_clashes(first: str, second: str) -> None:
    """Every file of a place counts, in whatever store, and directories count as much as files."""
    common = "ca: root, usages: [client auth], "
    text = HEAD + "stores: {other: {type: file, root: /other}, same: {type: file, root: /x}}\ncas: {root: {path: root}}\n"
    text += f"components:\n  one: {{{common}{first[1:]}\n  two: {{{common}{second[1:]}\n"
    assert codes_of(text) == ([] if "other" in second else ["CPK207"])


def test_the_directory_of_generations_belongs_to_a_pair_in_every_layout() -> None:
    """A pair that goes over to plain files has one of before, and takes it away."""
    text = HEAD + "stores: {files: {type: file, root: /, layout: plain}}\ncas: {root: {path: x/a}, two: {path: x/.a/b}}\n"
    assert codes_of(text) == ["CPK207"]
