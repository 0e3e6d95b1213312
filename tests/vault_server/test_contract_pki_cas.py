"""What the client relies on about issuers, keys and intermediates of a PKI engine: on every server alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtensionOID, NameOID

from tests.vault_server.api import Reply, Vault
from tests.vault_server.csr import Csr
from tests.vault_server.pki_mounts import PkiMount, lifetime, parsed


@pytest.fixture
def mount(vault: Vault) -> PkiMount:
    """An empty mount on each server."""
    return PkiMount(vault)


def constraints(certificate: x509.Certificate) -> x509.BasicConstraints:
    """The basic constraints."""
    return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value


def test_an_empty_mount(mount: PkiMount) -> None:
    """Lists are 404, configurations empty, the default issuer an error of 500."""
    assert [mount.list(path).status for path in ("issuers", "keys", "roles", "certs")] == [404] * 4
    assert mount.get("config/issuers").data == {"default": "", "default_follows_latest_issuer": False}
    for path in ("issuer/default", "issuer/default/json"):
        reply = mount.get(path)
        assert (reply.status, "no default issuer currently configured" in reply.errors[0]) == (500, True)
    assert mount.get("crl").status == 204


def test_a_root_is_made(mount: PkiMount) -> None:
    """The answer names issuer and key; the first root is the default."""
    reply = mount.root("r1", organization="o1,o2", key_name="k1", max_path_length=1)
    made = parsed(reply)
    assert (reply.data["issuer_name"], reply.data["key_name"], lifetime(made)) == ("r1", "k1", 365 * 86400 + 30)
    assert [(part.rfc4514_attribute_name, part.value) for part in made.subject] == [("O", "o1"), ("O", "o2"), ("CN", "r1")]
    assert made.issuer == made.subject
    assert constraints(made) == x509.BasicConstraints(ca=True, path_length=1)
    usage = made.extensions.get_extension_for_class(x509.KeyUsage)
    assert (usage.critical, usage.value.key_cert_sign, usage.value.crl_sign, usage.value.digital_signature) == (
        True,
        True,
        True,
        False,
    )
    assert [extension.oid for extension in made.extensions if extension.oid == ExtensionOID.SUBJECT_ALTERNATIVE_NAME] == []
    assert mount.get("config/issuers").data["default"] == reply.data["issuer_id"]
    assert mount.get("config/keys").data["default"] == reply.data["key_id"]


@pytest.mark.parametrize(
    ("kind", "bits", "expected"),
    [
        ("ec", 256, ec.EllipticCurvePublicKey),
        ("ec", 384, ec.EllipticCurvePublicKey),
        ("rsa", 3072, rsa.RSAPublicKey),
        ("ed25519", 0, ed25519.Ed25519PublicKey),
    ],
)
def test_kinds_of_keys(mount: PkiMount, kind: str, bits: int, expected: type) -> None:
    """Of roots, and what they sign."""
    reply = mount.root("r1", key_type=kind, key_bits=bits)
    key = parsed(reply).public_key()
    assert isinstance(key, expected)
    assert not bits or getattr(key, "key_size", 0) == bits
    mount.role("any")
    leaf = parsed(mount.signed("any", Csr(common_name="x"), ttl="1h"))
    leaf.verify_directly_issued_by(parsed(reply))
    assert mount.get(f"key/{reply.data['key_id']}").data["key_type"] == kind


def test_issuers_are_listed_with_what_they_are(mount: PkiMount) -> None:
    """By id; ``key_info`` says name, key, serial number and which is the default."""
    first, second = mount.root("r1"), mount.root("r2")
    listed = mount.list("issuers").data
    assert listed["keys"] == sorted([first.data["issuer_id"], second.data["issuer_id"]])  # type: ignore[type-var]
    assert listed["key_info"] == {
        reply.data["issuer_id"]: {
            "is_default": reply is first,
            "issuer_name": name,
            "key_id": reply.data["key_id"],
            "serial_number": reply.data["serial_number"],
        }
        for name, reply in (("r1", first), ("r2", second))
    }


def test_an_issuer_is_read_by_name_by_id_and_as_the_default(mount: PkiMount) -> None:
    """The certificate ends in a line break here; the chain begins with it."""
    made = mount.root("r1")
    shown = [mount.get(f"issuer/{reference}").data for reference in ("r1", made.data["issuer_id"], "default")]
    assert shown[0] == shown[1] == shown[2]
    told = {
        name: shown[0][name] for name in ("issuer_id", "issuer_name", "key_id", "leaf_not_after_behavior", "usage", "revoked")
    }
    assert told == {
        "issuer_id": made.data["issuer_id"],
        "issuer_name": "r1",
        "key_id": made.data["key_id"],
        "leaf_not_after_behavior": "err",
        "usage": "crl-signing,issuing-certificates,ocsp-signing,read-only",
        "revoked": False,
    }
    assert shown[0]["certificate"] == f"{made.data['certificate']}\n"
    assert shown[0]["ca_chain"] == [shown[0]["certificate"]]


def test_the_certificate_of_an_issuer_is_for_everybody(mount: PkiMount) -> None:
    """Without a token: as JSON and as PEM, and its lists; all else needs one."""
    made = mount.root("r1")
    shown = mount.get("issuer/r1/json", token="")
    assert shown.data["certificate"] == f"{made.data['certificate']}\n"
    assert set(shown.data) == {"ca_chain", "certificate", "issuer_id", "issuer_name"}
    pem = mount.get("issuer/r1/pem", token="")
    assert pem.raw.decode().strip() == made.data["certificate"]
    assert mount.get("issuer/r1", token="").status == 403
    assert mount.get("config/issuers", token="").status == 403


def test_an_issuer_that_is_not_there_is_500(mount: PkiMount) -> None:
    """Not 404: the text is all there is to tell. Deleting it is no error."""
    mount.root("r1")
    for path in ("issuer/none", "issuer/none/json", "issuer/none/crl"):
        reply = mount.get(path)
        assert (reply.status, "unable to find PKI issuer for reference: none" in reply.errors[0]) == (500, True)
    key = mount.get("key/none")
    assert (key.status, "unable to find PKI key for reference: none" in key.errors[0]) == (500, True)
    assert [mount.delete("issuer/none").status, mount.delete("key/none").status] == [200, 204]


def test_an_issuer_is_renamed(mount: PkiMount) -> None:
    """A name that is taken is refused; what is not said goes back to what is usual."""
    mount.root("r1")
    mount.root("r2")
    renamed = mount.post("issuer/r1", {"issuer_name": "renamed", "leaf_not_after_behavior": "truncate"})
    assert (renamed.data["issuer_name"], renamed.data["leaf_not_after_behavior"]) == ("renamed", "truncate")
    assert mount.get("issuer/r1").status == 500
    assert mount.post("issuer/renamed", {"issuer_name": "renamed"}).data["leaf_not_after_behavior"] == "err"
    assert (mount.post("issuer/renamed", {"issuer_name": "r2"}).status, mount.root("r2").status) == (400, 400)
    assert mount.post("issuer/renamed", {"issuer_name": "renamed", "leaf_not_after_behavior": "other"}).status == 400


def test_names_are_each_given_once(mount: PkiMount) -> None:
    """To an issuer, and to a key."""
    mount.root("r1", key_name="k1")
    assert mount.root("r1").errors == ["issuer name already in use"]
    assert mount.root("r2", key_name="k1").errors == ["key name already in use"]
    assert mount.root("default").status == 400
    listed = mount.list("issuers").data["keys"]
    assert isinstance(listed, list)
    assert len(listed) == 1


def test_another_issuer_becomes_the_default(mount: PkiMount) -> None:
    """By name; from then on it signs what names none."""
    mount.root("r1")
    second = mount.root("r2")
    assert mount.post("config/issuers", {"default": "r2"}).data["default"] == second.data["issuer_id"]
    mount.role("any")
    assert parsed(mount.signed("any", Csr(common_name="x"), ttl="1h")).issuer.rfc4514_string() == "CN=r2"
    refused = mount.post("config/issuers", {"default": "none"})
    assert (refused.status, mount.get("config/issuers").data["default"]) == (400, second.data["issuer_id"])


def test_a_new_issuer_becomes_the_default_only_when_asked(mount: PkiMount) -> None:
    """By ``default_follows_latest_issuer``."""
    first = mount.root("r1")
    mount.root("r2")
    assert mount.get("config/issuers").data["default"] == first.data["issuer_id"]
    mount.post("config/issuers", {"default": "r1", "default_follows_latest_issuer": True})
    third = mount.root("r3")
    assert mount.get("config/issuers").data["default"] == third.data["issuer_id"]


def test_the_same_key_signs_a_new_certificate(mount: PkiMount) -> None:
    """``existing`` with the key's name or id: another issuer, the same public key."""
    first = mount.root("r1", key_name="k1")
    body = {"common_name": "r1", "issuer_name": "r1-new", "ttl": "100h", "exclude_cn_from_sans": True}
    told = [mount.post("issuers/generate/root/existing", {**body, "key_ref": "k1"})]
    told.append(mount.post("root/generate/existing", {**body, "issuer_name": "r3", "key_ref": first.data["key_id"]}))
    assert [reply.data["key_id"] for reply in told] == [first.data["key_id"]] * 2
    assert [parsed(reply).public_key() == parsed(first).public_key() for reply in told] == [True, True]
    missing = mount.post("issuers/generate/root/existing", {**body, "issuer_name": "r4", "key_ref": "none"})
    assert (missing.status, "unable to find PKI key for reference: none" in missing.errors[0]) == (400, True)


