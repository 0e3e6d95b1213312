"""Issuers and keys of a PKI mount, and what is configured about them."""

from __future__ import annotations

from cryptography import x509

from tests.vault_server.engine import Call
from tests.vault_server.pki.revocation import rebuild
from tests.vault_server.pki.state import USAGES, Issuer, PkiState, serial
from tests.vault_server.pki.texts import NO_KEY, no_default
from tests.vault_server.wire import EMPTY, Refused, Response, data, listing

URLS = "issuing_certificates crl_distribution_points delta_crl_distribution_points ocsp_servers"
_URLS = ("crl_distribution_points", "delta_crl_distribution_points", "issuing_certificates", "ocsp_servers")
ISSUER_FIELDS = (
    "issuer_name leaf_not_after_behavior usage "
    "issuing_certificates crl_distribution_points delta_crl_distribution_points ocsp_servers"
)
_WRAPPED = "1 error occurred:\n\t* {}\n\n"


def names(state: PkiState, _call: Call) -> Response:
    """The issuers."""
    return listing(
        sorted(state.issuers),
        key_info={
            issuer.id: {
                "is_default": issuer.id == state.default_issuer,
                "issuer_name": issuer.name,
                "key_id": issuer.key,
                "serial_number": serial(issuer.parsed().serial_number),
            }
            for issuer in state.issuers.values()
        },
    )


def described(state: PkiState, issuer: Issuer) -> dict[str, object]:
    """An issuer as the API shows it."""
    return {
        "ca_chain": state.chain(issuer),
        "certificate": f"{issuer.certificate.decode().strip()}\n",
        **{name: list(issuer.urls.get(name, ())) for name in _URLS},
        "issuer_id": issuer.id,
        "issuer_name": issuer.name,
        "key_id": issuer.key,
        "leaf_not_after_behavior": issuer.not_after_behavior,
        "manual_chain": None,
        "revocation_signature_algorithm": issuer.signature,
        "revoked": False,
        "usage": ",".join(issuer.usages),
    }


def read(state: PkiState, call: Call) -> Response:
    """An issuer, for whoever administrates it."""
    return Response(data=described(state, state.issuer(call.params["ref"], _WRAPPED)))


def read_json(state: PkiState, call: Call) -> Response:
    """An issuer, for everybody."""
    issuer = state.issuer(call.params["ref"])
    shown = described(state, issuer)
    return Response(data={name: shown[name] for name in ("ca_chain", "certificate", "issuer_id", "issuer_name")})


def read_pem(state: PkiState, call: Call) -> Response:
    """Its certificate."""
    pem = state.issuer(call.params["ref"]).certificate
    return Response(raw=pem.strip() + b"\n", content_type="application/pem-certificate-chain")


def update(state: PkiState, call: Call) -> Response:
    """Renames an issuer, or changes how it is used."""
    issuer = state.issuer(call.params["ref"], _WRAPPED)
    given = call.fields
    behavior = given.text("leaf_not_after_behavior", "err")
    if behavior not in {"err", "truncate", "permit"}:
        raise Refused(400, "Unknown value for field `leaf_not_after_behavior`")
    name = given.text("issuer_name")
    if name and any(other.name == name and other.id != issuer.id for other in state.issuers.values()):
        raise Refused(400, "issuer name already in use")
    usages = given.texts("usage", USAGES)
    if not {*usages} <= {*USAGES}:
        raise Refused(400, f"Unable to parse specified usages: {list(usages)}")
    issuer.name, issuer.not_after_behavior, issuer.usages = name, behavior, tuple(sorted(usages))
    issuer.urls = {kind: given.texts(kind) for kind in _URLS if given.texts(kind)}
    return Response(data=described(state, issuer))


def delete(state: PkiState, call: Call) -> Response:
    """Takes an issuer away; its key stays."""
    reference = call.params["ref"]
    try:
        issuer = state.issuer(reference)
    except Refused:
        return Response()
    del state.issuers[issuer.id]
    state.crls.pop(issuer.id, None)
    if state.default_issuer != issuer.id:
        return Response()
    state.default_issuer = ""
    return Response(warnings=(no_default(issuer.id),))


def config(state: PkiState, _call: Call) -> Response:
    """Which issuer is the default."""
    return data(default=state.default_issuer, default_follows_latest_issuer=state.follow_latest)


def configure(state: PkiState, call: Call) -> Response:
    """Chooses it."""
    reference = call.fields.text("default")
    if not reference:
        raise Refused(400, "no issuer named")
    try:
        issuer = state.issuer(reference)
    except Refused as problem:
        raise Refused(400, f"Error resolving issuer reference: {problem.errors[0]}") from problem
    state.default_issuer = issuer.id
    state.follow_latest = call.fields.flag("default_follows_latest_issuer", state.follow_latest)
    warnings = () if issuer.key else (NO_KEY,)
    return Response(data=config(state, call).data, warnings=warnings)


def keys(state: PkiState, _call: Call) -> Response:
    """The keys."""
    info = {key.id: {"is_default": key.id == state.default_key, "key_name": key.name} for key in state.keys.values()}
    return listing(sorted(state.keys), key_info=info)


def key(state: PkiState, call: Call) -> Response:
    """One of them."""
    found = state.key(call.params["ref"])
    if found is None:
        raise Refused(500, _WRAPPED.format(f"unable to find PKI key for reference: {call.params['ref']}"))
    digest = x509.SubjectKeyIdentifier.from_public_key(found.private().public_key()).digest
    return data(
        key_id=found.id, key_name=found.name, key_type=found.kind, subject_key_id=":".join(f"{byte:02x}" for byte in digest)
    )


def rename_key(state: PkiState, call: Call) -> Response:
    """Renames one."""
    found = state.key(call.params["ref"])
    if found is None:
        raise Refused(500, _WRAPPED.format(f"unable to find PKI key for reference: {call.params['ref']}"))
    found.name = call.fields.text("key_name")
    return data(key_id=found.id, key_name=found.name, key_type=found.kind)


def delete_key(state: PkiState, call: Call) -> Response:
    """Takes one away that no issuer has."""
    found = state.key(call.params["ref"])
    if found is None:
        return EMPTY
    for issuer in state.issuers.values():
        if issuer.key == found.id:
            raise Refused(400, f"Failed to Delete Key.  Key in Use by Issuer: {issuer.id}")
    del state.keys[found.id]
    if state.default_key != found.id:
        return EMPTY
    state.default_key = ""
    return Response(warnings=(f"Deleted key {found.id}, which was the default.",))


def key_config(state: PkiState, _call: Call) -> Response:
    """Which key is the default."""
    return data(default=state.default_key)


def urls(state: PkiState, _call: Call) -> Response:
    """What certificates say about where things are found."""
    return data(**{name: list(state.urls.get(name, ())) for name in _URLS}, enable_templating=False)


def write_urls(state: PkiState, call: Call) -> Response:
    """Changes it."""
    for name in _URLS:
        if name in call.fields:
            state.urls[name] = call.fields.texts(name)
    return urls(state, call)


def crl_config(state: PkiState, _call: Call) -> Response:
    """How lists are built."""
    return data(**state.crl_config)


def write_crl_config(state: PkiState, call: Call) -> Response:
    """Changes it, and builds them anew."""
    for name, usual in state.crl_config.items():
        if name in call.fields:
            state.crl_config[name] = call.fields.flag(name) if isinstance(usual, bool) else call.fields.text(name)
    rebuild(state, call.now)
    return crl_config(state, call)
