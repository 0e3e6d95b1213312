"""Kubeconfigs: written as kubectl writes them, read as kubeadm, kubectl and people leave them."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.x509 import kubeconfig, yaml_tree
from reconciler.x509.errors import Problem, UnreadableError
from reconciler.x509.kubeconfig import ParsedKubeconfig
from tests.builders import make_ca, make_leaf

CA = make_ca()
ADMIN = make_leaf(CA, "kubernetes-admin", organizations=["kubeadm:cluster-admins"], sans=(), usages=("client auth",))
CA_PEM, CERTIFICATE, KEY = CA.certificate.pem, ADMIN.chain_pem, ADMIN.key.pem()
EMBEDDED = ParsedKubeconfig(
    server="https://api.demo.internal:6443",
    ca_pem=CA_PEM,
    cluster_name="kubernetes",
    user_name="kubernetes-admin",
    context="kubernetes-admin@kubernetes",
    certificate_pem=CERTIFICATE,
    key_pem=KEY,
)


def b64(data: bytes) -> str:
    """Base64 as text."""
    return b64encode(data).decode()


def render(
    *,
    server: str = EMBEDDED.server,
    cluster: str = "kubernetes",
    user: str = "kubernetes-admin",
    certificate: bytes | str = CERTIFICATE,
    key: bytes | str = KEY,
) -> bytes:
    """A kubeconfig with one thing changed."""
    return kubeconfig.render(server=server, ca_pem=CA_PEM, cluster_name=cluster, user_name=user, certificate=certificate, key=key)


def test_the_bytes() -> None:
    """Keys in kubectl's order, context as kubeadm names it, and nothing else."""
    assert (
        render().decode()
        == f"""apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {b64(CA_PEM)}
    server: https://api.demo.internal:6443
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: kubernetes-admin
  name: kubernetes-admin@kubernetes
current-context: kubernetes-admin@kubernetes
kind: Config
users:
- name: kubernetes-admin
  user:
    client-certificate-data: {b64(CERTIFICATE)}
    client-key-data: {b64(KEY)}
"""
    )


def test_what_is_written_is_read() -> None:
    """Embedded data comes back, without extras; the key is not in the repr."""
    parsed = kubeconfig.parse(render())
    assert parsed == EMBEDDED
    assert b64(KEY)[:40] not in repr(parsed)
    assert "PRIVATE" not in repr(parsed)


def test_our_own_files_need_no_yaml_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand of them are read at once: a file of ours takes the fast path."""

    def refuse(text: str, *, what: str) -> None:
        raise AssertionError((text, what))

    monkeypatch.setattr(kubeconfig, "parse_tree", refuse)
    assert kubeconfig.parse(render()) == EMBEDDED
    referred = kubeconfig.parse(render(user="system:node:n1", certificate="/var/lib/kubelet/c.pem", key="/var/lib/kubelet/c.pem"))
    assert (referred.client_certificate_path, referred.client_key_path) == ("/var/lib/kubelet/c.pem",) * 2


def test_file_references() -> None:
    """With ``embed: false`` the paths are written and read."""
    parsed = kubeconfig.parse(render(certificate="/a b/c.crt", key="/a b/c.key"))
    assert parsed == replace(
        EMBEDDED, certificate_pem=b"", key_pem=b"", client_certificate_path="/a b/c.crt", client_key_path="/a b/c.key"
    )


@pytest.mark.parametrize(
    "server", ["https://192.0.2.11:6443", "https://[2001:db8::1]:6443", "https://api.demo.internal", "https://a/x?y=1#z"]
)
def test_servers(server: str) -> None:
    """Host names, addresses and paths survive."""
    assert kubeconfig.parse(render(server=server)).server == server


# Each is a word, a number, a time or a mark of YAML 1.1 or 1.2, or ends in something that is one.
AWKWARD = ["true", "No", "y", "null", "~", "123", "1e3", "1:30", "2026-11-23", "0x1f", ".inf", "a: b", "a #b", "a:", "- a", "@a"]
AWKWARD += [
    "`a",
    "%a",
    "&a",
    "*a",
    "!a",
    "|",
    ">",
    "{a",
    "[a",
    "'a",
    '"a',
    "a\\",
    " a ",
    "é",
    "\u2028",
    "a\nb",
    "\x07",
    "=",
    "<<",
]


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_names(name: str) -> None:
    """A name that YAML would take for something else is quoted: we and PyYAML read it back."""
    data = render(cluster=name, user=name)
    parsed = kubeconfig.parse(data)
    assert (parsed.cluster_name, parsed.user_name, parsed.context, parsed.extras) == (name, name, f"{name}@{name}", ())
    assert yaml.safe_load(data)["clusters"][0]["name"] == name


@settings(max_examples=60)
@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_any_names(cluster: str, user: str) -> None:
    """Whatever the names are, the fast path, the slow path and PyYAML agree."""
    try:
        cluster.encode()
        user.encode()
    except UnicodeEncodeError:
        return
    data = render(cluster=cluster, user=user)
    expected = replace(EMBEDDED, cluster_name=cluster, user_name=user, context=f"{user}@{cluster}")
    assert kubeconfig.parse(data) == expected
    assert kubeconfig.parse(b"# by hand\n" + data) == expected
    assert yaml.safe_load(data)["users"][0]["name"] == user


KUBEADM = f"""apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {b64(CA_PEM)}
    server: https://api.demo.internal:6443
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: kubernetes-admin
  name: kubernetes-admin@kubernetes
current-context: kubernetes-admin@kubernetes
kind: Config
preferences: {{}}
users:
- name: kubernetes-admin
  user:
    client-certificate-data: {b64(CERTIFICATE)}
    client-key-data: {b64(KEY)}
