"""From a document to the desired state, whole."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from reconciler.desired.connected import KubernetesFacts
from reconciler.desired.diagnostics import InvalidDesiredStateError
from reconciler.desired.durations import parse_renew_before
from reconciler.desired.limits import Guards
from reconciler.x509.facts import KeyAlgorithm
from tests.desired.compiling import HEAD, NODES, codes_of, compiled, diagnostics_of, kubernetes, merged, state_of, without_origins
from tests.desired.vault_documents import WHOLE

EXAMPLE: Final = Path(__file__).resolve().parents[2] / "cluster-pki.example.yaml"
ETCD: Final = NODES + "  - {name: e-1, roles: [etcd], addresses: ['2001:db8::31']}\n"
INTERNAL: Final = (
    HEAD
    + """\
cas:
  root: {path: root, key: ecdsa-p384, lifetime: 20y}
  tls: {path: tls, issuer: root, subject: {organizations: [Example]}}
  people: {path: people, issuer: tls, lifetime: 5y, nameConstraints: {permitted: {email: [example.com]}}}
components:
  web: {ca: tls, usages: [server auth], sans: {dns: ["*.example.com"]}, path: web, outputs: [fullchain, pem], lifetime: 90d}
  api: {ca: tls, usages: [server auth, client auth], sans: {uri: ["spiffe://td/api"]}, subject: {commonName: ""}, path: api}
  jane: {ca: people, usages: [email protection], sans: {email: [jane@example.com]}, path: jane, mode: "0640", owner: jane}
guards: {maxChanges: 10, maxDestroy: 0}
prune: true
"""
)
OVERRIDES: Final = (
    "defaults: {key: rsa-3072, lifetime: 180d, renewBefore: 25%, rotateKey: never}\n"
    "components:\n"
    "  apiserver: {extraSans: {dns: [extra.example.com]}, subject: {organizations: [masters-of-none]}}\n"
    "  kube-proxy: null\n"
)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(EXAMPLE.read_text(encoding="utf-8"), id="example"),
        pytest.param(kubernetes("distributeCAKeys: true, version: '1.28'", nodes=ETCD), id="external-etcd"),
        pytest.param(kubernetes() + OVERRIDES, id="overrides"),
        pytest.param(INTERNAL, id="internal"),
        pytest.param(WHOLE, id="vault"),
    ],
)
def test_expanded_document_compiles_to_the_same_state(text: str) -> None:
    """What ``show desired`` prints is the whole truth about files: it needs no preset and no defaults, and means the same."""
    first = compiled(text)
    printed = yaml.safe_dump(msgspec.to_builtins(first.expanded, str_keys=True), sort_keys=False)
    second = compiled(printed)
    assert without_origins(second.state) == without_origins(replace(first.state, kubernetes=None))
    assert msgspec.to_builtins(second.expanded) == msgspec.to_builtins(first.expanded)
    assert "kubernetes:\n  preset" not in printed


@pytest.mark.parametrize(
    ("settings", "facts"),
    [
        ("version: '1.31'", KubernetesFacts(version=(1, 31), endpoint="192.0.2.11:6443", service_ip="10.96.0.1")),
        (
            "version: v1.33.12, controlPlaneEndpoint: api.demo.internal:443",
            KubernetesFacts(version=(1, 33), endpoint="api.demo.internal:443", service_ip="10.96.0.1"),
        ),
    ],
)
def test_the_state_knows_its_cluster(settings: str, facts: KubernetesFacts) -> None:
    """The version without its patch and the endpoint as a URL has it, in every view."""
    assert [state_of(kubernetes(settings), node=node).kubernetes for node in (None, "w-1")] == [facts, facts]


def test_without_a_preset_no_cluster_is_known() -> None:
    """Nothing is known of who reads the files."""
    assert state_of(INTERNAL).kubernetes is None


def test_example_says_nothing() -> None:
    """The example that everybody starts from has neither mistakes nor warnings, and is short."""
    text = EXAMPLE.read_text(encoding="utf-8")
    assert diagnostics_of(text) == ()
    assert text.startswith("# yaml-language-server: $schema=schemas/cluster-pki.v1.schema.json\n")
    assert len(text.splitlines()) <= 40


def test_overrides_are_field_by_field() -> None:
    """A user's fields win, one by one, also inside a subject; ``extraSans`` adds; null drops; all else stays."""
    state = state_of(kubernetes() + OVERRIDES)
    before = state_of(kubernetes()).components["component.apiserver[cp-1]"]
    after = state.components["component.apiserver[cp-1]"]
    assert (after.subject.common_name, after.subject.organizations) == ("kube-apiserver", ("masters-of-none",))
    assert set(after.sans) == {*before.sans, "dns:extra.example.com"}
    assert (after.key, after.lifetime, after.renew_before, after.rotate_key) == (
        KeyAlgorithm.RSA_3072,
        timedelta(days=180),
        timedelta(days=45),
        False,
    )
    assert (after.place, after.usages, after.ca) == (before.place, before.usages, before.ca)
    assert "component.kube-proxy[w-1]" not in state.components


