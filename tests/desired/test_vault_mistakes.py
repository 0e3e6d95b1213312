"""What can be wrong about connections, secrets in KV and keys in Vault: each told at its place, with its way out."""

from __future__ import annotations

from typing import Final

import pytest

from tests.desired.compiling import HEAD, kubernetes, said_about
from tests.desired.vault_documents import KV, MAIN, WHOLE

#: Something that makes a document whole.
ROOT: Final = "cas: {root: {path: root}}\n"
API: Final = "components: {api: {ca: root, usages: [client auth], path: api}}\n"


def connection(fields: str = "", *, address: str = "https://v", auth: str = "{method: token, tokenEnv: T}") -> str:
    """A document with one connection."""
    return f'{HEAD}connections: {{main: {{type: vault, addresses: ["{address}"], auth: {auth}, {fields}}}}}\n{ROOT}'


def store(fields: str) -> str:
    """A document with one store in KV."""
    return f"{HEAD}{MAIN}stores: {{kv: {{type: vault-kv, {fields}}}}}\n{ROOT}"


def issuer(fields: str, more: str = "", *, rest: str = "") -> str:
    """A document with one CA in a PKI engine."""
    return f"{HEAD}{MAIN}cas:\n  root: {{path: root, issuer: {{vault: {{connection: main, {fields}}}}}{more}}}\n{rest}"


def lock(fields: str) -> str:
    """A document with a lock, beside a CA in KV."""
    return f"{HEAD}{MAIN}{KV}cas: {{root: {{store: kv, path: root}}}}\nlock: {{connection: main, mount: secret, {fields}}}\n"


@pytest.mark.parametrize(
    ("address", "message", "hint"),
    [
        (
            "http://v:8200",
            '"http://v:8200" would send tokens and keys over the network in the clear',
            'write "https://v:8200"; http is for loopback alone',
        ),
        ("https://v/ui", '"https://v/ui" is more than a server\'s address: no path, no query, no user', 'write "https://v"'),
        ("https://v:1?a", '"https://v:1?a" is more than a server\'s address: no path, no query, no user', 'write "https://v:1"'),
        ("https://v/", '"https://v/" is more than a server\'s address: no path, no query, no user', 'write "https://v"'),
        ("https://a:pw@v:1", '"https://…@v" is more than a server\'s address: no path, no query, no user', 'write "https://v:1"'),
        *(
            (text, f'"{text}" is not the address of a server', "such as https://vault.example.com:8200")
            for text in ("v:8200", "vault", "ftp://v", "https://", "https://a_b", "https://v:0", "https://v:x", "https://[::1")
        ),
    ],
)
def test_addresses(address: str, message: str, hint: str) -> None:
    """A server and nothing more, with TLS; what may be a password is not repeated."""
    assert said_about(connection(address=address)) == [("CPK501", f'"{address}"', message, hint)]


@pytest.mark.parametrize(
    ("auth", "marked", "message", "hint"),
    [
        ("{method: token}", "token", "method token needs `tokenFile` or `tokenEnv`", "add `tokenFile` or `tokenEnv`"),
        (
            "{method: token, tokenFile: /t, tokenEnv: T}",
            "tokenEnv",
            "method token takes `tokenFile` or `tokenEnv`, not both",
            "remove one of them",
        ),
        (
            "{method: token, tokenEnv: T, role: r}",
            "role",
            "method token has no `role`",
            "it has `tokenFile` and `tokenEnv`",
        ),
        ("{method: token, tokenEnv: T, mount: m}", "mount", "method token has no `mount`", "it has `tokenFile` and `tokenEnv`"),
        (
            "{method: approle, roleIdEnv: R}",
            "approle",
            "method approle needs `secretIdFile` or `secretIdEnv`",
            "add `secretIdFile` or `secretIdEnv`",
        ),
        ("{method: kubernetes}", "kubernetes", "method kubernetes needs `role`", "add `role`"),
        ("{method: jwt, role: r}", "jwt", "method jwt needs `jwtFile`", "add `jwtFile`"),
        ("{method: cert, certificateFile: /c}", "cert", "method cert needs `keyFile`", "add `keyFile`"),
        (
            "{method: cert, certificateFile: /c, keyFile: /k, jwtFile: /j}",
            "jwtFile",
            "method cert has no `jwtFile`",
            "it has `certificateFile`, `keyFile`, `mount` and `role`",
        ),
        (
            "{method: token, tokenEnv: CLUSTER_PKI_TOKEN}",
            "CLUSTER_PKI_TOKEN",
            "a variable CLUSTER_PKI_TOKEN would be taken for an option of this program",
            "call it something that does not begin with CLUSTER_PKI_",
        ),
    ],
)
def test_logins(auth: str, marked: str, message: str, hint: str) -> None:
    """Each method with its own fields, and none of another's."""
    assert said_about(connection(auth=auth)) == [("CPK502", marked, message, hint)]


