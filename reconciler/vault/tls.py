"""The client's side of TLS: what certificates are checked against, what is presented, and why a handshake failed."""

from __future__ import annotations

import os
import ssl
from typing import Final

from reconciler.desired.vault import Connection
from reconciler.vault.exchange import ExchangeError

#: ``X509_V_ERR_…`` of OpenSSL (x509_vfy.h), as `ssl.SSLCertVerificationError.verify_code` has them.
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_UNKNOWN_ISSUER: Final = frozenset({2, 18, 19, 20, 21})
_WRONG_NAME: Final = frozenset({62, 64})
#: Alerts with which a server turns the client's certificate down (RFC 8446 section 6.2); they may come after the request.
_CLIENT_ALERTS: Final = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN", "UNKNOWN_CA", "CERTIFICATE_EXPIRED")
_NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"})

Seen = tuple[tuple[int, int, int, int] | None, ...]
"""What the files of a context looked like: another one when one of them was replaced."""


def files_of(connection: Connection) -> tuple[str, ...]:
    """The files that a context is made of."""
    auth = connection.auth
    pair = (auth.certificate_file, auth.key_file) if auth.method == "cert" else ()
    return tuple(path for path in (connection.ca_file, *pair) if path)


def look(paths: tuple[str, ...]) -> Seen:
    """What files look like now."""
    return tuple(_look(path) for path in paths)


def context_for(connection: Connection) -> ssl.SSLContext:
    """A context that verifies chain and name, from the files as they are now.

    Raises:
        ExchangeError: a file is missing or unusable: fatal.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which verifies, and checks the name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if connection.ca_file:
            context.load_verify_locations(cafile=connection.ca_file)
        else:
            context.load_default_certs()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise _unusable(connection.ca_file or "the CAs of the system", "certificates", error) from None
    auth = connection.auth
    if auth.method == "cert":
        try:
            # Without a callback OpenSSL would ask the terminal for the password of an encrypted key.
            context.load_cert_chain(auth.certificate_file, auth.key_file or None, password=lambda: b"")
        except (OSError, ValueError) as error:
            what = f"{auth.certificate_file} with {auth.key_file}" if auth.key_file else auth.certificate_file
            raise _unusable(what, "a pair of certificate and key", error) from None
    return context


def named(error: ssl.SSLError, host: str, connection: Connection, *, sent: bool) -> ExchangeError:
    """Why a handshake failed, by name.

    Args:
        error: that was raised.
        host: of the address.
        connection: for the files that it names.
        sent: whether the request had been sent.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        problem, hint = _unverified(error, host, connection)
        return ExchangeError(f"the certificate that {host} presents {problem}", hint=hint, sent=False, fatal=True)
    reason = error.reason or ""
    if any(alert in reason for alert in _CLIENT_ALERTS):
        hint = "check certificateFile and keyFile, and which CAs the server trusts for clients"
        return ExchangeError(f"{host} turns our client certificate down", hint=hint, sent=False, fatal=True)
    if reason in _NOT_TLS:
        return ExchangeError(f"{host} does not speak TLS at this port", hint="check the address", sent=False, fatal=True)
    return ExchangeError(f"TLS with {host} failed ({reason or type(error).__name__})", sent=sent)


def _unverified(error: ssl.SSLCertVerificationError, host: str, connection: Connection) -> tuple[str, str]:
    code = error.verify_code
    if code == _EXPIRED:
        return "has expired", "renew it on the server, or set this machine's clock"
    if code == _NOT_YET_VALID:
        return "is not yet valid", "set the clock of this machine or of the server"
    if code in _WRONG_NAME:
        wanted = connection.server_name or host
        return f"is not for the name {wanted}", "give the name that it is for as serverName"
    if code in _UNKNOWN_ISSUER:
        return f"is not from a CA in {connection.ca_file or 'the system store'}", "give the CA that signs it as caFile"
    return f"does not verify ({error.verify_message or 'no reason given'})", "check the server's certificate and caFile"


def _unusable(what: str, kind: str, error: Exception) -> ExchangeError:
    reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
    if isinstance(error, ssl.SSLError):
        reason = error.reason or "not in PEM"
    return ExchangeError(f"{what} cannot be used as {kind} ({reason})", hint="check the file", sent=False, fatal=True)


def _look(path: str) -> tuple[int, int, int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - one call, no path arithmetic
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
