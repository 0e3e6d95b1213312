"""A CA falls due: renewed with its key, rotated by itself, or only warned about; also one that has expired already."""

from __future__ import annotations

import hashlib
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.inprocess import Home
from tests.rotation import judges
from tests.rotation.clusters import applied, plain
from tests.rotation.story import START, Story

ODD = """[req]
distinguished_name = name
prompt = no
x509_extensions = extensions
string_mask = nombstr
[name]
O = Acme
CN = main
[extensions]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = 00:11:22:33:44:55
"""


def ending(rotation: dict[str, Any] | None, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    """The usual cluster with a CA of a year, and a rotation or none."""
    document = plain()
    document["cas"]["main"].update(lifetime="365d", **fields)
    del document["cas"]["main"]["rotation"]
    if rotation is not None:
        document["cas"]["main"]["rotation"] = rotation
    return document


def warned(story: Story) -> list[str]:
    """What a plan says about the CA."""
    return [entry["summary"].removeprefix("ca.main: ") for entry in story.plan().json["diagnostics"]]


def identity(certificate: bytes) -> tuple[str, str]:
    """Subject in DER and key identifier."""
    parsed = x509.load_pem_x509_certificate(certificate)
    return parsed.subject.public_bytes().hex(), judges.key_identifier(certificate, "subject")


def test_renewal_keeps_key_name_and_identifier(tmp_path: Path) -> None:
    """One apply renews the CA and every trust file; no certificate below it is touched."""
    story = applied(tmp_path, ending({"strategy": "renew"}))
    story.passes(days=200)
    story.apply()
    old, key = story.content("store/ca/main.crt"), story.content("store/ca/main.key")
    story.passes(days=100)
    story.apply()
    new = story.content("store/ca/main.crt")
    assert (new != old, story.content("store/ca/main.key") == key, identity(new) == identity(old)) == (True, True, True)
    assert story.actions() == {}


def test_a_renewed_ca_of_openssl_keeps_its_bytes(tmp_path: Path) -> None:
    """PrintableStrings and an odd identifier: old leaves verify against the new certificate, and new ones against the old."""
    document = ending({"strategy": "renew"}, key="rsa-2048", subject={"commonName": "main", "organizations": ["Acme"]})
    folder = tmp_path / "store/ca"
    folder.mkdir(parents=True)
    (tmp_path / "odd.cnf").write_text(ODD, encoding="ascii")
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "365", "-config", str(tmp_path / "odd.cnf"))
    subprocess.run((*made, "-keyout", folder / "main.key", "-out", folder / "main.crt"), check=True, capture_output=True)
    (folder / "main.key").chmod(0o600)
    story = Story(home=Home(path=tmp_path), document=document, now=datetime.now(UTC) + timedelta(minutes=1))
    story.apply("--adopt")
    old, (leaves, _) = story.content("store/ca/main.crt"), story.seen()
    assert judges.key_identifier(leaves["component.web"][0], "authority") == "001122334455"
    issued = story.now
    story.passes(days=330)
    story.apply()
    new = story.content("store/ca/main.crt")
    assert (new != old, identity(new) == identity(old)) == (True, True)
    assert "PRINTABLESTRING:Acme" in judges.field(new, "-subject", "-nameopt", "oneline,show_type")
    desired = story.desired()
    anchors = {"bundle.trust": (new,)}, {"bundle.trust": (old,)}
    backdated = story.now + timedelta(minutes=1)
    assert [*judges.complaints(desired, story.seen()[0], anchors[1], backdated)] == []
    renewed_leaves = {address: chain for address, chain in leaves.items() if address != "component.misc"}
    assert all("lookup: certificate" in each for each in judges.complaints(desired, renewed_leaves, anchors[0], issued))


