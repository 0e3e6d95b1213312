"""From a request to the fields of the API: every field by its name, and lifetimes that a server can keep to."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest
from msgspec.structs import replace

from reconciler.issuers import bodies
from reconciler.x509.csr import signing_request
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.names import NameConstraints, Subject
from reconciler.x509.profile import BACKDATE, Request
from tests.builders import NOW, YEAR, make_ca, make_key

CA: Final = make_ca("root", lifetime=5 * YEAR).certificate
LEAF: Final = Request(
    subject=Subject(common_name="api", organizations=("o",)),
    sans=("dns:a.example", "ip:192.0.2.1", "ip:2001:db8::1", "uri:spiffe://td/x", "email:a@b.example", "dns:b.example"),
    usages=("client auth", "server auth"),
    not_before=NOW - BACKDATE,
    not_after=NOW - BACKDATE + timedelta(days=90),
    serial=1,
)
SUB: Final = Request(
    subject=Subject(common_name="sub", organizations=("a", "b"), countries=("DE",), localities=("x",)),
    is_ca=True,
    path_length=1,
    name_constraints=NameConstraints(
        permitted=("dns:example.com", "ip:192.0.2.0/24"), excluded=("dns:bad.example.com", "uri:.x", "email:e.example")
    ),
    not_before=NOW - BACKDATE,
    not_after=NOW - BACKDATE + YEAR,
    serial=1,
)
CSR: Final = signing_request(LEAF, make_key())


def test_what_a_role_is_sent() -> None:
    """Names by form; what the role decides, organization and usages, is not sent."""
    assert bodies.leaf(LEAF, CSR, CA, NOW) == {
        "csr": CSR.pem,
        "format": "pem",
        "ttl": "7776000s",
        "exclude_cn_from_sans": True,
        "common_name": "api",
        "alt_names": "a.example,b.example,a@b.example",
        "ip_sans": ["192.0.2.1", "2001:db8::1"],
        "uri_sans": ["spiffe://td/x"],
    }


def test_what_is_not_asked_for_is_not_sent() -> None:
    """No empty field: some servers take it for a value."""
    bare = replace(LEAF, subject=Subject(), sans=("ip:192.0.2.1",))
    assert set(bodies.leaf(bare, CSR, CA, NOW)) == {"csr", "format", "ttl", "exclude_cn_from_sans", "ip_sans"}


@pytest.mark.parametrize(
    ("key", "bits"), [("ecdsa-p256", ["DigitalSignature"]), ("rsa-2048", ["DigitalSignature", "KeyEncipherment"])]
)
def test_what_is_sent_to_be_signed_as_it_is(key: str, bits: list[str]) -> None:
    """The usages, by Go's names."""
    body = bodies.verbatim(LEAF, CSR, CA, NOW, key)
    assert (body["key_usage"], body["ext_key_usage"]) == (bits, ["ClientAuth", "ServerAuth"])


@pytest.mark.parametrize(
    ("left", "ttl"),
    [
        (5 * YEAR, "7776000s"),
        (timedelta(days=90), "7775700s"),
        (timedelta(days=90) + BACKDATE / 2, "7775850s"),
        (timedelta(minutes=10), "570s"),
    ],
    ids=["far", "as long", "a little longer", "nearly over"],
)
def test_a_server_that_is_ahead_can_still_sign(left: timedelta, ttl: str) -> None:
    """Near the end of the CA a little less is asked for: it would refuse what outlives the CA by a second."""
    ending = make_ca("root", lifetime=left + min(BACKDATE, left / 9)).certificate
    assert bodies.leaf(LEAF, CSR, ending, NOW)["ttl"] == ttl


def test_what_is_sent_to_make_a_ca() -> None:
    """Subject, limits, and dates that come out as they were asked for."""
    assert bodies.authority(SUB, NOW) == {
        "common_name": "sub",
        "format": "pem",
        "exclude_cn_from_sans": True,
        "ttl": "31535700s",
        "not_before_duration": "300s",
        "organization": ["a", "b"],
        "country": ["DE"],
        "locality": ["x"],
        "max_path_length": 1,
        "permitted_dns_domains": ["example.com"],
        "permitted_ip_ranges": ["192.0.2.0/24"],
        "excluded_dns_domains": ["bad.example.com"],
        "excluded_email_addresses": ["e.example"],
        "excluded_uri_domains": [".x"],
    }


def test_what_is_sent_to_sign_a_ca() -> None:
    """The request's own values; the key identifier only where one has to stay; no path length is said so."""
    plain = replace(SUB, path_length=None, name_constraints=None)
    assert bodies.subordinate(plain, CSR, None, NOW) == {
        "csr": CSR.pem,
        "format": "pem",
        "use_csr_values": True,
        "exclude_cn_from_sans": True,
        "ttl": "31535700s",
        "not_before_duration": "300s",
        "max_path_length": -1,
        "key_usage": ["CertSign", "CRLSign", "DigitalSignature"],
    }
    assert bodies.subordinate(plain, CSR, CA, NOW)["skid"] == CA.facts.ski


@pytest.mark.parametrize(
    ("key", "body"),
    [
        (KeyAlgorithm.ECDSA_P384, {"key_type": "ec", "key_bits": 384}),
        (KeyAlgorithm.RSA_4096, {"key_type": "rsa", "key_bits": 4096}),
        (KeyAlgorithm.ED25519, {"key_type": "ed25519"}),
    ],
)
def test_types_of_keys(key: KeyAlgorithm, body: dict[str, object]) -> None:
    """By type and size."""
    assert bodies.algorithm(key) == body


def test_every_type_of_key_can_be_asked_for() -> None:
    """None is forgotten."""
    assert all(bodies.algorithm(key) for key in KeyAlgorithm)
