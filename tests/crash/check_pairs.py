"""The invariant of every instant: each visible pair matches and verifies, no key is readable by others, no key lies elsewhere.

Revocation lists are whole and signed, their numbers never fall, and no certificate that stands in its place is on one.

Run as ``python -m tests.crash.check_pairs DIRECTORY``: the crash harness calls it after every fault. It knows nothing of
the program under test; it reads what any other program would read.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import yaml
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

#: Beside the root, where a story has written it: no list may ever have a smaller number.
LEAST_NUMBER: Final = "least-number"
#: A kubeconfig that is somebody else's, too: what is theirs is in it at every instant.
FOREIGN_FILE: Final = "shared/config"
FOREIGN_TEXT: Final = "# mine\nclusters: []\nusers:\n- name: me\n  user: {token: hers}   # keep\ncurrent-context: mine\n"
#: How a PEM key begins, and how it begins inside a kubeconfig; half a key is a key, so the beginning is enough.
KEY_MARKS: Final = (b"-----BEGIN PRIVATE KEY", base64.b64encode(b"-----BEGIN PRIVATE KEY")[:28])


def violations(root: Path, everything: Path) -> Iterator[str]:
    """What is wrong below `root`, where readers look, and with any file below `everything`."""
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and not _unpublished(path.relative_to(root))]
    authorities = [certificate for path in files if path.suffix == ".crt" for certificate in _certificates(path)]
    authorities = [certificate for certificate in authorities if is_authority(certificate)]
    for path in files:
        try:
            yield from _judge(path, authorities)
        except (ValueError, TypeError, KeyError, IndexError, yaml.YAMLError) as error:
            yield f"{path}: {type(error).__name__}: {error}"
    yield from _lists(files, authorities, everything)
    yield from _shared([path for path in files if path.match(FOREIGN_FILE)])
    yield from _exposed(everything)


def _shared(files: list[Path]) -> Iterator[str]:
    """Lines of somebody else that are gone."""
    for path in files:
        lines = path.read_text(encoding="utf-8").splitlines()
        lost = [line for line in FOREIGN_TEXT.splitlines() if line not in lines and line != "clusters: []"]
        if lost:
            yield f"{path}: lost {lost}"


def _lists(files: list[Path], authorities: list[x509.Certificate], everything: Path) -> Iterator[str]:
    """What is wrong with revocation lists, and with what they name."""
    least_file = everything / LEAST_NUMBER
    least = int(least_file.read_text()) if least_file.exists() else 0
    current = {certificate.serial_number: path for path in files if path.suffix == ".crt" for certificate in _certificates(path)}
    numbers: dict[Path, int] = {}
    for path in files:
        if path.suffix != ".crl" and not path.name.endswith(".crl.der"):
            continue
        try:
            load = x509.load_der_x509_crl if path.suffix == ".der" else x509.load_pem_x509_crl
            crl = load(path.read_bytes())
            number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        except (ValueError, x509.ExtensionNotFound) as error:
            yield f"{path}: {type(error).__name__}: {error}"
            continue
        numbers[path] = number
        if not any(crl.is_signature_valid(authority.public_key()) for authority in authorities):  # type: ignore[arg-type]
            yield f"{path}: signed by no CA that is here"
        if number < least:
            yield f"{path}: number {number} is below {least}"
        for entry in crl:
            if entry.serial_number in current:
                yield f"{path}: names {entry.serial_number:x}, which still stands at {current[entry.serial_number]}"
    for path, number in numbers.items():
        beside = numbers.get(path.with_name(f"{path.name}.der"))
        if beside not in {None, number}:
            yield f"{path}: number {number}, and {beside} in DER"


def _unpublished(path: Path) -> bool:
    """Generations and temporary files: behind the names that readers use."""
    return any(part.startswith(".") for part in path.parts)


def _judge(path: Path, authorities: list[x509.Certificate]) -> Iterator[str]:
    if path.suffix == ".crt":
        certificates = x509.load_pem_x509_certificates(path.read_bytes())
        for certificate in certificates:
            if not any(signed(certificate, authority) for authority in authorities):
                yield f"{path}: {certificate.subject.rfc4514_string()} is signed by no CA that is here"
        key = path.with_suffix(".key")
        if key.exists() and _public(_key(key.read_bytes())) != _public_of(certificates[0]):
            yield f"{path}: certificate and key do not match"
    elif path.suffix == ".key":
        _key(path.read_bytes())
    elif path.suffix == ".pem":
        content = path.read_bytes()
        certificate = x509.load_pem_x509_certificates(content)[0]
        yield from _judge_combined(path, certificate, content, authorities)
    elif path.suffix == ".pub":
        public = serialization.load_pem_public_key(path.read_bytes())
        if path.with_suffix(".key").exists() and _public(_key(path.with_suffix(".key").read_bytes())) != _der(public):
            yield f"{path}: public and private key do not match"
    elif path.suffix == ".conf":
        yield from _judge_kubeconfig(path, authorities)
    else:
        yield from _judge_answer(path)


def _judge_answer(path: Path) -> Iterator[str]:
    """A Kubernetes object that was answered."""
    if path.suffix != ".yaml":
        return
    answer = yaml.safe_load(path.read_bytes())["status"]
    if base64.b64decode(answer["certificate"]) != path.with_suffix(".crt").read_bytes():
        yield f"{path}: the answer and the certificate beside it are two"


def _judge_kubeconfig(path: Path, authorities: list[x509.Certificate]) -> Iterator[str]:
    user = yaml.safe_load(path.read_bytes())["users"][0]["user"]
    if "client-certificate" in user:
        return  # names of files that are judged by themselves
    certificate = x509.load_pem_x509_certificate(base64.b64decode(user["client-certificate-data"], validate=True))
    yield from _judge_combined(path, certificate, base64.b64decode(user["client-key-data"], validate=True), authorities)


def _judge_combined(path: Path, certificate: x509.Certificate, key: bytes, authorities: list[x509.Certificate]) -> Iterator[str]:
    if _public(_key(key)) != _public_of(certificate):
        yield f"{path}: certificate and key do not match"
    if not any(signed(certificate, authority) for authority in authorities):
        yield f"{path}: signed by no CA that is here"


def _exposed(everything: Path) -> Iterator[str]:
    """Files that hold a key and that others may read."""
    for path in everything.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        if any(mark in content for mark in KEY_MARKS) and path.stat().st_mode & 0o077:
            yield f"{path}: a key with mode {path.stat().st_mode & 0o7777:04o}"


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except ValueError:
        return []  # told of by `_judge`


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether a certificate is that of a CA."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def signed(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether an authority's name and key stand behind a certificate."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _key(pem: bytes) -> PrivateKeyTypes:
    return serialization.load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)


def _public(key: PrivateKeyTypes) -> bytes:
    return _der(key.public_key())


def _public_of(certificate: x509.Certificate) -> bytes:
    return _der(certificate.public_key())


def _der(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def main(directory: Path) -> int:
    """Prints the violations; 0 when there are none."""
    found = list(violations(directory / "root", directory))
    sys.stdout.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
