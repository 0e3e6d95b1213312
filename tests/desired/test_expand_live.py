"""Hooks, probes and groups: what they become on each node, and what is wrong with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest
import yaml

from reconciler.desired.live import AnyHook, ExecHook, HttpHook, Probe, SignalHook, SystemdHook, TouchHook
from reconciler.desired.model import Group
from tests.desired.compiling import HEAD, NODES, kubernetes, said_about, state_of

MINUTE: Final = timedelta(minutes=1)
#: For a component on each worker.
WORKERS: Final = {"forEach": {"roles": ["worker"]}, "path": "pki/{node}"}


class Plain(yaml.SafeDumper):
    """Without anchors, which are not part of the format."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - as the base has it
        """Nothing is written as a reference."""
        return True


def document(*, nodes: str = NODES, **sections: Any) -> str:  # noqa: ANN401 - any section
    """A CA, nodes, and a server ``web`` unless `sections` has other components."""
    whole = {"cas": {"root": {"path": "root"}}, "components": {"web": server()}, **sections}
    return HEAD + nodes + yaml.dump(whole, Dumper=Plain, width=1000)


def server(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    """A component that belongs to no node, unless `fields` say otherwise."""
    return {"ca": "root", "usages": ["server auth"], "sans": {"dns": ["web.test"]}, "path": "pki/web", **fields}


def hooked(*hooks: dict[str, Any], **fields: Any) -> str:  # noqa: ANN401 - any field
    """A document whose server has these hooks."""
    return document(components={"web": server(after=list(hooks), **fields)})


def probed(probe: dict[str, Any], **fields: Any) -> str:  # noqa: ANN401 - any field
    """A document whose server has this probe."""
    return document(components={"web": server(probe=probe, **fields)})


#: As written, and what it becomes with ``--root /image``.
HOOKS: Final[list[tuple[dict[str, Any], AnyHook]]] = [
    ({"exec": ["/bin/reload", "/etc/x"]}, ExecHook(argv=("/bin/reload", "/etc/x"), timeout=MINUTE)),
    # A shell and its variables, JSON, a lone brace: only what is written like our placeholders is one.
    (
        {"exec": ["sh", "-c", "{ a; echo ${name} ${X}; }", '{"a":1}', "{node"]},
        ExecHook(argv=("sh", "-c", "{ a; echo ${name} ${X}; }", '{"a":1}', "{node"), timeout=MINUTE),
    ),
    ({"exec": ["reload"], "timeout": "10m"}, ExecHook(argv=("reload",), timeout=10 * MINUTE)),
    (
        {"signal": {"pidfile": "/run/nginx.pid", "name": "HUP"}},
        SignalHook(pidfile="/image/run/nginx.pid", name="HUP", only_if_running=True, timeout=MINUTE),
    ),
    (
        {"signal": {"pidfile": "/run/a.pid", "name": "USR1"}, "onlyIfRunning": False},
        SignalHook(pidfile="/image/run/a.pid", name="USR1", only_if_running=False, timeout=MINUTE),
    ),
    (
        {"systemd": {"unit": "nginx.service", "action": "reload"}},
        SystemdHook(unit="nginx.service", action="reload", only_if_running=True, timeout=MINUTE),
    ),
    (
        {"systemd": {"unit": "a.service", "action": "restart"}, "onlyIfRunning": False, "timeout": "1h"},
        SystemdHook(unit="a.service", action="restart", only_if_running=False, timeout=60 * MINUTE),
    ),
    ({"http": {"url": "http://localhost/reload"}}, HttpHook(url="http://localhost/reload", method="POST", timeout=MINUTE)),
    (
        {"http": {"url": "https://h:8443/-/reload?now=1", "method": "PUT", "caFile": "/etc/ca.crt"}, "timeout": "1s"},
        HttpHook(url="https://h:8443/-/reload?now=1", method="PUT", ca_file="/image/etc/ca.crt", timeout=timedelta(seconds=1)),
    ),
    ({"touch": "/run/stamp"}, TouchHook(path="/image/run/stamp", timeout=MINUTE)),
]


@pytest.mark.parametrize(("written", "expected"), HOOKS, ids=[str(next(iter(written))) for written, _ in HOOKS])
def test_hooks_with_their_defaults(written: dict[str, Any], expected: AnyHook) -> None:
    """Files that hooks read or touch are below ``--root``; programs, units and URLs are not files of ours."""
    state = state_of(hooked(written), root="/image")
    assert state.components["component.web"].after == (expected,)


def test_hooks_keep_their_order() -> None:
    """First the check, then the reload."""
    state = state_of(hooked(*(written for written, _ in HOOKS)), root="/image")
    assert state.components["component.web"].after == tuple(expected for _, expected in HOOKS)


PLACEHOLDERS: Final[list[tuple[dict[str, Any], AnyHook]]] = [
    ({"exec": ["ssh", "{node}", "reload"]}, ExecHook(argv=("ssh", "w-2", "reload"))),
    ({"exec": ["curl", "https://{node.host}/", "{node.address}"]}, ExecHook(argv=("curl", "https://192.0.2.22/", "192.0.2.22"))),
    (
        {"systemd": {"unit": "etcd@{node}.service", "action": "reload"}},
        SystemdHook(unit="etcd@w-2.service", action="reload"),
    ),
    ({"signal": {"pidfile": "/run/{node}.pid", "name": "HUP"}}, SignalHook(pidfile="/run/w-2.pid", name="HUP")),
    ({"touch": "/nodes/{node}/stamp"}, TouchHook(path="/nodes/w-2/stamp")),
    (
        {"http": {"url": "https://{node.host}:8443/reload", "caFile": "/etc/{node}.crt"}},
        HttpHook(url="https://192.0.2.22:8443/reload", ca_file="/etc/w-2.crt"),
    ),
]


@pytest.mark.parametrize(("written", "expected"), PLACEHOLDERS, ids=[str(written) for written, _ in PLACEHOLDERS])
def test_placeholders_stand_for_the_node_of_the_instance(written: dict[str, Any], expected: AnyHook) -> None:
    """In every text of a hook."""
    state = state_of(hooked(written, **WORKERS))
    assert state.components["component.web[w-2]"].after == (expected,)
    assert state.components["component.web[w-1]"].after != (expected,)


def test_bundles_and_kubeconfigs_have_hooks_too() -> None:
    """Whoever reads only them is told by them."""
    text = document(
        components={"web": server(usages=["client auth"])},
        bundles={"trust": {"cas": ["root"], "path": "trust.crt", "after": [{"touch": "/b"}]}},
        kubeconfigs={
            "me": {"component": "web", "bundle": "trust", "server": "https://a", "path": "me.conf", "after": [{"touch": "/k"}]}
        },
    )
    state = state_of(text, root="/image")
    assert state.bundles["bundle.trust"].after == (TouchHook(path="/image/b"),)
    assert state.kubeconfigs["kubeconfig.me"].after == (TouchHook(path="/image/k"),)
    assert state.components["component.web"].after == ()


def test_a_hook_that_was_added_to_a_preset() -> None:
    """The preset's own component gets it, on each of its nodes."""
    text = kubernetes() + "components: {kubelet-client: {after: [{systemd: {unit: kubelet.service, action: restart}}]}}\n"
    state = state_of(text)
    hook = SystemdHook(unit="kubelet.service", action="restart")
    nodes = ("cp-1", "cp-2", "cp-3", "w-1", "w-2")
    assert [state.components[f"component.kubelet-client[{node}]"].after for node in nodes] == [(hook,)] * 5


#: What is wrong, and code, marked text, message and hint.
WRONG_HOOKS: Final[list[tuple[dict[str, Any], tuple[str, str, str, str]]]] = [
    (
        {"exec": ["reload", "{nod}"]},
        ("CPK210", "'{nod}'", '"{nod}" stands for nothing', 'did you mean "{node}"?'),
    ),
    (
        {"exec": ["reload", "{node}"]},
        (
            "CPK211",
            "'{node}'",
            '"{node}" in something that belongs to no node stands for nothing',
            "add forEach: one instance per matching node",
        ),
    ),
    (
        {"touch": "run/stamp"},
        ("CPK233", "run/stamp", '"run/stamp" is not a plain absolute path', "begin with a slash, without `..`"),
    ),
    (
        {"touch": "/run/../etc/shadow"},
        (
            "CPK233",
            "/run/../etc/shadow",
            '"/run/../etc/shadow" is not a plain absolute path',
            "begin with a slash, without `..`",
        ),
    ),
    (
        {"signal": {"pidfile": "a.pid", "name": "HUP"}},
        ("CPK233", "a.pid", '"a.pid" is not a plain absolute path', "begin with a slash, without `..`"),
    ),
    (
        {"http": {"url": "https://h/", "caFile": "ca.crt"}},
        ("CPK233", "ca.crt", '"ca.crt" is not a plain absolute path', "begin with a slash, without `..`"),
    ),
    (
        {"http": {"url": "ftp://h/"}},
        ("CPK233", "ftp://h/", '"ftp://h/" is not an http or https URL', "such as https://127.0.0.1:8443/reload"),
    ),
    (
        {"http": {"url": "https://h:99999/"}},
        ("CPK233", "https://h:99999/", '"https://h:99999/" is not an http or https URL', "such as https://127.0.0.1:8443/reload"),
    ),
    (
        {"http": {"url": "https:///x"}},
        ("CPK233", "https:///x", '"https:///x" is not an http or https URL', "such as https://127.0.0.1:8443/reload"),
    ),
    ({"http": {"url": "http://h/"}, "timeout": "2m"}, ("CPK229", "2m", 'a timeout of "2m"', "write 1s to 1m")),
    ({"touch": "/x", "timeout": "0s"}, ("CPK229", "0s", 'a timeout of "0s"', "write 1s to 1h")),
    ({"touch": "/x", "timeout": "61m"}, ("CPK229", "61m", 'a timeout of "61m"', "write 1s to 1h")),
]


@pytest.mark.parametrize(("hook", "expected"), WRONG_HOOKS, ids=[str(hook) for hook, _ in WRONG_HOOKS])
def test_what_is_wrong_with_a_hook(hook: dict[str, Any], expected: tuple[str, str, str, str]) -> None:
    """Told at the text that is wrong, once, with the way out."""
    assert said_about(hooked({"exec": ["fine"]}, hook)) == [expected]


PROBES: Final[list[tuple[dict[str, Any], Probe]]] = [
    ({"address": "api.example.com:6443"}, Probe(host="api.example.com", port=6443, server_name="api.example.com")),
    ({"address": "192.0.2.1:443"}, Probe(host="192.0.2.1", port=443)),
    ({"address": "[2001:db8::1]:443"}, Probe(host="2001:db8::1", port=443)),
    ({"address": "192.0.2.1:443", "serverName": "a.test"}, Probe(host="192.0.2.1", port=443, server_name="a.test")),
    (
        {"address": "localhost:25", "starttls": "smtp", "timeout": "2s"},
        Probe(host="localhost", port=25, server_name="localhost", starttls="smtp", timeout=timedelta(seconds=2)),
    ),
]


@pytest.mark.parametrize(("written", "expected"), PROBES, ids=[written["address"] for written, _ in PROBES])
def test_probes_with_their_defaults(written: dict[str, Any], expected: Probe) -> None:
    """The server name is the host where that is a name (RFC 6066 section 3 has no addresses there)."""
    assert state_of(probed(written)).components["component.web"].probe == expected


@pytest.mark.parametrize("written", [{}, {"starttls": "smtp"}])
def test_a_probe_without_an_address_is_none(written: dict[str, Any]) -> None:
    """`probe: {}` takes a preset's probe out."""
    assert state_of(probed(written)).components["component.web"].probe is None


def test_each_instance_asks_its_own_node() -> None:
    """By name, by address, in brackets where that is IPv6."""
    nodes = "nodes:\n  - {name: n-4, roles: [worker], addresses: [192.0.2.4]}\n"
    nodes += "  - {name: n-6, roles: [worker], addresses: ['2001:db8::6']}\n"
    text = document(
        nodes=nodes,
        components={"web": server(probe={"address": "{node.host}:10250", "serverName": "{node}.test"}, **WORKERS)},
    )
    probes = {address: component.probe for address, component in state_of(text).components.items()}
    assert probes == {
        "component.web[n-4]": Probe(host="192.0.2.4", port=10250, server_name="n-4.test"),
        "component.web[n-6]": Probe(host="2001:db8::6", port=10250, server_name="n-6.test"),
    }


CLIENT: Final = {"ca": "root", "usages": ["client auth"]}


@pytest.mark.parametrize(
    ("fields", "client", "expected"),
    [
        ({}, None, ""),
        ({"usages": ["server auth", "client auth"]}, None, "component.web"),
        ({"usages": ["server auth", "client auth"]}, "other", "component.other"),
        ({"usages": ["server auth", "client auth"], **WORKERS}, None, "component.web[w-1]"),
        (WORKERS, "each", "component.each[w-1]"),
        (WORKERS, "other", "component.other"),
    ],
)
def test_which_client_certificate_is_presented(fields: dict[str, Any], client: str | None, expected: str) -> None:
    """Its own when it can be a client, another's when one is named: of one a node that on the same node."""
    probe = {"address": "localhost:1", **({"client": client} if client else {})}
    components = {
        "web": server(probe=probe, **fields),
        "other": {**CLIENT, "path": "pki/other"},
        "each": {**CLIENT, "path": "pki/each-{node}", "forEach": {"roles": ["worker"]}},
    }
    state = state_of(document(components=components))
    address = "component.web[w-1]" if "forEach" in fields else "component.web"
    found = state.components[address].probe
    assert found is not None
    assert found.client == expected


ADDRESS_HINT: Final = 'such as "api.example.com:6443", "192.0.2.1:6443" or "[2001:db8::1]:6443"'
WRONG_ADDRESSES: Final = (
    "api.example.com",
    "api.example.com:0",
    "api.example.com:65536",
    "2001:db8::1:443",
    "[api.example.com]:443",
    "https://api.example.com:443",
    "a b:1",
    "-a-:1",
    ":443",
)


@pytest.mark.parametrize("address", WRONG_ADDRESSES)
def test_what_is_no_endpoint(address: str) -> None:
    """A host and a port, and nothing around them."""
    ((code, _, message, hint),) = said_about(probed({"address": address}))
    assert (code, message, hint) == ("CPK234", f'"{address}" is not host:port', ADDRESS_HINT)


@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        (
            {"address": "localhost:1", "client": "wev"},
            ("CPK202", "wev", 'there is no component "wev"', 'did you mean "web"?'),
        ),
        (
            {"address": "localhost:1", "client": "nobody"},
            ("CPK202", "nobody", 'there is no component "nobody"', 'there is "web"'),
        ),
        ({"address": "localhost:1", "timeout": "2m"}, ("CPK229", "2m", 'a timeout of "2m"', "write 1s to 1m")),
        (
            {"address": "{node.host}:1"},
            (
                "CPK211",
                "'{node.host}:1'",
                '"{node.host}:1" in something that belongs to no node stands for nothing',
                "add forEach: one instance per matching node",
            ),
        ),
        (
            {"address": "localhost:1", "serverName": "{name}"},
            ("CPK210", "'{name}'", '"{name}" stands for nothing', 'did you mean "{node}"?'),
        ),
    ],
)
def test_what_is_wrong_with_a_probe(probe: dict[str, Any], expected: tuple[str, str, str, str]) -> None:
    """Told at the text that is wrong, once."""
    assert said_about(probed(probe)) == [expected]


