"""What was given out, what of it is revoked, and the lists that say so."""

from __future__ import annotations

from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.vault_server.clocks import rfc3339
from tests.vault_server.engine import Call
from tests.vault_server.pki.building import build_crl
from tests.vault_server.pki.state import Issued, Issuer, PkiState, bits_of, certificate, kind_of, public_bytes, serial, signed_by
from tests.vault_server.pki.texts import TOO_SHORT
from tests.vault_server.wire import EMPTY, Refused, Response, data, duration, listing

_WRAPPED: Final = "1 error occurred:\n\t* {}\n\n"


def revoke(state: PkiState, call: Call) -> Response:
    """Revokes by serial number, or by the certificate itself when the mount does not store it."""
    number, pem = call.fields.text("serial_number"), call.fields.text("certificate")
    if not number and not pem:
        raise Refused(400, "The serial number or certificate to revoke must be provided.")
    if number and pem:
        raise Refused(400, "Must provide either the certificate or the serial to revoke; not both.")
    found = _shown(state, pem, call.now) if pem else state.certificates.get(_normal(number))
    if found is None or not (found.stored or pem or found.revoked):
        raise Refused(400, f"certificate with serial {number} not found.")
    if any(issuer.parsed() == certificate(found.pem) for issuer in state.issuers.values()):
        raise Refused(400, "adding an issuer to its own CRL is not allowed")
    if certificate(found.pem).not_valid_after_utc.timestamp() < call.now and not found.revoked:
        return Response(warnings=(f"certificate with serial {number} already expired; refusing to add to CRL",))
    if not found.revoked:
        found.revoked = call.now
        if not state.crl_config["auto_rebuild"]:
            rebuild(state, call.now)
    return Response(
        data={
            "revocation_time": int(found.revoked),
            "revocation_time_rfc3339": rfc3339(found.revoked),
            "state": "revoked",
        }
    )


def read(state: PkiState, call: Call) -> Response:
    """What was given out under a serial number."""
    wanted = call.params["serial"]
    if wanted == "ca":
        return data(
            certificate=state.issuer("default").certificate.decode().strip(), revocation_time=0, revocation_time_rfc3339=""
        )
    if wanted == "crl":
        crl = _current(state, state.issuer("default"), call.now)
        return data(certificate=_pem(crl).strip(), revocation_time=0, revocation_time_rfc3339="")
    found = state.certificates.get(_normal(wanted))
    if found is None or not (found.stored or found.revoked):
        raise Refused(404)
    told: dict[str, object] = {
        "certificate": found.pem.decode().strip(),
        "revocation_time": int(found.revoked),
        "revocation_time_rfc3339": rfc3339(found.revoked) if found.revoked else "",
    }
    if found.revoked and found.mount_issuer in state.issuers:
        told["issuer_id"] = found.mount_issuer
    return Response(data=told)


def numbers(state: PkiState, _call: Call) -> Response:
    """The serial numbers of all that is stored."""
    return listing(sorted(number for number, found in state.certificates.items() if found.stored or found.revoked))


def detailed(state: PkiState, _call: Call) -> Response:
    """The same, with what they say."""
    stored = {number: found for number, found in sorted(state.certificates.items()) if found.stored or found.revoked}
    return listing(list(stored), key_info={number: _described(found) for number, found in stored.items()})


def revoked(state: PkiState, _call: Call) -> Response:
    """The serial numbers of all that is revoked."""
    return listing(sorted(number for number, found in state.certificates.items() if found.revoked))


def crl(state: PkiState, call: Call) -> Response:
    """A list as DER, of the default issuer or of one that is named."""
    if not state.default_issuer and "ref" not in call.params:
        return EMPTY
    return Response(raw=_current(state, _issuer(state, call), call.now), content_type="application/pkix-crl")


def crl_pem(state: PkiState, call: Call) -> Response:
    """A list as PEM."""
    if not state.default_issuer and "ref" not in call.params:
        return EMPTY
    return Response(raw=_pem(_current(state, _issuer(state, call), call.now)).encode(), content_type="application/x-pem-file")


