"""The names of a certificate: from the request or from the body, as far as a role allows them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID, ObjectIdentifier

from tests.vault_server.pki import roles
from tests.vault_server.pki.building import general_names
from tests.vault_server.pki.texts import no_common_name
from tests.vault_server.wire import Fields, Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternatives:
    """Alternative names by kind."""

    dns: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    ips: list[str] = field(default_factory=list)
    uris: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Adds what is a name of a host or an address of mail; the rest is passed over."""
        if "@" in name:
            self.emails.append(name)
        elif roles.is_hostname(roles.in_ascii(name)):
            self.dns.append(roles.in_ascii(name))

    def general(self) -> tuple[x509.GeneralName, ...]:
        """As a certificate has them."""
        return general_names(self.dns, self.emails, self.ips, self.uris)


def given_names(given: Fields, common: str) -> Alternatives:
    """Those of a body, and the common name unless the body keeps it out."""
    found = Alternatives(ips=list(given.texts("ip_sans")), uris=list(given.texts("uri_sans")))
    for name in (*([common] if common and not given.flag("exclude_cn_from_sans") else ()), *given.texts("alt_names")):
        found.add(name)
    return found


def common_name(request: x509.CertificateSigningRequest) -> str:
    """The last one of a request."""
    return "".join(str(part.value) for part in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[-1:])


def has(request: x509.CertificateSigningRequest, oid: ObjectIdentifier) -> bool:
    """Whether a request asks for an extension."""
    return any(extension.oid == oid for extension in request.extensions)


def allowed_names(
    role: Fields, given: Fields, request: x509.CertificateSigningRequest
) -> tuple[str, tuple[x509.GeneralName, ...]]:
    """The common name and the alternative names of a certificate.

    Raises:
        Refused: the role does not allow one.
    """
    common = (common_name(request) if role.flag("use_csr_common_name") else "") or given.text("common_name")
    if not common and role.flag("require_cn"):
        raise no_common_name()
    if role.flag("use_csr_sans"):
        where, found = "CSR", _requested(request)
        if common and not given.flag("exclude_cn_from_sans"):
            found.add(common)
    else:
        where, found = "the API", given_names(given, common)
    if common and not roles.allowed_common_name(role, common):
        raise Refused(400, f"common name {common} not allowed by this role")
    for kind, names in (("subject alternate name", found.dns), ("email address", found.emails)):
        for name in names:
            if not roles.allowed(role, name):
                raise Refused(400, f"{kind} {name} not allowed by this role")
    _check_addresses(role, found.ips, where)
    _check_uris(role, found.uris, where)
    return common, found.general()


def _requested(request: x509.CertificateSigningRequest) -> Alternatives:
    if not has(request, ExtensionOID.SUBJECT_ALTERNATIVE_NAME):
        return Alternatives()
    found = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return Alternatives(
        dns=found.get_values_for_type(x509.DNSName),
        emails=found.get_values_for_type(x509.RFC822Name),
        ips=[str(address) for address in found.get_values_for_type(x509.IPAddress)],
        uris=found.get_values_for_type(x509.UniformResourceIdentifier),
    )


def _check_addresses(role: Fields, addresses: list[str], where: str) -> None:
    if addresses and not role.flag("allow_ip_sans"):
        raise Refused(400, f"IP Subject Alternative Names are not allowed in this role, but was provided via {where}")
    networks = [ipaddress.ip_network(network) for network in role.texts("allowed_ip_sans_cidr")]
    for address in addresses:
        if networks and not any(ipaddress.ip_address(address) in network for network in networks):
            raise Refused(400, f'the IP address "{address}" is not allowed in this role')


def _check_uris(role: Fields, uris: list[str], where: str) -> None:
    if uris and not role.texts("allowed_uri_sans"):
        raise Refused(400, f"URI Subject Alternative Names are not allowed in this role, but were provided via {where}")
    if not all(roles.allowed_uri(role, uri) for uri in uris):
        raise Refused(400, f"URI Subject Alternative Names were provided via {where} which are not valid for this role")