@pytest.mark.parametrize(
    ("text", "code", "marked", "message", "hint"),
    [
        (
            connection("deadline: 2h"),
            "CPK503",
            "2h",
            'deadline "2h" is out of reach',
            "1s to 10m; 30s is usual",
        ),
        (
            connection("serverName: a_b"),
            "CPK503",
            "a_b",
            '"a_b" is not a name that a certificate can have',
            "such as vault.example.com",
        ),
        (connection("namespace: /a/"), "CPK403", "/a/", '"/a/" is not a plain namespace', 'write "a"'),
        (
            connection(auth="{method: jwt, mount: a//b, role: r, jwtFile: /j}"),
            "CPK403",
            "a//b",
            '"a//b" is not a plain mount',
            'write "a/b"',
        ),
        (store("connection: mian, mount: secret"), "CPK238", "mian", 'there is no connection "mian"', 'did you mean "main"?'),
        (store("connection: main"), "CPK402", "kv", 'store "kv" of type vault-kv needs `mount`', "add `mount`"),
        (
            store("connection: main, mount: secret, root: /x"),
            "CPK402",
            "/x",
            'store "kv" is of type vault-kv, which has no `root`',
            "remove it; type vault-kv has `connection` and `mount` and `prefix`",
        ),
        (
            f"{HEAD}{MAIN}stores: {{f: {{type: file, mount: x}}}}\n{ROOT}",
            "CPK402",
            "x",
            'store "f" is of type file, which has no `mount`',
            "remove it; type file has `root` and `layout`",
        ),
        *(
            (store(f'connection: main, mount: "{text}"'), "CPK403", f'"{text}"', message, hint)
            for text, message, hint in (
                ("secret/", '"secret/" is not a plain mount', 'write "secret"'),
                ("/secret", '"/secret" is not a plain mount', 'write "secret"'),
                ("a/../b", '"a/../b" is not a plain mount', 'write "a/b"'),
                ("", "an empty mount", "name the mount, without slashes at its ends"),
                ("a+b", '"a+b" holds "+"', "use letters, digits and ._~@=:,-"),
                ("a/*", '"a/*" holds "*"', "use letters, digits and ._~@=:,-"),
                (
                    "secret/data",
                    '"secret/data" has a part "data", which stands between mount and path in the API of KV',
                    'write "secret": what comes after `data` belongs to the prefix or path',
                ),
                (
                    "data",
                    '"data" has a part "data", which stands between mount and path in the API of KV',
                    "mount it elsewhere",
                ),
            )
        ),
        *(
            (store(f'connection: main, mount: secret, prefix: "{text}"'), code, f'"{text}"', message, hint)
            for text, code, message, hint in (
                ("", "CPK403", "an empty prefix", "name the prefix, without slashes at its ends"),
                ("a/", "CPK403", '"a/" is not a plain prefix', 'write "a"'),
                ("a/{node}/", "CPK403", '"a/node/" is not a plain prefix', 'write "a/node"'),
                ("a/{nodes}", "CPK210", '"{nodes}" stands for nothing', 'did you mean "{node}"?'),
                ("{node.address}", "CPK401", '"{node.address}": a prefix can hold only {node}', 'such as "nodes/{node}"'),
            )
        ),
        (issuer("mount: /pki, create: true"), "CPK403", "/pki", '"/pki" is not a plain mount', 'write "pki"'),
        (
            issuer("mount: pki").replace("connection: main, mount", "connection: mein, mount"),
            "CPK238",
            "mein",
            'there is no connection "mein"',
            'did you mean "main"?',
        ),
        (
            issuer("mount: pki, create: true, issuer: corporate"),
            "CPK504",
            "corporate",
            'CA "root" is to be made, and names an issuer that exists: "corporate"',
            "remove `issuer` for a CA that is made here, or `create` for one that exists",
        ),
        (
            issuer("mount: pki, create: true", rest=API),
            "CPK505",
            "vault",
            "ca.root names no role, so its engine will not sign component.api",
            "add role: NAME, or signVerbatim: true",
        ),
        (
            issuer("mount: pki", ", transit: {connection: main, mount: transit, name: a}"),
            "CPK507",
            "transit",
            'CA "root" has its key in a PKI engine and in a transit engine',
            "remove one: issuer: {vault: …} has the engine make certificates, transit only signatures",
        ),
        (
            f"{HEAD}{MAIN}cas: {{root: {{path: root, transit: {{connection: mian, mount: transit, name: a}}}}}}\n",
            "CPK238",
            "mian",
            'there is no connection "mian"',
            'did you mean "main"?',
        ),
        (
            f"{HEAD}{MAIN}cas: {{root: {{path: root, transit: {{connection: main, mount: a/, name: a}}}}}}\n",
            "CPK403",
            "a/",
            '"a/" is not a plain mount',
            'write "a"',
        ),
        (
            issuer("mount: pki", rest="  other: {path: other, issuer: {vault: {connection: main, mount: pki}}}\n"),
            "CPK507",
            "pki",
            "ca.other and ca.root would have one key",
            "give each its own",
        ),
        (
            issuer("mount: pki, parent: rooot"),
            "CPK201",
            "rooot",
            'there is no CA "rooot"',
            'did you mean "root"?',
        ),
        (
            issuer("mount: pki, parent: root"),
            "CPK206",
            "root",
            "each is issued by the next: ca.root -> ca.root",
            "one of them must be a root: issuer: self",
        ),
        (
            issuer("mount: pki, create: true", ", nameConstraints: {permitted: {dns: [a.b]}, excluded: {dns: [c.d]}}"),
            "CPK508",
            "[c.d]",
            "Vault makes the certificate of ca.root, and cannot be asked for excluded names of kind dns",
            "only permitted dns names; transit keeps the key in Vault and leaves the certificate to us",
        ),
        (
            issuer(
                "mount: pki", rest="  low: {path: low, issuer: root, lifetime: 1y, nameConstraints: {permitted: {uri: [a.b]}}}\n"
            ),
            "CPK508",
            "[a.b]",
            "Vault makes the certificate of ca.low, and cannot be asked for permitted names of kind uri",
            "only permitted dns names; transit keeps the key in Vault and leaves the certificate to us",
        ),
        (
            f'{HEAD}{MAIN}{KV}cas: {{root: {{store: kv, path: root, mode: "0640"}}}}\n',
            "CPK404",
            "mode",
            "ca.root is in KV, which keeps no mode",
            "remove it; the server's policies say who may read it",
        ),
        (
            f"{HEAD}{MAIN}{KV}{ROOT}bundles: {{b: {{store: kv, cas: [root], path: b, group: adm}}}}\n",
            "CPK404",
            "group",
            "bundle.b is in KV, which keeps no group",
            "remove it; the server's policies say who may read it",
        ),
        *(
            (lock(f"path: {path}"), "CPK406", path, message, "give the lock a path of its own")
            for path, message in (
                ("clusters/demo/root", "the lock and ca.root would be one secret"),
                ("clusters/demo/root.g2", "the lock and generation 2 of ca.root would be one secret"),
            )
        ),
        (lock("path: a/../b"), "CPK403", "a/../b", '"a/../b" is not a plain path', 'write "a/b"'),
        (lock("path: lock, ttl: 1s"), "CPK503", "1s", 'ttl "1s" is out of reach', "10s to 1h; 1m is usual"),
        (
            lock("path: lock").replace("connection: main, mount: secret, path: lock", "connection: x, mount: secret, path: lock"),
            "CPK238",
            "x",
            'there is no connection "x"',
            'there is "main"',
        ),
        (
            f"{HEAD}{ROOT}lock: {{connection: main, mount: secret, path: lock}}\n",
            "CPK238",
            "main",
            'there is no connection "main"',
            "declare it under `connections`",
        ),
    ],
)
def test_mistakes(text: str, code: str, marked: str, message: str, hint: str) -> None:
    """One mistake, one diagnostic."""
    assert said_about(text) == [(code, marked, message, hint)]