def test_sans_replace() -> None:
    """``sans`` takes the place of the preset's as a whole."""
    state = state_of(kubernetes() + "components: {apiserver: {sans: {dns: [only.example.com]}}}\n")
    assert state.components["component.apiserver[cp-1]"].sans == ("dns:only.example.com",)


def test_defaults() -> None:
    """Built in: ecdsa-p256, a year and thirty days; CAs ten years and one; the CN is the name."""
    state = state_of(HEAD + "cas: {root: {path: root}}\ncomponents: {web: {ca: root, usages: [client auth], path: web}}\n")
    web, root = state.components["component.web"], state.cas["root"]
    assert (web.subject.common_name, web.key, web.lifetime.days, web.renew_before.days, web.rotate_key, web.outputs) == (
        "web",
        KeyAlgorithm.ECDSA_P256,
        365,
        30,
        True,
        ("pem",),
    )
    assert (root.subject.common_name, root.key, root.lifetime.days, root.renew_before.days) == (
        "root",
        KeyAlgorithm.ECDSA_P256,
        3650,
        365,
    )
    assert web.place is not None
    assert (web.place.absolute, web.place.layout, web.access.mode) == ("/web", "generations", 0o600)
    assert state.guards == Guards()


@pytest.mark.parametrize(
    ("defaults", "own", "due"),
    [
        ("", "lifetime: 8h", "33%"),
        ("renewBefore: 30d", "lifetime: 8h", "33%"),
        ("renewBefore: 30d", "lifetime: 30d", "33%"),
        ("renewBefore: 30d", "lifetime: 60d", "30d"),
        ("renewBefore: 50%", "lifetime: 8h", "50%"),
        ("renewBefore: 30d", "lifetime: 8h, renewBefore: 1h", "1h"),
    ],
)
def test_a_short_life_is_renewed_in_proportion(defaults: str, own: str, due: str) -> None:
    """What is written for all gives way to a component that lives no longer; what it says itself counts as it is."""
    text = HEAD + f"defaults: {{{defaults}}}\ncas: {{root: {{path: root}}}}\n"
    text += f"components: {{web: {{ca: root, usages: [client auth], path: web, {own}}}}}\n"
    web = state_of(text).components["component.web"]
    assert web.renew_before == parse_renew_before(due, web.lifetime)


def test_internal_pki() -> None:
    """Parents come before children, an intermediate has room for exactly the CAs below it."""
    state = state_of(INTERNAL)
    assert [(ca.name, ca.issuer, ca.path_length) for ca in state.cas.values()] == [
        ("root", None, None),
        ("tls", "root", 1),
        ("people", "tls", 0),
    ]
    assert state.guards == Guards(max_changes=10, max_destroy=0)
    assert state.prune is True
    assert state.components["component.jane"].access.mode == 0o640
    assert state.components["component.jane"].origin == ("components", "jane")


def test_path_length_can_be_left_out() -> None:
    """A null means none, also for an intermediate."""
    text = HEAD + "cas: {root: {path: root}, sub: {path: sub, issuer: root, pathLength: null}}\n"
    assert state_of(text).cas["sub"].path_length is None


@pytest.mark.parametrize(("limit", "guards"), [("12%", Guards(max_changes_share=0.12)), (7, Guards(max_changes=7))])
def test_guards(limit: str | int, guards: Guards) -> None:
    """A share or a number."""
    assert state_of(merged(HEAD + "cas: {root: {path: root}}\n", {"guards": {"maxChanges": limit}})).guards == guards


