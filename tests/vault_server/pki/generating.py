"""New CAs: roots, requests of intermediates, and certificates that come from elsewhere."""

from __future__ import annotations

import re
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.vault_server.engine import Call
from tests.vault_server.pki.building import Wish, build, digest_for, key_usages, new_key, subject
from tests.vault_server.pki.names import given_names
from tests.vault_server.pki.revocation import rebuild
from tests.vault_server.pki.signing import lifetime, remember
from tests.vault_server.pki.state import Key, PkiState, is_ca, loaded, public_bytes, serial
from tests.vault_server.pki.texts import NO_DEPTH, NO_SUBJECT, NO_URLS, TOO_SHORT
from tests.vault_server.wire import Fields, Refused, Response

GENERATE_FIELDS: Final = (
    "common_name alt_names ip_sans uri_sans ttl not_after not_before_duration format private_key_format key_type key_bits "
    "key_name key_ref issuer_name max_path_length exclude_cn_from_sans permitted_dns_domains ou organization country locality "
    "province street_address postal_code signature_bits add_basic_constraints"
)
_NAME: Final = re.compile(r"[\w.-]+")
_KEY: Final = re.compile(r"-----BEGIN PRIVATE KEY-----\n.*?-----END PRIVATE KEY-----\n?", re.DOTALL)


def root(state: PkiState, call: Call) -> Response:
    """A CA that signs itself, with a new key or one that is there."""
    given = call.fields
    common = given.text("common_name")
    issuer_name = _free_issuer_name(state, given.text("issuer_name"))
    not_after, warnings = lifetime(state, call, Fields({}), None, "permit")
    key = _key(state, call)
    private = key.private()
    limit = given.number("max_path_length", -1)
    wish = Wish(
        subject=subject(given, common),
        key=private.public_key(),
        not_before=call.now - (given.seconds("not_before_duration") or 30),
        not_after=not_after,
        names=given_names(given, common).general(),
        usages=key_usages(["CertSign", "CRLSign"]),
        ca=True,
        path_length=None if limit < 0 else limit,
        permitted=given.texts("permitted_dns_domains"),
        urls=state.urls,
    )
    made = build(wish, private, None, given.number("signature_bits"))
    pem = remember(state, made, None, call.now, stored=True)
    issuer = state.add_issuer(issuer_name, f"{pem}\n".encode())
    issuer.signature = _signature(made)
    state.certificates[serial(made.serial_number)].mount_issuer = issuer.id
    rebuild(state, call.now)
    warnings += [] if made.subject.rdns else [NO_SUBJECT]
    warnings += [] if any(state.urls.values()) else [NO_URLS]
    warnings += [NO_DEPTH] if limit == 0 else []
    return Response(
        data={
            "certificate": pem,
            "expiration": int(made.not_valid_after_utc.timestamp()),
            "issuer_id": issuer.id,
            "issuer_name": issuer.name,
            "issuing_ca": pem,
            "key_id": key.id,
            "key_name": key.name,
            "serial_number": serial(made.serial_number),
        },
        warnings=tuple(warnings),
    )


def intermediate(state: PkiState, call: Call) -> Response:
    """The request of a CA that somebody else signs."""
    given = call.fields
    key = _key(state, call)
    private = key.private()
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject(given, given.text("common_name")))
    names = given_names(given, given.text("common_name")).general()
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if given.flag("add_basic_constraints"):
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    request = builder.sign(private, digest_for(private))  # type: ignore[arg-type]
    return Response(
        data={"csr": request.public_bytes(Encoding.PEM).decode().strip(), "key_id": key.id},
        warnings=() if any(state.urls.values()) else (NO_URLS,),
    )


def take(state: PkiState, call: Call) -> Response:
    """Takes certificates of CAs that were signed elsewhere; keys only by the path that says so."""
    given = call.fields.text("certificate") or call.fields.text("pem_bundle")
    if call.fields.text("certificate") and call.fields.text("pem_bundle"):
        raise Refused(400, "'pem_bundle' and 'certificate' parameters were both provided")
    if len(given) < 75:
        raise Refused(400, TOO_SHORT)
    if "PRIVATE KEY" in given:
        raise Refused(400, "private keys found in the PEM bundle but not allowed by the path; use /issuers/import/bundle")
    return _taken(state, given, call.now, [], [])


def take_with_keys(state: PkiState, call: Call) -> Response:
    """Takes certificates and keys of CAs, each for itself; what belongs together finds each other."""
    given = call.fields.text("pem_bundle")
    if len(given) < 75:
        raise Refused(400, TOO_SHORT)
    imported: list[str] = []
    existing: list[str] = []
    for block in _KEY.findall(given):
        made = loaded(block.encode())
        mine = public_bytes(made.public_key())
        known = next((key for key in state.keys.values() if public_bytes(key.private().public_key()) == mine), None)
        key = known or state.add_key("", made)
        (existing if known else imported).append(key.id)
    return _taken(state, _KEY.sub("", given), call.now, imported, existing)


def _taken(state: PkiState, given: str, now: float, keys: list[str], known_keys: list[str]) -> Response:
    try:
        found = x509.load_pem_x509_certificates(given.encode())
    except ValueError as problem:
        raise Refused(400, "Error parsing issuer 0") from problem
    imported: list[str] = []
    existing: list[str] = []
    mapping: dict[str, str] = {}
    for entry in found:
        if not is_ca(entry):
            raise Refused(400, "Error parsing issuer 0: unable to parse issuer: certificate is not a CA certificate")
        pem = entry.public_bytes(Encoding.PEM)
        known = next((issuer for issuer in state.issuers.values() if issuer.parsed() == entry), None)
        issuer = known or state.add_issuer("", pem)
        (existing if known else imported).append(issuer.id)
        mapping[issuer.id] = issuer.key
    if imported:
        rebuild(state, now)
    return Response(
        data={
            "existing_issuers": existing or None,
            "existing_keys": known_keys or None,
            "imported_issuers": imported or None,
            "imported_keys": keys or None,
            "mapping": mapping,
        }
    )


def _key(state: PkiState, call: Call) -> Key:
    """The key that a path and its fields ask for."""
    where = call.params["where"]
    if where == "existing":
        reference = call.fields.text("key_ref", "default")
        found = state.key(reference)
        if found is None:
            raise Refused(
                400, f"failed to lookup public key from existing key: unable to find PKI key for reference: {reference}"
            )
        return found
    if where != "internal":
        raise Refused(400, 'the "exported" path parameter must be "internal", "existing", exported" or "kms"')
    name = call.fields.text("key_name")
    if name and not _NAME.fullmatch(name):
        raise Refused(400, "key name contained invalid characters")
    if name and any(key.name == name for key in state.keys.values()):
        raise Refused(400, "key name already in use")
    return state.add_key(name, new_key(call.fields.text("key_type", "rsa"), call.fields.number("key_bits")))


def _free_issuer_name(state: PkiState, name: str) -> str:
    if name == "default":
        raise Refused(400, "reserved keyword 'default' can not be used as issuer name")
    if name and not _NAME.fullmatch(name):
        raise Refused(400, "issuer name contained invalid characters")
    if name and any(issuer.name == name for issuer in state.issuers.values()):
        raise Refused(400, "issuer name already in use")
    return name


def _signature(made: x509.Certificate) -> str:
    algorithm = made.signature_hash_algorithm
    if algorithm is None:
        return "Ed25519"
    digest = algorithm.name.upper()
    return f"ECDSAWith{digest}" if "ecdsa" in made.signature_algorithm_oid._name else f"{digest}-RSA"
