"""The auth method by certificate: whom the connection shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.vault_server.approle import GRANT_FIELDS, Login
from tests.vault_server.engine import Call, Route, route
from tests.vault_server.wire import EMPTY, Fields, Refused, Response, data, listing


@dataclass(slots=True, kw_only=True)
class CertAuth(Login):
    """Roles with the certificates that they take, or those of CAs."""

    roles: dict[str, dict[str, object]] = field(default_factory=dict)

    def routes(self) -> tuple[Route, ...]:
        """See auth/cert in the API."""
        known = f"certificate allowed_names allowed_common_names allowed_dns_sans allowed_uri_sans display_name {GRANT_FIELDS}"
        return (
            route("POST", "login", self.login, "name", open=True),
            route("LIST", "certs", self.names),
            route("POST", "certs/:name", self.write, known),
            route("GET", "certs/:name", self.read),
            route("DELETE", "certs/:name", self.delete),
        )

    def names(self, _call: Call) -> Response:
        """The roles."""
        return listing(sorted(self.roles))

    def write(self, call: Call) -> Response:
        """Makes or changes a role."""
        if not call.fields.text("certificate"):
            raise Refused(400, "failed to parse certificate")
        self.roles.setdefault(call.params["name"], {}).update(call.request.body)
        return EMPTY

    def read(self, call: Call) -> Response:
        """A role."""
        if call.params["name"] not in self.roles:
            raise Refused(404)
        return data(**self.roles[call.params["name"]])

    def delete(self, call: Call) -> Response:
        """Takes a role away."""
        self.roles.pop(call.params["name"], None)
        return EMPTY

    def login(self, call: Call) -> Response:
        """A token for who holds the key of a certificate."""
        if not call.request.certificate:
            raise Refused(400, "no client certificate found")
        shown = x509.load_der_x509_certificate(call.request.certificate)
        asked = call.fields.text("name")
        for name, role in self.roles.items():
            if (not asked or asked == name) and _fits(shown, role):
                common = [str(part.value) for part in shown.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
                meta = {
                    "cert_name": name,
                    "common_name": "".join(common),
                    "serial_number": str(shown.serial_number),
                    "subject_key_id": "",
                    "authority_key_id": "",
                }
                return self.grant(call, role, name="".join(common), meta=meta)
        raise Refused(400, "invalid certificate or no client certificate supplied")


def _fits(shown: x509.Certificate, role: dict[str, object]) -> bool:
    told = Fields(role)
    common = [str(part.value) for part in shown.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    allowed = told.texts("allowed_common_names") or told.texts("allowed_names")
    if allowed and not any(fnmatchcase(name, pattern) for name in common for pattern in allowed):
        return False
    return any(_stands_under(shown, known) for known in x509.load_pem_x509_certificates(told.text("certificate").encode()))


def _stands_under(shown: x509.Certificate, known: x509.Certificate) -> bool:
    if shown.public_bytes(Encoding.DER) == known.public_bytes(Encoding.DER):
        return True
    try:
        shown.verify_directly_issued_by(known)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
