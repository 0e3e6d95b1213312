"""One certificate of a cluster signed again with something changed: the way to break a fixture in exactly one place."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.clusters.certificates import (
    USAGES,
    Extensions,
    Fields,
    Minted,
    authorities,
    certificate_pem,
    certify,
    fields_of,
    issued_by,
    key_usage,
    load_der,
    load_pem,
    names,
    remember,
    serial_of,
    subject,
)
from tests.clusters.der import with_sha1
from tests.clusters.keys import Key, key_pem, spki

#: Places in which Go and openssl leave things out.
Omission = type[x509.ExtensionType]

_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", re.DOTALL)
_DATA: Final = re.compile(rb"(client-certificate-data: )(\S+)")
_KEY_DATA: Final = re.compile(rb"(client-key-data: )(\S+)")


def reissue(
    path: Path,
    *,
    common_name: str | None = None,
    organizations: Sequence[str] | None = None,
    sans: Sequence[str] | None = None,
    more_sans: Sequence[str] = (),
    usages: Sequence[str] | None = None,
    key_usages: Sequence[str] | None = None,
    ca: bool | None = None,
    not_before: datetime | None = None,
    not_after: datetime | None = None,
    serial: int | None = None,
    issuer: Minted | None = None,
    key: Key | None = None,
    without: Sequence[Omission] = (),
    sha1: bool = False,
) -> x509.Certificate:
    """Signs the first certificate of a PEM file, or the one inside a kubeconfig, again with what is given; all else stays.

    The mode of the file, its other content and where a link points stay, too. A new `key` is written where the old one is:
    into the same file, the kubeconfig, or the ``.key`` beside the ``.crt``.

    Args:
        path: the file, as this machine sees it.
        common_name: a new one.
        organizations: all of them.
        sans: all of them; ``()`` for none.
        more_sans: added to those it has.
        usages: extended ones; ``()`` for none.
        key_usages: as `cryptography` names them.
        ca: whether it is a CA.
        not_before: aware.
        not_after: aware.
        serial: a number.
        issuer: another CA; else the one that signed it, which this process must have made.
        key: another key; else the one that it has.
        without: extensions left out.
        sha1: whether it is signed with SHA-1; its issuer's key must be RSA.

    Returns:
        The new certificate.
    """
    file = followed(path)
    old = certificate_of(file)
    fields = replace(
        fields_of(old),
        subject=_subject(old, common_name, organizations),
        not_before=not_before or old.not_valid_before_utc,
        not_after=not_after or old.not_valid_after_utc,
        serial=serial_of(old) if serial is None else serial,
    )
    signer = issuer or signer_of(old)
    itself = issuer is None and old.subject == old.issuer
    fields = _edited(fields, sans=sans, more_sans=more_sans, usages=usages, key_usages=key_usages, ca=ca)
    if issuer is not None:
        fields = _without(fields, (x509.AuthorityKeyIdentifier,), issued_by(issuer))
    fields = _without(fields, without)
    public = key.public_key() if key is not None else old.public_key()
    made = certify(fields, public, (fields.subject, key or signer.key) if itself else signer)
    if sha1:
        assert isinstance(signer.key, rsa.RSAPrivateKey)
        made = load_der(with_sha1(made, signer.key))
    _replace(file, made, key)
    if itself:
        remember(Minted(certificate=made, key=key or signer.key))
    return made


def signer_of(certificate: x509.Certificate) -> Minted:
    """The CA that signed a certificate, among those that this process made."""
    for ca in authorities():
        if ca.certificate.subject == certificate.issuer and _signed_by(certificate, ca):
            return ca
    msg = f"nobody here signed {certificate.subject.rfc4514_string()}"
    raise LookupError(msg)


def certificate_of(path: Path) -> x509.Certificate:
    """The first certificate of a PEM file, or the one embedded in a kubeconfig."""
    content = followed(path).read_bytes()
    data = _DATA.search(content)
    return load_pem(b64decode(data[2]) if data else content)[0]


def followed(path: Path) -> Path:
    """The file behind a path: an absolute link of a node leads to a place below the node's root."""
    if not path.is_symlink():
        return path
    target = path.readlink()
    if not target.is_absolute():
        return path.parent / target
    below = (ancestor / target.relative_to("/") for ancestor in path.parents)
    return next(candidate for candidate in below if candidate.exists())


def _signed_by(certificate: x509.Certificate, ca: Minted) -> bool:
    try:
        certificate.verify_directly_issued_by(ca.certificate)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return spki(ca.key.public_key()) == spki(ca.certificate.public_key())


def _subject(old: x509.Certificate, common_name: str | None, organizations: Sequence[str] | None) -> x509.Name:
    if common_name is None and organizations is None:
        return old.subject

    def values(oid: x509.ObjectIdentifier) -> list[str]:
        return [str(attribute.value) for attribute in old.subject.get_attributes_for_oid(oid)]

    kept = values(NameOID.ORGANIZATION_NAME) if organizations is None else organizations
    return subject(common_name or values(NameOID.COMMON_NAME)[0], kept)


def _edited(
    fields: Fields,
    *,
    sans: Sequence[str] | None,
    more_sans: Sequence[str],
    usages: Sequence[str] | None,
    key_usages: Sequence[str] | None,
    ca: bool | None,
) -> Fields:
    if more_sans:
        present = next(value for value, _ in fields.extensions if isinstance(value, x509.SubjectAlternativeName))
        added = x509.SubjectAlternativeName([*present, *names(more_sans)])
        fields = _without(fields, (x509.SubjectAlternativeName,), ((added, False),))
    if sans is not None:
        fields = _without(fields, (x509.SubjectAlternativeName,), ((names(sans), False),) if sans else ())
    if usages is not None:
        extended = x509.ExtendedKeyUsage([USAGES[usage] for usage in usages]) if usages else None
        fields = _without(fields, (x509.ExtendedKeyUsage,), ((extended, False),) if extended else ())
    if key_usages is not None:
        fields = _without(fields, (x509.KeyUsage,), ((key_usage(key_usages), True),))
    if ca is not None:
        fields = _without(fields, (x509.BasicConstraints,), ((x509.BasicConstraints(ca=ca, path_length=None), True),))
    return fields


def _without(fields: Fields, kinds: Sequence[Omission], instead: Extensions = ()) -> Fields:
    """The fields without extensions of these kinds; what stands instead takes the place of the first of them."""
    kept = [one for one in fields.extensions if not isinstance(one[0], tuple(kinds))]
    at = next((i for i, one in enumerate(fields.extensions) if isinstance(one[0], tuple(kinds))), len(kept))
    return replace(fields, extensions=(*kept[:at], *instead, *kept[at:]))


def _replace(file: Path, made: x509.Certificate, key: Key | None) -> None:
    content = file.read_bytes()
    if _DATA.search(content):
        content = _DATA.sub(lambda match: match[1] + b64encode(certificate_pem(made)), content, count=1)
        if key is not None:
            content = _KEY_DATA.sub(lambda match: match[1] + b64encode(key_pem(key)), content, count=1)
        file.write_bytes(content)
        return
    content = _CERTIFICATE.sub(lambda _: certificate_pem(made), content, count=1)
    if key is not None and b"PRIVATE KEY" in content:
        content = re.sub(rb"-----BEGIN [A-Z ]*PRIVATE KEY.*?PRIVATE KEY-----\n", lambda _: key_pem(key), content, flags=re.DOTALL)
    elif key is not None:
        file.with_suffix(".key").write_bytes(key_pem(key))
    file.write_bytes(content)
