"""Kubeconfigs with all their contexts."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cluster.kubeconfigs import Context, Source, parse_kubeconfig
from reconciler.x509.errors import Problem, UnreadableError

CA = b64encode(b"ca").decode()
TEXT = f"""\
apiVersion: v1
kind: Config
clusters:
- name: demo
  cluster: {{server: "https://192.0.2.11:6443", certificate-authority-data: {CA}, certificate-authority: /x}}
- name: other
  cluster: {{server: "https://other", certificate-authority: ca.crt, tls-server-name: api, insecure-skip-tls-verify: true}}
contexts:
- name: jane@demo
  context: {{cluster: demo, user: jane, namespace: dev}}
- name: bot@other
  context: {{cluster: other, user: bot}}
- name: jane@demo
  context: {{cluster: other, user: bot}}
- name: nowhere
  context: {{cluster: gone, user: gone}}
current-context: jane@demo
users:
- name: jane
  user: {{client-certificate-data: {b64encode(b"crt").decode()}, client-key: jane.key}}
- name: bot
  user: {{tokenFile: /token, client-certificate-data: "???"}}
- name: unused
  user: {{exec: {{command: aws}}, client-key-data: {b64encode(b"key").decode()}}}
"""
NOTHING = Source()


def context(name: str, user: str, cluster: str, *, current: bool = False, **values: object) -> Context:
    """A context of which little is said."""
    told: dict[str, object] = {
        "namespace": "",
        "server": "",
        "server_name": "",
        "insecure": False,
        "trust": NOTHING,
        "certificate": NOTHING,
        "key": NOTHING,
        "other_credential": "",
    }
    return Context(name=name, user=user, cluster=cluster, current=current, **{**told, **values})  # type: ignore[arg-type]


def test_every_context() -> None:
    """In the order of the file; data before files, the first of two with one name, and whoever has no context last."""
    assert parse_kubeconfig(TEXT) == (
        context(
            "jane@demo",
            "jane",
            "demo",
            current=True,
            namespace="dev",
            server="https://192.0.2.11:6443",
            trust=Source(data=b"ca"),
            certificate=Source(data=b"crt"),
            key=Source(path="jane.key"),
        ),
        context(
            "bot@other",
            "bot",
            "other",
            server="https://other",
            server_name="api",
            insecure=True,
            trust=Source(path="ca.crt"),
            certificate=Source(problem="client-certificate-data is not base64"),
            other_credential="tokenFile",
        ),
        context("nowhere", "gone", "gone"),
        context("", "unused", "", key=Source(data=b"key"), other_credential="exec"),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", Problem.EMPTY),
        ("a: [", Problem.UNPARSABLE),
        ("apiVersion: v1\nkind: Config\n", Problem.WRONG_TYPE),
        ("x", Problem.WRONG_TYPE),
        ("clusters: []\n---\nclusters: []\n", Problem.WRONG_TYPE),
    ],
)
def test_what_is_no_kubeconfig(text: str, problem: Problem) -> None:
    """It is told what is wrong."""
    with pytest.raises(UnreadableError) as caught:
        parse_kubeconfig(text)
    assert caught.value.problem == problem


def test_a_key_is_not_shown() -> None:
    """What is printed of a context says nothing of its data."""
    data = b64encode(b"SECRET").decode()
    text = f"users: [{{name: a, user: {{client-key-data: {data}}}}}]"
    assert parse_kubeconfig(text)[0].key.data == b"SECRET"
    assert "SECRET" not in repr(parse_kubeconfig(text))


@given(st.text(max_size=100), st.sampled_from(["clusters", "users", "contexts", "current-context"]))
def test_any_text_is_read_or_refused(text: str, key: str) -> None:
    """There is no third way, wherever in a kubeconfig it stands."""
    value = json.dumps(text)
    user = f"{{name: {value}, user: {{client-key-data: {value}}}}}"
    for each in (text, f"{key}: {value}\nusers2: 1", f"{key}: [{value}]", f"users: [{user}]\n"):
        try:
            parse_kubeconfig(each)
        except UnreadableError:
            continue
