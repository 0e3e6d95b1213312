"""Names that lead nowhere, fields that are missing, addresses that do not fit: all in one run, each with its way out."""

from __future__ import annotations

import pytest

from reconciler.desired.moves import Move, Removal
from tests.desired.compiling import HEAD, NODES, ROOT, codes_of, kubernetes, said_about, state_of

MANY = (
    HEAD
    + """\
nodes: [{name: n-1, roles: [worker], addresses: [192.0.2.1]}]
cas:
  root: {path: root, home: n-2, copies: {forEach: {nodes: [n-3]}, path: copy, store: nowhere}}
  lost: {path: lost, issuer: rooot}
components:
  api: {ca: roto, usages: [client auth], path: api, store: filez}
  web: {usages: [client auth], path: web}
bundles:
  trust: {cas: [root, other], path: trust.pem, forEach: {nodes: [n-9]}}
kubeconfigs:
  jane: {component: apo, bundle: truss, server: "https://a", path: jane.conf}
keypairs:
  sa: {home: n-5}
"""
)


def test_all_mistakes_in_one_run() -> None:
    """Every broken reference is told, and nothing that only follows from one."""
    assert [(code, marked) for code, marked, *_ in said_about(MANY)] == [
        ("CPK205", "n-2"),
        ("CPK205", "n-3"),
        ("CPK204", "nowhere"),
        ("CPK201", "rooot"),
        ("CPK201", "roto"),
        ("CPK204", "filez"),
        ("CPK208", "web"),
        ("CPK201", "other"),
        ("CPK205", "n-9"),
        ("CPK202", "apo"),
        ("CPK203", "truss"),
        ("CPK208", "sa"),
        ("CPK205", "n-5"),
    ]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("cas: {root: {}}", ('CA "root" needs `path`', "add `path`")),
        ("keypairs: {k: {}}", ('keypair "k" needs `path`', "add `path`")),
        ("components: {c: {}}", ('component "c" needs `ca` and `usages`', "add `ca` and `usages`")),
        ("bundles: {b: {}}", ('bundle "b" needs `cas` and `path`', "add `cas` and `path`")),
        (
            "kubeconfigs: {k: {}}",
            (
                'kubeconfig "k" needs `component` and `bundle` and `server` and `path`',
                "add `component` and `bundle` and `server` and `path`",
            ),
        ),
    ],
)
def test_missing_fields(entry: str, expected: tuple[str, str]) -> None:
    """All fields that an entry lacks are named at once."""
    ((code, _, message, hint),) = said_about(HEAD + entry + "\n")
    assert (code, (message, hint)) == ("CPK208", expected)


def test_misspelt_override() -> None:
    """An incomplete entry beside a preset was meant to override one of the preset's."""
    ((code, marked, _, hint),) = said_about(kubernetes() + "components: {api-server: {lifetime: 90d}}\n")
    assert (code, marked, hint) == ("CPK208", "api-server", 'did you mean "apiserver"?')


def test_dropped_and_still_needed() -> None:
    """Dropping a component of the preset that a kubeconfig of the preset holds says what to drop, too."""
    ((code, _, message, hint),) = said_about(kubernetes() + "components: {kubelet-client: null}\n")
    assert code == "CPK202"
    assert message == 'kubeconfig.kubelet needs component "kubelet-client", which is dropped with null'
    assert hint == "drop kubeconfig.kubelet with null too, or keep both"
    assert codes_of(kubernetes() + "components: {kubelet-client: null}\nkubeconfigs: {kubelet: null}\n") == []


@pytest.mark.parametrize(
    ("cas", "cycle"),
    [
        ("a: {path: a, issuer: a}", "ca.a -> ca.a"),
        ("a: {path: a, issuer: c}, b: {path: b, issuer: a}, c: {path: c, issuer: b}", "ca.a -> ca.c -> ca.b -> ca.a"),
        ("z: {path: z, issuer: a}, a: {path: a, issuer: b}, b: {path: b, issuer: a}", "ca.a -> ca.b -> ca.a"),
        ("a: {path: a, issuer: c}, b: {path: b, issuer: c}, c: {path: c, issuer: b}", "ca.b -> ca.c -> ca.b"),
    ],
)
def test_cycles(cas: str, cycle: str) -> None:
    """A circle of issuers is told once, from the first name, even when other CAs lead into it."""
    ((code, _, message, _),) = said_about(HEAD + f"cas: {{{cas}}}\n")
    assert (code, message) == ("CPK206", f"each is issued by the next: {cycle}")


