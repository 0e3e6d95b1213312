"""The issuer that builds what it signs: components, CAs below it, and their renewal."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from reconciler.issuers.local import LocalIssuer
from reconciler.x509.csr import signing_request
from reconciler.x509.errors import LintError
from reconciler.x509.names import Subject
from reconciler.x509.profile import Request
from tests.builders import NOW, YEAR, make_ca, make_key

ROOT = make_ca("root", lifetime=9 * YEAR)
MIDDLE = make_ca("middle", parent=ROOT, lifetime=8 * YEAR)
LEAF = Request(
    subject=Subject(common_name="api"),
    sans=("dns:api.example.com",),
    usages=("server auth",),
    not_before=NOW,
    not_after=NOW + YEAR,
    serial=11,
)
SUB = Request(subject=Subject(common_name="sub"), is_ca=True, path_length=0, not_before=NOW, not_after=NOW + YEAR, serial=12)


def test_what_it_says_of_itself() -> None:
    """Its certificate, the root, and what is served with what it signs: never the root."""
    issuer = LocalIssuer(MIDDLE.certificate, MIDDLE.key, (ROOT.certificate,))
    assert (issuer.remote, issuer.certificate, issuer.root) == (False, MIDDLE.certificate, ROOT.certificate)
    assert issuer.served_chain == (MIDDLE.certificate,)
    root = LocalIssuer(ROOT.certificate, ROOT.key)
    assert (root.root, root.served_chain) == (ROOT.certificate, ())


def test_a_component_and_a_ca() -> None:
    """Both exactly as asked for; of a signing request only the key counts."""
    issuer = LocalIssuer(ROOT.certificate, ROOT.key)
    issuer.prepare(LEAF)
    leaf = issuer.sign(LEAF, make_key("api"))
    assert (leaf.facts.serial, leaf.facts.spki_sha256) == ("b", make_key("api").facts.spki_sha256)
    other = replace(SUB, subject=Subject(common_name="somebody else"), path_length=None)
    sub = issuer.sign_ca(SUB, signing_request(other, make_key("sub")), None)
    assert (sub.facts.subject, sub.facts.path_length, sub.facts.spki_sha256) == (
        SUB.subject,
        0,
        make_key("sub").facts.spki_sha256,
    )


def test_a_ca_is_renewed() -> None:
    """Around its name and key identifier; with another key it would be another CA."""
    issuer = LocalIssuer(ROOT.certificate, ROOT.key)
    old = issuer.sign_ca(SUB, signing_request(SUB, make_key("sub")), None)
    later = replace(SUB, not_after=NOW + 2 * YEAR, serial=13)
    new = issuer.sign_ca(later, signing_request(later, make_key("sub")), old)
    assert (new.parsed.subject, new.facts.ski, new.facts.not_after) == (old.parsed.subject, old.facts.ski, later.not_after)
    with pytest.raises(LintError, match="does not belong to its certificate"):
        issuer.sign_ca(later, signing_request(later, make_key("other")), old)


def test_what_must_not_be_signed() -> None:
    """The profile holds before the key is used, and the key is the certificate's."""
    issuer = LocalIssuer(ROOT.certificate, ROOT.key)
    with pytest.raises(LintError, match="outlive its issuer"):
        issuer.prepare(replace(LEAF, not_after=NOW + 10 * YEAR))
    with pytest.raises(LintError, match="does not belong to its certificate"):
        LocalIssuer(ROOT.certificate, MIDDLE.key)
