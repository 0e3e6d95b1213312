"""What a token needs, by the desired state: no more than that, and nothing forgotten."""

from __future__ import annotations

from typing import Final

import pytest

from reconciler.plan.vault_policy import CAPABILITIES, Mode, connections_used, policy
from tests.desired.compiling import HEAD, kubernetes, state_of
from tests.desired.vault_documents import KV, MAIN, WHOLE

TOKEN: Final = {
    "auth/token/lookup-self": "read",
    "auth/token/renew-self": "update",
    "auth/token/revoke-self": "update",
    "sys/capabilities-self": "update",
}
LEAF: Final = "components: {api: {ca: root, usages: [client auth], path: api}}\n"
#: What a PKI engine shows, and what applying needs of it whoever signs.
PKI_PLAN: Final = {"pki/issuer/+": "read", "pki/issuers": "list", "pki/key/+": "read", "pki/keys": "list"}
PKI_APPLY: Final = {
    **PKI_PLAN,
    "pki/cert/+": "read",
    "pki/certs": "list",
    "pki/certs/detailed": "list",
    "pki/crl/rotate": "read",
    "pki/issuer/+/crl/der": "read",
    "pki/revoke": "update",
}
KV_PLAN: Final = {
    "secret/data/clusters/demo/*": "read",
    "secret/metadata/clusters/demo": "list",
    "secret/metadata/clusters/demo/*": "list",
}
KV_APPLY: Final = {
    **KV_PLAN,
    "secret/data/clusters/demo/*": "create read update",
    "secret/metadata/clusters/demo/*": "create update list",
}
KV_LEAVES: Final = {**KV_APPLY, "secret/data/clusters/demo/*": "create read update delete"}
KV_GIVES_UP: Final = {
    "secret/metadata/clusters/demo/*": "create update delete list",
    "secret/destroy/clusters/demo/*": "update",
}
KV_DESTROYS: Final = {**KV_APPLY, **KV_GIVES_UP}
TRANSIT_PLAN: Final = {"transit/keys": "list", "transit/keys/demo-g*": "read"}


def pki(fields: str, more: str = "", *, rest: str = LEAF) -> str:
    """A CA in an engine."""
    return (
        f"{HEAD}{MAIN}cas:\n  root: {{path: root, issuer: {{vault: {{connection: main, mount: pki, {fields}}}}}{more}}}\n{rest}"
    )


def transit(more: str = "") -> str:
    """A CA whose key is in transit."""
    return f"{HEAD}{MAIN}cas: {{root: {{path: root, transit: {{connection: main, mount: transit, name: demo}}{more}}}}}\n{LEAF}"


def kv(more: str = "") -> str:
    """Everything in KV."""
    return f"{HEAD}{MAIN}{KV}cas: {{root: {{store: kv, path: root}}}}\n{more}"


def asked(text: str, mode: Mode, *, node: str | None = None, own_prefix: tuple[str, ...] = ()) -> dict[str, str]:
    """The capabilities by path, without those of every token."""
    rules = {rule.path: " ".join(rule.capabilities) for rule in policy(state_of(text, node=node), mode, own_prefix=own_prefix)}
    assert {path: rules.pop(path, "") for path in TOKEN} == (TOKEN if rules else dict.fromkeys(TOKEN, ""))
    return rules