@pytest.mark.parametrize("path", ["clusters/demo/root.gx", "clusters/demo/lock", "clusters/demo/root.g", "root"])
def test_a_lock_beside_everything_else(path: str) -> None:
    """Only what would be written over is in the way."""
    assert said_about(lock(f"path: {path}")) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            issuer("mount: pki, create: true", ", nameConstraints: {permitted: {dns: [a.b]}}"),
            id="what-the-engine-can-be-asked-for",
        ),
        pytest.param(issuer("mount: pki", ", nameConstraints: {permitted: {ip: [192.0.2.0/24]}}"), id="exists"),
        pytest.param(
            issuer(
                "mount: pki, create: true, parent: top",
                ", lifetime: 1y, nameConstraints: {permitted: {ip: [192.0.2.0/24]}}",
                rest="  top: {path: top, transit: {connection: main, mount: transit, name: top}}\n",
            ),
            id="we-sign",
        ),
    ],
)
def test_constraints_that_are_in_the_certificate(text: str) -> None:
    """Nothing is refused where we build the certificate, or where nobody builds one."""
    assert said_about(text) == []


def test_copies_of_a_key_that_never_leaves() -> None:
    """Neither by hand nor by the preset, which is told at its own switch."""
    nodes = "nodes: [{name: n-1, roles: [worker]}]\n"
    copies = ', copies: {forEach: {}, path: "c/{node}"}'
    assert said_about(issuer("mount: pki", copies, rest=nodes)) == [
        ("CPK506", "copies", "the key of ca.root never leaves Vault, so no node can have a copy of it", "remove `copies`")
    ]
    text = kubernetes("distributeCAKeys: true") + MAIN
    text = text.replace("etcd/ca}", "etcd/ca, transit: {connection: main, mount: transit, name: etcd}}")
    assert said_about(text) == [
        (
            "CPK506",
            "true",
            "the key of ca.etcd never leaves Vault, so no node can have a copy of it",
            "without distributeCAKeys nodes get its certificate, and no key",
        )
    ]