@pytest.mark.parametrize(
    ("fields", "who"),
    [
        ({"probe": {"address": "{node.host}:1"}}, "component.web[n]"),
        ({"after": [{"exec": ["ssh", "{node.address}"]}]}, "a hook"),
    ],
)
def test_a_node_without_an_address_that_is_needed(fields: dict[str, Any], who: str) -> None:
    """Told once, at the node."""
    text = document(nodes="nodes: [{name: n, roles: [worker]}]\n", components={"web": server(**fields, **WORKERS)})
    assert [(code, message) for code, _, message, _ in said_about(text)] == [
        ("CPK217", f'node "n" has no address, and {who} needs one')
    ]


def grouped(groups: dict[str, Any]) -> str:
    """Two components on each control-plane node, two that belong to no node, in these groups."""
    each = {"forEach": {"roles": ["control-plane"]}}
    components = {
        "peer": server(path="pki/peer-{node}", **each),
        "api": server(path="pki/api-{node}", **each),
        "web": server(),
        "other": server(path="pki/other"),
    }
    return document(components=components, groups=groups)


def test_a_group_goes_node_by_node() -> None:
    """On each node in the order of its list; what belongs to no node comes first."""
    state = state_of(
        grouped({"quorum": {"components": ["peer", "api", "web"]}, "rest": {"components": ["other"], "serial": False}})
    )
    members = ("component.web", *(f"component.{name}[cp-{number}]" for number in (1, 2, 3) for name in ("peer", "api")))
    assert state.groups == {
        "quorum": Group(name="quorum", members=members, serial=True),
        "rest": Group(name="rest", members=("component.other",), serial=False),
    }


