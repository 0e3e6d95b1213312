"""Our entries in a kubeconfig of somebody else's: what is foreign keeps its bytes, and everything can be taken out again."""

from __future__ import annotations

from typing import Any, Final

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.x509.errors import Problem, UnreadableError
from reconciler.x509.kubeconfig_entries import (
    Contents,
    cluster_fields,
    context_fields,
    parse_entries,
    render_entries,
    user_fields,
)
from reconciler.x509.kubeconfig_merge import merge, without

OURS: Final = Contents(
    sections={
        "clusters": {"demo": cluster_fields("https://api.demo.internal:6443", b"CA")},
        "contexts": {"jane@demo": context_fields("demo", "jane", "dev")},
        "users": {"jane": user_fields(b"CERTIFICATE", b"KEY")},
    },
    current="",
    otherwise="jane@demo",
)
NAMES: Final = {section: tuple(entries) for section, entries in OURS.sections.items()}
#: As kubectl leaves it, with the comments of a person.
FOREIGN: Final = """\
# mine, do not touch
apiVersion: v1
clusters:
- cluster:
    insecure-skip-tls-verify: true
    server: https://127.0.0.1:6443   # kind
  name: kind
contexts:
# the one I use
- context:
    cluster: kind
    user: kind
  name: kind
current-context: kind
kind: Config
preferences: {colors: true}
users:
- name: kind
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: "get-token"
      args: [--for, kind]
# the end
"""
MERGED: Final = """\
# mine, do not touch
apiVersion: v1
clusters:
- cluster:
    insecure-skip-tls-verify: true
    server: https://127.0.0.1:6443   # kind
  name: kind
- cluster:
    certificate-authority-data: Q0E=
    server: https://api.demo.internal:6443
  name: demo
contexts:
# the one I use
- context:
    cluster: kind
    user: kind
  name: kind
- context:
    cluster: demo
    namespace: dev
    user: jane
  name: jane@demo
current-context: kind
kind: Config
preferences: {colors: true}
users:
- name: kind
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: "get-token"
      args: [--for, kind]
- name: jane
  user:
    client-certificate-data: Q0VSVElGSUNBVEU=
    client-key-data: S0VZ
# the end
"""
JSON: Final = (
    '{"kind": "Config", "apiVersion": "v1", "clusters": [{"name": "kind", "cluster": {"server": "https://k:1"}}],\n'
    ' "contexts": [], "users": null, "current-context": ""}'
)
INDENTED: Final = """\
---
clusters:
  -
    name: kind
    cluster: {server: "https://k:1"}
  # - between -
  - {name: other, cluster: {server: "https://o:1"}}   # last
contexts: []   # none
users:
current-context:
...
"""
FORMS: Final = {
    "block": FOREIGN,
    "crlf": FOREIGN.replace("\n", "\r\n"),
    "no line break at the end": FOREIGN.removesuffix("# the end\n").removesuffix("\n"),
    "json": JSON,
    "indented": INDENTED,
    "flow lists": "apiVersion: v1\nkind: Config\nclusters: [{name: kind, cluster: {server: 'https://k:1'}},\n  ]\nusers: ~\n",
    "empty lists": 'apiVersion: v1\nclusters: null\ncontexts: null\ncurrent-context: ""\nkind: Config\nusers: null\n',
    "only a head": "apiVersion: v1\nkind: Config\n",
    "a literal at the end": "users:\n- name: kind\n  user:\n    token: |\n      abc\n",
    "byte order mark": f"\ufeff{FOREIGN}",
}


def test_the_bytes_of_a_merged_file() -> None:
    """Ours are appended to each list; comments, order, quotes and the current context stay."""
    assert merge(FOREIGN.encode(), OURS, {}).decode() == MERGED


def test_taking_ours_out_gives_the_file_back() -> None:
    """To the byte, where it had lists to begin with."""
    assert without(MERGED.encode(), NAMES).decode() == FOREIGN


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS.keys())
def test_every_form_takes_ours_and_keeps_the_rest(text: str) -> None:
    """A YAML reader finds what was there and ours beside it; merging again changes nothing; without ours all is as before."""
    before = _plain(text.encode())
    merged = merge(text.encode(), OURS, {})
    after = _plain(merged)
    ours = yaml.safe_load(render_entries(OURS))
    for section in ("clusters", "contexts", "users"):
        assert after[section] == (before.get(section) or []) + ours[section]
    rest = {"clusters", "contexts", "users", "current-context"}
    assert {key: value for key, value in after.items() if key not in rest} == {
        key: value for key, value in before.items() if key not in rest
    }
    assert after["current-context"] == (before.get("current-context") or "jane@demo")
    assert merge(merged, OURS, {}) == merged
    left = _plain(without(merged, NAMES))
    assert _meant(left) == (_meant(before) if any(before.get(section) for section in NAMES) else {})