@pytest.mark.parametrize(
    ("text", "plan", "apply", "create"),
    [
        pytest.param(HEAD + "cas: {root: {path: root}}\n", {}, {}, {}, id="nothing-in-vault"),
        pytest.param(HEAD + MAIN + "cas: {root: {path: root}}\n", {}, {}, {}, id="unused"),
        pytest.param(kv(), KV_PLAN, KV_APPLY, KV_APPLY | KV_GIVES_UP, id="kv"),
        pytest.param(kv("prune: true\n"), KV_PLAN, KV_LEAVES, KV_LEAVES | KV_GIVES_UP, id="prune"),
        pytest.param(
            kv("removed: [{from: component.x, destroy: true}]\n"), KV_PLAN, KV_LEAVES, KV_LEAVES | KV_GIVES_UP, id="removed"
        ),
        pytest.param(kv("removed: [{from: component.x}]\n"), KV_PLAN, KV_APPLY, KV_APPLY | KV_GIVES_UP, id="forgotten"),
        pytest.param(
            kv().replace("path: root", "path: root, rotation: {retired: destroy}"),
            KV_PLAN,
            KV_DESTROYS,
            KV_DESTROYS,
            id="retired-keys",
        ),
        pytest.param(
            kv("lock: {connection: main, mount: locks, path: demo}\n"),
            KV_PLAN,
            {**KV_APPLY, "locks/data/demo": "create read update"},
            {**KV_APPLY, **KV_GIVES_UP, "locks/data/demo": "create read update"},
            id="lock",
        ),
        pytest.param(
            pki("role: servers"),
            PKI_PLAN,
            {**PKI_APPLY, "pki/issuer/+/sign/servers": "update", "pki/roles/servers": "read"},
            {**PKI_APPLY, "pki/issuer/+/sign/servers": "update", "pki/roles/servers": "read"},
            id="pki-that-exists",
        ),
        pytest.param(
            pki("signVerbatim: true, role: servers"),
            PKI_PLAN,
            {**PKI_APPLY, "pki/issuer/+/sign-verbatim/servers": "update", "pki/roles/servers": "read"},
            {**PKI_APPLY, "pki/issuer/+/sign-verbatim/servers": "update", "pki/roles/servers": "read"},
            id="verbatim-by-role",
        ),
        pytest.param(
            pki("signVerbatim: true, create: true"),
            PKI_PLAN,
            {**PKI_APPLY, "pki/issuer/+/sign-verbatim": "update"},
            {
                **PKI_APPLY,
                "pki/issuer/+/sign-verbatim": "update",
                "pki/root/generate/internal": "update",
                "pki/root/generate/existing": "update",
                "pki/issuer/+": "read update delete",
                "pki/key/+": "read delete",
            },
            id="root-in-pki",
        ),
        pytest.param(
            pki("role: r, create: true", ", rotation: {retired: destroy}", rest=""),
            PKI_PLAN,
            PKI_APPLY,
            {
                **PKI_APPLY,
                "pki/root/generate/internal": "update",
                "pki/root/generate/existing": "update",
                "pki/issuer/+": "read update delete",
                "pki/key/+": "read delete",
            },
            id="root-that-signs-nothing",
        ),
        pytest.param(
            pki("role: r", rest="  low: {path: low, issuer: root, lifetime: 1y}\n"),
            PKI_PLAN,
            PKI_APPLY,
            {**PKI_APPLY, "pki/issuer/+/sign-intermediate": "update"},
            id="parent-of-ours",
        ),
        pytest.param(
            pki("create: true, parent: top", ", lifetime: 1y", rest="  top: {path: top}\n"),
            PKI_PLAN,
            PKI_APPLY,
            {
                **PKI_APPLY,
                "pki/intermediate/generate/internal": "update",
                "pki/intermediate/generate/existing": "update",
                "pki/intermediate/set-signed": "update",
                "pki/issuer/+": "read update delete",
                "pki/key/+": "read delete",
            },
            id="child-of-ours",
        ),
        pytest.param(
            transit(),
            TRANSIT_PLAN,
            {**TRANSIT_PLAN, "transit/sign/demo-g*": "update"},
            {**TRANSIT_PLAN, "transit/keys/demo-g*": "create read update delete", "transit/sign/demo-g*": "update"},
            id="transit",
        ),
        pytest.param(
            transit(", rotation: {retired: destroy}"),
            TRANSIT_PLAN,
            {**TRANSIT_PLAN, "transit/sign/demo-g*": "update"},
            {**TRANSIT_PLAN, "transit/keys/demo-g*": "create read update delete", "transit/sign/demo-g*": "update"},
            id="transit-retired",
        ),
    ],
)
def test_what_a_token_needs(text: str, plan: dict[str, str], apply: dict[str, str], create: dict[str, str]) -> None:
    """Whole values: a rule too many is as wrong as one too few."""
    assert {mode: asked(text, mode) for mode in Mode} == {Mode.PLAN: plan, Mode.APPLY: apply, Mode.CREATE: create}


NODES: Final = "nodes: [{name: n-1, roles: [worker]}, {name: n-2, roles: [worker]}]\n"
SHARED: Final = (
    f"{HEAD}{MAIN}{NODES}{KV}defaults: {{store: kv}}\nprune: true\ncas: {{root: {{path: ca/root}}, other: {{path: ca/other}}}}\n"
    'components: {api: {ca: root, usages: [client auth], forEach: {}, path: "api/{node}"}}\n'
)
SECRETS: Final = "secret/data/clusters/demo"
METADATA: Final = "secret/metadata/clusters/demo"


def test_a_node_needs_its_own_secrets_alone() -> None:
    """Where nodes share a prefix, each secret is named; a CA that is made elsewhere is only read."""
    assert asked(SHARED, Mode.APPLY, node="n-2") == {
        f"{SECRETS}/api/n-2": "create read update delete",
        f"{METADATA}/api/n-2": "create update",
        f"{SECRETS}/ca/root": "read",
        f"{SECRETS}/ca/root.g*": "read",
        f"{METADATA}/ca": "list",
    }


def test_the_home_node_writes_what_it_makes() -> None:
    """All CAs, with their generations."""
    found = asked(SHARED, Mode.APPLY, node="n-1")
    assert {path: found[path] for path in found if "/data/" in path} == {
        f"{SECRETS}/{path}": "create read update delete"
        for path in ("api/n-1", "ca/root", "ca/root.g*", "ca/other", "ca/other.g*")
    }


def test_without_a_prefix_each_secret_is_named() -> None:
    """A whole mount is not ours; what stands beside a CA at its top is found all the same."""
    text = kv(LEAF).replace(", prefix: clusters/demo", "")
    assert asked(text, Mode.PLAN) == {
        "secret/data/root": "read",
        "secret/data/root.g*": "read",
        "secret/metadata": "list",
    }