def test_an_issuer_is_deleted_and_its_key_stays(mount: PkiMount) -> None:
    """A key goes only after its last issuer; with the default there is none, and a warning."""
    mount.root("r1", key_name="k1")
    mount.root("r2")
    in_use = mount.delete("key/k1")
    assert (in_use.status, "Key in Use by Issuer" in in_use.errors[0]) == (400, True)
    deleted = mount.delete("issuer/r1")
    assert (deleted.status, len(deleted.warnings), mount.get("config/issuers").data["default"]) == (200, 1, "")
    assert mount.get("key/k1").data["key_name"] == "k1"
    gone = mount.delete("key/k1")
    assert (gone.status, len(gone.warnings), mount.get("key/k1").status) == (200, 1, 500)
    mount.role("any")
    refused = mount.signed("any", Csr(common_name="x"), ttl="1h")
    assert (refused.status, "no default issuer currently configured" in refused.errors[0]) == (500, True)


def test_keys_are_listed_and_renamed(mount: PkiMount) -> None:
    """By id, with names."""
    made = mount.root("r1", key_name="k1")
    key = str(made.data["key_id"])
    assert mount.list("keys").data == {"keys": [key], "key_info": {key: {"is_default": True, "key_name": "k1"}}}
    assert mount.post("key/k1", {"key_name": "k2"}).data["key_name"] == "k2"
    shown = mount.get("key/k2").data
    ski = parsed(made).extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    assert {name: shown[name] for name in ("key_id", "key_name", "key_type")} == {
        "key_id": key,
        "key_name": "k2",
        "key_type": "ec",
    }
    assert shown["subject_key_id"] == ":".join(f"{byte:02x}" for byte in ski)


