"""YAML and JSON of configuration files as trees and settings."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cluster.documents import at, merged, parse_documents, settings_of
from reconciler.x509.errors import Problem, UnreadableError
from reconciler.x509.yaml_tree import Tree


@pytest.mark.parametrize(
    ("text", "trees"),
    [
        ("a: 1\n", ({"a": "1"},)),
        ("a: 1\n---\nb: [x, 2]\n", ({"a": "1"}, {"b": ["x", "2"]})),
        ("---\na: true\n...\n---\nb: ~\n", ({"a": "true"}, {"b": None})),
        ('{"a": 1, "b": [true, null, 1.5, "x"]}', ({"a": "1", "b": ["true", None, "1.5", "x"]},)),
        ('{\n\t"a": {\n\t\t"b": "c"\n\t}\n}\n', ({"a": {"b": "c"}},)),
        ("{a: b}\n", ({"a": "b"},)),
    ],
)
def test_documents(text: str, trees: tuple[Tree, ...]) -> None:
    """Several documents of YAML, or one of JSON with the tabs that YAML does not allow; scalars are strings."""
    assert parse_documents(text, what="manifest") == trees


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", Problem.EMPTY),
        ("# nothing\n", Problem.EMPTY),
        ("a: [", Problem.UNPARSABLE),
        ("{\t", Problem.UNPARSABLE),
        ("a: &x 1\nb: *x\n", Problem.UNPARSABLE),
        ("a: 1\na: 2\n", Problem.UNPARSABLE),
        ('{"a":' * 40 + "1" + "}" * 40, Problem.UNPARSABLE),
        ('{"a":' * 5000, Problem.UNPARSABLE),
        ("#" * (1024 * 1024 + 1), Problem.UNPARSABLE),
    ],
)
def test_what_cannot_be_read(text: str, problem: Problem) -> None:
    """One kind of error, which says what the file should have been."""
    with pytest.raises(UnreadableError) as caught:
        parse_documents(text, what="manifest")
    assert caught.value.problem == problem


def test_settings_have_dotted_names() -> None:
    """Scalars and lists of scalars by where they stand; what the document is, and what is null, is no setting."""
    tree: Tree = {
        "apiVersion": "v1",
        "kind": "X",
        "authentication": {"x509": {"clientCAFile": "/ca.crt"}, "anonymous": {"enabled": "false"}},
        "clusterDNS": ["10.96.0.10", "fd00::a"],
        "nothing": None,
        "empty": [],
        "text": "",
        "deep": [{"a": "b"}],
    }
    assert settings_of(tree) == {
        "authentication.x509.clientCAFile": ("/ca.crt",),
        "authentication.anonymous.enabled": ("false",),
        "clusterDNS": ("10.96.0.10", "fd00::a"),
        "text": ("",),
    }


@pytest.mark.parametrize(
    ("below", "above", "whole"),
    [
        ({"a": "1", "b": "2"}, {"b": "3"}, {"a": "1", "b": "3"}),
        ({"a": {"x": "1", "y": "2"}}, {"a": {"y": "3"}}, {"a": {"x": "1", "y": "3"}}),
        ({"a": ["1", "2"]}, {"a": ["3"]}, {"a": ["3"]}),
        ({"a": {"x": "1"}}, {"a": "2"}, {"a": "2"}),
        (None, {"a": "1"}, {"a": "1"}),
        ({}, {"a": {"b": "c"}}, {"a": {"b": "c"}}),
    ],
)
def test_drop_ins_are_merged(below: Tree, above: Tree, whole: Tree) -> None:
    """Mappings are merged; lists and scalars are replaced."""
    assert merged(below, above) == whole


def test_what_is_not_there() -> None:
    """A path through anything but mappings leads to nothing."""
    assert [at({"a": {"b": "c"}}, "a", "b"), at({"a": ["b"]}, "a", "b"), at(None, "a"), at("x")] == ["c", None, None, "x"]


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    """There is no third way."""
    for each in (text, f"{{{text}", f"a: {text}"):
        try:
            trees = parse_documents(each, what="manifest")
        except UnreadableError:
            continue
        assert trees
        assert isinstance(settings_of(trees[0]), dict)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abc", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=3), JSON))
def test_indentation_of_json_does_not_matter(value: dict[str, object]) -> None:
    """The same document with tabs, with spaces and in one line is the same tree."""
    texts = [json.dumps(value), json.dumps(value, indent=2), json.dumps(value, indent="\t")]
    first, *others = [parse_documents(text, what="manifest") for text in texts]
    assert others == [first, first]


def test_a_text_that_is_no_mapping_sets_nothing() -> None:
    """A key that lies where a configuration should is not the value of anything."""
    (tree,) = parse_documents("-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n", what="configuration")
    assert settings_of(tree) == {}
