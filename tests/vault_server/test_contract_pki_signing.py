"""What the client relies on when a PKI engine signs: on every server alike."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from tests.vault_server.api import Vault
from tests.vault_server.csr import Csr
from tests.vault_server.pki_mounts import PkiMount, lifetime, parsed

FULL = Csr(
    common_name="a b",
    organizations=("system:masters", "second"),
    dns=("a.example.com", "kubernetes"),
    ips=("192.0.2.1", "2001:db8::1"),
    uris=("spiffe://x/y",),
    emails=("a@example.com",),
)


@pytest.fixture
def mount(vault: Vault) -> PkiMount:
    """A mount with a root and a role."""
    made = PkiMount(vault)
    made.root("r1")
    made.role("any", ttl="1h")
    return made


def extension(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> x509.Extension[x509.ExtensionType] | None:
    """An extension, when it is there."""
    return next((found for found in certificate.extensions if found.oid == oid), None)


def names(certificate: x509.Certificate) -> set[str]:
    """All alternative names, with their kinds."""
    found = extension(certificate, ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    if found is None:
        return set()
    assert isinstance(found.value, x509.SubjectAlternativeName)
    return {f"{type(name).__name__}:{name.value}" for name in found.value}


ALL_NAMES = {
    "DNSName:a.example.com",
    "DNSName:kubernetes",
    "IPAddress:192.0.2.1",
    "IPAddress:2001:db8::1",
    "UniformResourceIdentifier:spiffe://x/y",
    "RFC822Name:a@example.com",
}


def test_a_role_takes_the_names_of_the_request_and_the_organization_of_its_own(mount: PkiMount) -> None:
    """Subjects other than the common name come from the role alone."""
    mount.role("org", organization="of the role", ou=["u1", "u2"])
    made = parsed(mount.signed("org", FULL))
    told = [(part.rfc4514_attribute_name, part.value) for part in made.subject]
    assert told == [("O", "of the role"), ("OU", "u1"), ("OU", "u2"), ("CN", "a b")]
    assert names(made) == ALL_NAMES
    assert parsed(mount.signed("any", FULL)).subject.rfc4514_string() == "CN=a b"


def test_the_answer_to_a_signature_has_these_fields(mount: PkiMount) -> None:
    """PEM without a line break at the end, the chain as a list, the serial number in pairs with colons."""
    reply = mount.signed("any", FULL)
    made, above = parsed(reply), mount.get("issuer/r1/json").data
    serial = str(reply.data["serial_number"])
    assert int(serial.replace(":", ""), 16) == made.serial_number
    assert {len(part) for part in serial.split(":")} == {2}
    assert reply.data["issuing_ca"] == str(above["certificate"]).strip()
    assert reply.data["ca_chain"] == [reply.data["issuing_ca"]]
    assert reply.data["expiration"] == int(made.not_valid_after_utc.timestamp())
    assert not str(reply.data["certificate"]).endswith("\n")
    assert set(reply.data) == {"ca_chain", "certificate", "expiration", "issuing_ca", "not_before", "serial_number"}


def test_what_a_role_puts_into_a_certificate(mount: PkiMount) -> None:
    """Usages by its flags, begun half a minute ago, no basic constraints; the ttl counts from now."""
    made = parsed(mount.signed("any", FULL))
    usage = extension(made, ExtensionOID.KEY_USAGE)
    assert usage is not None
    assert isinstance(usage.value, x509.KeyUsage)
    assert usage.critical
    shown = (usage.value.digital_signature, usage.value.key_encipherment, usage.value.key_agreement, usage.value.key_cert_sign)
    assert shown == (True, True, True, False)
    extended = extension(made, ExtensionOID.EXTENDED_KEY_USAGE)
    assert extended is not None
    assert extended.value == x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    assert extension(made, ExtensionOID.BASIC_CONSTRAINTS) is None
    assert lifetime(made) == 3630
    mount.role("plain", key_usage="", server_flag=False, client_flag=False, ttl="1h", not_before_duration="5m")
    bare = parsed(mount.signed("plain", FULL))
    assert (extension(bare, ExtensionOID.KEY_USAGE), extension(bare, ExtensionOID.EXTENDED_KEY_USAGE)) == (None, None)
    assert lifetime(bare) == 3900
    mount.role("both", key_usage="DigitalSignature", ext_key_usage=["ClientAuth"], server_flag=False, client_flag=False)
    both = extension(parsed(mount.signed("both", FULL)), ExtensionOID.EXTENDED_KEY_USAGE)
    assert both is not None
    assert both.value == x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])


def test_verbatim_takes_all_of_the_request_but_the_basic_constraints(mount: PkiMount) -> None:
    """Subject, names and usages are as they were asked for."""
    csr = Csr(
        common_name="a b",
        organizations=("system:masters",),
        dns=("x",),
        digital_signature=True,
        usages=(ExtendedKeyUsageOID.CLIENT_AUTH,),
        ca=True,
    )
    reply = mount.post("sign-verbatim", {"csr": csr.pem(), "ttl": "1h"})
    made = parsed(reply)
    assert (made.subject.rfc4514_string(), names(made)) == ("CN=a b,O=system:masters", {"DNSName:x"})
    usage, extended = extension(made, ExtensionOID.KEY_USAGE), extension(made, ExtensionOID.EXTENDED_KEY_USAGE)
    assert usage is not None
    assert isinstance(usage.value, x509.KeyUsage)
    assert (usage.value.digital_signature, usage.value.key_encipherment) == (True, False)
    assert extended is not None
    assert extended.value == x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    assert extension(made, ExtensionOID.BASIC_CONSTRAINTS) is None
    assert len(reply.warnings) == 1


def test_verbatim_falls_back_on_usages_of_the_body(mount: PkiMount) -> None:
    """A request that asks for none gets those of the body, and usual ones when it says nothing."""
    csr = Csr(dns=("x",)).pem()
    usual = parsed(mount.post("sign-verbatim", {"csr": csr, "ttl": "1h"}))
    asked = parsed(mount.post("sign-verbatim", {"csr": csr, "ttl": "1h", "key_usage": [], "ext_key_usage": ["ServerAuth"]}))
    assert extension(usual, ExtensionOID.KEY_USAGE) is not None
    assert extension(usual, ExtensionOID.EXTENDED_KEY_USAGE) is None
    assert extension(asked, ExtensionOID.KEY_USAGE) is None
    extended = extension(asked, ExtensionOID.EXTENDED_KEY_USAGE)
    assert extended is not None
    assert extended.value == x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


def test_verbatim_with_a_role_keeps_to_its_lifetimes_only(mount: PkiMount) -> None:
    """The names that the role would refuse are taken."""
    mount.post("roles/tight", {"allowed_domains": "example.org", "max_ttl": "30m", "ttl": "10m", "key_type": "rsa"})
    capped = mount.post("sign-verbatim/tight", {"csr": FULL.pem(), "ttl": "2h"})
    usual = mount.post("issuer/r1/sign-verbatim/tight", {"csr": FULL.pem()})
    assert (lifetime(parsed(capped)), lifetime(parsed(usual))) == (1830, 630)
    assert len(capped.warnings) == 1
    assert mount.post("sign-verbatim/none", {"csr": FULL.pem()}).errors == ["unknown role: none"]


@pytest.mark.parametrize(
    ("csr", "problem"),
    [
        (Csr(common_name="example.com"), "common name example.com not allowed by this role"),
        (Csr(common_name="a.example.com", dns=("example.com",)), "subject alternate name example.com not allowed by this role"),
        (
            Csr(common_name="a.example.com", dns=("b.example.org",)),
            "subject alternate name b.example.org not allowed by this role",
        ),
        (
            Csr(common_name="a.example.com", ips=("192.0.2.1",)),
            "IP Subject Alternative Names are not allowed in this role, but was provided via CSR",
        ),
        (Csr(common_name="a.example.com", emails=("x@y.z",)), "email address x@y.z not allowed by this role"),
        (
            Csr(common_name="a.example.com", uris=("http://x/y",)),
            "URI Subject Alternative Names are not allowed in this role, but were provided via CSR",
        ),
        (Csr(common_name="a.example.com", key=rsa.generate_private_key(65537, 2048)), "role requires keys of type ec"),
        (Csr(common_name="a.example.com", key=ed25519.Ed25519PrivateKey.generate()), "role requires keys of type ec"),
        (
            Csr(dns=("a.example.com",)),
            "the common_name field is required",
        ),
    ],
    ids=lambda value: "" if isinstance(value, Csr) else value[:30],
)
def test_what_a_role_does_not_allow_is_refused_by_400(mount: PkiMount, csr: Csr, problem: str) -> None:
    """The text names the role's objection, and the name where there is one."""
    mount.post(
        "roles/tight", {"allowed_domains": "example.com", "allow_subdomains": True, "allow_ip_sans": False, "key_type": "ec"}
    )
    reply = mount.signed("tight", csr)
    assert (reply.status, len(reply.errors), reply.errors[0].startswith(problem)) == (400, 1, True)