def crl_json(state: PkiState, call: Call) -> Response:
    """A list of an issuer as PEM in JSON."""
    return data(crl=_pem(_current(state, _issuer(state, call), call.now)))


def rotate(state: PkiState, call: Call) -> Response:
    """Builds all lists anew."""
    rebuild(state, call.now)
    return data(success=True)


def rebuild(state: PkiState, now: float) -> None:
    """Builds all lists anew; issuers with one subject and key have one list."""
    lifetime = duration(str(state.crl_config["expiry"]), "expiry")
    number = max((known.number for known in state.crls.values()), default=0) + 1
    for issuer in state.issuers.values():
        key = state.keys.get(issuer.key)
        if key is None or "crl-signing" not in issuer.usages:
            continue
        above = issuer.parsed()
        alike = {
            other.id
            for other in state.issuers.values()
            if other.parsed().subject == above.subject
            and public_bytes(other.parsed().public_key()) == public_bytes(above.public_key())
        }
        entries = [
            (certificate(found.pem).serial_number, found.revoked)
            for found in state.certificates.values()
            if found.revoked and found.mount_issuer in alike and not state.crl_config["disable"]
        ]
        state.crls[issuer.id] = build_crl(key.private(), above, entries, number=number, now=now, lifetime=lifetime)


def _issuer(state: PkiState, call: Call) -> Issuer:
    return state.issuer(call.params.get("ref", "default"))


def _current(state: PkiState, issuer: Issuer, now: float) -> bytes:
    found = state.crls.get(issuer.id)
    grace = duration(str(state.crl_config["auto_rebuild_grace_period"]), "grace")
    if found is None or (state.crl_config["auto_rebuild"] and now > found.expires - grace):
        rebuild(state, now)
        found = state.crls.get(issuer.id)
    if found is None:
        raise Refused(500, f"unable to find CRL for issuer: {issuer.id}")
    return found.der


def _pem(der: bytes) -> str:
    return x509.load_der_x509_crl(der).public_bytes(Encoding.PEM).decode()


def _shown(state: PkiState, pem: str, now: float) -> Issued:
    """The certificate that somebody shows, if an issuer of the mount has signed it."""
    if len(pem) < 75:
        raise Refused(500, _WRAPPED.format(TOO_SHORT))
    try:
        shown = x509.load_pem_x509_certificate(pem.encode())
    except ValueError as problem:
        raise Refused(500, _WRAPPED.format("certificate could not be parsed")) from problem
    known = state.certificates.get(serial(shown.serial_number))
    if known is not None and certificate(known.pem) == shown:
        return known
    signers = [issuer for issuer in state.issuers.values() if signed_by(shown, issuer.parsed())]
    if not signers:
        raise Refused(500, _WRAPPED.format("no issuer of this mount has signed the certificate"))
    taken = Issued(pem=shown.public_bytes(Encoding.PEM), stored=True, mount_issuer=signers[0].id, issued=now)
    state.certificates[serial(shown.serial_number)] = taken
    return taken


def _normal(number: str) -> str:
    return number.lower().replace("-", ":")


def _described(found: Issued) -> dict[str, object]:
    parsed = certificate(found.pem)
    common = [str(part.value) for part in parsed.subject if part.oid.dotted_string == "2.5.4.3"]
    told: dict[str, object] = {
        "common_name": "".join(common[-1:]),
        "issuer": parsed.issuer.rfc4514_string(),
        "key_bits": bits_of(parsed.public_key()),
        "key_type": kind_of(parsed.public_key()),
        "not_after": parsed.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
        "not_before": parsed.not_valid_before_utc.isoformat().replace("+00:00", "Z"),
    }
    names = [extension.value for extension in parsed.extensions if isinstance(extension.value, x509.SubjectAlternativeName)]
    dns = names[0].get_values_for_type(x509.DNSName) if names else []
    return told | ({"dns_names": dns} if dns else {})
