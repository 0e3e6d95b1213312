"""Copies of what is made into KV: what each view has, where it comes from, and what may be written."""

from __future__ import annotations

from typing import Final

import pytest

from reconciler.desired.live import ExecHook
from reconciler.desired.model import Access, Bundle, Component, DesiredState, Kubeconfig
from reconciler.desired.vault import NO_MODE
from tests.desired.compiling import HEAD, compiled, said_about, state_of
from tests.desired.vault_documents import MAIN

NODES: Final = "nodes: [{name: w-1, roles: [worker]}, {name: w-2, roles: [worker]}]\n"
STORES: Final = """\
stores:
  kv: {type: vault-kv, connection: main, mount: secret, prefix: "n/{node}"}
  shared: {type: vault-kv, connection: main, mount: secret, prefix: s}
lock: {connection: main, mount: secret, path: locks/demo}
"""
CAS: Final = "cas: {root: {store: shared, path: root}}\n"
BASE: Final = HEAD + MAIN + NODES + STORES + CAS
REST: Final = """\
components:
  agent:
    {ca: root, forEach: {}, usages: [server auth], sans: {dns: ["{node}"]}, store: kv, path: agent, copies: {path: etc/agent},
     mode: "0640", owner: 7, after: [{exec: [told, "{node}"]}], probe: {address: "{node}:443"}}
  one: {ca: root, usages: [client auth], store: shared, path: one, copies: {forEach: {nodes: [w-2]}}}
  kept: {ca: root, usages: [client auth], store: shared, path: kept}
  user: {ca: root, usages: [client auth], forEach: {}}
bundles:
  all: {cas: [root], store: shared, path: all.pem, copies: {path: etc/all.pem, forEach: {}}}
  here: {cas: [root], forEach: {}, store: files, path: etc/here.pem}
kubeconfigs:
  user: {component: user, bundle: all, forEach: {}, server: "https://a:6443", store: kv, path: user.conf, copies: {}}
keypairs: {tokens: {store: shared, path: tokens}}
"""
WHOLE: Final = BASE + REST
S: Final = "vault://main/secret/data"


def all_of(state: DesiredState) -> dict[str, Component | Bundle | Kubeconfig]:
    """What may have copies, by address."""
    return {**state.components, **state.bundles, **state.kubeconfigs}


def test_the_view_that_makes_everything() -> None:
    """The originals and nothing else; nobody is told and nothing is asked here; KV keeps no mode."""
    state = state_of(WHOLE)
    everything = all_of(state)
    assert {address: each.place.absolute for address, each in everything.items() if each.place is not None} == {
        "component.agent[w-1]": f"{S}/n/w-1/agent",
        "component.agent[w-2]": f"{S}/n/w-2/agent",
        "component.one": f"{S}/s/one",
        "component.kept": f"{S}/s/kept",
        "bundle.all": f"{S}/s/all.pem",
        "kubeconfig.user[w-1]": f"{S}/n/w-1/user.conf",
        "kubeconfig.user[w-2]": f"{S}/n/w-2/user.conf",
    }
    assert {each.source for each in everything.values()} == {None}
    agent = state.components["component.agent[w-1]"]
    assert (agent.after, agent.probe, agent.access) == ((), None, Access(mode=NO_MODE))
    assert state.cas["root"].creatable
    assert (state.cas["root"].followed, state.spread, list(state.keypairs)) == (False, True, ["tokens"])
    assert state.lock is not None


