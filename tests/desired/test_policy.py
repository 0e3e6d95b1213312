"""X.509 policy: what would be wrong although it can be issued, and who decides how wrong it is."""

from __future__ import annotations

import pytest

from reconciler.desired.diagnostics import Severity
from tests.desired.compiling import HEAD, NODES, codes_of, diagnostics_of, kubernetes, merged, said_about

LEAF = "ca: {ca}, usages: [{usage}], path: leaf"


def _pki(cas: str, component: str) -> str:
    return HEAD + f"cas: {{{cas}}}\n" + f"components: {{leaf: {{{component}}}}}\n"


@pytest.mark.parametrize(
    ("ca", "component", "codes"),
    [
        pytest.param("lifetime: 1y", "lifetime: 1y", [], id="as-long-as-the-CA"),
        pytest.param("lifetime: 1y", "lifetime: 366d", ["CPK301"], id="a-day-longer"),
        pytest.param("", "lifetime: 24h", [], id="short-lived-is-renewed-in-proportion"),
        pytest.param("lifetime: 90d", "lifetime: 30d", [], id="short-lived-CA"),
        pytest.param("", "lifetime: 30d, renewBefore: 30d", ["CPK303"], id="always-due"),
        pytest.param("", "lifetime: 30d, renewBefore: 99%", [], id="share"),
        pytest.param("lifetime: 2y, renewBefore: 2y", "", ["CPK303"], id="CA-always-due"),
        pytest.param("key: rsa-2048", "key: rsa-2048", [], id="kubeadms-own-keys"),
        pytest.param("key: rsa-2048", "key: ecdsa-p256", ["CPK304"], id="weaker-CA"),
        pytest.param("key: ecdsa-p384", "key: rsa-4096", [], id="stronger-CA"),
        pytest.param("key: ed25519", "key: ed25519", ["CPK305", "CPK305"], id="ed25519"),
        pytest.param("", "usages: [server auth]", ["CPK307"], id="server-without-names"),
        pytest.param("", "usages: [server auth], sans: {dns: ['*.example.com']}", [], id="wildcard-server"),
        pytest.param("", "sans: {dns: ['*.example.com']}", ["CPK309"], id="wildcard-client"),
        pytest.param("", "usages: [key encipherment]", ["CPK314"], id="no-purpose"),
        pytest.param("", "subject: {organizations: [a, 'system:masters']}", ["CPK313"], id="system-masters"),
    ],
)
def test_one_certificate(ca: str, component: str, codes: list[str]) -> None:
    """Lifetimes, keys, usages and names of a component below one CA."""
    usages = "" if "usages" in component else "usages: [client auth], "
    assert codes_of(_pki(f"root: {{path: root, {ca}}}", f"ca: root, path: leaf, {usages}{component}")) == codes


@pytest.mark.parametrize(
    ("cas", "codes"),
    [
        pytest.param("a: {path: a}, b: {path: b, issuer: a}", [], id="intermediate"),
        pytest.param("a: {path: a, lifetime: 5y}, b: {path: b, issuer: a}", ["CPK302"], id="outlives-parent"),
        pytest.param("a: {path: a, pathLength: 0}, b: {path: b, issuer: a}", ["CPK310"], id="no-room"),
        pytest.param("a: {path: a, pathLength: 1}, b: {path: b, issuer: a}", [], id="room-for-one"),
        pytest.param(
            "a: {path: a, pathLength: 1}, b: {path: b, issuer: a}, c: {path: c, issuer: b}", ["CPK310"], id="no-room-for-two"
        ),
        pytest.param("a: {path: a}, b: {path: b, issuer: a, key: ecdsa-p384}", ["CPK304"], id="weaker-root"),
    ],
)
def test_hierarchies(cas: str, codes: list[str]) -> None:
    """What one CA says about those below it."""
    assert codes_of(HEAD + f"cas: {{{cas}}}\n") == codes


CONSTRAINED = (
    "root: {path: root, nameConstraints: "
    "{permitted: {dns: [example.com], ip: [192.0.2.0/24]}, excluded: {dns: [bad.example.com]}}}, "
    "sub: {path: sub, issuer: root, nameConstraints: {excluded: {dns: [worse.example.com]}}}"
)


@pytest.mark.parametrize(
    ("sans", "broken"),
    [
        ("dns: [example.com, a.example.com]", False),
        ("dns: [example.org]", True),
        ("dns: [notexample.com]", True),
        ("dns: [bad.example.com]", True),
        ("dns: [x.worse.example.com]", True),
        ("ip: [192.0.2.1]", False),
        ("ip: [198.51.100.1]", True),
        ("ip: ['2001:db8::1']", True),
        ("email: [a@example.org]", False),
        ("dns: [example.com], ip: [198.51.100.1]", True),
    ],
)
def test_name_constraints_of_all_cas_above(sans: str, broken: bool) -> None:
    """Each CA up to the root has a say; a kind of name that nobody constrains is free."""
    text = _pki(CONSTRAINED, f"ca: sub, usages: [server auth], path: leaf, sans: {{{sans}}}")
    assert codes_of(text) == (["CPK306"] if broken else [])


