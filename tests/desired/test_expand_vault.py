"""Connections, stores in KV, keys that stay in Vault and the lock: what becomes of them in the desired state."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec
import pytest

from reconciler.desired.expand_auth import POD_TOKEN
from reconciler.desired.model import CA, DesiredState
from reconciler.desired.vault import Auth, Connection, Lock, PkiKey, TransitKey, split_kv
from tests.desired.compiling import HEAD, NODES, codes_of, compiled, diagnostics_of, kubernetes, said_about, state_of
from tests.desired.vault_documents import KV, MAIN, WHOLE

ROOT: Final = "cas: {root: {store: kv, path: root}}\n"
#: A tree and a prefix for each node.
PER_NODE: Final = (
    "stores:\n"
    '  files: {type: vault-kv, connection: main, mount: secret, prefix: "nodes/{node}"}\n'
    "  authority: {type: vault-kv, connection: main, mount: secret, prefix: authority}\n"
    "cas:\n"
    "  kubernetes: {store: authority, path: kubernetes/ca}\n"
    "  etcd: {store: authority, path: etcd/ca}\n"
    "  front-proxy: {store: authority, path: front-proxy/ca}\n"
    "kubeconfigs: {kubelet: {embed: true}}\n"
)


def places(state: DesiredState) -> list[str]:
    """Where everything stands."""
    found = [place for ca in state.cas.values() for place in (ca.place, *(replica.place for replica in ca.replicas))]
    found += [replica.place for keypair in state.keypairs.values() for replica in keypair.replicas]
    found += [component.place for component in state.components.values() if component.place]
    found += [bundle.place for bundle in state.bundles.values()]
    found += [kubeconfig.place for kubeconfig in state.kubeconfigs.values()]
    return [place.absolute for place in found]


def test_connections() -> None:
    """Every field, with its default; ``--root`` is put before the files."""
    assert state_of(WHOLE, root="/tmp/x").connections == {
        "main": Connection(
            name="main",
            addresses=("https://vault-1.internal:8200", "https://vault-2.internal:8200"),
            namespace="team-a",
            ca_file="/tmp/x/etc/cluster-pki/vault-ca.pem",
            server_name="vault.internal",
            deadline=timedelta(seconds=45),
            auth=Auth(
                method="approle",
                mount="approle",
                role_id_file="/tmp/x/etc/cluster-pki/role-id",
                secret_id_env="SECRET_ID",  # noqa: S106 - the name of one
            ),
        ),
        "spare": Connection(
            name="spare",
            addresses=("http://127.0.0.1:8100",),
            auth=Auth(method="kubernetes", mount="kubernetes", role="pki", jwt_file=f"/tmp/x{POD_TOKEN}"),
        ),
    }


@pytest.mark.parametrize(
    ("written", "auth"),
    [
        ("{method: token, tokenFile: /t}", Auth(method="token", token_file="/t")),  # noqa: S106 - the name of one
        ("{method: token, tokenEnv: VAULT_TOKEN}", Auth(method="token", token_env="VAULT_TOKEN")),  # noqa: S106 - the name of one
        (
            "{method: approle, mount: teams/a, roleIdEnv: R, secretIdFile: /s}",
            Auth(method="approle", mount="teams/a", role_id_env="R", secret_id_file="/s"),  # noqa: S106 - the name of one
        ),
        (
            "{method: kubernetes, role: r, jwtFile: /j}",
            Auth(method="kubernetes", mount="kubernetes", role="r", jwt_file="/j"),
        ),
        ("{method: jwt, role: r, jwtFile: /j}", Auth(method="jwt", mount="jwt", role="r", jwt_file="/j")),
        (
            "{method: cert, certificateFile: /c, keyFile: /k}",
            Auth(method="cert", mount="cert", certificate_file="/c", key_file="/k"),
        ),
        (
            "{method: cert, role: r, certificateFile: /c, keyFile: /k}",
            Auth(method="cert", mount="cert", role="r", certificate_file="/c", key_file="/k"),
        ),
    ],
)
def test_every_login(written: str, auth: Auth) -> None:
    """Each method takes its own fields, and is mounted under its name unless somebody says where."""
    text = f'{HEAD}connections: {{main: {{type: vault, addresses: ["https://v"], auth: {written}}}}}\ncas: {{a: {{path: a}}}}\n'
    assert state_of(text).connections["main"].auth == auth


@pytest.mark.parametrize("address", ["https://v", "https://192.0.2.1:8200", "https://[2001:db8::1]:8200", "http://[::1]:8200"])
def test_addresses(address: str) -> None:
    """Names and addresses, with a port or without; without TLS on loopback alone."""
    text = HEAD + MAIN.replace("https://vault:8200", address) + "cas: {a: {path: a}}\n"
    assert state_of(text).connections["main"].addresses == (address,)


def test_keys_that_stay_in_vault() -> None:
    """The parent of a CA in an engine is its issuer, and has room for it below; a CA in transit is a root like any other."""

    def seen(ca: CA) -> tuple[object, ...]:
        return ca.key_in, ca.issuer, ca.path_length, ca.place.absolute

    cas = state_of(WHOLE).cas
    assert {name: seen(ca) for name, ca in cas.items()} == {
        "front-proxy": (
            TransitKey(connection="main", mount="transit", name="demo-front-proxy"),
            None,
            None,
            "vault://main/kv/team/data/clusters/demo/front-proxy/ca",
        ),
        "kubernetes": (
            PkiKey(
                connection="main",
                mount="pki/kubernetes",
                role="kubernetes",
                create=True,
                accept=frozenset({"lifetime", "usages"}),
            ),
            "front-proxy",
            0,
            "vault://main/kv/team/data/clusters/demo/kubernetes/ca",
        ),
    }
    assert list(cas) == ["front-proxy", "kubernetes"]


def test_an_issuer_that_exists() -> None:
    """Taken over by its name, without a parent in the document."""
    issuer = "{vault: {connection: main, mount: pki, issuer: corporate, signVerbatim: true, role: r}}"
    ca = state_of(f"{HEAD}{MAIN}cas: {{root: {{path: root, issuer: {issuer}}}}}\n").cas["root"]
    assert ca.key_in == PkiKey(connection="main", mount="pki", issuer="corporate", verbatim=True, role="r")
    assert (ca.issuer, ca.path_length) == (None, None)


@pytest.mark.parametrize(
    ("node", "lock"), [(None, "clusters/demo/lock"), ("n-1", "clusters/demo/lock/n-1"), ("n-2", "clusters/demo/lock/n-2")]
)
def test_the_lock(node: str | None, lock: str) -> None:
    """Reconcilers of different nodes do not wait for each other."""
    nodes = "nodes: [{name: n-1, roles: [worker]}, {name: n-2, roles: [worker]}]\n"
    assert state_of(WHOLE + nodes, node=node).lock == Lock(connection="main", mount="kv/team", path=lock)
    text = (WHOLE + nodes).replace("demo/lock}", "demo/lock, ttl: 10m}")
    assert state_of(text, node=node).lock == Lock(connection="main", mount="kv/team", path=lock, ttl=timedelta(minutes=10))


def test_places_in_kv() -> None:
    """One secret each; ``--root`` and ``--node`` leave them alone; a bundle is a secret beside that of its CA."""
    state = state_of(WHOLE, root="/tmp/x")
    wanted = ["front-proxy/ca", "kubernetes/ca", "tokens", "web", "kubernetes/ca.crt"]
    assert places(state) == [f"vault://main/kv/team/data/clusters/demo/{path}" for path in wanted]
    place = state.cas["kubernetes"].place
    assert (place.layout, place.on_node) == ("vault-kv", place.absolute)
    assert split_kv(place.absolute) == ("main", "kv/team", "clusters/demo/kubernetes/ca")
    assert place.of_generation(2).absolute == f"{place.absolute}.g2"
    assert state.imports == {"component.web": "vault://main/kv/team/data/clusters/demo/web.crt"}


def test_without_a_prefix() -> None:
    """Paths begin at the mount."""
    text = HEAD + MAIN + KV.replace(", prefix: clusters/demo", "") + ROOT
    assert places(state_of(text)) == ["vault://main/secret/data/root"]


def test_a_prefix_for_each_node() -> None:
    """As the root of a file store; CAs go to the store that belongs to no node."""
    text = kubernetes(stores=PER_NODE) + MAIN
    assert codes_of(text) == []
    everything = places(state_of(text))
    assert "vault://main/secret/data/nodes/w-2/etc/kubernetes/kubelet.conf" in everything
    assert "vault://main/secret/data/authority/etcd/ca" in everything
    mine = places(state_of(text, node="w-1"))
    assert {path for path in mine if "/nodes/" in path} == {path for path in everything if "/nodes/w-1/" in path}


def test_what_stands_below_a_node_in_kv_belongs_to_its_root() -> None:
    """Flags on the node name the files that were carried there, and no secret; without a node there is only the secret."""
    state = state_of(kubernetes(stores=PER_NODE) + MAIN)
    trust, authority = state.bundles["bundle.etcd[cp-1]"].place, state.cas["etcd"].place
    assert trust.on_node == "/etc/kubernetes/pki/etcd/ca.crt"
    assert authority.on_node == authority.absolute == "vault://main/secret/data/authority/etcd/ca"


def test_a_ca_in_kv_has_a_home() -> None:
    """Every node sees it, and only one makes it: two reconcilers would make two keys."""
    text = kubernetes(stores=PER_NODE) + MAIN
    found = {node: {ca.creatable for ca in state_of(text, node=node).cas.values()} for node in ("cp-1", "cp-2", "w-1", None)}
    assert found == {"cp-1": {True}, "cp-2": {False}, "w-1": {False}, None: {True}}


def test_nodes_cannot_share_a_secret() -> None:
    """Not even in views of one node each: what one writes, all others read."""
    text = (
        HEAD
        + NODES
        + MAIN
        + KV
        + ROOT
        + "components:\n  web: {ca: root, usages: [client auth], forEach: {}, store: kv, path: web}\n"
    )
    for node in (None, "w-1"):
        ((code, marked, message, hint),) = said_about(text, node=node)
        assert (code, marked) == ("CPK212", "clusters/demo")
        assert message.startswith(
            "component.web[cp-1] and component.web[cp-2] would both be vault://main/secret/data/clusters/demo"
        )
        assert hint == 'put {node} into the prefix of store "kv", or into the path: every node sees the same secrets'
    assert codes_of(text.replace("path: web}", 'path: "web/{node}"}'), node="w-1") == []
    assert codes_of(text.replace("forEach: {}", "forEach: {nodes: [w-1]}"), node="w-1") == []


@pytest.mark.parametrize(
    ("second", "clashes"),
    [
        pytest.param("{path: a}", True, id="same"),
        pytest.param("{path: a/b}", False, id="folder"),
        pytest.param("{path: a.crt}", False, id="suffix"),
        pytest.param("{path: a, store: other}", False, id="another-mount"),
        pytest.param("{path: clusters/demo/a, store: same}", True, id="another-store"),
    ],
)
def test_clashes_in_kv(second: str, clashes: bool) -> None:
    """One secret has one owner; a secret may be called as the folder of others, and has no files beside it."""
    stores = KV + "  other: {type: vault-kv, connection: main, mount: more, prefix: clusters/demo}\n"
    stores += "  same: {type: vault-kv, connection: main, mount: secret}\n"
    text = f"{HEAD}{MAIN}{stores}defaults: {{store: kv}}\n" + "cas: {root: {path: root}}\n"
    text += "components:\n  one: {ca: root, usages: [client auth], path: a}\n"
    text += f"  two: {{ca: root, usages: [client auth], {second[1:]}\n"
    assert codes_of(text) == (["CPK207"] if clashes else [])


def test_kv_keeps_no_mode() -> None:
    """Nor does the expanded document show one."""
    first = compiled(WHOLE.replace("path: web,", 'path: web, mode: "0640", owner: 33,'))
    assert [diagnostic.code for diagnostic in first.diagnostics] == ["CPK404", "CPK404"]
    assert first.state.components == state_of(WHOLE).components
    assert "mode" not in str(msgspec.to_builtins(first.expanded))


def test_unused_connections_are_no_mistake() -> None:
    """They are checked like the others, and that is all."""
    assert diagnostics_of(WHOLE) == ()


def test_a_document_without_connections_has_none() -> None:
    """Nothing is invented."""
    state = state_of(HEAD + "cas: {root: {path: root}}\n")
    assert (state.connections, state.lock) == ({}, None)
