"""What the client relies on about roles, what was given out, revocation and lists: on every server alike."""

from __future__ import annotations

import time

import pytest
from cryptography import x509

from tests.vault_server.api import Reply, Vault
from tests.vault_server.csr import Csr
from tests.vault_server.pki_mounts import PkiMount, parsed

CSR = Csr(common_name="leaf")


@pytest.fixture
def mount(vault: Vault) -> PkiMount:
    """A mount with a root and two roles on each server."""
    made = PkiMount(vault)
    made.root("r1")
    made.role("any", ttl="1h")
    made.role("forgetful", ttl="1h", no_store=True)
    return made


def number(reply: Reply) -> str:
    """The serial number of an answer."""
    return str(reply.data["serial_number"])


def listed(mount: PkiMount, path: str = "issuer/r1/crl/der") -> set[int]:
    """The serial numbers on a list."""
    return {entry.serial_number for entry in crl(mount, path)}


def crl(mount: PkiMount, path: str = "issuer/r1/crl/der") -> x509.CertificateRevocationList:
    """A list, by the path for everybody."""
    reply = mount.get(path, token="")
    assert reply.status == 200
    return x509.load_der_x509_crl(reply.raw)


def crl_number(found: x509.CertificateRevocationList) -> int:
    """Its number."""
    return found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def test_a_role_says_what_it_is(mount: PkiMount) -> None:
    """Writing answers as reading does; all is set anew each time."""
    made = mount.post("roles/r", {"allowed_domains": "a.example.com, b.example.com", "ttl": "1h", "max_ttl": "48h", "ou": "x"})
    read = mount.get("roles/r")
    assert made.data == read.data
    shown = ("allowed_domains", "ttl", "max_ttl", "ou", "key_type", "key_bits", "issuer_ref", "no_store", "require_cn")
    assert {name: read.data[name] for name in shown} == {
        "allowed_domains": ["a.example.com", "b.example.com"],
        "ttl": 3600,
        "max_ttl": 172800,
        "ou": ["x"],
        "key_type": "rsa",
        "key_bits": 2048,
        "issuer_ref": "default",
        "no_store": False,
        "require_cn": True,
    }
    assert mount.post("roles/r", {"key_type": "ec"}).data["allowed_domains"] == []
    assert mount.list("roles").data["keys"] == ["any", "forgetful", "r"]
    assert [mount.delete("roles/r").status, mount.delete("roles/r").status, mount.get("roles/r").status] == [204, 204, 404]


def test_every_field_of_a_role_is_shown(mount: PkiMount) -> None:
    """The names and usual values are facts of the API that a comparison of roles reads."""
    assert mount.post("roles/usual", {}).data == {
        **dict.fromkeys(
            (
                "allow_any_name",
                "allow_bare_domains",
                "allow_glob_domains",
                "allow_globs_in_identity_templates",
                "allow_subdomains",
                "allow_token_displayname",
                "allowed_domains_template",
                "allowed_uri_sans_template",
                "basic_constraints_valid_for_non_ca",
                "code_signing_flag",
                "email_protection_flag",
                "generate_lease",
                "no_store",
                "use_pss",
            ),
            False,
        ),
        **dict.fromkeys(
            (
                "allow_ip_sans",
                "allow_localhost",
                "allow_wildcard_certificates",
                "client_flag",
                "enforce_hostnames",
                "require_cn",
                "server_flag",
                "use_csr_common_name",
                "use_csr_sans",
            ),
            True,
        ),
        **{
            name: []
            for name in (
                *("allowed_domains", "allowed_ip_sans_cidr", "allowed_other_sans", "allowed_serial_numbers", "allowed_uri_sans"),
                *("allowed_user_ids", "country", "ext_key_usage", "ext_key_usage_oids", "locality", "organization", "ou"),
                *("policy_identifiers", "postal_code", "province", "street_address"),
            )
        },
        "cn_validations": ["email", "hostname"],
        "issuer_ref": "default",
        "key_bits": 2048,
        "key_type": "rsa",
        "key_usage": ["DigitalSignature", "KeyAgreement", "KeyEncipherment"],
        "max_ttl": 0,
        "not_after": "",
        "not_after_bound": "permit",
        "not_before": "",
        "not_before_bound": "permit",
        "not_before_duration": 30,
        "signature_bits": 256,
        "ttl": 0,
    }


@pytest.mark.parametrize(
    "fields",
    [{"key_type": "other"}, {"key_bits": 7}, {"key_type": "ec", "key_bits": 7}, {"ttl": "2h", "max_ttl": "1h"}, {"ttl": "soon"}],
    ids=str,
)
def test_roles_that_make_no_sense_are_refused(mount: PkiMount, fields: dict[str, object]) -> None:
    """By 400, and the role is not there afterwards."""
    assert (mount.post("roles/wrong", fields).status, mount.get("roles/wrong").status) == (400, 404)


