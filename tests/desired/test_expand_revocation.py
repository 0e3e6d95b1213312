"""Where revocation lists stand, and which entries under `revocations` mean something."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from reconciler.desired.model import Crl, CrlFormat, Revocation
from reconciler.desired.place import Place
from tests.desired.compiling import CENTRAL, HEAD, kubernetes, said_about, state_of

NODES: Final = "nodes:\n  - {name: cp-1, roles: [control-plane]}\n  - {name: w-1, roles: [worker]}\n"
STORES: Final = 'stores:\n  nodes: {type: file, root: "/nodes/{node}"}\n  authority: {type: file, root: /authority}\n'


def ca(crl: str, *, more: str = "") -> str:
    """A document with one CA that has this list."""
    return HEAD + NODES + STORES + f"cas:\n  etcd: {{store: authority, path: etcd/ca, crl: {crl}}}\n" + more


COPIES: Final = "{path: etcd/ca.crl, copies: {forEach: {}, store: nodes, path: pki/etcd.crl}}"
COMPONENT: Final = "components:\n  jane: {store: authority, ca: etcd, usages: [client auth], path: jane}\n"


def paths(text: str, *, node: str | None = None) -> dict[str, dict[CrlFormat, str]]:
    """The files of every list."""
    return {address: dict(crl.paths) for address, crl in state_of(text, node=node).crls.items()}


def test_a_list_has_every_default() -> None:
    """PEM at the path, DER beside it, for a week."""
    state = state_of(ca("{path: etcd/ca.crl}"))
    assert dict(state.crls) == {
        "crl.etcd": Crl(
            address="crl.etcd",
            name="etcd",
            node=None,
            place=Place(store="authority", root="/authority", node_root="/authority", path="etcd/ca.crl"),
            formats=("pem", "der"),
            validity=timedelta(days=7),
            keep=timedelta(days=3 * 365),
            origin=("cas", "etcd"),
        )
    }
    assert state.cas["etcd"].publishes


@pytest.mark.parametrize(
    ("formats", "expected"),
    [
        ("[pem, der]", {"pem": "/authority/etcd/ca.crl", "der": "/authority/etcd/ca.crl.der"}),
        ("[der, pem]", {"der": "/authority/etcd/ca.crl", "pem": "/authority/etcd/ca.crl.pem"}),
        ("[der]", {"der": "/authority/etcd/ca.crl"}),
    ],
)
def test_the_first_format_stands_at_the_path(formats: str, expected: dict[str, str]) -> None:
    """A further one adds its own suffix."""
    assert paths(ca(f"{{path: etcd/ca.crl, formats: {formats}}}")) == {"crl.etcd": expected}


def test_copies_stand_on_nodes() -> None:
    """Each with an address of its own."""
    assert paths(ca(COPIES)) == {
        "crl.etcd": {"pem": "/authority/etcd/ca.crl", "der": "/authority/etcd/ca.crl.der"},
        "crl.etcd[cp-1]": {"pem": "/nodes/cp-1/pki/etcd.crl", "der": "/nodes/cp-1/pki/etcd.crl.der"},
        "crl.etcd[w-1]": {"pem": "/nodes/w-1/pki/etcd.crl", "der": "/nodes/w-1/pki/etcd.crl.der"},
    }


def test_a_node_sees_its_own_copy() -> None:
    """And the list itself only where its CA is at home."""
    assert set(paths(ca(COPIES, more=COMPONENT), node="cp-1")) == {"crl.etcd", "crl.etcd[cp-1]"}
    text = ca(COPIES, more=COMPONENT.replace("path: jane", "path: jane, forEach: {nodes: [w-1]}").replace("authority", "nodes"))
    assert set(paths(text, node="w-1")) == {"crl.etcd[w-1]"}


def test_a_copy_at_the_lists_own_place_is_no_copy() -> None:
    """As when each node runs this by itself."""
    text = HEAD + "nodes: [{name: cp-1, roles: [control-plane]}]\n"
    text += "cas: {etcd: {path: etcd/ca, crl: {path: etcd/ca.crl, copies: {forEach: {}, path: etcd/ca.crl}}}}\n"
    assert set(paths(text, node="cp-1")) == {"crl.etcd"}


def test_a_preset_ca_may_have_a_list() -> None:
    """Its entry overrides the preset's fields one by one."""
    text = kubernetes().replace("path: etcd/ca}", "path: etcd/ca, crl: {path: etcd/ca.crl}}")
    assert set(paths(text)) == {"crl.etcd"}


def test_the_longest_life_is_the_longest_that_anybody_asks_for() -> None:
    """Three years, unless a component or the policy says more."""
    more = COMPONENT.replace("path: jane", "path: jane, lifetime: 4y")
    assert state_of(ca("{path: a.crl}", more=more)).crls["crl.etcd"].keep == timedelta(days=4 * 365)
    assert state_of(ca("{path: a.crl}", more="policy: {maxLifetime: 5y}\n")).crls["crl.etcd"].keep == timedelta(days=5 * 365)


