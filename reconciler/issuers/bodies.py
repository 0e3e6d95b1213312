"""From what is asked for to what the PKI engine takes (Vault and OpenBao API, "PKI secrets engine"). Decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from reconciler.x509.csr import SigningRequest
from reconciler.x509.facts import KeyAlgorithm
from reconciler.x509.names import NameConstraints
from reconciler.x509.profile import BACKDATE, Request, key_usages_of
from reconciler.x509.read import Certificate

Body = dict[str, object]

#: Go's names of the bits of keyUsage and of extended key usages, as the API takes them.
_KEY_USAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "digital signature": "DigitalSignature",
        "content commitment": "ContentCommitment",
        "key encipherment": "KeyEncipherment",
        "data encipherment": "DataEncipherment",
        "key agreement": "KeyAgreement",
        "cert sign": "CertSign",
        "crl sign": "CRLSign",
    }
)
_EXTENDED_USAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "server auth": "ServerAuth",
        "client auth": "ClientAuth",
        "code signing": "CodeSigning",
        "email protection": "EmailProtection",
        "timestamping": "TimeStamping",
        "ocsp signing": "OCSPSigning",
    }
)
_ALGORITHMS: Final[Mapping[KeyAlgorithm, Body]] = MappingProxyType(
    {
        KeyAlgorithm.ECDSA_P256: {"key_type": "ec", "key_bits": 256},
        KeyAlgorithm.ECDSA_P384: {"key_type": "ec", "key_bits": 384},
        KeyAlgorithm.RSA_2048: {"key_type": "rsa", "key_bits": 2048},
        KeyAlgorithm.RSA_3072: {"key_type": "rsa", "key_bits": 3072},
        KeyAlgorithm.RSA_4096: {"key_type": "rsa", "key_bits": 4096},
        KeyAlgorithm.ED25519: {"key_type": "ed25519"},
    }
)
#: Fields of name constraints by form; all but the first two are known to Vault 1.19 and later alone.
_CONSTRAINTS: Final[tuple[tuple[str, str], ...]] = (
    ("dns", "dns_domains"), ("ip", "ip_ranges"), ("email", "email_addresses"), ("uri", "uri_domains"),
)  # fmt: skip


def leaf(request: Request, csr: SigningRequest, issuer: Certificate, now: datetime) -> Body:
    """What is sent to have a component's certificate signed by a role."""
    return {
        "csr": csr.pem,
        "format": "pem",
        "ttl": _seconds(_lifetime(request, issuer, now)),
        "exclude_cn_from_sans": True,
        **({"common_name": request.subject.common_name} if request.subject.common_name else {}),
        **_names(request),
    }


def verbatim(request: Request, csr: SigningRequest, issuer: Certificate, now: datetime, key: str) -> Body:
    """What is sent to have it signed as its signing request says.

    The usages stand in the signing request; they are sent too, because what is not sent has defaults.
    """
    return leaf(request, csr, issuer, now) | {
        "key_usage": [_KEY_USAGES[usage] for usage in key_usages_of(request, key)],
        "ext_key_usage": [_EXTENDED_USAGES[usage] for usage in request.usages],
    }


def authority(request: Request, now: datetime) -> Body:
    """What is sent to have a root or a signing request of a CA made; the key is told by others."""
    subject = request.subject
    return {
        "common_name": subject.common_name,
        "format": "pem",
        "exclude_cn_from_sans": True,
        **_dates(request, now),
        **_filled(
            organization=subject.organizations,
            ou=subject.organizational_units,
            country=subject.countries,
            province=subject.provinces,
            locality=subject.localities,
        ),
        **_names(request),
        **_limits(request),
    }


def subordinate(request: Request, csr: SigningRequest, old: Certificate | None, now: datetime) -> Body:
    """What is sent to have the certificate of a CA below signed; with `old`, around its key identifier.

    The values of the signing request are kept: name and extensions come out to the byte.
    """
    return {
        "csr": csr.pem,
        "format": "pem",
        "use_csr_values": True,
        "exclude_cn_from_sans": True,
        **_dates(request, now),
        **_limits(request),
        "key_usage": [_KEY_USAGES[usage] for usage in key_usages_of(request, "")],
        **_filled(ext_key_usage=tuple(_EXTENDED_USAGES[usage] for usage in request.usages if usage in _EXTENDED_USAGES)),
        **({"skid": old.facts.ski} if old is not None and old.facts.ski else {}),
    }


def algorithm(key: KeyAlgorithm) -> Body:
    """What is sent to have a key of this type made."""
    return dict(_ALGORITHMS[key])


def _names(request: Request) -> Body:
    by_form = {form: [san.partition(":")[2] for san in request.sans if san.startswith(f"{form}:")] for form in _FORMS}
    # Addresses of mail stand with the DNS names; they are told apart by their @.
    names = ",".join((*by_form["dns"], *by_form["email"]))
    return {**({"alt_names": names} if names else {}), **_filled(ip_sans=by_form["ip"], uri_sans=by_form["uri"])}


_FORMS: Final = ("dns", "email", "ip", "uri")


def _dates(request: Request, now: datetime) -> Body:
    """So that notBefore and notAfter come out as asked for, up to the time that the call takes."""
    return {
        "ttl": _seconds(request.not_after - now),
        "not_before_duration": _seconds(max(now - request.not_before, timedelta(seconds=1))),
    }


def _limits(request: Request) -> Body:
    path_length = request.path_length if request.path_length is not None else -1
    constraints = request.name_constraints or NameConstraints()
    given: dict[str, Iterable[str]] = {}
    for kind, subtrees in (("permitted", constraints.permitted), ("excluded", constraints.excluded)):
        for form, what in _CONSTRAINTS:
            given[f"{kind}_{what}"] = [tree.partition(":")[2] for tree in subtrees if tree.startswith(f"{form}:")]
    return {"max_path_length": path_length, **_filled(**given)}


def _lifetime(request: Request, issuer: Certificate, now: datetime) -> timedelta:
    """As asked for, and a little less when the CA ends then: a server whose clock is ahead would refuse to sign."""
    left = issuer.facts.not_after - now
    return min(request.not_after - request.not_before, left - min(BACKDATE, left / 20))


def _seconds(span: timedelta) -> str:
    return f"{max(1, int(span.total_seconds()))}s"


def _filled(**values: Iterable[str]) -> Body:
    return {name: found for name, value in values.items() if (found := list(value))}