def test_a_go_like_identifier_is_copied_as_it_is(tmp_path: Path) -> None:
    """Go takes the first 160 bits of SHA-256: the issuer's bytes count, not our way to derive them; also through a rotation."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    identifier = hashlib.sha256(public).digest()[:20]
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "main")])
    signs = dict.fromkeys(
        ("content_commitment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only", "crl_sign"), False
    )
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 5, START - timedelta(days=1), START + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, key_encipherment=True, key_cert_sign=True, **signs), critical=True)
        .add_extension(x509.SubjectKeyIdentifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path / "store/ca"
    folder.mkdir(parents=True)
    (folder / "main.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "main.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "main.key").chmod(0o600)
    story = Story(home=Home(path=tmp_path), document=plain())
    story.apply("--adopt")
    found = {judges.key_identifier(story.content(f"store/pki/{each}.crt"), "authority") for each in ("app", "web", "peer")}
    assert found == {identifier.hex().upper()}
    story.ca(generation=2)
    story.apply()
    story.passes(days=2)
    story.apply()
    signer = judges.key_identifier(story.content("store/ca/main.crt"), "subject")
    assert judges.key_identifier(story.content("store/pki/web.crt"), "authority") == signer != identifier.hex().upper()


def test_a_staged_ca_rotates_by_itself_and_never_back(tmp_path: Path) -> None:
    """Warned about beforehand, then walked; git's number lags from then on, which is said and moves nothing."""
    story = applied(tmp_path, ending({"strategy": "staged", "soak": "1d"}))
    assert warned(story) == []
    story.passes(days=220)
    story.apply()
    assert [each[:39] for each in warned(story)] == ["a rotation to generation 2 begins by it"]
    story.passes(days=40)
    story.apply()
    assert (story.phase(), story.rotations()["ca.main"]["to_generation"]) == ("soak", 2)
    lags = ["generation 2 is in use or under way, git says 1: write `generation: 2`"]
    story.passes(days=5)
    for _ in range(2):
        story.apply()
        assert (story.rotations(), warned(story), story.actions()) == ({}, lags, {})
    story.ca(generation=2)
    assert (warned(story), story.actions()) == ([], {})


@pytest.mark.parametrize("rotation", [None, {"strategy": "manual"}])
def test_nobody_makes_a_key_without_being_asked(tmp_path: Path, rotation: dict[str, Any] | None) -> None:
    """Without a word about rotation a CA that falls due is warned about, and its files stay to the end."""
    story = applied(tmp_path, ending(rotation))
    before = {name: content for name, content in story.digests().items() if "/ca/" in name}
    story.passes(days=330)
    story.apply()
    assert {name: content for name, content in story.digests().items() if "/ca/" in name} == before
    assert any(each.startswith("it expires on") for each in warned(story))


@pytest.mark.parametrize("rotation", [{"strategy": "renew"}, {"strategy": "staged", "soak": "1d"}, {"strategy": "manual"}])
def test_an_expired_ca_comes_back(tmp_path: Path, rotation: dict[str, Any]) -> None:
    """After a year in a drawer: the key renewed, or the next generation, by itself or on request; the dead anchor is gone."""
    story = applied(tmp_path, ending(rotation))
    story.passes(days=400)
    if rotation["strategy"] == "manual":
        story.ca(generation=2)
    for _ in range(4):
        story.call("apply", "--auto-approve")
        story.passes(days=1)
    story.apply()
    assert (story.rotations(), story.actions()) == ({}, {})
    assert len(judges.certificates(story.content("store/trust/main.pem"))) == 1


def test_an_old_anchor_that_expires_in_the_soak_leaves_the_trust_files(tmp_path: Path) -> None:
    """Some verifiers follow it into a dead end; its leaves are gone with it."""
    document = plain()
    document["cas"]["main"].update(lifetime="60d", rotation={"strategy": "manual", "soak": "40d"})
    story = applied(tmp_path, document)
    story.passes(days=30)
    story.ca(generation=2)
    story.apply()
    assert (story.phase(), len(judges.certificates(story.content("store/trust/main.pem")))) == ("soak", 2)
    story.passes(days=31)
    story.apply()
    assert len(judges.certificates(story.content("store/trust/main.pem"))) == 1
