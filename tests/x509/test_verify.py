"""Our own path check, against paths that must be refused and paths that must not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from reconciler.x509.names import NameConstraints
from reconciler.x509.read import Certificate, read_der
from reconciler.x509.verify import chain_problem, signed_by
from tests.builders import NOW, YEAR, Pair, ca_extensions, forge, make_ca, make_key, make_leaf, raw_key

SECOND = timedelta(seconds=1)
ROOT = make_ca("root")
INTER = make_ca("inter", parent=ROOT, path_length=0)
LEAF = make_leaf(INTER, usages=("server auth",))
WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
STRONG = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SERVER = ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),)


def below(parent: Pair, **changes: object) -> Certificate:
    """A forged certificate that the parent's key signed."""
    name = parent.certificate.facts.subject.common_name
    return forge("below", issuer=name, signer=raw_key(name), public_key=raw_key("below").public_key(), **changes)  # type: ignore[arg-type]


def with_sha1(certificate: Certificate, key: rsa.RSAPrivateKey) -> Certificate:
    """The same certificate under sha1WithRSAEncryption: its OID has the length of SHA-256's, so only bytes change."""
    sha256, sha1 = (bytes.fromhex(f"06092a864886f70d0101{last}") for last in ("0b", "05"))
    parsed = certificate.parsed
    tbs = parsed.tbs_certificate_bytes.replace(sha256, sha1)
    signature = key.sign(tbs, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - what must be refused
    der = certificate.der.replace(parsed.tbs_certificate_bytes, tbs).replace(parsed.signature, signature)
    return read_der(der.replace(sha256, sha1))


OTHER = make_ca("root", key=make_key("another key"))
UNKNOWN = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)
NARROW = make_ca("narrow", parent=ROOT, name_constraints=NameConstraints(permitted=("dns:example.org",)))
CLIENTS = make_ca("clients", parent=ROOT, usages=("client auth",))
DEEP = forge("deep", issuer="inter", signer=raw_key("inter"), public_key=raw_key("deep").public_key(), extensions=ca_extensions())
MID = make_leaf(ROOT, "mid")
UNDER_DEEP = forge("x", issuer="deep", signer=raw_key("deep"), public_key=raw_key("x").public_key(), extensions=SERVER)
RSA_ROOT = forge("rsa", signer=STRONG, extensions=ca_extensions())
SHA1_LEAF = with_sha1(forge("l", issuer="rsa", signer=STRONG, extensions=SERVER), STRONG)
CONSTRAINED_BY_DIRECTORY = forge(
    "dir",
    extensions=(*ca_extensions(), (x509.NameConstraints([x509.DirectoryName(x509.Name([]))], None), True)),
)
UNDER_DIRECTORY = forge("x", issuer="dir", signer=raw_key("dir"), public_key=raw_key("x").public_key(), extensions=SERVER)


@pytest.mark.parametrize(
    ("chain", "roots"),
    [
        (LEAF.chain, [ROOT.certificate]),
        ([*LEAF.chain, ROOT.certificate], [ROOT.certificate]),
        (LEAF.chain, [OTHER.certificate, ROOT.certificate]),
        (LEAF.chain, [INTER.certificate]),
        (LEAF.chain[:1], [INTER.certificate]),
        ([LEAF.certificate], [LEAF.certificate]),
    ],
    ids=["root", "root-in-chain", "twin-roots", "anchor-inside", "partial", "itself"],
)
def test_good_paths(chain: Sequence[Certificate], roots: Sequence[Certificate]) -> None:
    """With and without the root, past a root of the same name, and ending at any trusted certificate, as in Go."""
    assert chain_problem(chain, roots, at=NOW, usage="server auth") is None


