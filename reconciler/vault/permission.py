"""A 403 that stands: which capability the token lacks at a path. Decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.desired.vault import Connection
from reconciler.vault.errors import VaultError
from reconciler.vault.exchange import Method, Request

#: For a token that may not ask.
MISSING: Final[Mapping[str, object]] = {}
#: Any of these suffices: <https://developer.hashicorp.com/vault/docs/concepts/policies#capabilities>.
_NEEDED: Final[Mapping[Method, tuple[str, ...]]] = {
    "GET": ("read",),
    "LIST": ("list",),
    "POST": ("update", "create"),
    "PUT": ("update", "create"),
    "PATCH": ("patch",),
    "DELETE": ("delete",),
}


def denied(error: VaultError, request: Request, connection: Connection, capabilities: Mapping[str, object]) -> VaultError:
    """The error with what is missing.

    Args:
        error: the 403.
        request: that was denied.
        connection: for its namespace.
        capabilities: the answer of ``sys/capabilities-self``, `MISSING` when there is none.
    """
    listing = request.method == "GET" and request.params.get("list") == "true"
    needed = _NEEDED["LIST" if listing else request.method]
    held = capabilities.get(request.path, capabilities.get("capabilities"))
    known = tuple(each for each in held if isinstance(each, str)) if isinstance(held, list) else None
    where = f'path "{request.path}"' + (f" in namespace {connection.namespace}" if connection.namespace else "")
    capability = f'the capability "{needed[0]}"'
    if known is None:
        problem, hint = f"permission denied to {needed[0]} there", f"a policy of the token must have {capability} on {where}"
    elif "root" in known or ("deny" not in known and set(needed) & set(known)):
        problem = f"permission denied, although the token has {capability}"
        hint = f"check what its policies say of parameters and roles at {where}"
    else:
        others = ", ".join(each for each in known if each != "deny") or "none"
        problem = f"permission denied: the token lacks {capability} (it has {others})"
        hint = f"grant {capability} on {where} to a policy of the token"
    return VaultError(error.connection, error.path, error.kind, problem, hint=hint, status=error.status, messages=error.messages)
