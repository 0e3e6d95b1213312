"""Mistakes of form in words: what is wrong, where, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.desired.diagnostics import InvalidDesiredStateError
from reconciler.desired.mistakes import _PATTERNS
from reconciler.desired.schema import desired_schema
from reconciler.desired.spec_parts import NODE_PATTERN
from tests.desired.memory_source import loaded

HEAD = "apiVersion: cluster-pki/v1\ncluster: demo\n"


def mistakes(text: str) -> list[tuple[str, str, str, str]]:
    """Code, line:column, message and hint of every mistake in a text that follows the head."""
    with pytest.raises(InvalidDesiredStateError) as caught:
        loaded(HEAD + text)
    return [(d.code, f"{d.span.line}:{d.span.column}" if d.span else "", d.message, d.hint) for d in caught.value.diagnostics]


DURATION_HINT = "write a number and a unit (y, d, h, m for minutes, s): 90d, 8760h, 1y, 1d12h"
NAME_HINT = "use lower-case letters, digits and hyphens, at most 63, with a letter or digit at both ends"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prun: true\n", ("CPK101", "3:1", 'unknown key "prun"', 'did you mean "prune"?')),
        (
            "cas: {a: {renew_before: 1y}}\n",
            ("CPK101", "3:11", 'unknown key "renew_before" in cas.a', 'did you mean "renewBefore"?'),
        ),
        (
            "kubernetes: {preset: kubeadm, certSans: {}}\n",
            ("CPK101", "3:31", 'unknown key "certSans" in kubernetes', 'did you mean "certSANs"?'),
        ),
        ("components: {a: {dns: [x]}}\n", ("CPK101", "3:18", 'unknown key "dns" in components.a', "it belongs under `sans`")),
        (
            "bundles: {a: {merge: true}}\n",
            (
                "CPK101",
                "3:15",
                'unknown key "merge" in bundles.a',
                "known here: after, cas, copies, files, forEach, group, owner, path, store",
            ),
        ),
        (
            "moved: [{from: a, to: b, xyz: c}]\nprune: false\n",
            ("CPK101", "3:26", 'unknown key "xyz" in moved[0]', ""),
        ),
        (
            "guards: {limit: 3}\n",
            ("CPK101", "3:10", 'unknown key "limit" in guards', "known here: maxChanges, maxDestroy"),
        ),
        (
            "kubernetes: {version: '1.36'}\n",
            ("CPK102", "3:1", '"preset" is missing in kubernetes', "Expands to everything a kubeadm cluster needs"),
        ),
        (
            "nodes: [{roles: [worker]}]\n",
            ("CPK102", "3:9", '"name" is missing in nodes[0]', "Its name in the cluster, an RFC 1123 subdomain"),
        ),
        (
            "kubernetes: {preset: kubeadm, version: 136}\n",
            ("CPK103", "3:40", "kubernetes.version must be text, not the number 136", 'quote it: "136"'),
        ),
        ("prune: yes\n", ("CPK103", "3:8", 'prune must be true or false, not the text "yes"', "write true")),
        ("prune: Off\n", ("CPK103", "3:8", 'prune must be true or false, not the text "Off"', "write false")),
        (
            "cas: {a: {generation: '2'}}\n",
            ("CPK103", "3:23", 'cas.a.generation must be a whole number, not the text "2"', "remove the quotes"),
        ),
        (
            "nodes:\n  - {name: a, roles: worker}\n",
            ("CPK103", "4:22", 'nodes[0].roles must be a list, not the text "worker"', "write a list: [worker]"),
        ),
        ("components:\n", ("CPK103", "3:12", "components must be a mapping, not null", "give it a value, or remove the key")),
        ("components: {a: 3}\n", ("CPK103", "3:17", "components.a must be a mapping or null, not the number 3", "")),
        ("cas: {a: {owner: [x]}}\n", ("CPK103", "3:18", "cas.a.owner must be text or a whole number, not a list", "")),
        (
            "components: {a: {path: {node}}}\n",
            ("CPK103", "3:24", "components.a.path must be text, not a mapping", 'quote a placeholder: "{node}"'),
        ),
        (
            "cas: {a: {key: rsa2048}}\n",
            (
                "CPK104",
                "3:16",
                'cas.a.key must be one of ecdsa-p256, ecdsa-p384, ed25519, rsa-2048, rsa-3072, rsa-4096, not "rsa2048"',
                'did you mean "rsa-2048"?',
            ),
        ),
        (
            "policy: {rules: {CPK312: ignore}}\n",
            ("CPK104", "3:26", 'policy.rules.CPK312 must be one of error, off, warn, not "ignore"', ""),
        ),
        ("cas: {a: {lifetime: 10 years}}\n", ("CPK105", "3:21", 'cas.a.lifetime: "10 years" is not a duration', DURATION_HINT)),
        (
            "cas: {a: {lifetime: 1e3}}\n",
            ("CPK009", "3:21", "1e3 is ambiguous: readers see a decimal number and lose zeros or digits", 'quote it: "1e3"'),
        ),
        (
            "cas: {a: {renewBefore: 100%}}\n",
            (
                "CPK105",
                "3:24",
                'cas.a.renewBefore: "100%" is not a duration or a share of the lifetime',
                'write 30d, or "33%" (1% to 99%)',
            ),
        ),
        (
            "policy: {rules: {CPK31: warn}}\n",
            ("CPK105", "3:18", '"CPK31" is not a rule code', "write CPK and three digits, such as CPK312"),
        ),
        ("cas: {a: {generation: 0}}\n", ("CPK106", "3:23", "cas.a.generation must be at least 1, not 0", "")),
        (
            "components: {a: {usages: []}}\n",
            ("CPK106", "3:26", "components.a.usages must not be an empty list", "remove the key for the default"),
        ),
        (
            "components: {a: {after: [{}]}}\n",
            (
                "CPK107",
                "3:26",
                "components.a.after[0] has none, a hook is one action",
                "write one of exec, signal, systemd, http or touch",
            ),
        ),
        ("cas: {Root_CA: {}}\n", ("CPK108", "3:7", '"Root_CA" is not a name', 'write "root-ca"')),
        ("cas: {../x: {}}\n", ("CPK108", "3:7", '"../x" is not a name', NAME_HINT)),
        ("cas: {/etc/x: {}}\n", ("CPK108", "3:7", '"/etc/x" is not a name', NAME_HINT)),
        ("cas: {..data: {}}\n", ("CPK108", "3:7", '"..data" is not a name', NAME_HINT)),
        ("cas: {a/b: {}}\n", ("CPK108", "3:7", '"a/b" is not a name', NAME_HINT)),
        ("cas: {API: {}}\n", ("CPK108", "3:7", '"API" is not a name', 'write "api"')),
        (
            f"cas: {{{'x' * 256}: {{}}}}\n",
            ("CPK108", "3:7", f'"{"x" * 77}…" is not a name', NAME_HINT),
        ),
        (
            "nodes: [{name: CP-1, roles: [worker]}]\n",
            ("CPK108", "3:16", 'nodes[0].name: "CP-1" is not a node name', 'write "cp-1"'),
        ),
    ],
)
def test_each_mistake_is_said_once_at_its_place(text: str, expected: tuple[str, str, str, str]) -> None:
    """One mistake, one diagnostic, at the key or value to change."""
    assert mistakes(text) == [expected]


def test_all_mistakes_are_found_at_once() -> None:
    """Whatever their kind, in the order of the file."""
    text = "nodes: [{name: a, roles: [wroker, 1]}]\ncas:\n  a: {lifetme: 1y, mode: rw}\n  b: null\nprune: 1\n"
    assert [(code, place) for code, place, _, _ in mistakes(text)] == [
        ("CPK104", "3:27"),
        ("CPK104", "3:35"),
        ("CPK101", "5:7"),
        ("CPK105", "5:26"),
        ("CPK103", "7:8"),
    ]


def test_what_is_missing_at_the_top_stands_on_the_first_line() -> None:
    """A document without its first two keys."""
    with pytest.raises(InvalidDesiredStateError) as caught:
        loaded("prune: false\n")
    assert [(d.code, d.message, d.span and d.span.line) for d in caught.value.diagnostics] == [
        ("CPK102", '"apiVersion" is missing', 1),
        ("CPK102", '"cluster" is missing', 1),
    ]


def test_every_pattern_of_the_format_is_said_in_words() -> None:
    """What a text should be is told by what it stands for; one pattern less in the words would be told as another."""
    patterns = set(patterns_in(desired_schema()))
    assert NODE_PATTERN in patterns
    assert patterns - _PATTERNS.keys() == set()


def patterns_in(schema: Any) -> Iterator[str]:  # noqa: ANN401 - whatever stands in a schema
    """Every pattern below a place of a schema."""
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    if isinstance(schema, dict) and isinstance(schema.get("pattern"), str):
        yield schema["pattern"]
    for each in inner:
        yield from patterns_in(each)
