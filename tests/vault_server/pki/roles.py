"""Roles of a PKI mount: what they may say, and whether a name is allowed by one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from tests.vault_server.engine import Call
from tests.vault_server.pki.state import PkiState
from tests.vault_server.wire import EMPTY, Fields, Refused, Response, listing

_DIGITS: Final = {"rsa": 2048, "ec": 256}
#: Every field of a role and what it is when nobody says anything; the type of that is the type of the field.
DEFAULTS: Final[Mapping[str, object]] = {
    "allow_any_name": False,
    "allow_bare_domains": False,
    "allow_glob_domains": False,
    "allow_globs_in_identity_templates": False,
    "allow_ip_sans": True,
    "allow_localhost": True,
    "allow_subdomains": False,
    "allow_token_displayname": False,
    "allow_wildcard_certificates": True,
    "allowed_domains": (),
    "allowed_domains_template": False,
    "allowed_ip_sans_cidr": (),
    "allowed_other_sans": (),
    "allowed_serial_numbers": (),
    "allowed_uri_sans": (),
    "allowed_uri_sans_template": False,
    "allowed_user_ids": (),
    "basic_constraints_valid_for_non_ca": False,
    "client_flag": True,
    "cn_validations": ("email", "hostname"),
    "code_signing_flag": False,
    "country": (),
    "email_protection_flag": False,
    "enforce_hostnames": True,
    "ext_key_usage": (),
    "ext_key_usage_oids": (),
    "generate_lease": False,
    "issuer_ref": "default",
    "key_bits": 0,
    "key_type": "rsa",
    "key_usage": ("DigitalSignature", "KeyAgreement", "KeyEncipherment"),
    "locality": (),
    "max_ttl": 0,
    "no_store": False,
    "not_after": "",
    "not_after_bound": "permit",
    "not_before": "",
    "not_before_bound": "permit",
    "not_before_duration": 30,
    "organization": (),
    "ou": (),
    "policy_identifiers": (),
    "postal_code": (),
    "province": (),
    "require_cn": True,
    "server_flag": True,
    "signature_bits": 0,
    "street_address": (),
    "ttl": 0,
    "use_csr_common_name": True,
    "use_csr_sans": True,
    "use_pss": False,
}
FIELDS: Final = " ".join(DEFAULTS)
#: Fields that are shown, but that we do not act upon: they are refused when they say anything.
_UNSUPPORTED: Final = (
    *("allow_globs_in_identity_templates", "allow_token_displayname", "allowed_domains_template", "allowed_other_sans"),
    *("allowed_serial_numbers", "allowed_uri_sans_template", "allowed_user_ids", "code_signing_flag", "email_protection_flag"),
    *("generate_lease", "not_after_bound", "not_before", "not_before_bound", "policy_identifiers", "use_pss"),
)
_SECONDS: Final = frozenset({"ttl", "max_ttl", "not_before_duration"})
_LABEL: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOSTNAME: Final = re.compile(rf"(\*\.)?({_LABEL}\.)*{_LABEL}\.?")
#: The first label of a name with a wildcard, which may stand at its beginning, in its middle or at its end (RFC 6125, 6.4.3).
_WILD_LABEL: Final = re.compile(rf"\*|\*{_LABEL}|{_LABEL}\*|{_LABEL}\*{_LABEL}")


def read_fields(given: Fields, start: Mapping[str, object]) -> dict[str, object]:
    """The fields of a role, over those that it had."""
    told: dict[str, object] = dict(start)
    for name, usual in DEFAULTS.items():
        if name not in given:
            continue
        if isinstance(usual, bool):
            told[name] = given.flag(name)
        elif isinstance(usual, tuple):
            told[name] = given.texts(name)
        elif name in _SECONDS:
            told[name] = given.seconds(name)
        elif isinstance(usual, int):
            told[name] = given.number(name)
        else:
            told[name] = given.text(name)
    return told


def write(state: PkiState, call: Call) -> Response:
    """Makes a role anew: what is not said is as usual."""
    told = read_fields(call.fields, DEFAULTS)
    kind, bits = told["key_type"], told["key_bits"]
    if kind not in {"rsa", "ec", "ed25519", "any"}:
        raise Refused(400, f"unknown key type {kind}")
    if kind == "rsa" and bits not in {0, 2048, 3072, 4096, 8192}:
        raise Refused(400, f"RSA keys < 2048 bits are unsafe and not supported: got {bits}")
    if kind == "ec" and bits not in {0, 224, 256, 384, 521}:
        raise Refused(400, f"unsupported bit length for EC key: {bits}")
    told["key_bits"] = bits or _DIGITS.get(str(kind), 0)
    told["signature_bits"] = told["signature_bits"] or (256 if kind == "rsa" else 0)
    other = [name for name in _UNSUPPORTED if told[name] != DEFAULTS[name]]
    if other:
        raise Refused(400, f"the scripted server has no {', '.join(other)}")
    longest = call.fields.seconds("max_ttl")
    if longest and call.fields.seconds("ttl") > longest:
        raise Refused(400, '"ttl" value must be less than "max_ttl" value')
    state.roles[call.params["role"]] = told
    warnings = []
    reference = str(told["issuer_ref"])
    if reference != "default" and not any(reference in {found.id, found.name} for found in state.issuers.values()):
        warnings.append(f"Issuing Certificate was set to {reference} but no issuing certificate currently has that name")
    return Response(data=described(told), warnings=tuple(warnings))


def described(told: Mapping[str, object]) -> dict[str, object]:
    """A role as the API shows it."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}