def test_kubeconfig_of_a_component_without_for_each() -> None:
    """One certificate can be in the kubeconfigs of many nodes."""
    text = HEAD + NODES + 'stores: {files: {type: file, root: "/n/{node}"}, ca: {type: file, root: /ca}}\n'
    text += (
        "cas: {root: {path: root, store: ca}}\ncomponents: {agent: {ca: root, usages: [client auth], path: agent, store: ca}}\n"
    )
    text += "bundles: {trust: {cas: [root], path: trust.pem, store: ca}}\n"
    text += "kubeconfigs: {agent: {component: agent, bundle: trust, forEach: {}, server: 'https://a', path: agent.conf}}\n"
    assert {config.component for config in state_of(text).kubeconfigs.values()} == {"component.agent"}
    alone = state_of(text, node="w-2")
    assert (list(alone.components), list(alone.kubeconfigs)) == (["component.agent"], ["kubeconfig.agent[w-2]"])


@pytest.mark.parametrize(
    ("outputs", "code"),
    [
        ("outputs: [der]", ["CPK221"]),
        ("outputs: [pkcs12, pem]", ["CPK221"]),
        ("outputs: [pkcs12, pem], pkcs12: {passwordFile: relative}", ["CPK221"]),
        ("outputs: [pkcs12, der, combined, fullchain], pkcs12: {passwordFile: /etc/p}", []),
    ],
)
def test_outputs(outputs: str, code: list[str]) -> None:
    """A key is kept in at least one output, and a PKCS #12 file needs a password."""
    assert codes_of(ROOT + f"components: {{a: {{ca: root, usages: [client auth], path: a, {outputs}}}}}\n") == code


def test_outputs_are_in_one_order() -> None:
    """However they are written."""
    text = ROOT + "components: {a: {ca: root, usages: [client auth], path: a, outputs: [der, combined, fullchain, pem]}}\n"
    assert state_of(text).components["component.a"].outputs == ("pem", "fullchain", "combined", "der")


CLIENT = ROOT + "components: {a: {ca: root, usages: [client auth], path: a}}\n"


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("moved: [{from: component, to: component.a}]", '"component" is not an address'),
        ("moved: [{from: 'component.b[', to: component.a}]", '"component.b[" is not an address'),
        ("moved: [{from: 'component.b/c', to: component.a}]", '"component.b/c" is not an address'),
        ("moved: [{from: certificate.b, to: component.a}]", '"certificate.b": there is no kind "certificate"'),
        ("moved: [{from: component.b, to: component.c}]", "there is no component.c"),
        ("moved: [{from: component.b, to: 'component.a[n]'}]", "there is no component.a[n]"),
        ("moved: [{from: component.a, to: component.a}]", "component.a is still declared"),
        ("moved: [{from: ca.old, to: component.a}]", "ca.old cannot become component.a"),
        ("removed: [{from: component.a}]", "component.a is still declared"),
        ("imports: [{to: component.c, id: /c.crt}]", "there is no component.c"),
        ("adopted: [component.c]", "there is no component.c"),
    ],
)
def test_bad_addresses(section: str, message: str) -> None:
    """Each entry is checked against what is declared."""
    assert [(code, said) for code, _, said, _ in said_about(CLIENT + section + "\n")] == [("CPK215", message)]


def test_whole_entries_move_and_leave() -> None:
    """An address without a node stands for every instance of its entry."""
    text = (
        kubernetes()
        + "moved: [{from: component.proxy, to: component.kube-proxy}]\nremoved: [{from: component.old, destroy: true}]\n"
    )
    nodes = ("cp-1", "cp-2", "cp-3", "w-1", "w-2")
    state = state_of(text)
    assert state.moves == tuple(Move(source=f"component.proxy[{n}]", target=f"component.kube-proxy[{n}]") for n in nodes)
    assert state.removals == (
        Removal(address="component.old", destroy=True),
        *(Removal(address=f"component.old[{n}]", destroy=True) for n in nodes),
    )