def test_only_the_entry_that_differs_is_written() -> None:
    """A new certificate changes the user's lines; a comment in the cluster's entry stays."""
    commented = MERGED.replace("certificate-authority-data: Q0E=", "certificate-authority-data: Q0E= # ours")
    renewed = Contents(sections={**OURS.sections, "users": {"jane": user_fields(b"NEW", b"KEY")}}, current="")
    assert merge(commented.encode(), renewed, {}).decode() == commented.replace("Q0VSVElGSUNBVEU=", "TkVX")


def test_renamed_entries_go_with_the_current_context() -> None:
    """What we wrote under an old name is taken out, and a current context that is gone gives way to ours."""
    data = MERGED.replace("current-context: kind", "current-context: old").replace("name: jane@demo", "name: old").encode()
    after = parse_entries(merge(data, OURS, {"contexts": ("old",)}))
    assert (list(after.contexts), after.current) == (["kind", "jane@demo"], "jane@demo")


def test_a_current_context_of_ours_is_set() -> None:
    """Only when it is asked for."""
    wanted = Contents(sections=OURS.sections, current="jane@demo")
    assert merge(FOREIGN.encode(), wanted, {}).decode() == MERGED.replace("current-context: kind", "current-context: jane@demo")


@pytest.mark.parametrize("data", [b"", b"\n\n", b"# nothing here yet\n"])
def test_a_file_without_content_gets_a_whole_kubeconfig(data: bytes) -> None:
    """And is empty again when ours leave it."""
    merged = merge(data, OURS, {})
    assert merged == data + render_entries(OURS)
    assert without(merged, NAMES) == b""


@pytest.mark.parametrize(
    ("text", "problem", "detail"),
    [
        ("[]", Problem.WRONG_TYPE, "the kubeconfig is not a mapping"),
        ("clusters: {}\nusers: 1", Problem.WRONG_TYPE, "users is not a list"),
        ("clusters: [a]", Problem.WRONG_TYPE, "an item of clusters is not a mapping"),
        ("users:\n- name: a\n- name: a\n", Problem.UNPARSABLE, "users holds one name twice, which kubectl refuses"),
        ("a: &x 1\nb: *x\n", Problem.UNPARSABLE, "the kubeconfig uses YAML anchors, aliases or tags"),
        ("a: [", Problem.UNPARSABLE, "the kubeconfig is not valid YAML"),
        ("a: 1\n---\nb: 1\n", Problem.UNPARSABLE, "the kubeconfig holds more than one document"),
        ("\xff", Problem.UNPARSABLE, "the kubeconfig is not UTF-8"),
    ],
)
def test_what_is_no_kubeconfig_is_refused(text: str, problem: Problem, detail: str) -> None:
    """Nothing is guessed about a file of somebody else's."""
    with pytest.raises(UnreadableError) as caught:
        merge(text.encode("latin-1"), OURS, {})
    assert (caught.value.problem, caught.value.detail) == (problem, detail)


_NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
_ITEMS = st.dictionaries(_NAMES, st.dictionaries(st.sampled_from(["server", "x", "é"]), _NAMES, min_size=1), max_size=4)


@settings(max_examples=150)
@given(
    foreign=_ITEMS,
    ours=_ITEMS,
    style=st.sampled_from([False, True, None]),
    indent=st.integers(2, 5),
    head=st.sampled_from(["", "# c\n", "---\n"]),
)
def test_any_entries_in_any_style(
    foreign: dict[str, dict[str, str]], ours: dict[str, dict[str, str]], style: bool | None, indent: int, head: str
) -> None:
    """Whatever a YAML writer makes of a kubeconfig: foreign entries stay, ours are there, and both can be told apart again."""
    theirs = {name: fields for name, fields in foreign.items() if name not in ours}
    document = {
        "kind": "Config",
        "clusters": [{"name": name, "cluster": fields} for name, fields in theirs.items()],
        "current-context": "kept",
        "users": [],
    }
    text = head + yaml.safe_dump(document, default_flow_style=style, indent=indent, allow_unicode=True, sort_keys=False)
    wanted = Contents(sections={"clusters": ours, "contexts": {}, "users": {}}, current="")
    merged = merge(text.encode(), wanted, {})
    found = {item["name"]: item["cluster"] for item in _plain(merged)["clusters"]}
    assert found == {**theirs, **ours}
    assert _plain(without(merged, {"clusters": tuple(ours)})) == (document if theirs else {}) or not theirs


def _plain(data: bytes) -> dict[str, Any]:
    return yaml.safe_load(data.decode()) or {}


def _meant(document: dict[str, Any]) -> dict[str, Any]:
    """Without keys that hold nothing; a file in which there is nobody's entry is removed."""
    return {key: value for key, value in document.items() if value}