@pytest.mark.parametrize(
    ("fields", "allowed", "refused"),
    [
        ({"allowed_domains": "example.com", "allow_bare_domains": True}, ["example.com", "localhost"], ["a.example.com"]),
        (
            {"allowed_domains": "example.com", "allow_subdomains": True},
            ["a.example.com", "a.b.example.com", "*.example.com", "x.localhost"],
            ["example.com", "aexample.com", "a.example.org"],
        ),
        (
            {"allowed_domains": "example.com", "allow_subdomains": True, "allow_wildcard_certificates": False},
            ["a.example.com"],
            ["*.example.com"],
        ),
        (
            {"allowed_domains": "a*.example.com", "allow_glob_domains": True, "allow_localhost": False},
            ["abc.example.com", "a.example.com"],
            ["b.example.com", "localhost"],
        ),
        ({"allow_any_name": True, "allow_subdomains": False}, ["a.example.com", "kubernetes"], ["a b", "system:node:n1"]),
        ({"allow_any_name": True, "enforce_hostnames": False}, ["a b", "system:node:n1", "system:masters"], []),
        (
            {"allowed_domains": "system:node:*", "allow_glob_domains": True, "enforce_hostnames": False},
            ["system:node:n1"],
            ["system:masters"],
        ),
        (
            {"allowed_domains": "system:node:n1", "allow_bare_domains": True, "cn_validations": "disabled"},
            ["system:node:n1"],
            ["whatever"],
        ),
    ],
    ids=str,
)
def test_which_common_names_a_role_allows(
    mount: PkiMount, fields: dict[str, object], allowed: list[str], refused: list[str]
) -> None:
    """By domains, subdomains, globs, hostnames."""
    mount.post("roles/some", {"key_type": "any", "ttl": "1h", **fields})
    told = {name: mount.signed("some", Csr(common_name=name)).status for name in (*allowed, *refused)}
    assert told == {**dict.fromkeys(allowed, 200), **dict.fromkeys(refused, 400)}


