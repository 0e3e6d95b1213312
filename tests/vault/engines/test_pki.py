"""The PKI engine's answers: every field that is used has its type, and anything else is told instead of used."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from reconciler.vault.answers import Answer
from reconciler.vault.engines.pki import MountIssuer, MountKey, Pki, Stored, colons, plain
from reconciler.vault.errors import Kind, VaultError
from tests.vault.scripted import Scripted

ISSUER: Mapping[str, object] = {
    "issuer_id": "i1",
    "issuer_name": "demo-a-g1",
    "key_id": "k1",
    "certificate": "PEM",
    "ca_chain": ["PEM", "ROOT"],
}
LISTED: Mapping[str, object] = {"keys": ["i1"], "key_info": {"i1": {"is_default": True, "key_id": "k1"}}}


def pki(**answers: object) -> tuple[Pki, Scripted]:
    """A mount that answers so, by path with ``__`` for slashes."""
    client = Scripted({f"pki/{path.replace('__', '/')}": answer for path, answer in answers.items()})
    return Pki(client, "pki"), client


def test_issuers() -> None:
    """Each with its certificate, chain and key, and which is the default."""
    mount, client = pki(issuers=LISTED, issuer__i1=ISSUER)
    wanted = MountIssuer(id="i1", name="demo-a-g1", certificate="PEM", chain=("PEM", "ROOT"), key_id="k1", default=True)
    assert mount.issuers() == (wanted,)
    assert client.asked == [("GET", "pki/issuers", {"list": "true"}), ("GET", "pki/issuer/i1", None)]


def test_what_may_be_missing() -> None:
    """A name, a key, and everything that a list only sometimes tells."""
    bare = {"issuer_id": "i1", "certificate": "PEM", "issuer_name": None, "key_id": None, "ca_chain": None}
    mount, _ = pki(issuers={"keys": ["i1"]}, issuer__i1=bare)
    assert mount.issuers() == (MountIssuer(id="i1", name="", certificate="PEM"),)


def test_empty_lists_are_404() -> None:
    """So this API tells that there is nothing."""
    mount, _ = pki()
    assert (mount.issuers(), mount.mount_keys(), mount.serials(), mount.detailed(), mount.stored("ab")) == (
        (),
        (),
        (),
        None,
        None,
    )


def test_keys() -> None:
    """By id and name; the identifier in whatever spelling."""
    told = {"keys": ["k1", "k2"], "key_info": {"k1": {"key_name": "demo-a-g1"}, "k2": {"key_name": ""}}}
    mount, _ = pki(keys=told, key__k1={"subject_key_id": "0A:1b"}, key__k2={})
    assert mount.mount_keys() == (MountKey(id="k1", name="demo-a-g1"), MountKey(id="k2", name=""))
    assert (mount.key_identifier("k1"), mount.key_identifier("k2")) == ("0a1b", "")


def test_paths_and_bodies() -> None:
    """Which issuer signs stands in the path, always; serial numbers are spelled as the API does."""
    signed, made = {"certificate": "PEM"}, {"certificate": "PEM", "issuer_id": "i1", "key_id": "k1"}
    mount, client = pki(
        issuer__i1__sign__r=signed,
        **{"issuer__i1__sign-verbatim": signed, "issuer__i1__sign-verbatim__r": signed, "issuer__i1__sign-intermediate": signed},
        root__generate__internal=made,
        intermediate__generate__existing={"csr": "CSR", "key_id": "k1"},
        **{"intermediate__set-signed": {"imported_issuers": None, "existing_issuers": ["i1"], "mapping": {"i1": "k1"}}},
        issuer__i1={},
        revoke={"revocation_time": 7},
    )
    assert (
        mount.sign("i1", "r", {"csr": "CSR"}) == mount.sign_verbatim("i1", "", {}) == mount.sign_verbatim("i1", "r", {}) == "PEM"
    )
    assert mount.sign_intermediate("i1", {}) == mount.generate_root("internal", {}).certificate == "PEM"
    assert mount.generate_intermediate("existing", {}).key_id == "k1"
    assert mount.import_certificate("PEM") == ("i1", "k1")
    mount.rename("i1", "demo-a-g1")
    assert mount.revoke(serial="a1b2c")
    assert mount.revoke(certificate="PEM")
    mount.delete_issuer("i1")
    mount.delete_key("k1")
    assert client.asked == [
        ("POST", "pki/issuer/i1/sign/r", {"csr": "CSR"}),
        ("POST", "pki/issuer/i1/sign-verbatim", {}),
        ("POST", "pki/issuer/i1/sign-verbatim/r", {}),
        ("POST", "pki/issuer/i1/sign-intermediate", {}),
        ("POST", "pki/root/generate/internal", {}),
        ("POST repeatable", "pki/intermediate/generate/existing", {}),
        ("POST repeatable", "pki/intermediate/set-signed", {"certificate": "PEM"}),
        ("POST repeatable", "pki/issuer/i1", {"issuer_name": "demo-a-g1"}),
        ("POST repeatable", "pki/revoke", {"serial_number": "0a:1b:2c"}),
        ("POST repeatable", "pki/revoke", {"certificate": "PEM"}),
        ("DELETE", "pki/issuer/i1", None),
        ("DELETE", "pki/key/k1", None),
    ]


def test_what_is_stored() -> None:
    """Revoked is what has a time of revocation; of an expired certificate a revocation gives none."""
    mount, _ = pki(**{"cert__0a:1b": {"certificate": "PEM", "revocation_time": 7}, "cert__02": {"certificate": "PEM"}}, revoke={})
    assert mount.stored("a1b") == Stored(certificate="PEM", revoked=True)
    assert mount.stored("2") == Stored(certificate="PEM", revoked=False)
    assert not mount.revoke(serial="2")


def test_roles() -> None:
    """Whether what they sign can be found again."""
    mount, _ = pki(roles__a={"no_store": True}, roles__b={})
    assert (mount.role_stores("a"), mount.role_stores("b")) == (False, True)


def test_a_long_list_comes_in_pages() -> None:
    """Each begins after the last of the one before, as the server sorts."""
    keys = [colons(f"{number:04x}") for number in range(1, 1002)]
    about = {key: {"not_before": "2026-11-23T12:00:00Z", "not_after": "2027-11-23T12:00:00.5+01:00"} for key in keys}
    client = Scripted({})
    pages = iter(({"keys": keys[:1000], "key_info": about}, {"keys": keys[1000:], "key_info": about}))
    client.answers["pki/certs/detailed"] = lambda: next(pages)
    listed = Pki(client, "pki").detailed()
    assert listed is not None
    assert [each.serial for each in listed] == [f"{number:x}" for number in range(1, 1002)]
    assert [body for _, _, body in client.asked] == [
        {"list": "true", "limit": "1000"},
        {"list": "true", "limit": "1000", "after": "03-e8"},
    ]


@pytest.mark.parametrize(
    ("path", "answer", "call"),
    [
        pytest.param("issuers", {"keys": "i1"}, Pki.issuers, id="list"),
        pytest.param("issuers", {"keys": [1]}, Pki.issuers, id="list of numbers"),
        pytest.param("issuers", {"keys": ["i1"], "key_info": []}, Pki.issuers, id="key_info"),
        pytest.param("issuers", {"keys": ["i1"], "key_info": {"i1": 1}}, Pki.issuers, id="inside key_info"),
        pytest.param("issuers", {"keys": ["i1"], "key_info": {"i1": {"is_default": "yes"}}}, Pki.issuers, id="flag"),
        pytest.param("issuer/i1", {"certificate": "PEM"}, lambda p: p.issuer("i1"), id="no id"),
        pytest.param("issuer/i1", {**ISSUER, "certificate": {}}, lambda p: p.issuer("i1"), id="certificate"),
        pytest.param("issuer/i1/sign/r", {}, lambda p: p.sign("i1", "r", {}), id="nothing signed"),
        pytest.param("issuer/i1/sign/r", {"certificate": None}, lambda p: p.sign("i1", "r", {}), id="null signed"),
        pytest.param("root/generate/internal", {"certificate": "PEM"}, lambda p: p.generate_root("internal", {}), id="root"),
        pytest.param(
            "intermediate/generate/internal", {"csr": "CSR"}, lambda p: p.generate_intermediate("internal", {}), id="no key"
        ),
        pytest.param("intermediate/set-signed", {"mapping": {}}, lambda p: p.import_certificate(""), id="nothing taken in"),
        pytest.param(
            "intermediate/set-signed",
            {"imported_issuers": ["a", "b"], "mapping": {}},
            lambda p: p.import_certificate(""),
            id="two taken in",
        ),
        pytest.param("cert/02", {"certificate": "PEM", "revocation_time": "7"}, lambda p: p.stored("2"), id="time"),
        pytest.param("cert/02", {"certificate": "PEM", "revocation_time": True}, lambda p: p.stored("2"), id="boolean time"),
        pytest.param("certs/detailed", {"keys": ["02"]}, lambda p: list(p.detailed() or ()), id="no dates"),
        pytest.param(
            "certs/detailed",
            {"keys": ["02"], "key_info": {"02": {"not_before": "tomorrow", "not_after": "2027-01-01T00:00:00Z"}}},
            lambda p: list(p.detailed() or ()),
            id="no date",
        ),
    ],
)
def test_answers_that_make_no_sense(path: str, answer: Mapping[str, object], call: Callable[[Pki], object]) -> None:
    """A field that is missing or of another type is told with its path, and without what it holds."""
    answers: dict[str, object] = {"pki/issuer/i1": ISSUER, f"pki/{path}": answer}
    with pytest.raises(VaultError, match=f"connection main, pki/{path}: the answer has no field") as caught:
        call(Pki(Scripted(answers), "pki"))
    assert caught.value.kind is Kind.NONSENSE
    assert "PEM" not in caught.value.advice


@pytest.mark.parametrize("kind", [Kind.DENIED, Kind.UNREACHABLE, Kind.SEALED])
def test_other_errors_go_through(kind: Kind) -> None:
    """Only what is not there is nothing."""
    error = VaultError("main", "x", kind, "no")
    client = Scripted({f"pki/{path}": error for path in ("issuers", "keys", "certs/detailed", "cert/02")})
    mount = Pki(client, "pki")
    for call in (mount.issuers, mount.mount_keys, mount.detailed, lambda: mount.stored("2")):
        with pytest.raises(VaultError) as caught:
            call()
        assert caught.value is error


@pytest.mark.parametrize(("ours", "theirs"), [("a1b2c", "0a:1b:2c"), ("ff", "ff"), ("1", "01")])
def test_serial_numbers(ours: str, theirs: str) -> None:
    """Ours have no leading zeros and no separators."""
    assert (colons(ours), plain(theirs), plain(theirs.replace(":", "-").upper())) == (theirs, ours, ours)


def test_crl() -> None:
    """DER as it is; making it anew is a GET."""
    mount, client = pki(issuer__i1__crl__der=b"\x30", crl__rotate={"success": True})
    assert mount.crl("i1") == b"\x30"
    mount.rotate_crl()
    assert client.asked == [("GET raw", "pki/issuer/i1/crl/der", None), ("GET", "pki/crl/rotate", None)]


def test_warnings_are_not_errors() -> None:
    """A capped lifetime is only a warning of the server; the certificate tells."""
    client = Scripted({"pki/issuer/i1/sign/r": Answer(data={"certificate": "PEM"}, warnings=("TTL is longer",))})
    assert Pki(client, "pki").sign("i1", "r", {}) == "PEM"
