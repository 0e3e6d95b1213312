"""The engine PKI: its table of routes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from tests.vault_server.engine import Call, Engine, Handler, Route, route
from tests.vault_server.pki import generating, issuers, revocation, roles, signing
from tests.vault_server.pki.state import PkiState
from tests.vault_server.wire import Response

_IMPORT = "certificate pem_bundle"


@dataclass(slots=True, kw_only=True)
class Pki(Engine):
    """A mount with CAs."""

    state: PkiState = field(init=False)

    def __post_init__(self) -> None:
        self.state = PkiState(tuning=self.tuning)

    def routes(self) -> tuple[Route, ...]:
        """See secret/pki in the API."""

        def of(handler: Callable[[PkiState, Call], Response]) -> Handler:
            return partial(handler, self.state)

        made, sign, verbatim = generating.GENERATE_FIELDS, signing.SIGN_FIELDS, signing.VERBATIM_FIELDS
        return (
            route("POST", "root/generate/:where", of(generating.root), made),
            route("POST", "issuers/generate/root/:where", of(generating.root), made),
            route("POST", "intermediate/generate/:where", of(generating.intermediate), made),
            route("POST", "issuers/generate/intermediate/:where", of(generating.intermediate), made),
            route("POST", "intermediate/set-signed", of(generating.take), "certificate"),
            route("POST", "issuers/import/cert", of(generating.take), _IMPORT),
            route("POST", "issuers/import/bundle", of(generating.take_with_keys), "pem_bundle"),
            route("POST", "root/sign-intermediate", of(signing.intermediate), signing.INTERMEDIATE_FIELDS),
            route("POST", "issuer/:ref/sign-intermediate", of(signing.intermediate), signing.INTERMEDIATE_FIELDS),
            route("POST", "sign/:role", of(signing.by_role), sign),
            route("POST", "issuer/:ref/sign/:role", of(signing.by_role), sign),
            route("POST", "sign-verbatim", of(signing.verbatim), verbatim),
            route("POST", "sign-verbatim/:role", of(signing.verbatim), verbatim),
            route("POST", "issuer/:ref/sign-verbatim", of(signing.verbatim), verbatim),
            route("POST", "issuer/:ref/sign-verbatim/:role", of(signing.verbatim), verbatim),
            route("LIST", "roles", of(roles.names), "after limit"),
            route("GET", "roles/:role", of(roles.read)),
            route("POST", "roles/:role", of(roles.write), roles.FIELDS),
            route("DELETE", "roles/:role", of(roles.delete)),
            route("LIST", "issuers", of(issuers.names), "after limit", open=True),
            route("GET", "issuer/:ref/json", of(issuers.read_json), open=True),
            route("GET", "issuer/:ref/pem", of(issuers.read_pem), open=True),
            route("GET", "issuer/:ref/crl", of(revocation.crl_json), open=True),
            route("GET", "issuer/:ref/crl/pem", of(revocation.crl_pem), open=True),
            route("GET", "issuer/:ref/crl/der", of(revocation.crl), open=True),
            route("GET", "issuer/:ref", of(issuers.read)),
            route("POST", "issuer/:ref", of(issuers.update), issuers.ISSUER_FIELDS),
            route("DELETE", "issuer/:ref", of(issuers.delete)),
            route("LIST", "keys", of(issuers.keys), "after limit"),
            route("GET", "key/:ref", of(issuers.key)),
            route("POST", "key/:ref", of(issuers.rename_key), "key_name"),
            route("DELETE", "key/:ref", of(issuers.delete_key)),
            route("GET", "config/issuers", of(issuers.config)),
            route("POST", "config/issuers", of(issuers.configure), "default default_follows_latest_issuer"),
            route("GET", "config/keys", of(issuers.key_config)),
            route("GET", "config/urls", of(issuers.urls)),
            route("POST", "config/urls", of(issuers.write_urls), issuers.URLS),
            route("GET", "config/crl", of(issuers.crl_config)),
            route("POST", "config/crl", of(issuers.write_crl_config), "expiry auto_rebuild auto_rebuild_grace_period disable"),
            route("GET", "crl/rotate", of(revocation.rotate)),
            route("GET", "crl", of(revocation.crl), open=True),
            route("GET", "crl/pem", of(revocation.crl_pem), open=True),
            route("LIST", "certs", of(revocation.numbers), "after limit"),
            route("LIST", "certs/detailed", of(revocation.detailed), "after limit"),
            route("LIST", "certs/revoked", of(revocation.revoked), "after limit"),
            route("GET", "cert/*serial", of(revocation.read), open=True),
            route("POST", "revoke", of(revocation.revoke), "serial_number certificate"),
        )
