"""Signing requests: by a role, as they are, and those of intermediate CAs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID, ObjectIdentifier

from tests.vault_server.engine import Call
from tests.vault_server.pki import roles
from tests.vault_server.pki.building import Wish, build, extended_usages, key_usages, subject
from tests.vault_server.pki.names import allowed_names, common_name, given_names, has
from tests.vault_server.pki.state import Issued, Issuer, PkiState, PrivateKey, PublicKey, bits_of, kind_of, serial, usable
from tests.vault_server.pki.texts import NO_DEPTH, NO_SUBJECT, NO_URLS, OUTLIVES
from tests.vault_server.wire import Fields, Refused, Response

_WRAPPED: Final = "1 error occurred:\n\t* {}\n\n"
_FETCH: Final = "1 error occurred:\n\t* could not fetch the CA certificate (was one set?): {}\n\n"
#: Fields that we do not act upon are not among these: they are refused.
SIGN_FIELDS: Final = "csr common_name alt_names ip_sans uri_sans ttl not_after format private_key_format exclude_cn_from_sans"
VERBATIM_FIELDS: Final = (
    f"{SIGN_FIELDS} key_usage ext_key_usage ext_key_usage_oids signature_bits basic_constraints_valid_for_non_ca"
)
INTERMEDIATE_FIELDS: Final = (
    "csr common_name alt_names ip_sans uri_sans ttl not_after not_before_duration format private_key_format "
    "exclude_cn_from_sans max_path_length use_csr_values permitted_dns_domains ou organization country locality province "
    "street_address postal_code signature_bits skid key_usage ext_key_usage ext_key_usage_oids"
)


def _identifier(text: str) -> bytes:
    """A key identifier in hex, with or without colons."""
    try:
        return bytes.fromhex(text.replace(":", ""))
    except ValueError as problem:
        raise Refused(400, f"cannot parse requested SKID value as hex: {problem}") from problem


def by_role(state: PkiState, call: Call) -> Response:
    """Signs what a role lets through."""
    role = _role(state, call.params["role"])
    return _sign(state, call, Fields(role), verbatim=False)


def verbatim(state: PkiState, call: Call) -> Response:
    """Signs what the request says; of a role only the lifetimes, the issuer and the memory count."""
    named = call.params.get("role", "")
    limits = _role(state, named) if named else {}
    given = {name: value for name, value in limits.items() if name in {"ttl", "max_ttl", "no_store", "issuer_ref"}}
    role = {
        **roles.DEFAULTS,
        **given,
        "not_before_duration": limits.get("not_before_duration", 30),
        "allow_any_name": True,
        "enforce_hostnames": False,
        "key_type": "any",
        "allowed_uri_sans": ("*",),
        "cn_validations": ("disabled",),
        "require_cn": False,
        "basic_constraints_valid_for_non_ca": call.fields.flag(
            "basic_constraints_valid_for_non_ca", bool(limits.get("basic_constraints_valid_for_non_ca"))
        ),
        "key_usage": call.fields.texts("key_usage", ("DigitalSignature", "KeyAgreement", "KeyEncipherment")),
        "ext_key_usage": call.fields.texts("ext_key_usage"),
        "ext_key_usage_oids": call.fields.texts("ext_key_usage_oids"),
        "server_flag": False,
        "client_flag": False,
    }
    return _sign(state, call, Fields(role), verbatim=True)


def intermediate(state: PkiState, call: Call) -> Response:
    """Signs the request of an intermediate CA, which may outlive the signer."""
    signer = signing_issuer(state, call.params.get("ref", "default"))
    request = parsed(call.fields.text("csr"))
    given, above = call.fields, signer.parsed()
    _check_format(given)
    not_after, warnings = lifetime(state, call, Fields({}), above, "permit")
    path_length = _path_length(above, given)
    if given.flag("use_csr_values"):
        name: x509.Name = request.subject
        copied = _extensions(request, without={ExtensionOID.BASIC_CONSTRAINTS})
        names: tuple[x509.GeneralName, ...] = ()
    else:
        common = given.text("common_name") or common_name(request)
        name, copied = subject(given, common), ()
        names = given_names(given, common).general()
    wish = Wish(
        subject=name,
        key=_public(request),
        not_before=call.now - (given.seconds("not_before_duration") or 30),
        not_after=not_after,
        names=names,
        usages=key_usages(given.texts("key_usage", ("CertSign", "CRLSign"))),
        extended=extended_usages(given.texts("ext_key_usage"), given.texts("ext_key_usage_oids")),
        ca=True,
        path_length=path_length,
        permitted=given.texts("permitted_dns_domains"),
        identifier=_identifier(given.text("skid")),
        copied=copied,
        urls=signer.urls or state.urls,
    )
    made = build(wish, _private(state, signer), above, given.number("signature_bits"))
    warnings += [] if made.subject.rdns else [NO_SUBJECT]
    warnings += [OUTLIVES] if made.not_valid_after_utc > above.not_valid_after_utc else []
    warnings += [] if any((signer.urls or state.urls).values()) else [NO_URLS]
    warnings += [NO_DEPTH] if path_length == 0 else []
    pem = remember(state, made, signer, call.now, stored=True)
    chain = [pem, *(entry.strip() for entry in state.chain(signer))]
    return Response(
        data={
            "ca_chain": chain,
            "certificate": "\n".join(chain) if given.text("format") == "pem_bundle" else pem,
            "expiration": int(made.not_valid_after_utc.timestamp()),
            "issuing_ca": signer.certificate.decode().strip(),
            "serial_number": serial(made.serial_number),
        },
        warnings=tuple(warnings),
    )


def _sign(state: PkiState, call: Call, role: Fields, *, verbatim: bool) -> Response:
    signer = signing_issuer(state, call.params.get("ref") or role.text("issuer_ref", "default"))
    request = parsed(call.fields.text("csr"))
    _check_format(call.fields)
    _check_key(role, request)
    above = signer.parsed()
    common, names = allowed_names(role, call.fields, request)
    not_after, warnings = lifetime(state, call, role, above, signer.not_after_behavior)
    told = Fields({"server_flag": False, "client_flag": False}) if verbatim else role
    flags = [name for name, flag in (("ServerAuth", "server_flag"), ("ClientAuth", "client_flag")) if told.flag(flag)]
    wish = Wish(
        subject=subject(role, common),
        key=_public(request),
        not_before=call.now - (role.seconds("not_before_duration") or 30),
        not_after=not_after,
        names=names,
        usages=key_usages(role.texts("key_usage")),
        extended=extended_usages([*flags, *role.texts("ext_key_usage")], role.texts("ext_key_usage_oids")),
        urls=signer.urls or state.urls,
        basic_constraints=role.flag("basic_constraints_valid_for_non_ca"),
    )
    if verbatim:
        copied = _extensions(request, without={ExtensionOID.BASIC_CONSTRAINTS})
        wish = replace(wish, subject=request.subject, names=(), copied=copied)
    made = build(
        wish, _private(state, signer), above, role.number("signature_bits") if kind_of(above.public_key()) == "rsa" else 0
    )
    pem = remember(state, made, signer, call.now, stored=not role.flag("no_store"))
    if role.flag("use_csr_common_name") and call.fields.text("common_name"):
        warnings.append("the common_name of the body is passed over: the role takes that of the request")
    if role.flag("use_csr_sans") and call.fields.text("alt_names"):
        warnings.append("the alt_names of the body are passed over: the role takes those of the request")
    if has(request, ExtensionOID.BASIC_CONSTRAINTS) and not wish.basic_constraints:
        warnings.append("the basic constraints of the request are passed over")
    chain = [entry.strip() for entry in state.chain(signer)]
    return Response(
        data={
            "ca_chain": chain,
            "certificate": "\n".join([pem, *chain]) if call.fields.text("format") == "pem_bundle" else pem,
            "expiration": int(made.not_valid_after_utc.timestamp()),
            "issuing_ca": signer.certificate.decode().strip(),
            "not_before": int(made.not_valid_before_utc.timestamp()),
            "serial_number": serial(made.serial_number),
        },
        warnings=tuple(warnings),
    )


def lifetime(state: PkiState, call: Call, role: Fields, above: x509.Certificate | None, behavior: str) -> tuple[float, list[str]]:
    """When a certificate ends, and what there is to say about that.

    Raises:
        Refused: it would outlive its issuer, and that is an error.
    """
    asked, fixed, warnings = call.fields.seconds("ttl"), call.fields.text("not_after") or role.text("not_after"), []
    if asked and fixed:
        raise Refused(400, "Either ttl or not_after should be provided. Both should not be provided in the same request.")
    ttl = asked or role.seconds("ttl") or state.tuning.usual
    longest = role.seconds("max_ttl") or state.tuning.longest
    if ttl > longest:
        warnings.append(
            f'TTL "{go_duration(ttl)}" is longer than permitted maxTTL "{go_duration(longest)}", so maxTTL is being used'
        )
        ttl = longest
    not_after = datetime.fromisoformat(fixed).timestamp() if fixed else call.now + ttl
    if above is not None and not_after > above.not_valid_after_utc.timestamp():
        end = above.not_valid_after_utc
        if behavior == "truncate":
            not_after = end.timestamp()
        elif behavior == "err":
            moment = datetime.fromtimestamp(not_after, UTC).isoformat().replace("+00:00", "Z")
            raise Refused(
                400,
                f"cannot satisfy request, as TTL would result in notAfter of {moment} that is beyond the expiration of the "
                f"CA certificate at {end.isoformat().replace('+00:00', 'Z')}",
            )
    return not_after, warnings


def go_duration(seconds: int) -> str:
    """A duration as the server prints it."""
    return f"{seconds // 3600}h{seconds % 3600 // 60}m{seconds % 60}s"


def signing_issuer(state: PkiState, reference: str) -> Issuer:
    """An issuer that can sign.

    Raises:
        Refused: there is none, or it has no key here.
    """
    signer = state.issuer(reference, _FETCH)
    if not signer.key or signer.key not in state.keys:
        text = f"unable to fetch corresponding key for issuer {signer.id}; unable to use this issuer for signing"
        raise Refused(500, _FETCH.format(text))
    if "issuing-certificates" not in signer.usages:
        text = f"requested usage issuing-certificates for issuer {signer.id} but only had usage {','.join(signer.usages)}"
        raise Refused(500, _WRAPPED.format(f"error fetching CA certificate: {text}"))
    return signer


def remember(state: PkiState, made: x509.Certificate, signer: Issuer | None, now: float, *, stored: bool) -> str:
    """Keeps what was given out; returns it as the API writes it."""
    pem = made.public_bytes(Encoding.PEM)
    issuer = signer.id if signer else ""
    state.certificates[serial(made.serial_number)] = Issued(pem=pem, stored=stored, mount_issuer=issuer, issued=now)
    return pem.decode().strip()


def parsed(pem: str) -> x509.CertificateSigningRequest:
    """A request from PEM, whose signature is good.

    Raises:
        Refused: it is none.
    """
    if not pem:
        raise Refused(400, '"csr" is empty')
    if "-----BEGIN" not in pem:
        raise Refused(400, "csr contains no data")
    try:
        request = x509.load_pem_x509_csr(pem.encode())
    except ValueError as problem:
        raise Refused(400, "certificate request could not be parsed") from problem
    if not request.is_signature_valid:
        raise Refused(400, "request signature invalid")
    return request


def _check_format(given: Fields) -> None:
    if given.text("format", "pem") not in {"pem", "pem_bundle"}:
        raise Refused(400, "only pem and pem_bundle are answered here")


def _role(state: PkiState, name: str) -> Mapping[str, object]:
    if name not in state.roles:
        raise Refused(400, f"unknown role: {name}")
    return state.roles[name]


def _private(state: PkiState, signer: Issuer) -> PrivateKey:
    return state.keys[signer.key].private()


def _public(request: x509.CertificateSigningRequest) -> PublicKey:
    key = request.public_key()
    if not usable(key):
        raise Refused(400, "could not parse CSR's public key")
    return key


def _check_key(role: Fields, request: x509.CertificateSigningRequest) -> None:
    key, kind, least = _public(request), role.text("key_type"), role.number("key_bits")
    if kind not in {"any", kind_of(key)}:
        raise Refused(400, f"role requires keys of type {kind}")
    least = max(least, 2048) if kind_of(key) == "rsa" else least
    if kind not in {"any", "ed25519"} and bits_of(key) < least:
        raise Refused(400, f"role requires a minimum of a {least}-bit key, but CSR's key is {bits_of(key)} bits")


def _extensions(
    request: x509.CertificateSigningRequest, *, without: set[ObjectIdentifier]
) -> tuple[x509.Extension[x509.ExtensionType], ...]:
    return tuple(extension for extension in request.extensions if extension.oid not in without)


def _path_length(above: x509.Certificate, given: Fields) -> int | None:
    limit = above.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    if limit == 0:
        raise Refused(400, "signing certificate has a max path length of zero, and cannot issue further CA certificates")
    if "max_path_length" in given:
        asked = given.number("max_path_length")
        return None if asked < 0 else asked
    return None if limit is None else limit - 1
