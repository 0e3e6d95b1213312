"""CAs whose keys nobody here has: what may be said of one, and what only its owners could do."""

from __future__ import annotations

import pytest

from reconciler.desired.external import asked_outside, is_external, waiting_of
from reconciler.desired.vault import ExternalKey
from tests.desired.compiling import CENTRAL, HEAD, NODES, codes_of, kubernetes, said_about, state_of
from tests.desired.vault_documents import KV, MAIN

API = "components: {api: {ca: root, usages: [client auth], path: api}}\n"


def authority(fields: str = "", *, external: str = "{}") -> str:
    """A document with one external CA."""
    return f"{HEAD}cas:\n  root:\n    path: root\n    issuer: {{external: {external}}}\n{fields}"


def flow(issuer: str) -> str:
    """The same with any issuer."""
    return f"{HEAD}cas: {{root: {{path: root, issuer: {issuer}}}}}\n"


def test_the_ca_is_its_certificate() -> None:
    """No key of it has a place, nothing rotates or renews it, and its name is its own."""
    ca = state_of(authority()).cas["root"]
    assert (ca.key_in, ca.suffixes, ca.taken_as_it_is, is_external(ca)) == (ExternalKey(), (".crt",), True, True)
    assert (ca.generation, ca.rotation.strategy, ca.numbered, ca.issuer) == (1, "manual", False, None)


def test_what_is_accepted_is_known_to_components() -> None:
    """Judged where certificates are judged."""
    state = state_of(authority(API, external="{accept: [lifetime, subject]}"))
    assert state.cas["root"].key_in == ExternalKey(accept=frozenset({"lifetime", "subject"}))
    assert state.components["component.api"].accepts == {"lifetime", "subject"}


def test_an_intermediate_names_its_parent() -> None:
    """Another CA of the document, which may be outside as well."""
    top = "cas:\n  top: {path: top, issuer: {external: {}}}\n  root: {path: root, issuer: {external: {parent: top}}}\n"
    assert state_of(HEAD + top).cas["root"].issuer == "top"


@pytest.mark.parametrize(
    ("text", "code", "marked", "message", "hint"),
    [
        (
            authority("    generation: 2\n"),
            "CPK509",
            "generation",
            'CA "root" is external: nobody here can make another generation of it',
            "remove it; a new CA is one with a name and a path of its own, trusted beside this one first",
        ),
        (
            authority("    crl: {path: root.crl}\n"),
            "CPK509",
            "crl",
            'CA "root" is external: nobody here can sign its revocation list',
            "remove it; whoever keeps the CA publishes its list",
        ),
        (
            authority("    rotation: {strategy: renew}\n"),
            "CPK509",
            "rotation",
            'CA "root" is external: nobody here can rotate or renew it',
            "remove it",
        ),
        (
            authority(f"    transit: {{connection: main, mount: transit, name: root}}\n{MAIN}"),
            "CPK509",
            "transit",
            'CA "root" is external, and its key would be in a transit engine',
            "remove one of `issuer` and `transit`",
        ),
        (
            authority(f"    copies: {{forEach: {{}}, path: 'copy/{{node}}'}}\n{NODES}"),
            "CPK509",
            "copies",
            'CA "root" is external: there is no key to be copied',
            "remove `copies`; a bundle brings its certificate to nodes",
        ),
        (
            authority(f"{KV}{MAIN}components: {{api: {{ca: root, usages: [client auth], store: kv, path: api}}}}\n"),
            "CPK509",
            "kv",
            "component.api is in KV, and ca.root is asked by files beside what it signs",
            "give it a store of type file",
        ),
        (
            flow("{}"),
            "CPK510",
            "{}",
            'the issuer of CA "root" is left open, one of vault and external is wanted',
            "issuer: {external: {}}, or self",
        ),
        (
            MAIN.join((HEAD, flow("{external: {}, vault: {connection: main, mount: pki}}").removeprefix(HEAD))),
            "CPK510",
            "external",
            'the issuer of CA "root" is vault and external, one of vault and external is wanted',
            "issuer: {external: {}}, or self",
        ),
        (flow("{external: {parent: nobody}}"), "CPK201", "nobody", 'there is no CA "nobody"', 'there is "root"'),
        (
            flow("{extrenal: {}}"),
            "CPK101",
            "extrenal",
            'unknown key "extrenal" in cas.root.issuer',
            'did you mean "external"?',
        ),
    ],
    ids=["generation", "crl", "rotation", "transit", "copies", "kv", "nobody", "both", "parent", "misspelt"],
)
def test_mistakes(text: str, code: str, marked: str, message: str, hint: str) -> None:
    """Each at its place, with its way out."""
    assert said_about(text) == [(code, marked, message, hint)]


def test_what_waits_is_nobody_elses_file() -> None:
    """Another component may not be called as the request of this one."""
    api = "  api: {ca: root, usages: [client auth], path: api}\n"
    text = authority(f"components:\n{api}  other: {{ca: root, usages: [client auth], path: api.next}}\n")
    assert said_about(text) == [
        (
            "CPK207",
            "api",
            "component.other and component.api would both be /api.next.key",
            "give one of them another path",
        )
    ]


def test_the_first_generation_may_be_written() -> None:
    """It says what is so."""
    assert codes_of(authority("    generation: 1\n")) == []


EXTERNAL = CENTRAL.replace("kubernetes/ca}", "kubernetes/ca, issuer: {external: {}}}")


def test_a_cluster_of_the_preset_without_the_key_of_its_ca() -> None:
    """Kubeadm's external-CA mode: everything below that CA is asked for, beside its files; the others are as ever."""
    state = state_of(kubernetes(stores=EXTERNAL))
    asked = {component.address: waiting_of(component, state).request for component in asked_outside(state)}
    assert asked["component.apiserver[cp-1]"] == "/nodes/cp-1/etc/kubernetes/pki/apiserver.next.csr"
    assert asked["component.admin[cp-1]"] == "/nodes/cp-1/etc/kubernetes/admin.conf.next.csr"
    assert not any(address.startswith("component.etcd") for address in asked)


def test_keys_are_not_distributed_that_nobody_has() -> None:
    """The preset's way to ask for copies is told where it is written."""
    text = kubernetes("distributeCAKeys: true", stores=EXTERNAL)
    assert ("CPK509", "remove distributeCAKeys") in [(code, hint) for code, _, _, hint in said_about(text)]
