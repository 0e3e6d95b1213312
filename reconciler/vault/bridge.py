"""hvac's classes of the API on our own transport.

hvac knows the endpoints and their parameters. It is not used below that: its adapters follow redirects to any host with the
token, have no deadline for a whole call, do not know the statuses 412, 472 and 473, and return pages of HTML as answers; and its
`Client` takes address, token and certificates from the environment. So there is no `hvac.Client` here, and nothing of hvac's own
is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast
from urllib.parse import unquote

from hvac.adapters import Adapter

from reconciler.vault.answers import Answer
from reconciler.vault.exchange import Method

Send = Callable[[Method, str, Mapping[str, str], Mapping[str, object] | None], Answer]


class Bridge(Adapter):  # type: ignore[misc]  # hvac has no types
    """What hvac's classes take for their adapter."""

    def __init__(self, send: Send) -> None:
        """Does not call the base's constructor, which opens a session of requests with what the environment says.

        Args:
            send: method, path without ``/v1/``, parameters and body; answers, or raises VaultError.
        """
        self._send = send
        self.base_uri = ""
        self.token = ""
        self.namespace = None
        self._kwargs: dict[str, object] = {}

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        raise_exception: bool = True,
        **options: object,
    ) -> dict[str, object]:
        """Sends what hvac has put together; of its options there are parameters and a body, all others are ours to decide."""
        del headers, raise_exception
        params = cast("Mapping[str, object]", options.get("params") or {})
        body = cast("Mapping[str, object] | None", options.get("json"))
        path = unquote(url).strip("/").removeprefix("v1/")
        answer = self._send(cast("Method", method.upper()), path, {name: str(value) for name, value in params.items()}, body)
        # The object that an answer carries stands under either name, depending on the endpoint.
        return {"data": answer.data, "auth": answer.data, "warnings": list(answer.warnings)}

    def get_login_token(self, response: Mapping[str, Mapping[str, object]]) -> object:
        """For logins of hvac that keep the token; ours do not."""
        return response["auth"].get("client_token")

    def close(self) -> None:
        """Nothing: the transport is not ours."""