@pytest.mark.parametrize("node", ["w-1", "w-2"])
def test_the_view_of_a_node(node: str) -> None:
    """Its copies with where they come from, and what it puts together itself; nothing that stays in KV, no lease."""
    state = state_of(WHOLE, node=node, root="/tmp/x")
    everything = all_of(state)
    one = {"component.one": ("/tmp/x/one", f"{S}/s/one")} if node == "w-2" else {}
    assert {
        address: (each.place.absolute if each.place else "", each.source.absolute if each.source else "")
        for address, each in everything.items()
    } == {
        f"component.agent[{node}]": ("/tmp/x/etc/agent", f"{S}/n/{node}/agent"),
        f"component.user[{node}]": ("", ""),
        **one,
        "bundle.all": ("/tmp/x/etc/all.pem", f"{S}/s/all.pem"),
        f"bundle.here[{node}]": ("/tmp/x/etc/here.pem", ""),
        f"kubeconfig.user[{node}]": ("/tmp/x/user.conf", f"{S}/n/{node}/user.conf"),
    }
    agent = state.components[f"component.agent[{node}]"]
    assert (agent.access, agent.probe is not None) == (Access(mode=0o640, owner=7), True)
    assert [hook.argv for hook in agent.after if isinstance(hook, ExecHook)] == [("told", node)]
    assert [address for address, each in state.components.items() if state.is_copied(each)] == list(state.components)
    assert (state.cas["root"].creatable, state.cas["root"].followed, state.cas["root"].home) == (False, True, None)
    assert (state.lock, state.spread, dict(state.keypairs), dict(state.crls)) == (None, False, {}, {})


def test_without_copies_everything_is_as_it_was() -> None:
    """The first node is home to what has no node of its own, and takes the lease of its view."""
    text = BASE + "components: {one: {ca: root, usages: [client auth], store: shared, path: one}}\n"
    first, second = (state_of(text, node=node) for node in ("w-1", "w-2"))
    assert (list(first.components), list(second.components)) == (["component.one"], [])
    assert (first.cas["root"].creatable, first.cas["root"].followed, first.spread) == (True, False, False)
    assert first.lock is not None


def test_what_a_kubeconfig_of_a_node_holds_is_read_where_it_is() -> None:
    """A component that stays in KV is never issued by the node that needs it."""
    text = WHOLE.replace("  user: {ca: root, usages: [client auth], forEach: {}}\n", "")
    text = text.replace("component: user, bundle: all", "component: kept, bundle: all").replace(
        "store: kv, path: user.conf, copies: {}", "store: files, path: user.conf"
    )
    kept = state_of(text, node="w-2").components["component.kept"]
    assert kept.place == kept.source
    assert kept.place is not None
    assert kept.place.absolute == f"{S}/s/kept"


def test_defaults_are_shown() -> None:
    """The store that every machine has, and the path of the original."""
    components = compiled(WHOLE).expanded.components
    assert isinstance(components, dict)
    agent, one = components["agent"], components["one"]
    assert agent is not None
    assert one is not None
    assert (agent.copies.store, agent.copies.path, one.copies.path) == ("files", "etc/agent", "one")  # type: ignore[union-attr]


def component(copies: str, *, fields: str = "forEach: {}, store: kv, path: a") -> str:
    """A component with copies."""
    return f"{BASE}components: {{a: {{ca: root, usages: [client auth], {fields}, copies: {copies}}}}}\n"


@pytest.mark.parametrize(
    ("text", "code", "message", "hint"),
    [
        (
            component("{}", fields='forEach: {}, store: files, path: "a-{node}"'),
            "CPK407",
            "component.a is not in KV, so nodes cannot fetch copies of it",
            "give it a store of type vault-kv, or remove `copies`",
        ),
        (
            component("{store: shared}"),
            "CPK407",
            "the copies of component.a would be in KV, as it is itself",
            "name a store of type file, such as `files`",
        ),
        (
            component("{forEach: {}}"),
            "CPK407",
            "component.a has one instance a node already, and each has one copy",
            "remove it",
        ),
        (
            component("{}", fields="store: shared, path: a"),
            "CPK407",
            "component.a belongs to no node, so nothing says who has a copy",
            "add forEach: {roles: [worker]}",
        ),
        (component("{store: file}"), "CPK204", 'there is no store "file"', 'did you mean "files"?'),
        (
            component("{forEach: {nodes: [w-3]}}", fields="store: shared, path: a"),
            "CPK205",
            'there is no node "w-3"',
            'did you mean "w-2"?',
        ),
        (
            component("{path: ../a}"),
            "CPK225",
            '"../a" climbs with `..`',
            "name a path below the store's root",
        ),
    ],
)
def test_mistakes(text: str, code: str, message: str, hint: str) -> None:
    """Each is told once, in either view."""
    assert [(found, told, way) for found, _, told, way in said_about(text)] == [(code, message, hint)]