"""


def test_kubeadms_admin_conf() -> None:
    """What kubeadm and older kubectl write, with empty preferences, holds nothing extra."""
    assert kubeconfig.parse(KUBEADM.encode()) == EMBEDDED
    assert kubeconfig.parse(KUBEADM.replace("\n", "\r\n").encode()) == EMBEDDED


def _edited(old: str, new: str) -> str:
    assert old in KUBEADM
    return KUBEADM.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "extras"),
    [
        (
            _edited("    server:", "    insecure-skip-tls-verify: true\n    server:"),
            ("clusters[0].cluster.insecure-skip-tls-verify",),
        ),
        (_edited("    server:", "    certificate-authority: /x\n    server:"), ("clusters[0].cluster.certificate-authority",)),
        (_edited("    user: k", "    namespace: default\n    user: k"), ("contexts[0].context.namespace",)),
        (_edited("  user:\n    c", "  user:\n    token: t\n    c"), ("users[0].user.token",)),
        (_edited("  user:\n    c", "  user:\n    client-key: /x\n    c"), ("users[0].user.client-key",)),
        (_edited("users:\n", "users:\n- name: other\n  user: {token: t}\n"), ("users[0]",)),
        (_edited("preferences: {}", "preferences: {colors: true}"), ("preferences",)),
        (_edited("preferences: {}", "extensions: []"), ("extensions",)),
        (_edited("apiVersion: v1\n", ""), ("apiVersion",)),
        (_edited("kind: Config", "kind: Secret"), ("kind",)),
        (_edited("  name: kubernetes\n", "  name: kubernetes\n  note: x\n"), ("clusters[0].note",)),
        (
            _edited("users:\n", "users:\n- name: other\n  user: {}\n").replace("  user:\n", "  user:\n    exec: {}\n"),
            ("users[0]", "users[1].user.exec"),
        ),
    ],
)
def test_extras(text: str, extras: tuple[str, ...]) -> None:
    """Everything that we would not write is told by its place, and what we would is still read."""
    parsed = kubeconfig.parse(text.encode())
    assert parsed == replace(EMBEDDED, extras=extras)


def test_the_current_context_decides() -> None:
    """The entries that the current context names count, wherever they stand and whatever they are called."""
    text = """
apiVersion: v1
kind: Config
current-context: mine
contexts: [{name: other, context: {cluster: a, user: a}}, {name: mine, context: {cluster: b, user: c}}]
clusters: [{name: a, cluster: {server: "https://a"}}, {name: b, cluster: {server: "https://b"}}]
users: [{name: c, user: {client-certificate: /c.crt, client-key: /c.key}}]
"""
    assert kubeconfig.parse(text.encode()) == ParsedKubeconfig(
        server="https://b",
        ca_pem=b"",
        cluster_name="b",
        user_name="c",
        context="mine",
        client_certificate_path="/c.crt",
        client_key_path="/c.key",
        extras=("clusters[0]", "contexts[0]"),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", Problem.EMPTY),
        (" \n", Problem.EMPTY),
        ("# nothing\n", Problem.EMPTY),
        ("hello", Problem.WRONG_TYPE),
        ("- a", Problem.WRONG_TYPE),
        ("apiVersion: v1\nkind: Config\n", Problem.UNPARSABLE),
        (KUBEADM.replace("current-context: kube", "current-context: cube"), Problem.UNPARSABLE),
        (KUBEADM.replace("    user: kube", "    user: cube"), Problem.UNPARSABLE),
        (KUBEADM.replace("users:\n-", "users:\n  a: b\nx:\n-"), Problem.WRONG_TYPE),
        (KUBEADM.replace("    server: https", "    server: [https]\n    x: https"), Problem.WRONG_TYPE),
        (KUBEADM.replace(b64(CA_PEM), b64(CA_PEM)[:-3]), Problem.UNPARSABLE),
        (render().decode().replace(b64(CA_PEM), b64(CA_PEM)[:-3]), Problem.UNPARSABLE),
        (KUBEADM.replace(b64(CA_PEM), "é"), Problem.UNPARSABLE),
        (KUBEADM[:-9] + "\n  broken", Problem.UNPARSABLE),
        (KUBEADM + KUBEADM, Problem.UNPARSABLE),
        (KUBEADM + "---\na: b\n", Problem.UNPARSABLE),
        (KUBEADM.replace("preferences: {}", "preferences: &a {}"), Problem.UNPARSABLE),
        (KUBEADM.replace("kind: Config", "kind: !!str Config"), Problem.UNPARSABLE),
        (KUBEADM.replace("kind: Config", "? [a]\n: b"), Problem.UNPARSABLE),
        ("a: " + "[" * 100_000, Problem.UNPARSABLE),
        ("[" + "a," * 30_000 + "]", Problem.UNPARSABLE),
        ("#" * (yaml_tree.MAX_CHARACTERS + 1), Problem.UNPARSABLE),
        ("\x00", Problem.UNPARSABLE),
    ],
)
def test_what_is_no_kubeconfig(text: str, problem: Problem) -> None:
    """Everything else is an error with its word, quickly, and without a piece of the file in it."""
    with pytest.raises(UnreadableError) as caught:
        kubeconfig.parse(text.encode())
    assert caught.value.problem == problem
    assert caught.value.__cause__ is None
    assert b64(KEY)[:16] not in caught.value.detail


def test_bytes_that_are_not_utf8() -> None:
    """Binary files are refused."""
    with pytest.raises(UnreadableError, match="not UTF-8"):
        kubeconfig.parse(b"\xff\xfe")