def revocations(*entries: str) -> str:
    """A document with one CA, one component and these entries."""
    return ca("{path: etcd/ca.crl}", more=COMPONENT + "revocations:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(
            'component: jane, serial: "1F:6A"',
            Revocation(component="component.jane", ca="etcd", serial="1f6a", origin=("revocations", 0)),
            id="a serial as openssl prints it",
        ),
        pytest.param(
            'component: component.jane, serial: "00ab", reason: keyCompromise, at: "2026-11-20T12:00:00.5+02:00"',
            Revocation(
                component="component.jane",
                ca="etcd",
                serial="ab",
                reason="keyCompromise",
                at=datetime(2026, 11, 20, 10, tzinfo=UTC),
                origin=("revocations", 0),
            ),
            id="a reason and a date",
        ),
        pytest.param(
            'component: "kubelet[w-1]", serial: "1", ca: etcd',
            Revocation(component="component.kubelet[w-1]", ca="etcd", serial="1", origin=("revocations", 0)),
            id="of a component that has left",
        ),
    ],
)
def test_entries_are_read_into_one_form(entry: str, expected: Revocation) -> None:
    """Addresses, serials as everything else has them, dates in UTC."""
    assert state_of(revocations(entry)).revocations == (expected,)


@pytest.mark.parametrize(
    ("entries", "code", "marked"),
    [
        (['component: jane, serial: "00:00"'], "CPK236", '"00:00"'),
        ([f'component: jane, serial: "{"f" * 41}"'], "CPK236", f'"{"f" * 41}"'),
        (['component: jane, serial: "1", at: "2026-11-20"'], "CPK236", '"2026-11-20"'),
        (['component: jane, serial: "1", at: "2026-11-20T10:00:00"'], "CPK236", '"2026-11-20T10:00:00"'),
        (['component: jane, serial: "1", at: "2026-13-20T10:00:00Z"'], "CPK236", '"2026-13-20T10:00:00Z"'),
        (['component: "jane[", serial: "1"'], "CPK236", '"jane["'),
        (['component: jane, serial: "1f"', 'component: jane, serial: "00:1F"'], "CPK236", '"00:1F"'),
        (['component: jana, serial: "1"'], "CPK202", "jana"),
        (['component: jane, serial: "1", ca: etc'], "CPK201", "etc"),
    ],
)
def test_mistakes_are_told_at_their_place(entries: list[str], code: str, marked: str) -> None:
    """One mistake each, with a way out."""
    (found,) = said_about(revocations(*entries))
    assert (found[:2], bool(found[3])) == ((code, marked), True)


@pytest.mark.parametrize(
    ("crl", "expected"),
    [
        ("{path: a.crl, validity: 59m}", ("CPK237", "59m")),
        ("{path: a.crl, validity: 101y}", ("CPK229", "101y")),
        ("{path: a.crl, formats: [pem, pem]}", ("CPK237", "[pem, pem]")),
        ("{path: ../a.crl}", ("CPK225", "../a.crl")),
        ("{path: a.crl, copies: {forEach: {}, store: node, path: a.crl}}", ("CPK204", "node")),
        ("{path: a.crl, copies: {forEach: {nodes: [w-2]}, store: nodes, path: a.crl}}", ("CPK205", "w-2")),
        ("{path: a.crl, copies: {forEach: {}, store: authority, path: b.crl}}", ("CPK212", None)),
        ("{path: etcd/ca.crt}", ("CPK207", "etcd/ca.crt")),
        ("{path: etcd/ca, formats: [der]}", ("CPK207", "etcd/ca")),
    ],
)
def test_lists_that_cannot_be_published(crl: str, expected: tuple[str, str | None]) -> None:
    """Validity, formats, paths, stores, nodes, and places that others have."""
    found = said_about(ca(crl))
    assert [code for code, *_ in found] == [expected[0]]
    assert expected[1] in {None, found[0][1]}


def test_a_list_may_leave_on_purpose() -> None:
    """`removed` knows its address, and refuses one that is still there."""
    gone = HEAD + "cas: {root: {path: root}}\nremoved: [{from: crl.root, destroy: true}]\n"
    assert [removal.address for removal in state_of(gone).removals] == ["crl.root"]
    there = ca(COPIES, more="removed: [{from: 'crl.etcd[w-1]'}]\n")
    assert [code for code, *_ in said_about(there)] == ["CPK215"]
    assert [code for code, *_ in said_about(HEAD + "cas: {root: {path: root}}\nmoved: [{from: crl.a, to: crl.b}]\n")] == [
        "CPK215",
        "CPK215",
    ]


def test_revocations_of_other_views_are_not_this_ones() -> None:
    """A node that has nothing of a CA does not hear of its certificates."""
    text = CENTRAL + "nodes: [{name: cp-1, roles: [control-plane]}, {name: w-1, roles: [worker]}]\n"
    text = HEAD + text + "components: {x: {ca: etcd, usages: [client auth], path: x, forEach: {nodes: [cp-1]}}}\n"
    text += 'revocations: [{component: "x[cp-1]", serial: "1"}]\n'
    assert len(state_of(text, node="cp-1").revocations) == 1
    assert state_of(text, node="w-1").revocations == ()