@pytest.mark.parametrize(
    ("chain", "roots", "problem"),
    [
        ([], [ROOT.certificate], "there is no certificate"),
        (LEAF.chain, [], "does not lead to a trusted root"),
        (LEAF.chain, [OTHER.certificate], "does not lead to a trusted root"),
        (LEAF.chain[:1], [ROOT.certificate], "does not lead to a trusted root"),
        ([LEAF.certificate, NARROW.certificate], [ROOT.certificate], "is not signed by CN=narrow"),
        (LEAF.chain[::-1], [ROOT.certificate], "does not lead to a trusted root"),
        ([make_leaf(ROOT, usages=("client auth",)).certificate], [ROOT.certificate], "is not for server auth"),
        ([below(ROOT)], [ROOT.certificate], "CN=below is not for server auth"),
        ([below(CLIENTS, extensions=SERVER), CLIENTS.certificate], [ROOT.certificate], "CN=clients is not for server auth"),
        ([UNDER_DEEP, DEEP, INTER.certificate], [ROOT.certificate], "CN=inter allows 0 CAs below it, there are 1"),
        ([below(NARROW, extensions=(*SERVER, (x509.SubjectAlternativeName([x509.DNSName("a.com")]), False))),
          NARROW.certificate], [ROOT.certificate], "dns:a.com is outside the name constraints of CN=narrow"),
        ([UNDER_DIRECTORY], [CONSTRAINED_BY_DIRECTORY], "of a form that is not understood"),
        ([below(MID, extensions=SERVER), MID.certificate], [ROOT.certificate], "not a CA"),
        ([below(ROOT, extensions=(*SERVER, (x509.AuthorityKeyIdentifier(b"x", None, None), False)))],
         [ROOT.certificate], "names another issuer key (78)"),
        ([below(ROOT, extensions=(*SERVER, UNKNOWN))], [ROOT.certificate], "critical extension 1.2.3.4 that is not understood"),
        ([forge("w", issuer="root", signer=raw_key("root"), public_key=WEAK.public_key(), extensions=SERVER)],
         [ROOT.certificate], "CN=w has a weak key (rsa-1024)"),
        ([SHA1_LEAF], [RSA_ROOT], "CN=l is signed with sha1"),
        ([below(ROOT, extensions=SERVER, not_after=NOW - SECOND)], [ROOT.certificate], "CN=below expired at 2026-11-23T11:59"),
        ([below(ROOT, extensions=SERVER, not_before=NOW + SECOND)], [ROOT.certificate], "CN=below is not valid before"),
    ],
)  # fmt: skip
def test_bad_paths(chain: Sequence[Certificate], roots: Sequence[Certificate], problem: str) -> None:
    """Each reason to refuse is found and told."""
    found = chain_problem(chain, roots, at=NOW, usage="server auth")
    assert found is not None
    assert problem in found


@pytest.mark.parametrize("at", [ROOT.certificate.facts.not_before - SECOND, NOW + 2 * YEAR, NOW + 11 * YEAR])
def test_time_is_an_argument(at: datetime) -> None:
    """The same path before, in and after its time."""
    assert chain_problem(LEAF.chain, [ROOT.certificate], at=NOW, usage="server auth") is None
    assert chain_problem(LEAF.chain, [ROOT.certificate], at=at, usage="server auth") is not None


def test_a_ca_has_no_usage_of_its_own() -> None:
    """The path of an intermediate is judged without a usage; so is a root's with itself."""
    assert chain_problem(INTER.chain, [ROOT.certificate], at=NOW, usage="") is None
    assert chain_problem([ROOT.certificate], [ROOT.certificate], at=NOW, usage="") is None


def test_self_issued_cas_do_not_count() -> None:
    """A CA's own key rollover certificate uses up no path length (RFC 5280 section 6.1.4)."""
    roll = forge("root", signer=raw_key("root"), public_key=raw_key("next").public_key(), extensions=ca_extensions())
    leaf = forge("l", issuer="root", signer=raw_key("next"), public_key=raw_key("l").public_key(), extensions=SERVER)
    root = forge("root", extensions=ca_extensions(path_length=0))
    assert chain_problem([leaf, roll], [root], at=NOW, usage="server auth") is None


def test_self_issued_cas_are_free_of_name_constraints() -> None:
    """A rollover certificate of the constrained CA itself may hold its old names; the leaf under it may not (section 6.1.3)."""
    narrow = (x509.NameConstraints([x509.DNSName("example.com")], None), True)
    names = {name: (x509.SubjectAlternativeName([x509.DNSName(name)]), False) for name in ("root", "a.example.com", "a.com")}
    root = forge("root", extensions=(*ca_extensions(), narrow))
    public = raw_key("next").public_key()
    roll = forge("root", signer=raw_key("root"), public_key=public, extensions=(*ca_extensions(), names["root"]))
    good, bad = (
        forge("l", issuer="root", signer=raw_key("next"), extensions=(*SERVER, names[name]))
        for name in ("a.example.com", "a.com")
    )
    assert chain_problem([good, roll], [root], at=NOW, usage="server auth") is None
    assert (
        chain_problem([bad, roll], [root], at=NOW, usage="server auth") == "dns:a.com is outside the name constraints of CN=root"
    )


def test_signatures() -> None:
    """Name and signature both count, for every kind of key that may sign."""
    assert signed_by(LEAF.certificate, INTER.certificate)
    assert signed_by(ROOT.certificate, ROOT.certificate)
    assert not signed_by(LEAF.certificate, ROOT.certificate)
    assert not signed_by(INTER.certificate, OTHER.certificate)
    assert not signed_by(forge("l", issuer="root", signer=raw_key("x")), ROOT.certificate)
    assert signed_by(SHA1_LEAF, RSA_ROOT)