def test_a_role_may_name_an_issuer_that_is_not_there(mount: PkiMount) -> None:
    """With a warning."""
    reply = mount.post("roles/early", {"issuer_ref": "later"})
    assert (reply.status, reply.data["issuer_ref"], len(reply.warnings)) == (200, "later", 1)


def test_what_was_given_out_is_found_by_its_number(mount: PkiMount) -> None:
    """With colons or hyphens, by everybody; what is not stored is 404."""
    made, lost = mount.signed("any", CSR), mount.signed("forgetful", CSR)
    spelled = [number(made), number(made).replace(":", "-")]
    for spelling in spelled:
        found = mount.get(f"cert/{spelling}", token="").data
        assert parsed_text(found["certificate"]) == parsed(made)
        assert found["revocation_time"] == 0
    assert [mount.get(f"cert/{spelling}").status for spelling in (number(lost), "11:22")] == [404, 404]


def parsed_text(pem: object) -> x509.Certificate:
    """A certificate from text."""
    return x509.load_pem_x509_certificate(str(pem).encode())


def test_what_was_given_out_is_listed(mount: PkiMount) -> None:
    """By number with colons: the root, too, and not what is not stored."""
    made, lost = mount.signed("any", CSR), mount.signed("forgetful", CSR)
    keys = mount.list("certs").data["keys"]
    assert isinstance(keys, list)
    root = str(mount.list("issuers").data["key_info"]).partition("serial_number': '")[2].partition("'")[0]
    assert sorted(keys) == sorted([number(made), root])
    assert number(lost) not in keys


