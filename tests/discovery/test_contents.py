"""A file is what its bytes are, whatever its name."""

from __future__ import annotations

import hashlib

import pytest

from reconciler.discovery.contents import digest, encoding_of, interpret, labels_of
from reconciler.discovery.seen import Seen
from reconciler.observed.model import (
    Certificates,
    CombinedPair,
    FileMeta,
    Key,
    PublicKey,
    RevocationLists,
    Unusable,
)
from reconciler.x509 import pem
from reconciler.x509.crl import build
from tests.builders import NOW, YEAR, make_ca, make_leaf

META = FileMeta(mode=0o600, uid=0, gid=0)
CA = make_ca()
LEAF = make_leaf(CA)
CRL = build((), number=1, this_update=NOW, next_update=NOW + YEAR, issuer=CA.certificate, key=CA.key)

CHAIN = Certificates(chain=(LEAF.certificate.facts, CA.certificate.facts), meta=META)
KEY = Key(facts=LEAF.key.facts, meta=META)
PUBLIC = PublicKey(spki_sha256=LEAF.key.facts.spki_sha256, meta=META)
LIST = RevocationLists(lists=(CRL.facts,), signers=("",), meta=META)
CHAIN_PEM = LEAF.certificate.pem + CA.certificate.pem


@pytest.mark.parametrize(
    ("data", "roles", "content"),
    [
        (CHAIN_PEM, (), CHAIN),
        (CHAIN_PEM, ("key",), CHAIN),
        (LEAF.key.pem(), (), KEY),
        (LEAF.key.pem(), ("certificate", "token-verification"), KEY),
        (CHAIN_PEM + LEAF.key.pem(), (), CombinedPair(certificate=CHAIN, key=KEY)),
        (LEAF.key.public_pem(), (), PUBLIC),
        (LEAF.key.public_pem(), ("trust",), PUBLIC),
        (CRL.pem, (), LIST),
        (CRL.pem, ("crl",), LIST),
        (CRL.der, ("crl",), LIST),
        (CRL.der, ("trust",), Unusable(problem="not-pem", detail="it is DER, where PEM is read")),
        (b"junk", ("crl",), Unusable(problem="unparsable", detail="the revocation list cannot be parsed (ValueError)")),
        (b"", ("crl",), Unusable(problem="empty", detail="the file is empty")),
        (b"", ("trust",), Unusable(problem="empty", detail="the file is empty")),
        (b"", ("key",), Unusable(problem="empty", detail="the file is empty")),
        (b"junk", ("token-verification",), Unusable(problem="not-pem", detail="there is no PEM block in the file")),
        (
            pem.join("CERTIFICATE REQUEST", b"x"),
            ("certificate",),
            Unusable(problem="wrong-type", detail="a certificate was expected, the file holds a CERTIFICATE REQUEST"),
        ),
        (
            CHAIN_PEM[:-60],
            ("trust",),
            Unusable(problem="truncated", detail="a BEGIN or END line has no partner, the file is cut short"),
        ),
    ],
)
def test_what_a_file_holds(data: bytes, roles: tuple[str, ...], content: object) -> None:
    """The blocks in it decide; its use does only where there are none."""
    assert interpret(data, META, roles, Seen()) == content


@pytest.mark.parametrize(
    ("data", "hashed"),
    [
        (CHAIN_PEM, True),
        (LEAF.key.public_pem(), True),
        (CRL.pem, True),
        (LEAF.key.pem(), False),
        (CHAIN_PEM + LEAF.key.pem(), False),
        (LEAF.key.pem()[:-40], False),
        (b"", False),
    ],
)
def test_no_digest_of_a_key(data: bytes, hashed: bool) -> None:
    """Not of a whole one, and not of what may be the rest of one."""
    expected = hashlib.sha256(data).hexdigest() if hashed else ""
    assert digest(data, interpret(data, META, (), Seen())) == expected


@pytest.mark.parametrize(
    ("data", "encoding"), [(CRL.pem, "pem"), (CRL.der, "der"), (CHAIN_PEM, ""), (LEAF.key.pem(), ""), (b"", "")]
)
def test_how_lists_are_written(data: bytes, encoding: str) -> None:
    """PEM or DER is told of revocation lists alone."""
    assert encoding_of(data, interpret(data, META, ("crl",), Seen())) == encoding


def test_kinds_of_blocks() -> None:
    """The beginning of a block counts, too."""
    assert labels_of(CHAIN_PEM + LEAF.key.pem()[:40]) == {"CERTIFICATE", "PRIVATE KEY"}
    assert labels_of(b"-----BEGIN x-----\n-----BEGIN -----") == frozenset()