def test_whole_entries_are_adopted() -> None:
    """An address without a node stands for every instance of its entry, those of a keypair for each replica."""
    text = kubernetes() + "adopted: [component.apiserver, 'bundle.kubernetes[w-1]', kubeconfig.super-admin, keypair.sa]\n"
    assert state_of(text).adopted == {
        *(f"component.apiserver[{node}]" for node in ("cp-1", "cp-2", "cp-3")),
        *(f"keypair.sa[{node}]" for node in ("cp-1", "cp-2", "cp-3")),
        "bundle.kubernetes[w-1]",
        "kubeconfig.super-admin[cp-1]",
    }


@pytest.mark.parametrize(
    ("to", "path"),
    [
        ("ca.root", "/root.crt"),
        ("component.a", "/a.crt"),
        ("component.b", "/b.pem"),
        ("keypair.k", "/k.key"),
        ("bundle.t", "/t.pem"),
        ("kubeconfig.c", "/c.conf"),
    ],
)
def test_imports(to: str, path: str) -> None:
    """The id is the file that stands for its address."""
    text = CLIENT.replace("path: a}", "path: a}, b: {ca: root, usages: [client auth], path: b, outputs: [combined]}")
    text += "keypairs: {k: {path: k}}\nbundles: {t: {cas: [root], path: t.pem}}\n"
    text += "kubeconfigs: {c: {component: a, bundle: t, server: 'https://a', path: c.conf}}\n"
    assert state_of(text + f"imports: [{{to: {to}, id: {path}}}]\n").imports == {to: path}
    assert codes_of(text + f"imports: [{{to: {to}, id: {path}x}}]\n") == ["CPK230"]


@pytest.mark.parametrize(
    ("settings", "nodes", "message"),
    [
        ("controlPlaneEndpoint: ':6443'", NODES, '":6443" is not host:port'),
        ("controlPlaneEndpoint: 'a:b:c'", NODES, '"a:b:c" is not host:port'),
        ("controlPlaneEndpoint: 'a:70000'", NODES, '"a:70000" is not host:port'),
        ("controlPlaneEndpoint: 'a_b:6443'", NODES, '"a_b" has an underscore, which verifiers refuse in a host name'),
        ("serviceSubnets: [nonsense]", NODES, '"nonsense" is not a subnet'),
        ("serviceSubnets: [10.0.0.0/30]", NODES, '"10.0.0.0/30" has fewer than 10 addresses'),
        ("serviceSubnets: [10.0.0.0/16, 10.1.0.0/16]", NODES, "two service subnets must be one of IPv4 and one of IPv6"),
        ("dnsDomain: Cluster.local", NODES, '"Cluster.local" has upper-case letters'),
        ("", "nodes: [{name: w, roles: [worker]}]\n", "preset kubeadm needs at least one node of role control-plane"),
        ("", "", "preset kubeadm needs at least one node of role control-plane"),
    ],
)
def test_settings_of_kubernetes(settings: str, nodes: str, message: str) -> None:
    """What no cluster can have."""
    assert ("CPK218", message) in [(code, said) for code, _, said, _ in said_about(kubernetes(settings, nodes=nodes))]


def test_node_without_address_is_told_once() -> None:
    """Many certificates need it; the mistake is one."""
    found = said_about(kubernetes(nodes="nodes: [{name: cp-1, roles: [control-plane]}]\n"))
    assert [code for code, *_ in found] == ["CPK217"]


def test_an_unknown_ca_hides_nothing_else() -> None:
    """All mistakes of a component are told at once, also when its CA is misspelt."""
    text = """\
apiVersion: cluster-pki/v1
cluster: demo
cas: {main: {path: ca/main}}
components:
  api: {ca: mian, usages: [server auth], sans: {dns: [10.0.0.1, UP.test]}, path: ../api, renewBefore: 2y}
"""
    assert codes_of(text) == ["CPK201", "CPK227", "CPK227", "CPK225"]


def test_what_lives_in_a_kubeconfig_needs_one_on_each_of_its_nodes() -> None:
    """On a node without the file, certificate and key would be nowhere."""
    text = kubernetes() + "kubeconfigs: {scheduler: {forEach: {nodes: [cp-1, cp-2]}}}\n"
    ((code, _, message, _),) = said_about(text)
    assert (code, message) == ("CPK214", "component.scheduler[cp-3] lives in kubeconfig.scheduler[cp-3], which there is not")
