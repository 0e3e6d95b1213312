"""From a request to an answer: namespace, token, policy, engine. No I/O; the time is an argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal

from tests.vault_server.approle import AppRole
from tests.vault_server.cert_auth import CertAuth
from tests.vault_server.engine import Call, Engine, Route, find
from tests.vault_server.jwt_auth import JwtAuth
from tests.vault_server.kv import Kv
from tests.vault_server.pki.engine import Pki
from tests.vault_server.system import furnish
from tests.vault_server.token_auth import TokenAuth
from tests.vault_server.tokens import Grant, Token
from tests.vault_server.transit import Transit
from tests.vault_server.wire import Fields, Refused, Request, Response, denied
from tests.vault_server.world import Maker, Namespace, World

#: What is answered even when nothing else is.
_ALWAYS: Final = frozenset({"sys/health", "sys/seal-status", "sys/init"})
_SELF: Final = frozenset({"auth/token/lookup-self", "auth/token/renew-self", "auth/token/revoke-self"})
_CAPABILITY: Final = {"GET": "read", "LIST": "list", "POST": "update", "DELETE": "delete", "PATCH": "patch"}


def _kv(_world: World, _namespace: Namespace, _path: str) -> Engine:
    return Kv()


def _pki(_world: World, _namespace: Namespace, _path: str) -> Engine:
    return Pki()


def _transit(_world: World, _namespace: Namespace, _path: str) -> Engine:
    return Transit()


def _token(world: World, _namespace: Namespace, _path: str) -> Engine:
    return TokenAuth(store=world.tokens)


def _approle(world: World, namespace: Namespace, path: str) -> Engine:
    return AppRole(store=world.tokens, namespace=namespace.path, path=path)


def _jwt(world: World, namespace: Namespace, path: str) -> Engine:
    return JwtAuth(store=world.tokens, namespace=namespace.path, path=path)


def _kubernetes(world: World, namespace: Namespace, path: str) -> Engine:
    return JwtAuth(store=world.tokens, namespace=namespace.path, path=path, kubernetes=True)


def _cert(world: World, namespace: Namespace, path: str) -> Engine:
    return CertAuth(store=world.tokens, namespace=namespace.path, path=path)


MAKERS: Final[Mapping[str, Maker]] = {"kv": _kv, "pki": _pki, "transit": _transit}
AUTH_MAKERS: Final[Mapping[str, Maker]] = {
    "token": _token,
    "approle": _approle,
    "jwt": _jwt,
    "kubernetes": _kubernetes,
    "cert": _cert,
}


def new_world(root_token: str, now: float) -> World:
    """A server as ``-dev`` starts it, without mounts."""
    world = World()
    root = Namespace(path="", id="root")
    world.namespaces[""] = root
    furnish(world, root, MAKERS, AUTH_MAKERS)
    grant = Grant(id=root_token, policies=["root"], ttl=0, path="auth/token/root", display_name="root", renewable=False)
    world.tokens.make(grant, now)
    return world


Flavour = Literal["openbao", "vault"]
#: What Vault does not have.
_OPENBAO_ROUTES: Final = frozenset({"certs/detailed"})
_OPENBAO_FIELDS: Final = frozenset({"not_before", "metadata_cas_required", "current_metadata_version"})


def handle(world: World, request: Request, now: float, *, strict: bool = True, flavour: Flavour = "openbao") -> Response:
    """Answers a request.

    Args:
        world: the state, which may change.
        request: as it came in.
        now: seconds since the epoch.
        strict: whether fields that the API does not have are refused; a real server ignores them with a warning.
        flavour: whose API it is.

    Raises:
        Refused: the answer is an error.
    """
    if request.method not in _CAPABILITY:
        raise Refused(405)
    if request.path not in _ALWAYS and (world.sealed or not world.initialized):
        raise Refused(503, "Vault is sealed")
    namespace = world.namespaces.get(request.namespace.strip("/"))
    if namespace is None:
        raise Refused(404, "namespace not found")
    if request.path in _SELF and request.token in world.tokens.tokens:
        # What a token asks about itself is answered wherever it asks.
        namespace = world.namespaces[world.tokens.tokens[request.token].namespace]
    mount = namespace.mount_of(request.path)
    found, params, known = find(mount.engine, request.method, request.path[len(mount.path) :]) if mount else (None, {}, False)
    if flavour == "vault" and found is not None and found.pattern in _OPENBAO_ROUTES:
        found, known = None, False
    call = Call(request=request, params=params, fields=Fields({**request.query, **request.body}), now=now)
    token = None if found is not None and found.open else _let_in(world, namespace, call, found)
    if mount is None:
        raise Refused(404, f'no handler for route "{request.path}". route entry not found.')
    if found is None:
        raise (
            Refused(405, "1 error occurred:\n\t* unsupported operation\n\n")
            if known
            else Refused(404, "1 error occurred:\n\t* unsupported path\n\n")
        )
    warnings = _unknown_fields(call, found, strict=strict)
    try:
        answer = found.handler(Call(request=request, params=params, fields=call.fields, now=now, token=token))
    finally:
        if token is not None:
            world.tokens.spent(token)
    if flavour == "vault" and answer.data is not None and not found.pattern.startswith("roles"):
        kept = {name: value for name, value in answer.data.items() if name not in _OPENBAO_FIELDS}
        answer = replace(answer, data=kept)
    return replace(answer, warnings=(*answer.warnings, *warnings)) if warnings else answer


def _let_in(world: World, namespace: Namespace, call: Call, found: Route | None) -> Token:
    """The token of a request that may be carried out.

    Raises:
        Refused: it may not.
    """
    token = world.tokens.find(call.request.token, call.now)
    inside = namespace.path == token.namespace or f"{namespace.path}/".startswith(f"{token.namespace}/") or not token.namespace
    if not inside:
        raise denied()
    world.tokens.use(token)
    capability = _CAPABILITY[call.request.method]
    if capability == "update" and found is not None and found.exists is not None and not found.exists(call):
        capability = "create"
    home = world.namespaces[token.namespace]
    below = namespace.path.removeprefix(token.namespace).strip("/")
    path = f"{below}/{call.request.path}".lstrip("/")
    if capability == "list":
        # Policies see a folder with its slash; an exact rule may leave it away.
        path = f"{path.rstrip('/')}/"
    allowed = home.allowed(token, path, folder=capability == "list")
    if found is not None and found.pattern.startswith("internal/ui/mounts/"):
        return token
    if "root" not in allowed and (capability not in allowed or (found is not None and found.sudo and "sudo" not in allowed)):
        raise denied()
    return token


def _unknown_fields(call: Call, found: Route, *, strict: bool) -> tuple[str, ...]:
    unknown = sorted(call.fields.names() - found.known) if not found.anything else []
    if not unknown:
        return ()
    told = f"Endpoint ignored these unrecognized parameters: [{' '.join(unknown)}]"
    if strict:
        raise Refused(400, told)
    return (told,)