def test_the_names_of_the_body_count_when_a_role_says_so(mount: PkiMount) -> None:
    """With ``use_csr_sans`` and ``use_csr_common_name`` switched off."""
    mount.role("body", use_csr_common_name=False, use_csr_sans=False, ttl="1h")
    fields = {"common_name": "c", "alt_names": "a.example.com,x@example.com", "ip_sans": "192.0.2.9", "uri_sans": "spiffe://q/r"}
    made = parsed(mount.signed("body", FULL, **fields))
    assert (made.subject.rfc4514_string(), names(made)) == (
        "CN=c",
        {
            "DNSName:c",
            "DNSName:a.example.com",
            "RFC822Name:x@example.com",
            "IPAddress:192.0.2.9",
            "UniformResourceIdentifier:spiffe://q/r",
        },
    )
    without = parsed(mount.signed("body", FULL, common_name="c", exclude_cn_from_sans=True))
    assert names(without) == set()


def test_a_common_name_that_is_a_host_joins_the_alternative_names(mount: PkiMount) -> None:
    """Unless the body says no."""
    csr = Csr(common_name="kubernetes", dns=("a.example.com",))
    assert names(parsed(mount.signed("any", csr))) == {"DNSName:a.example.com", "DNSName:kubernetes"}
    assert names(parsed(mount.signed("any", csr, exclude_cn_from_sans=True))) == {"DNSName:a.example.com"}


