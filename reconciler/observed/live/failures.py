"""Why an endpoint showed no certificate, in a sentence with the way out. Decisions, over what the edges raise."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import Final

from reconciler.desired.durations import format_duration
from reconciler.desired.live import Probe
from reconciler.observed.live.connection import ConversationError

#: OpenSSL's reasons for a peer that answers in clear text, or in none.
_NOT_TLS: Final = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE", "UNEXPECTED_MESSAGE"}
)
_ALERT: Final = "ALERT_"
#: Alerts with which servers answer a missing or unwelcome client certificate (RFC 5246 section 7.2.2, RFC 8446 section 6.2).
_CLIENT_ALERTS: Final = ("HANDSHAKE_FAILURE", "BAD_CERTIFICATE", "CERTIFICATE_REQUIRED", "CERTIFICATE_UNKNOWN", "UNKNOWN_CA")


def explain(error: Exception, probe: Probe, *, has_client: bool) -> str:
    """One sentence, with the endpoint and a full stop.

    Args:
        error: what was raised.
        probe: what was asked.
        has_client: whether a client certificate could be presented.
    """
    return f"{probe.endpoint}: {_why(error, probe, has_client=has_client)}."


def _why(error: Exception, probe: Probe, *, has_client: bool) -> str:
    match error:
        case TimeoutError():
            return f"no certificate was seen within {format_duration(probe.timeout)}"
        case ConversationError():
            return str(error)
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError() | ConnectionResetError() | BrokenPipeError():
            return f"it closed the connection during the TLS handshake{_advice(has_client=has_client)}"
        case ssl.SSLError():
            return _tls(error, probe, has_client=has_client)
        case OSError(errno=errno.ENOTCONN):
            return f"it closed the connection before the TLS handshake{_advice(has_client=has_client)}"
        case ConnectionRefusedError():
            return "nothing listens there"
        case socket.gaierror():
            return f"the name {probe.host} has no address"
        case OSError():
            return f"it cannot be reached: {(error.strerror or str(error) or 'unknown error').lower()}"
        case ValueError():
            return f'"{probe.server_name}" cannot be sent as a server name; correct serverName under `probe`'
        case _:
            return f"it cannot be asked ({type(error).__name__})"


def _tls(error: ssl.SSLError, probe: Probe, *, has_client: bool) -> str:
    reason = error.reason or ""
    if reason in _NOT_TLS:
        hint = "" if probe.starttls else "; name the protocol under starttls if it begins in the clear"
        return f"it does not speak TLS{hint}"
    words = reason.replace("_", " ").lower() or "no reason given"
    if reason.endswith(_CLIENT_ALERTS) and _ALERT in reason:
        return f"it refused the TLS handshake ({words}){_advice(has_client=has_client)}"
    return f"the TLS handshake failed ({words})"


def _advice(*, has_client: bool) -> str:
    if has_client:
        return "; if it asks for a client certificate, the one under probe.client is not what it wants"
    return "; if it demands a client certificate, name a client component under probe.client"
