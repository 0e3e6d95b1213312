"""Subjects and subject alternative names as they end in certificates, and those that are refused."""

from __future__ import annotations

import pytest

from reconciler.x509.names import NameConstraints, Subject
from tests.desired.compiling import HEAD, NODES, ROOT, said_about, state_of

TREE = 'stores: {files: {type: file, root: "/n/{node}"}, ca: {type: file, root: /ca}}\ncas: {root: {path: root, store: ca}}\n'


def _component(fields: str) -> str:
    return f"components: {{api: {{ca: root, usages: [server auth], path: api, {fields}}}}}\n"


@pytest.mark.parametrize(
    ("sans", "hint"),
    [
        ("dns: [10.0.0.1]", "ip:"),
        ("dns: ['a b']", "hyphens"),
        ("dns: [a..b]", "a.b"),
        ("dns: [.a]", "a"),
        ("dns: [-a.b]", "begin and end"),
        ("dns: [a.b.]", "a.b"),
        ("dns: [API.example.com]", "api.example.com"),
        ("dns: [_srv.x]", "hyphen"),
        ("dns: ['*']", ""),
        ("dns: ['*.org']", "two labels"),
        ("dns: ['a*.example.com']", "*.domain"),
        ("dns: ['a.*.example.com']", "*.domain"),
        ("dns: ['*.*.example.com']", "*.domain"),
        ("dns: ['é.org']", "xn--"),
        (f"dns: [{'a' * 64}.org]", "shorten"),
        ("ip: ['fe80::1%eth0']", "fe80::1"),
        ("ip: [10.0.0.0/24]", "10.0.0.0"),
        ("ip: [010.0.0.1]", "10.0.0.1"),
        ("ip: ['127.1']", "four numbers"),
        ("ip: [api.example.com]", "dns:"),
        ("uri: [/relative]", "scheme"),
        ("email: ['Jane <jane@example.com>']", "jane@example.com"),
    ],
)
def test_refused_names(sans: str, hint: str) -> None:
    """Each is an error at its own place that says what to write instead, wherever it stands."""
    for field in ("sans", "extraSans"):
        ((code, marked, _, way_out),) = said_about(ROOT + _component(f"{field}: {{{sans}}}"))
        assert code == "CPK227"
        assert marked.strip("'") in sans
        assert hint in way_out


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param("sans: {dns: [b.x, a.x, b.x]}", ("dns:a.x", "dns:b.x"), id="sorted-and-unique"),
        pytest.param("sans: {ip: [192.0.2.9, 192.0.2.1]}", ("ip:192.0.2.9", "ip:192.0.2.1"), id="addresses-in-order"),
        pytest.param("sans: {ip: ['2001:DB8:0:0::1', '::ffff:192.0.2.1']}", ("ip:2001:db8::1", "ip:192.0.2.1"), id="canonical"),
        pytest.param("sans: {dns: ['*.example.com']}", ("dns:*.example.com",), id="wildcard-of-a-server"),
        pytest.param("sans: {uri: ['spiffe://td/ns/a']}", ("uri:spiffe://td/ns/a",), id="spiffe"),
        pytest.param("sans: {email: [a@example.com]}", ("email:a@example.com",), id="mail"),
        pytest.param("sans: {dns: [a.x]}, extraSans: {dns: [b.x], ip: ['::1']}", ("dns:a.x", "dns:b.x", "ip:::1"), id="extra"),
    ],
)
def test_accepted_names(fields: str, expected: tuple[str, ...]) -> None:
    """Names are canonical, DNS names sorted, none twice."""
    assert state_of(ROOT + _component(fields)).components["component.api"].sans == expected


@pytest.mark.parametrize(
    ("sans", "expected"),
    [
        ("dns: ['{node}', '{node}.example.com']", ("dns:w-2", "dns:w-2.example.com")),
        ("ip: ['{node.address}']", ("ip:192.0.2.22",)),
        ("ip: ['{node.addresses}']", ("ip:192.0.2.22", "ip:2001:db8::22")),
        ("uri: ['spiffe://td/{node}']", ("uri:spiffe://td/w-2",)),
        ("uri: ['https://{node.host}/']", ("uri:https://192.0.2.22/",)),
    ],
)
def test_placeholders(sans: str, expected: tuple[str, ...]) -> None:
    """Each stands for the node of its instance."""
    text = HEAD + NODES + TREE + _component(f"forEach: {{}}, sans: {{{sans}}}")
    assert state_of(text).components["component.api[w-2]"].sans == expected