def test_a_group_in_the_view_of_a_node() -> None:
    """Its members there; the names of the others are known all the same."""
    text = kubernetes(stores="") + "groups: {quorum: {components: [etcd-server, apiserver]}}\n"
    assert state_of(text, node="cp-2").groups["quorum"].members == ("component.etcd-server[cp-2]", "component.apiserver[cp-2]")
    assert state_of(text, node="w-1").groups["quorum"].members == ()


def test_a_group_may_hold_bundles() -> None:
    """What restarts the same members on every node waits for its turn too, after the components of its node."""
    text = kubernetes() + "groups: {quorum: {components: [etcd-server], bundles: [etcd]}}\n"
    nodes = ("cp-1", "cp-2", "cp-3")
    members = tuple(f"{what}[{node}]" for node in nodes for what in ("component.etcd-server", "bundle.etcd"))
    assert state_of(text).groups["quorum"].members == members
    text = (
        kubernetes()
        + "groups: {one: {components: [etcd-server], bundles: [etdc, etcd]}, two: {components: [apiserver], bundles: [etcd]}}\n"
    )
    assert said_about(text) == [
        ("CPK203", "etdc", 'there is no bundle "etdc"', 'did you mean "etcd"?'),
        ("CPK235", "etcd", 'bundle "etcd" is in the groups "one" and "two"', "leave it in one of them"),
    ]


def test_what_is_wrong_with_groups() -> None:
    """Unknown components, and one in two places: all in one run."""
    text = grouped({"one": {"components": ["peer", "perr", "peer"]}, "two": {"components": ["api", "peer"]}})
    assert said_about(text) == [
        ("CPK202", "perr", 'there is no component "perr"', 'did you mean "peer"?'),
        ("CPK235", "peer", 'component "peer" is twice in the group "one"', "leave it in one of them"),
        ("CPK235", "peer", 'component "peer" is in the groups "one" and "two"', "leave it in one of them"),
    ]