PER_NODE: Final = kubernetes(
    stores=(
        "stores:\n"
        '  files: {type: vault-kv, connection: main, mount: secret, prefix: "demo/{node}/pki"}\n'
        "  authority: {type: vault-kv, connection: main, mount: secret, prefix: authority}\n"
        "cas:\n"
        "  kubernetes: {store: authority, path: kubernetes/ca}\n"
        "  etcd: {store: authority, path: etcd/ca}\n"
        "  front-proxy: {store: authority, path: front-proxy/ca}\n"
        "kubeconfigs: {kubelet: {embed: true}}\n"
        f"{MAIN}"
    )
)


def test_prefixes_of_nodes() -> None:
    """One rule for all of them from one place, and for a node its own prefix, all of it."""
    assert list(asked(PER_NODE, Mode.PLAN, own_prefix=("files",))) == [
        "secret/data/authority/*",
        "secret/data/demo/+/pki/*",
        "secret/metadata/authority",
        "secret/metadata/authority/*",
        "secret/metadata/demo/+/pki",
        "secret/metadata/demo/+/pki/*",
    ]
    assert asked(PER_NODE, Mode.APPLY, node="w-1", own_prefix=("files",)) == {
        "secret/data/authority/kubernetes/ca": "read",
        "secret/data/authority/kubernetes/ca.g*": "read",
        "secret/data/demo/w-1/pki/*": "create read update",
        "secret/metadata/authority/kubernetes": "list",
        "secret/metadata/demo/w-1/pki/*": "create update",
    }


def test_a_node_that_signs_nothing_may_not_sign() -> None:
    """It trusts the CA, and makes none either."""
    text = pki("role: r, create: true", rest=LEAF + NODES + 'bundles: {b: {cas: [root], forEach: {}, path: "{node}.pem"}}\n')
    assert asked(text, Mode.CREATE, node="n-2") == PKI_PLAN
    assert asked(text, Mode.CREATE, node="n-1") == asked(text, Mode.CREATE)
    text = transit() + NODES + 'bundles: {b: {cas: [root], forEach: {}, path: "{node}.pem"}}\n'
    assert asked(text, Mode.CREATE, node="n-2") == TRANSIT_PLAN


def test_reasons_of_one_path_stand_together() -> None:
    """In the order of the tables, each once; the capabilities in one order."""
    rules = {rule.path: rule for rule in policy(state_of(WHOLE), Mode.CREATE)}
    rule = rules["pki/kubernetes/issuer/+"]
    assert rule.why == ("see the certificates of issuers; name the issuer; remove an issuer that was given up or came out wrong")
    assert all(list(each.capabilities) == [word for word in CAPABILITIES if word in each.capabilities] for each in rules.values())
    assert list(rules) == sorted(rules)


def test_each_connection_by_itself() -> None:
    """A token of one server is not asked for what another has."""
    text = WHOLE.replace("transit: {connection: main", "transit: {connection: spare")
    rules = policy(state_of(text), Mode.APPLY)
    assert connections_used(state_of(text)) == ("main", "spare")
    assert connections_used(state_of(WHOLE)) == ("main",)
    assert {rule.path for rule in rules if rule.connection == "spare"} == {
        *TOKEN,
        "transit/keys",
        "transit/keys/demo-front-proxy-g*",
        "transit/sign/demo-front-proxy-g*",
    }


@pytest.mark.parametrize("mode", list(Mode))
def test_a_node_that_fetches_reads_and_nothing_else(mode: Mode) -> None:
    """Its sources, and the certificates of CAs whose keys are not in the same secret; no engine, no lease."""
    text = f"""{HEAD}{MAIN}nodes: [{{name: n-1, roles: [worker]}}, {{name: n-2, roles: [worker]}}]
stores:
  kv: {{type: vault-kv, connection: main, mount: secret, prefix: "n/{{node}}"}}
  all: {{type: vault-kv, connection: main, mount: secret, prefix: a}}
lock: {{connection: main, mount: locks, path: demo}}
prune: true
cas:
  root: {{store: all, path: ca/root}}
  far: {{store: all, path: ca/far, issuer: {{vault: {{connection: main, mount: pki, role: r, create: true}}}}}}
components:
  a: {{ca: root, forEach: {{}}, usages: [client auth], store: kv, path: a, copies: {{}}}}
  b: {{ca: far, usages: [client auth], store: all, path: b, copies: {{forEach: {{nodes: [n-2]}}}}}}
  c: {{ca: far, usages: [client auth], store: all, path: c}}
bundles: {{t: {{cas: [root, far], store: all, path: t, copies: {{forEach: {{}}}}}}}}
"""
    first = {
        "secret/data/a/ca/far": "read",
        "secret/data/a/ca/far.g*": "read",
        "secret/data/a/t": "read",
        "secret/data/n/n-1/*": "read",
        "secret/metadata/a/ca": "list",
    }
    assert asked(text, mode, node="n-1", own_prefix=("kv",)) == first
    second = {path.replace("n-1", "n-2"): capabilities for path, capabilities in first.items()}
    assert asked(text, mode, node="n-2", own_prefix=("kv",)) == {**second, "secret/data/a/b": "read"}