def test_name_constraints_on_one_node() -> None:
    """Names differ by node, so every instance is looked at, and the entry told once."""
    text = HEAD + NODES + 'stores: {files: {type: file, root: "/n/{node}"}, ca: {type: file, root: /ca}}\n'
    text += "cas: {root: {path: root, store: ca, nameConstraints: {permitted: {dns: [cp-1, cp-2, cp-3]}}}}\n"
    text += "components: {leaf: {ca: root, usages: [client auth], forEach: {}, path: leaf, sans: {dns: ['{node}']}}}\n"
    assert [message for _, _, message, _ in said_about(text)] == [
        "component.leaf[w-1] holds dns:w-1, which the name constraints of CA root do not allow"
    ]


def test_names_of_a_ca_below_a_constrained_one() -> None:
    """A CA's own names are constrained as well."""
    text = (
        HEAD
        + "cas: {a: {path: a, nameConstraints: {permitted: {dns: [x.org]}}}, b: {path: b, issuer: a, sans: {dns: [y.org]}}}\n"
    )
    assert codes_of(text) == ["CPK306"]


@pytest.mark.parametrize(
    ("component", "missing"),
    [
        ("etcd-server: {usages: [server auth]}", "client auth"),
        ("etcd-peer: {usages: [client auth]}", "server auth"),
        ("apiserver: {usages: [client auth]}", "server auth"),
        ("kubelet-client: {usages: [server auth], sans: {dns: [a.x]}}", "client auth"),
    ],
)
def test_roles_of_the_preset(component: str, missing: str) -> None:
    """A component of the preset keeps the usages without which the cluster does not come up."""
    ((code, _, _, hint),) = said_about(kubernetes() + f"components: {{{component}}}\n")
    assert (code, hint) == ("CPK308", f"add {missing}")


@pytest.mark.parametrize("name", ["etcd-server", "etcd-peer", "front-proxy-client"])
def test_trust_domains_share_no_ca(name: str) -> None:
    """Etcd and the front proxy let in whomever their CA signed."""
    found = diagnostics_of(kubernetes() + f"components: {{{name}: {{ca: kubernetes}}}}\n")
    assert [(diagnostic.code, diagnostic.severity) for diagnostic in found] == [("CPK311", Severity.WARNING)]


def test_the_presets_own_members_of_system_masters_are_not_told() -> None:
    """Only what the user wrote is: a warning on each run that nobody can act on teaches to ignore warnings."""
    assert codes_of(kubernetes("version: '1.27'")) == []
    written = "components: {super-admin: {subject: {organizations: ['system:masters']}}}\n"
    assert codes_of(kubernetes() + written) == ["CPK313"]


OVER = "root: {path: root}", "ca: root, usages: [client auth], path: leaf, lifetime: 2y"


def test_longest_lifetime() -> None:
    """``policy.maxLifetime`` binds components, not CAs."""
    assert codes_of(_pki(*OVER) + "policy: {maxLifetime: 398d}\n") == ["CPK312"]
    assert codes_of(_pki(*OVER) + "policy: {maxLifetime: 730d}\n") == []


@pytest.mark.parametrize(("setting", "severities"), [("off", []), ("warn", [Severity.WARNING]), ("error", [Severity.ERROR])])
def test_severities(setting: str, severities: list[Severity]) -> None:
    """The document decides how bad a breach of policy is."""
    text = merged(_pki(*OVER), {"policy": {"maxLifetime": "398d", "rules": {"CPK312": setting}}})
    assert [diagnostic.severity for diagnostic in diagnostics_of(text)] == severities


@pytest.mark.parametrize(("code", "marked"), [("CPK999", "CPK999"), ("CPK201", "CPK201"), ("CPK220", "CPK220")])
def test_rules_that_cannot_be_set(code: str, marked: str) -> None:
    """A code that is unknown, or no rule of policy."""
    found = said_about(HEAD + f"cas: {{root: {{path: root}}}}\npolicy: {{rules: {{{code}: off}}}}\n".replace("off", "'off'"))
    assert [(name, text) for name, text, *_ in found] == [("CPK226", marked)]


def test_one_mistake_under_defaults_is_told_once() -> None:
    """A default that breaks policy for many components stands in one place."""
    found = said_about(kubernetes() + "defaults: {lifetime: 20y}\n")
    assert [(code, marked) for code, marked, *_ in found] == [("CPK301", "20y")]