def test_lifetimes_are_cut_by_the_role_then_by_the_mount(vault: Vault) -> None:
    """With a warning each, and 200."""
    mount = PkiMount(vault, max_lease_ttl="48h", default_lease_ttl="2h")
    mount.root("r1", ttl="48h")
    mount.role("short", max_ttl="1h")
    mount.role("plain")
    told = [
        mount.signed("short", FULL, ttl="3h"),
        mount.signed("short", FULL),
        mount.signed("plain", FULL),
        mount.signed("plain", FULL, ttl="47h"),
    ]
    assert [(lifetime(parsed(reply)) - 30, len(reply.warnings)) for reply in told] == [
        (3600, 1),
        (3600, 1),
        (7200, 0),
        (47 * 3600, 0),
    ]
    assert told[0].warnings == ['TTL "3h0m0s" is longer than permitted maxTTL "1h0m0s", so maxTTL is being used']


def test_what_happens_at_the_end_of_the_issuer_is_up_to_the_issuer(mount: PkiMount) -> None:
    """``err`` refuses by 400, ``truncate`` ends with it, ``permit`` goes on."""
    mount.root("short", ttl="2h")
    end = x509.load_pem_x509_certificate(str(mount.get("issuer/short/json").data["certificate"]).encode()).not_valid_after_utc
    body = {"csr": FULL.pem(), "ttl": "5h"}
    refused = mount.post("issuer/short/sign/any", body)
    assert (refused.status, "beyond the expiration of the CA certificate" in refused.errors[0]) == (400, True)
    mount.post("issuer/short", {"issuer_name": "short", "leaf_not_after_behavior": "truncate"})
    assert parsed(mount.post("issuer/short/sign/any", body)).not_valid_after_utc == end
    mount.post("issuer/short", {"issuer_name": "short", "leaf_not_after_behavior": "permit"})
    assert parsed(mount.post("issuer/short/sign/any", body)).not_valid_after_utc > end


def test_not_after_may_be_named_in_place_of_a_ttl(mount: PkiMount) -> None:
    """As RFC 3339; both together are refused."""
    moment = "2027-03-04T05:06:07Z"
    mount.role("long")
    reply = mount.signed("long", FULL, not_after=moment)
    if reply.status == 200:
        assert parsed(reply).not_valid_after_utc.isoformat() == moment.replace("Z", "+00:00")
    assert mount.signed("long", FULL, not_after=moment, ttl="1h").status == 400


@pytest.mark.parametrize(
    ("body", "problem"),
    [({}, '"csr" is empty'), ({"csr": "nope"}, "csr contains no data")],
    ids=["nothing", "no PEM"],
)
def test_what_is_no_request_is_refused(mount: PkiMount, body: dict[str, str], problem: str) -> None:
    """By 400."""
    reply = mount.post("sign/any", body)
    assert (reply.status, reply.errors) == (400, [problem])


def test_a_request_with_a_wrong_signature_is_refused(mount: PkiMount) -> None:
    """By 400: whoever sends it does not hold the key."""
    lines = Csr(common_name="x").pem().splitlines()
    lines[-2] = lines[-2][:-8] + ("AAAAAAA=" if lines[-2].endswith("=") else "AAAAAAAA")
    assert mount.post("sign/any", {"csr": "\n".join(lines)}).status == 400


def test_roles_and_issuers_that_are_not_there(mount: PkiMount) -> None:
    """A role is 400; an issuer is 500, which looks like a failure of the server, and is none."""
    reply = mount.signed("none", FULL)
    assert (reply.status, reply.errors) == (400, ["unknown role: none"])
    for path in ("issuer/none/sign/any", "issuer/none/sign-verbatim"):
        reply = mount.post(path, {"csr": FULL.pem()})
        assert (reply.status, "unable to find PKI issuer for reference: none" in reply.errors[0]) == (500, True)


def test_the_issuer_of_a_role_signs_unless_the_path_names_another(mount: PkiMount) -> None:
    """The path wins over the role, the role over the default."""
    mount.root("r2")
    mount.role("second", issuer_ref="r2", ttl="1h")
    told = [
        parsed(mount.signed("any", FULL)),
        parsed(mount.signed("second", FULL)),
        parsed(mount.post("issuer/r1/sign/second", {"csr": FULL.pem()})),
    ]
    assert [made.issuer.rfc4514_string() for made in told] == ["CN=r1", "CN=r2", "CN=r1"]