@pytest.mark.parametrize(
    ("field", "code", "message"),
    [
        ("sans: {dns: ['{nod}']}", "CPK210", '"{nod}" stands for nothing'),
        ("sans: {dns: ['{node']}", "CPK210", '"{node" has a brace without its partner'),
        ("sans: {uri: ['https://{node.addresses}/']}", "CPK210", "stands for a list"),
        ("path: '{node.addresses}'", "CPK210", "stands for a list"),
        ("sans: {dns: ['{node.addresses}']}", "CPK227", '"192.0.2.11" is an IP address, not a DNS name'),
        ("subject: {commonName: 'a,{node}'}", "CPK228", '"a,cp-1" holds ","'),
        ("path: '../{node}'", "CPK225", "climbs"),
    ],
)
def test_placeholders_that_do_not_fit(field: str, code: str, message: str) -> None:
    """Each is told once, not for every node."""
    sans = "" if "sans" in field else "sans: {dns: [a.x]}, "
    component = _component(f"forEach: {{}}, {sans}{field}")
    text = component.replace("path: api, ", "") if "path" in field else component
    ((found, _, said, _),) = said_about(HEAD + NODES + TREE + text)
    assert found == code
    assert message in said


@pytest.mark.parametrize("field", ["sans: {dns: ['{node}']}", "subject: {commonName: '{node}'}, sans: {dns: [a.x]}"])
def test_placeholder_without_for_each(field: str) -> None:
    """Without ``forEach`` there is no node."""
    ((code, _, _, hint),) = said_about(ROOT + _component(field))
    assert (code, hint) == ("CPK211", "add forEach: one instance per matching node")


def test_one_long_node_name() -> None:
    """A CN that is too long on one node alone is found there."""
    long = "x" * 60
    text = HEAD + f"nodes: [{{name: a, roles: [worker]}}, {{name: {long}, roles: [worker]}}]\n" + TREE
    text += _component("forEach: {}, subject: {commonName: 'system:node:{node}'}, sans: {dns: [a.x]}")
    ((code, marked, message, _),) = said_about(text)
    assert (code, marked) == ("CPK228", "'system:node:{node}'")
    assert "72 characters" in message


def test_subject() -> None:
    """All attributes, and the name of the component as CN unless one is written."""
    fields = "subject: {organizations: [b, a], organizationalUnits: [u], countries: [DE], provinces: [p], localities: [l]}"
    component = state_of(ROOT + _component(f"{fields}, sans: {{dns: [a.x]}}")).components["component.api"]
    assert component.subject == Subject(
        common_name="api",
        organizations=("b", "a"),
        organizational_units=("u",),
        countries=("DE",),
        provinces=("p",),
        localities=("l",),
    )


def test_empty_common_name_leaves_it_out() -> None:
    """A certificate can have no CN, as SPIFFE wants it."""
    text = ROOT + _component("subject: {commonName: ''}, sans: {uri: ['spiffe://td/x']}")
    assert state_of(text).components["component.api"].subject == Subject()


@pytest.mark.parametrize(
    "subject",
    ["{commonName: 'a=b'}", "{organizations: ['a,b']}", "{countries: [Germany]}", "{commonName: ' a'}", "{localities: ['']}"],
)
def test_refused_subjects(subject: str) -> None:
    """Attributes that could pass for others."""
    assert [code for code, *_ in said_about(ROOT + _component(f"subject: {subject}, sans: {{dns: [a.x]}}"))] == ["CPK228"]


def test_usages_by_one_name() -> None:
    """Second names of the Kubernetes API are resolved; purposes and key bits are apart."""
    text = (
        ROOT + "components: {a: {ca: root, usages: [s/mime, signing, client auth, email protection, key agreement], path: a}}\n"
    )
    component = state_of(text).components["component.a"]
    assert (component.usages, component.key_usages) == (
        ("client auth", "email protection"),
        ("digital signature", "key agreement"),
    )


def test_name_constraints() -> None:
    """All kinds, in canonical form."""
    constraints = (
        "permitted: {dns: [example.com], ip: [192.0.2.0/24, '2001:db8::/32'], uri: [.example.com], "
        "email: [example.com, a@b.org]}, excluded: {dns: [bad.example.com]}"
    )
    text = HEAD + f"cas: {{root: {{path: root, nameConstraints: {{{constraints}}}}}}}\n"
    assert state_of(text).cas["root"].name_constraints == NameConstraints(
        permitted=(
            "dns:example.com",
            "ip:192.0.2.0/24",
            "ip:2001:db8::/32",
            "uri:.example.com",
            "email:example.com",
            "email:a@b.org",
        ),
        excluded=("dns:bad.example.com",),
    )


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        ("dns: [.example.com]", 'write "example.com"'),
        ("dns: ['*.example.com']", 'write "example.com"'),
        ("ip: [192.0.2.1/24]", 'write "192.0.2.0/24"'),
        ("ip: [example.com]", "such as 192.0.2.0/24"),
    ],
)
def test_refused_name_constraints(names: str, hint: str) -> None:
    """What verifiers read differently is an error with the form that all read alike."""
    text = HEAD + f"cas: {{root: {{path: root, nameConstraints: {{excluded: {{{names}}}}}}}}}\n"
    assert [(code, way_out) for code, _, _, way_out in said_about(text)] == [("CPK232", hint)]