def request(mount: PkiMount, **fields: object) -> Reply:
    """The request of an intermediate with a new key."""
    body = {"common_name": "sub", "key_type": "ec", "exclude_cn_from_sans": True, **fields}
    return mount.post("issuers/generate/intermediate/internal", body)


def test_an_intermediate_is_made_signed_and_taken(vault: Vault, mount: PkiMount) -> None:
    """Its key is in the mount from the beginning; the certificate finds it."""
    above = PkiMount(vault)
    above.root("r1")
    asked = request(mount, key_name="k1", organization="o")
    assert set(asked.data) == {"csr", "key_id"}
    signed = above.post("issuer/r1/sign-intermediate", {"csr": asked.data["csr"], "use_csr_values": True, "ttl": "100h"})
    made = parsed(signed)
    assert (made.subject.rfc4514_string(), made.issuer.rfc4514_string()) == ("CN=sub,O=o", "CN=r1")
    assert (constraints(made), lifetime(made)) == (x509.BasicConstraints(ca=True, path_length=None), 360030)
    root = above.get("issuer/r1/json").data["certificate"]
    assert signed.data["ca_chain"] == [signed.data["certificate"], str(root).strip()]
    taken = mount.post("intermediate/set-signed", {"certificate": signed.data["certificate"]})
    imported = taken.data["imported_issuers"]
    assert isinstance(imported, list)
    assert taken.data["mapping"] == {imported[0]: asked.data["key_id"]}
    assert mount.get("config/issuers").data["default"] == imported[0]
    mount.role("any")
    leaf = mount.post(f"issuer/{imported[0]}/sign/any", {"csr": Csr(common_name="x").pem(), "ttl": "1h"})
    parsed(leaf).verify_directly_issued_by(made)
    assert leaf.data["ca_chain"] == [signed.data["certificate"]]