def test_what_was_given_out_is_listed_with_what_it_says(mount: PkiMount) -> None:
    """Where the server has ``certs/detailed``: OpenBao has, Vault has not."""
    made = mount.signed("any", Csr(common_name="leaf", dns=("a.example.com",)))
    reply = mount.list("certs/detailed")
    if reply.status in {404, 405}:
        return
    info = reply.data["key_info"]
    assert isinstance(info, dict)
    assert info[number(made)] == {
        "common_name": "leaf",
        "dns_names": ["a.example.com", "leaf"],
        "issuer": "CN=r1",
        "key_bits": 256,
        "key_type": "ec",
        "not_after": parsed(made).not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "not_before": parsed(made).not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def test_what_is_revoked_by_number_is_on_the_list_at_once(mount: PkiMount) -> None:
    """A second time answers the same; reading it says when."""
    made = mount.signed("any", CSR)
    before = crl_number(crl(mount))
    assert listed(mount) == set()
    told = [mount.post("revoke", {"serial_number": number(made)}) for _ in range(2)]
    assert [reply.data["state"] for reply in told] == ["revoked", "revoked"]
    assert (
        told[0].data["revocation_time"]
        == told[1].data["revocation_time"]
        == mount.get(f"cert/{number(made)}").data["revocation_time"]
    )
    assert (listed(mount), crl_number(crl(mount)) > before) == ({parsed(made).serial_number}, True)
    assert mount.list("certs/revoked").data["keys"] == [number(made)]


def test_a_number_may_be_spelled_in_other_ways(mount: PkiMount) -> None:
    """With hyphens, and in capitals."""
    made = mount.signed("any", CSR)
    reply = mount.post("revoke", {"serial_number": number(made).replace(":", "-").upper()})
    assert (reply.status, listed(mount)) == (200, {parsed(made).serial_number})


def test_what_is_not_stored_is_revoked_by_itself(mount: PkiMount) -> None:
    """By ``certificate``; the number alone does not find it."""
    lost = mount.signed("forgetful", CSR)
    refused = mount.post("revoke", {"serial_number": number(lost)})
    assert (refused.status, refused.errors) == (400, [f"certificate with serial {number(lost)} not found."])
    assert mount.post("revoke", {"certificate": lost.data["certificate"]}).data["state"] == "revoked"
    assert listed(mount) == {parsed(lost).serial_number}


def test_what_cannot_be_revoked(vault: Vault, mount: PkiMount) -> None:
    """Nothing, both, a number that nobody knows: 400; a certificate of another CA and text that is none: 500."""
    made = mount.signed("any", CSR)
    other = PkiMount(vault)
    other.root("r1")
    other.role("any", ttl="1h")
    foreign = other.signed("any", CSR).data["certificate"]
    bodies: list[dict[str, object]] = [
        {},
        {"serial_number": number(made), "certificate": made.data["certificate"]},
        {"serial_number": "11:22"},
        {"certificate": foreign},
        {"certificate": "x"},
    ]
    assert [mount.post("revoke", body).status for body in bodies] == [400, 400, 400, 500, 500]


def test_a_list_that_is_rebuilt_by_itself_does_not_change_at_once(mount: PkiMount) -> None:
    """With ``auto_rebuild`` a revocation is on it only after ``crl/rotate``."""
    assert mount.post("config/crl", {"auto_rebuild": True, "expiry": "48h"}).data["auto_rebuild"] is True
    made = mount.signed("any", CSR)
    mount.post("revoke", {"serial_number": number(made)})
    assert listed(mount) == set()
    assert mount.get("crl/rotate").data == {"success": True}
    assert listed(mount) == {parsed(made).serial_number}
    assert mount.post("crl/rotate").status == 405


def test_a_list_lives_as_long_as_is_configured(mount: PkiMount) -> None:
    """72 hours, when nobody says anything; the number grows with each."""
    first = crl(mount)
    mount.post("config/crl", {"expiry": "24h"})
    mount.get("crl/rotate")
    second = crl(mount)
    lives = [
        (found.next_update_utc - found.last_update_utc).total_seconds()
        for found in (first, second)
        if found.next_update_utc is not None
    ]
    assert (lives, crl_number(second) > crl_number(first)) == ([72 * 3600, 24 * 3600], True)
    config = mount.get("config/crl").data
    assert {name: config[name] for name in ("expiry", "auto_rebuild", "auto_rebuild_grace_period", "disable")} == {
        "expiry": "24h",
        "auto_rebuild": False,
        "auto_rebuild_grace_period": "12h",
        "disable": False,
    }


def test_each_issuer_has_its_own_list(mount: PkiMount) -> None:
    """Signed by its key; ``crl`` is that of the default issuer."""
    second = mount.root("r2")
    ones, twos = mount.signed("any", CSR), mount.post("issuer/r2/sign/any", {"csr": CSR.pem()})
    for reply in (ones, twos):
        mount.post("revoke", {"serial_number": number(reply)})
    told = {path: listed(mount, path) for path in ("crl", "issuer/r1/crl/der", "issuer/r2/crl/der")}
    mine, other = {parsed(ones).serial_number}, {parsed(twos).serial_number}
    assert told == {"crl": mine, "issuer/r1/crl/der": mine, "issuer/r2/crl/der": other}
    found = crl(mount, "issuer/r2/crl/der")
    key = parsed(second).public_key()
    assert found.is_signature_valid(key)  # type: ignore[arg-type]


def test_lists_come_in_three_spellings(mount: PkiMount) -> None:
    """DER, PEM, and PEM in JSON: the same list; types of media tell the first two apart."""
    der, pem = (mount.get(f"issuer/r1/crl/{form}", token="") for form in ("der", "pem"))
    inside = str(mount.get("issuer/r1/crl", token="").data["crl"])
    assert [reply.headers["content-type"] for reply in (der, pem)] == ["application/pkix-crl", "application/x-pem-file"]
    known = x509.load_der_x509_crl(der.raw).signature
    assert [x509.load_pem_x509_crl(text).signature for text in (pem.raw, inside.encode())] == [known, known]
    assert (mount.get("crl").headers["content-type"], mount.get("crl/pem").headers["content-type"]) == (
        "application/pkix-crl",
        "application/x-pem-file",
    )


def test_what_a_deleted_issuer_signed_can_be_revoked(mount: PkiMount) -> None:
    """200, but on no list any more."""
    made = mount.signed("any", CSR)
    mount.delete("issuer/r1")
    assert mount.post("revoke", {"serial_number": number(made)}).data["state"] == "revoked"
    assert mount.get(f"cert/{number(made)}").data["revocation_time"] != 0


def test_what_has_expired_is_not_revoked(mount: PkiMount) -> None:
    """200 without data, and a warning."""
    made = mount.signed("any", CSR, ttl="1s")
    time.sleep(1.5)
    reply = mount.post("revoke", {"serial_number": number(made)})
    assert (reply.status, reply.data, "already expired" in reply.warnings[0]) == (200, {}, True)
    assert (listed(mount), mount.get(f"cert/{number(made)}").data["revocation_time"]) == (set(), 0)


def test_issuers_are_not_revoked_by_this_path(mount: PkiMount) -> None:
    """A root cannot stand on its own list."""
    root = mount.get("issuer/r1").data["certificate"]
    assert mount.post("revoke", {"certificate": root}).status == 400
