"""What a pair's files are called: by which words, where it counts, and what would be one file."""

from __future__ import annotations

from typing import Final

import pytest

from tests.desired.compiling import HEAD, NODES, ROOT, kubernetes, said_about, state_of
from tests.desired.test_expand_copies import BASE

CFSSL: Final = "naming: {certificate: .pem, key: -key.pem}"


def component(*fields: str) -> str:
    """A client with these fields."""
    return f"components: {{a: {{ca: root, usages: [client auth], path: pki/a, {', '.join(fields)}}}}}\n"


@pytest.mark.parametrize(
    ("naming", "files"),
    [
        ("naming: {}", ("/pki/a.crt", "/pki/a.key")),
        (CFSSL, ("/pki/a.pem", "/pki/a-key.pem")),
        ("naming: {key: _private.key}", ("/pki/a.crt", "/pki/a_private.key")),
        ("naming: {certificate: .cert.pem, key: .key.pem}", ("/pki/a.cert.pem", "/pki/a.key.pem")),
    ],
)
def test_each_file_ends_as_it_is_told(naming: str, files: tuple[str, str]) -> None:
    """What is not told ends as always; other outputs do."""
    (found,) = state_of(ROOT + component(naming, "outputs: [pem, fullchain, der]")).components.values()
    assert found.place is not None
    assert [found.place.file(suffix) for suffix in found.suffixes] == [*files, "/pki/a.fullchain.crt", "/pki/a.der"]
    ca = state_of(HEAD + f"cas: {{root: {{path: pki/a, {naming}}}}}\n").cas["root"]
    assert tuple(ca.place.file(suffix) for suffix in ca.suffixes) == files


@pytest.mark.parametrize("ending", ["pem", "/pem", ".", "", "-" + 32 * "a", ".p m", ".pem/"])
def test_an_ending_is_one_of_a_name(ending: str) -> None:
    """It begins with a mark, and is no path."""
    ((code, _, told, hint),) = said_about(ROOT + component(f'naming: {{certificate: "{ending}"}}'))
    assert (code, told) == ("CPK105", f'components.a.naming.certificate: "{ending}" is not the end of a file\'s name')
    assert hint == "begin with a dot, a hyphen or an underscore: .pem, -key.pem"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        (("naming: {certificate: .pem, key: .pem}",), "/pki/a.pem"),
        (("naming: {certificate: .key}",), "/pki/a.key"),
        ((CFSSL, "outputs: [pem, combined]"), "/pki/a.pem"),
        (("naming: {key: .der}", "outputs: [pem, der]"), "/pki/a.der"),
        (("naming: {key: .p12}", "outputs: [pem, pkcs12], pkcs12: {passwordFile: /etc/p}"), "/pki/a.p12"),
    ],
)
def test_two_files_are_two_names(fields: tuple[str, ...], path: str) -> None:
    """Of one entry as of two, whatever comes together."""
    ((code, _, told, hint),) = said_about(ROOT + component(*fields))
    assert (code, told) == ("CPK207", f"two files of component.a would both be {path}")
    assert hint == "give one of them another ending, or leave it out"


def test_two_names_of_a_ca_are_two_names() -> None:
    """As for components."""
    ((code, _, told, _),) = said_about(HEAD + "cas: {root: {path: root, naming: {key: .crt}}}\n")
    assert (code, told) == ("CPK207", "two files of ca.root would both be /root.crt")


@pytest.mark.parametrize("end", [".next.key", ".g2.key", "-bundle.pem"])
def test_names_of_our_own_files_are_kept_free(end: str) -> None:
    """Requests, generations and bundles stand beside a pair, now or one day."""
    ((code, _, told, hint),) = said_about(ROOT + component(f"naming: {{key: {end}}}"))
    wanted = f"files of component.a would end with {end}, as requests, generations and bundles beside it do"
    assert (code, told, bool(hint)) == ("CPK221", wanted, True)


def test_files_of_two_entries_do_not_meet_under_other_names() -> None:
    """By what they are called in the end."""
    text = ROOT + "components:\n  a: {ca: root, usages: [client auth], path: a-key, naming: {certificate: .pem, key: .key}}\n"
    text += f"  b: {{ca: root, usages: [client auth], path: a, {CFSSL}}}\n"
    ((code, _, told, _),) = said_about(text)
    assert (code, "/a-key.pem" in told) == ("CPK207", True)


@pytest.mark.parametrize("layouts", [("generations", "generations"), ("generations", "plain"), ("plain", "plain")])
def test_two_pairs_of_one_place_would_share_their_generations(layouts: tuple[str, str]) -> None:
    """Whatever their files are called: whoever goes over to plain files takes the directory of generations away."""
    stores = "".join(
        f"  {name}: {{type: file, root: /pki, layout: {layout}}}\n" for name, layout in zip("xy", layouts, strict=True)
    )
    text = f"{HEAD}stores:\n{stores}cas: {{root: {{store: x, path: ca}}}}\n"
    text += f"components: {{a: {{ca: root, usages: [client auth], store: y, path: ca, {CFSSL}}}}}\n"
    ((code, _, told, _),) = said_about(text)
    assert (code, told) == ("CPK207", "ca.root and component.a would both be /pki/.ca")


def test_a_secret_in_kv_has_no_such_names_and_its_copies_have() -> None:
    """The source is a secret with fields; on the node they are files."""
    fields = f"ca: root, usages: [client auth], store: shared, path: one, {CFSSL}, copies: {{forEach: {{}}}}"
    text = f"{BASE}components: {{one: {{{fields}}}}}\n"
    (made,) = state_of(text).components.values()
    assert made.place is not None
    assert made.place.file(".key").endswith("/one.key")
    (copied,) = state_of(text, node="w-1").components.values()
    assert copied.place is not None
    assert copied.source is not None
    assert (copied.place.file(".key"), copied.source) == ("/one-key.pem", made.place)


def test_copies_of_a_ca_are_called_as_it_is() -> None:
    """So that what a preset spreads over nodes has the names that its flags have."""
    text = kubernetes("distributeCAKeys: true").replace(
        "{store: authority, path: etcd/ca}", f"{{store: authority, path: etcd/ca, {CFSSL}}}"
    )
    state = state_of(text)
    assert NODES in text
    assert {replica.place.file(".key").rpartition("/")[2] for replica in state.cas["etcd"].replicas} == {"ca-key.pem"}
    assert {replica.place.file(".key").rpartition("/")[2] for replica in state.cas["kubernetes"].replicas} == {"ca.key"}
