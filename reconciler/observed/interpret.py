"""From the bytes of a file to what they say: one pure function per kind of file. A key leaves its bytes behind here."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from reconciler.observed.model import (
    Absent,
    Certificates,
    CertificateState,
    CombinedPair,
    DerivedOutput,
    FileMeta,
    Key,
    KubeconfigFile,
    PublicKey,
    Unusable,
)
from reconciler.x509 import kubeconfig, outputs
from reconciler.x509.errors import UnreadableError
from reconciler.x509.facts import CertificateFacts, KeyFacts
from reconciler.x509.keys import read_key_facts
from reconciler.x509.read import Certificate, read_certificates, read_public_keys

Chain = tuple[CertificateFacts, ...]

#: Certificates as RFC 7468 section 3 has generators write them, and as we do: no text, no blank line, 64 columns.
_PLAIN: Final = re.compile(
    rb"(-----BEGIN CERTIFICATE-----\n(?:[A-Za-z0-9+/]{64}\n)*(?:[A-Za-z0-9+/=]{1,64}\n)?-----END CERTIFICATE-----\n)+"
)


class Readers(NamedTuple):
    """How PEM becomes facts. A pass over many files brings readers that remember what they have read."""

    chain: Callable[[bytes], tuple[Chain, Certificate | None]]
    """The facts of every certificate; and the first certificate, if it had to be parsed, for whoever asks who signed it."""
    key: Callable[[bytes], KeyFacts]


def read_chain(data: bytes) -> tuple[Chain, Certificate]:
    """Reads and parses.

    Raises:
        UnreadableError: see `read_certificates`.
    """
    chain = read_certificates(data)
    return tuple(certificate.facts for certificate in chain), chain[0]


AFRESH: Final = Readers(read_chain, read_key_facts)


def interpret_certificates(
    data: bytes, meta: FileMeta, readers: Readers = AFRESH
) -> tuple[Certificates | Unusable, Certificate | None]:
    """A ``.crt`` or a bundle: nothing but certificates, all of them whole."""
    try:
        chain, leaf = readers.chain(data)
    except UnreadableError as error:
        return _unusable(error), None
    return Certificates(chain=chain, meta=meta, plain=_PLAIN.fullmatch(data) is not None), leaf


def interpret_key(data: bytes, meta: FileMeta, readers: Readers = AFRESH) -> Key | Unusable:
    """A ``.key``: one private key, not encrypted."""
    try:
        return Key(facts=readers.key(data), meta=meta)
    except UnreadableError as error:
        return _unusable(error)


def interpret_combined(
    data: bytes, meta: FileMeta, readers: Readers = AFRESH
) -> tuple[CombinedPair | Unusable, Certificate | None]:
    """A ``.pem`` that stands for the pair: chain and key in one file."""
    try:
        certificates, key = outputs.separate(data)
    except UnreadableError as error:
        return _unusable(error), None
    certificate, leaf = interpret_certificates(certificates, meta, readers)
    return CombinedPair(certificate=certificate, key=interpret_key(key, meta, readers)), leaf


def interpret_public_key(data: bytes, meta: FileMeta) -> PublicKey | Unusable:
    """The ``.pub`` of a keypair."""
    try:
        first, *others = read_public_keys(data)
        return PublicKey(spki_sha256=first, others=tuple(others), meta=meta)
    except UnreadableError as error:
        return _unusable(error)


def interpret_derived(output: str, data: bytes, meta: FileMeta, password: bytes | None = None) -> DerivedOutput | Unusable:
    """A derived output, by the fingerprints and the key that a plan compares with the pair it was made from."""
    try:
        fingerprints, spki = outputs.read_derived(output, data, password)
    except UnreadableError as error:
        return _unusable(error)
    return DerivedOutput(fingerprints=fingerprints, spki_sha256=spki, meta=meta)


def interpret_answer(data: bytes, meta: FileMeta) -> DerivedOutput | Unusable:
    """A Kubernetes object that was answered with a certificate."""
    from reconciler.desired.answers import read_answer  # noqa: PLC0415 - few requests are Kubernetes objects

    try:
        answer = read_answer(data)
    except UnreadableError as error:
        return _unusable(error)
    return DerivedOutput(fingerprints=answer.fingerprints, spki_sha256="", digest=answer.digest, meta=meta)


def interpret_kubeconfig(
    data: bytes, meta: FileMeta, readers: Readers = AFRESH
) -> tuple[KubeconfigFile | Unusable, Certificate | None]:
    """A kubeconfig, by the meaning of its current context; and the client certificate in it.

    Broken data of one kind leaves the others what they are: a torn CA certificate is no reason for a new client key.
    """
    try:
        parsed = kubeconfig.parse(data)
    except UnreadableError as error:
        return _unusable(error), None
    certificate: CertificateState = Absent()
    leaf: Certificate | None = None
    if parsed.certificate_pem:
        certificate, leaf = interpret_certificates(parsed.certificate_pem, meta, readers)
    authorities, extras = _authorities(parsed, readers)
    return KubeconfigFile(
        server=parsed.server,
        ca_fingerprints=tuple(authority.fingerprint for authority in authorities),
        ca_keys=tuple(authority.spki_sha256 for authority in authorities),
        cluster_name=parsed.cluster_name,
        user_name=parsed.user_name,
        context=parsed.context,
        certificate=certificate,
        key=interpret_key(parsed.key_pem, meta, readers) if parsed.key_pem else Absent(),
        client_certificate_path=parsed.client_certificate_path,
        client_key_path=parsed.client_key_path,
        extras=extras,
        meta=meta,
    ), leaf


def _authorities(parsed: kubeconfig.ParsedKubeconfig, readers: Readers) -> tuple[Chain, tuple[str, ...]]:
    """The trusted CAs and the extras: CA data that cannot be read is something that no generated file holds."""
    if not parsed.ca_pem:
        return (), parsed.extras
    try:
        return readers.chain(parsed.ca_pem)[0], parsed.extras
    except UnreadableError:
        return (), tuple(sorted((*parsed.extras, "certificate-authority-data")))


def _unusable(error: UnreadableError) -> Unusable:
    return Unusable(problem=error.problem, detail=error.detail)