def test_mistakes_of_all_kinds_in_one_run() -> None:
    """References, names, clashes and policy are told together, in the order of the file."""
    text = INTERNAL.replace("ca: people", "ca: peeple").replace("path: api", "path: web").replace('"*.example.com"', "a_b")
    text = text.replace("lifetime: 90d", "lifetime: 30y")
    assert codes_of(text) == ["CPK227", "CPK207", "CPK301", "CPK201"]


def test_warnings_come_with_the_state() -> None:
    """A warning stops nothing."""
    text = HEAD + "cas: {root: {path: root, key: ed25519}}\n"
    assert [diagnostic.code for diagnostic in compiled(text).diagnostics] == ["CPK305"]


def test_mistakes_carry_warnings_along() -> None:
    """Who has to mend the one wants to know of the other."""
    with pytest.raises(InvalidDesiredStateError) as caught:
        compiled(HEAD + "cas: {root: {path: root, key: ed25519, issuer: roott}, other: {path: other, key: ed25519}}\n")
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["CPK201", "CPK305"]


DOCUMENT: Final[dict[str, Any]] = yaml.safe_load(kubernetes(nodes=ETCD) + OVERRIDES)


def _shuffled(value: Any, chance: random.Random) -> Any:  # noqa: ANN401 - any YAML value
    """The mappings of a document in another order; lists keep theirs, which means something."""
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: _shuffled(value[key], chance) for key in keys}
    return [_shuffled(item, chance) for item in value] if isinstance(value, list) else value


@settings(max_examples=15)
@given(st.randoms(use_true_random=False))
def test_order_of_keys_means_nothing(chance: random.Random) -> None:
    """A shuffled document compiles to the same state, in the same order."""
    expected = state_of(yaml.safe_dump(DOCUMENT))
    state = state_of(yaml.safe_dump(_shuffled(DOCUMENT, chance), sort_keys=False))
    assert state == expected
    assert [list(entries) for entries in (state.cas, state.components, state.bundles, state.kubeconfigs)] == [
        list(entries) for entries in (expected.cas, expected.components, expected.bundles, expected.kubeconfigs)
    ]


TEXTS: Final = st.sampled_from(
    ["a", "b", "root", "{node}", "{node.addresses}", "{x}", "../a", "a.b", "192.0.2.1", "1y", "0d", "33%", "*.a.b", "self", "n-1"]
)


@settings(max_examples=150)
@given(st.data())
def test_only_diagnostics_come_out(data: st.DataObject) -> None:
    """Whatever well-formed values a document holds, it compiles or is refused with places; nothing else is raised."""
    text = re.sub(r"@", lambda _: repr(data.draw(TEXTS)), _TEMPLATE)
    for node in (None, "n-1", "n-3"):
        for diagnostic in diagnostics_of(text, node=node):
            assert diagnostic.message


_TEMPLATE: Final = (
    HEAD
    + """\
nodes: [{name: n-1, roles: [worker], addresses: [@]}, {name: n-2, roles: [control-plane]}]
connections: {main: {type: vault, addresses: [@], serverName: @, auth: {method: jwt, mount: @, role: r, jwtFile: /j}}}
stores:
  files: {type: file, root: "/s/{node}"}
  ca: {type: file, root: /ca}
  kv: {type: vault-kv, connection: main, mount: @, prefix: @}
cas:
  root: {path: @, store: ca, copies: {forEach: {}, path: @}, nameConstraints: {permitted: {dns: [@], ip: [@]}}}
  a: {path: @, issuer: @, store: ca}
  b: {path: @, issuer: @, store: ca, home: @}
  c: {path: @, store: kv, issuer: {vault: {connection: main, mount: @, parent: a, create: true}}}
  d: {path: @, store: kv, transit: {connection: main, mount: @, name: d}, copies: {forEach: {}, store: kv, path: @}}
components:
  a: {ca: root, usages: [client auth], path: @, forEach: {}, sans: {dns: [@], ip: [@]}, subject: {commonName: @}}
  b: {ca: @, usages: [server auth], path: @, store: @, sans: {dns: [@]}}
bundles: {a: {cas: [@, root], path: @, forEach: {nodes: [n-1]}}}
kubeconfigs: {a: {component: a, bundle: a, server: "https://{node.host}", path: @, forEach: {}, embed: false}}
keypairs: {a: {path: @, forEach: {}}, b: {path: @, forEach: {}, store: kv}}
lock: {connection: main, mount: @, path: @}
moved: [{from: @, to: @}]
imports: [{to: component.b, id: @}]
"""
)