def test_a_kubeconfig_that_refers_to_secrets() -> None:
    """Also the preset's own, which is told at the preset."""
    text = kubernetes() + MAIN
    text = text.replace("stores:\n", 'stores:\n  kv: {type: vault-kv, connection: main, mount: secret, prefix: "{node}"}\n')
    text += "components: {kubelet-client: {store: kv}}\n"
    assert said_about(text) == [
        (
            "CPK405",
            "kubeadm",
            'kubeconfig.kubelet would refer to the files of component "kubelet-client", which is a secret in KV',
            "embed: true, or a store of type file for the component",
        )
    ]


def test_a_ca_that_belongs_to_no_node() -> None:
    """A prefix of a node's is no place for it, as in a store of files."""
    nodes = "nodes: [{name: n-1, roles: [worker]}]\n"
    text = HEAD + MAIN + nodes + 'stores: {kv: {type: vault-kv, connection: main, mount: secret, prefix: "x/{node}"}}\n'
    text += "cas: {root: {store: kv, path: root}}\n"
    ((code, marked, message, _),) = said_about(text)
    assert (code, marked) == ("CPK211", "kv")
    assert message == 'ca.root belongs to no node, so {node} in "vault://main/secret/data/x/{node}" stands for nothing'


def test_a_circle_through_vault() -> None:
    """Told at the first CA by name, where its parent is written."""
    text = WHOLE.replace("name: demo-front-proxy}}", "name: demo-front-proxy}, issuer: kubernetes}").partition("imports:")[0]
    assert [(code, marked) for code, marked, *_ in said_about(text)] == [("CPK206", "kubernetes")]


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (
            ROOT.replace("{root:", "{root: {path: root, issuer: 1}, x:"),
            "CPK103",
            "cas.root.issuer must be text or a mapping, not the number 1",
        ),
        (ROOT.replace("path: root", "path: root, issuer: {valt: {}}"), "CPK101", 'unknown key "valt" in cas.root.issuer'),
        (
            MAIN.replace("TOKEN", "$TOKEN") + ROOT,
            "CPK105",
            'connections.main.auth.tokenEnv: "$TOKEN" is not the name of a variable',
        ),
        (
            issuer("mount: pki, role: a/b").removeprefix(HEAD),
            "CPK105",
            'cas.root.issuer.vault.role: "a/b" is not a name in Vault',
        ),
    ],
)
def test_the_form(text: str, code: str, message: str) -> None:
    """An issuer is a name or a mapping; names and variables have their form."""
    assert (code, message) in [(found, told) for found, _, told, _ in said_about(HEAD + text)]