def read(state: PkiState, call: Call) -> Response:
    """A role."""
    if call.params["role"] not in state.roles:
        raise Refused(404)
    return Response(data=described(state.roles[call.params["role"]]))


def delete(state: PkiState, call: Call) -> Response:
    """Takes one away."""
    state.roles.pop(call.params["role"], None)
    return EMPTY


def names(state: PkiState, _call: Call) -> Response:
    """The roles."""
    return listing(sorted(state.roles))


def is_hostname(name: str) -> bool:
    """Whether a name looks like one of a host."""
    return _HOSTNAME.fullmatch(name) is not None


def in_ascii(name: str) -> str:
    """A name as DNS has it; as it is, when it cannot be one."""
    try:
        return name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        return name


def allowed(role: Fields, name: str) -> bool:
    """Whether a role allows a DNS name or an address of mail."""
    mail = "@" in name
    if name.count("@") > 1:
        return False
    base = name.rpartition("@")[2]
    wild, label = "*" in base, ""
    if wild:
        label, _, base = base.partition(".")
        if mail or not role.flag("allow_wildcard_certificates") or label.count("*") != 1 or "*" in base:
            return False
    if role.flag("enforce_hostnames"):
        if base and not is_hostname(in_ascii(base)):
            return False
        if wild and not _WILD_LABEL.fullmatch(label):
            return False
    if role.flag("allow_any_name"):
        return True
    return _local(role, base, wild=wild) or any(
        _in_domain(role, name, base, domain, wild=wild) for domain in role.texts("allowed_domains")
    )


def _local(role: Fields, base: str, *, wild: bool) -> bool:
    if not role.flag("allow_localhost"):
        return False
    below = role.flag("allow_subdomains")
    return any(
        (base == local and (not wild or below)) or (below and base.endswith(f".{local}"))
        for local in ("localhost", "localdomain")
    )


def _in_domain(role: Fields, name: str, base: str, domain: str, *, wild: bool) -> bool:
    if role.flag("allow_bare_domains") and domain.lower() in {name.lower(), base.lower() if "@" in name else ""}:
        return True
    if role.flag("allow_subdomains") and (base.endswith(f".{domain}") or (wild and base.lower() == domain.lower())):
        return True
    return role.flag("allow_glob_domains") and "*" in domain and _glob(domain, name)


def allowed_common_name(role: Fields, name: str) -> bool:
    """Whether a role allows a common name."""
    kinds = role.texts("cn_validations")
    if kinds == ("disabled",):
        return True
    return allowed(role, name) and (not kinds or ("email" if "@" in name else "hostname") in kinds)


def _glob(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern in which a star stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text) is not None


def allowed_uri(role: Fields, uri: str) -> bool:
    """Whether a role allows a URI."""
    return any(_glob(pattern, uri) for pattern in role.texts("allowed_uri_sans"))