def test_taking_it_twice_adds_nothing(vault: Vault, mount: PkiMount) -> None:
    """The second time it is one of the existing; a chain brings what stands above along."""
    above = PkiMount(vault)
    above.root("r1")
    signed = above.post("root/sign-intermediate", {"csr": request(mount).data["csr"], "use_csr_values": True, "ttl": "100h"})
    chain = "\n".join(str(entry) for entry in signed.data["ca_chain"])  # type: ignore[attr-defined]
    first = mount.post("issuers/import/cert", {"pem_bundle": chain})
    imported = first.data["imported_issuers"]
    assert isinstance(imported, list)
    assert len(imported) == 2
    second = mount.post("issuers/import/cert", {"pem_bundle": signed.data["certificate"]})
    assert (second.data["imported_issuers"], second.data["existing_issuers"]) == (None, [imported[0]])
    shown = mount.get(f"issuer/{imported[0]}/json").data["ca_chain"]
    assert isinstance(shown, list)
    assert len(shown) == 2
    assert mount.get(f"issuer/{imported[1]}").data["key_id"] == ""


def test_a_ca_comes_with_its_key(mount: PkiMount) -> None:
    """From files: issuer and key are joined, are the defaults of an empty mount, and sign."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "files")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=9))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    made = builder.sign(key, hashes.SHA256())
    taken = mount.post("issuers/import/bundle", {"pem_bundle": made.public_bytes(Encoding.PEM).decode() + pem})
    issuers, keys = taken.data["imported_issuers"], taken.data["imported_keys"]
    assert isinstance(issuers, list)
    assert isinstance(keys, list)
    assert taken.data["mapping"] == {issuers[0]: keys[0]}
    assert mount.get("config/issuers").data["default"] == issuers[0]
    mount.role("any")
    leaf = mount.post(f"issuer/{issuers[0]}/sign/any", {"csr": Csr(common_name="x").pem(), "ttl": "1h"})
    parsed(leaf).verify_directly_issued_by(made)


@pytest.mark.parametrize("path", ["intermediate/set-signed", "issuers/import/cert"])
@pytest.mark.parametrize("what", ["leaf", "text", "key"])
def test_only_certificates_of_cas_are_taken(mount: PkiMount, path: str, what: str) -> None:
    """A leaf, text that is none, and a private key are refused by 400."""
    mount.root("r1")
    mount.role("any")
    given = {
        "leaf": str(mount.signed("any", Csr(common_name="x"), ttl="1h").data["certificate"]),
        "text": "no certificate",
        "key": "-----BEGIN PRIVATE KEY-----\n" + "A" * 200 + "\n-----END PRIVATE KEY-----\n",
    }[what]
    name = "certificate" if path.startswith("intermediate") else "pem_bundle"
    assert mount.post(path, {name: given}).status == 400


def test_the_key_of_an_intermediate_is_used_again(mount: PkiMount) -> None:
    """``existing``: another request of the same key."""
    first = request(mount, key_name="k1")
    body = {"common_name": "sub", "key_ref": "k1"}
    second = mount.post("issuers/generate/intermediate/existing", body)
    keys = [x509.load_pem_x509_csr(str(reply.data["csr"]).encode()).public_key() for reply in (first, second)]
    assert (first.data["key_id"], keys[0]) == (second.data["key_id"], keys[1])


def test_subject_and_depth_of_an_intermediate_may_come_from_the_body(mount: PkiMount) -> None:
    """Without ``use_csr_values``; the depth is one less than that of the signer."""
    mount.root("r1", max_path_length=2)
    csr = Csr(common_name="asked", organizations=("o",)).pem()
    plain = {"csr": csr, "ttl": "10h", "exclude_cn_from_sans": True}
    told = [
        parsed(mount.post("root/sign-intermediate", {**plain, **more}))
        for more in ({}, {"common_name": "named", "organization": "p"}, {"max_path_length": 0}, {"use_csr_values": True})
    ]
    assert [(made.subject.rfc4514_string(), constraints(made).path_length) for made in told] == [
        ("CN=asked", 1),
        ("CN=named,O=p", 1),
        ("CN=asked", 0),
        ("CN=asked,O=o", 1),
    ]


def test_the_key_identifier_of_an_intermediate_can_be_named(mount: PkiMount) -> None:
    """In hex, with or without separators; a CA that is renewed must not get another one. Anything else is refused."""
    mount.root("r1")
    body = {"csr": Csr(common_name="sub").pem(), "ttl": "10h"}
    told = [parsed(mount.post("root/sign-intermediate", {**body, "skid": text})) for text in ("ab" * 20, ":".join(["cd"] * 20))]
    identifiers = [made.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest for made in told]
    assert identifiers == [b"\xab" * 20, b"\xcd" * 20]
    reply = mount.post("root/sign-intermediate", {**body, "skid": "xyz"})
    assert (reply.status, "cannot parse requested SKID value as hex" in reply.errors[0]) == (400, True)


def test_a_ca_of_depth_zero_signs_no_cas(mount: PkiMount) -> None:
    """By 400."""
    made = mount.root("r1", max_path_length=0)
    assert (made.status, constraints(parsed(made)).path_length) == (200, 0)
    reply = mount.post("root/sign-intermediate", {"csr": Csr(common_name="sub").pem(), "ttl": "10h"})
    assert (reply.status, "max path length of zero" in reply.errors[0]) == (400, True)


def test_an_intermediate_may_outlive_its_signer(mount: PkiMount) -> None:
    """200, with a warning: other than what a role signs."""
    root = mount.root("r1", ttl="10h")
    reply = mount.post("root/sign-intermediate", {"csr": Csr(common_name="sub").pem(), "ttl": "100h"})
    assert parsed(reply).not_valid_after_utc > parsed(root).not_valid_after_utc
    assert len(reply.warnings) >= 1


def test_the_life_of_a_ca_is_cut_by_the_mount(vault: Vault) -> None:
    """With a warning."""
    short = PkiMount(vault, max_lease_ttl="10h")
    reply = short.root("r1", ttl="87600h")
    assert (lifetime(parsed(reply)), any("maxTTL" in warning for warning in reply.warnings)) == (36030, True)


def test_names_have_few_characters(mount: PkiMount) -> None:
    """Others are 400 in a body, and no path at all in a path."""
    told = [mount.root("r1", issuer_name=name) for name in ("a b", "a/b")]
    assert [(reply.status, reply.errors) for reply in told] == [(400, ["issuer name contained invalid characters"])] * 2
    assert mount.root("x", issuer_name="a.b_c-d2").status == 200
    assert [mount.get(path).status for path in ("issuer/a%20b", "roles/a%20b", "issuer/a.b_c-d2/")] == [404, 404, 404]


def test_a_ca_may_be_limited_to_names(mount: PkiMount) -> None:
    """By name constraints, which are critical."""
    mount.root("r1")
    body = {"csr": Csr(common_name="sub").pem(), "ttl": "10h", "permitted_dns_domains": "example.com,example.org"}
    made = parsed(mount.post("root/sign-intermediate", body))
    limits = made.extensions.get_extension_for_class(x509.NameConstraints)
    permitted = [x509.DNSName("example.com"), x509.DNSName("example.org")]
    assert (limits.critical, limits.value) == (True, x509.NameConstraints(permitted, None))


def test_an_issuer_signs_only_what_it_may_and_can(vault: Vault, mount: PkiMount) -> None:
    """Without the usage or without a key it is 500."""
    mount.root("r1")
    mount.role("any", ttl="1h")
    mount.post("issuer/r1", {"issuer_name": "r1", "usage": "crl-signing,read-only"})
    refused = mount.signed("any", Csr(common_name="x"))
    assert (refused.status, "but only had usage crl-signing,read-only" in refused.errors[0]) == (500, True)
    other = PkiMount(vault)
    other.root("r2")
    taken = mount.post("issuers/import/cert", {"pem_bundle": other.get("issuer/r2/json").data["certificate"]})
    imported = taken.data["imported_issuers"]
    assert isinstance(imported, list)
    refused = mount.post(f"issuer/{imported[0]}/sign/any", {"csr": Csr(common_name="x").pem()})
    assert (refused.status, "unable to fetch corresponding key" in refused.errors[0]) == (500, True)
    assert mount.get(f"issuer/{imported[0]}/crl/pem").status == 500
    chosen = mount.post("config/issuers", {"default": imported[0]})
    assert (chosen.status, len(chosen.warnings)) == (200, 1)
    assert mount.post("issuer/r1", {"issuer_name": "r1", "usage": "other"}).status == 400


def test_urls_are_written_into_certificates(mount: PkiMount) -> None:
    """Of the mount, and not into what was made before."""
    mount.root("r1")
    urls = {"crl_distribution_points": ["http://x/crl"], "issuing_certificates": ["http://x/ca"], "ocsp_servers": []}
    told = mount.post("config/urls", urls).data
    assert {name: told[name] for name in urls} == urls
    mount.role("any")
    leaf = parsed(mount.signed("any", Csr(common_name="x"), ttl="1h"))
    points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert [name.value for point in points for name in point.full_name or ()] == ["http://x/crl"]
    access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert [entry.access_location.value for entry in access] == ["http://x/ca"]
