"""Who signed what, by signatures."""

from __future__ import annotations

from typing import Final

from reconciler.x509.signers import signers
from tests.builders import ca_extensions, forge, make_ca, make_key, make_leaf, raw_key

OLD: Final = make_ca("root")
NEW: Final = make_ca("root", key=make_key("new"))
LEAF: Final = make_leaf(NEW, "server")
BARE_OLD: Final = forge("bare", signer=raw_key("bare-old"), extensions=ca_extensions())
BARE_NEW: Final = forge("bare", signer=raw_key("bare-new"), extensions=ca_extensions())
BARE_LEAF: Final = forge("leaf", issuer="bare", signer=raw_key("bare-new"), public_key=raw_key("leaf").public_key())


def test_two_cas_of_one_name_are_told_apart() -> None:
    """With key identifiers and without: the key that verifies is the one that signed."""
    every = [OLD.certificate, NEW.certificate, LEAF.certificate, BARE_OLD, BARE_NEW, BARE_LEAF]
    found = signers(every)
    assert {certificate.facts.fingerprint for certificate in every} == set(found)
    assert found[LEAF.certificate.facts.fingerprint] == (NEW.certificate.facts.spki_sha256,)
    assert found[BARE_LEAF.facts.fingerprint] == (BARE_NEW.facts.spki_sha256,)
    assert found[OLD.certificate.facts.fingerprint] == (OLD.certificate.facts.spki_sha256,)


def test_a_stranger_has_no_signer() -> None:
    """A CA that is not at hand signed it: nobody is named."""
    assert signers([OLD.certificate, LEAF.certificate])[LEAF.certificate.facts.fingerprint] == ()


def test_a_root_without_extensions_signs() -> None:
    """As those of old openssl commands are; no extension says that they are CAs."""
    root = forge("old-root")
    leaf = forge("leaf", issuer="old-root", signer=raw_key("old-root"))
    assert not root.facts.is_ca
    assert signers([root, leaf]) == {each.facts.fingerprint: (root.facts.spki_sha256,) for each in (root, leaf)}
