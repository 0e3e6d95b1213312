"""The server side of TLS, with a pair that is renewed while the server runs."""

from __future__ import annotations

import logging
import ssl
import threading
from typing import Final

import msgspec

from reconciler.stores.read import Identity, look

_log: Final = logging.getLogger(__name__)


class TlsFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Where certificate and key are, absolute, and the CAs that vouch for clients."""

    certificate: str
    """The chain, leaf first."""
    key: str
    client_ca: str | None = None
    """A bundle; None for not asking clients for a certificate."""


class Contexts:
    """Gives each connection a context with what is on disk now."""

    def __init__(self, files: TlsFiles) -> None:
        """Nothing is read yet.

        Args:
            files: they may be missing for now.
        """
        self._files: Final = files
        self._lock: Final = threading.Lock()
        self._seen: tuple[Identity | None, ...] = ()
        self._told: tuple[Identity | None, ...] = ()
        self._context: ssl.SSLContext | None = None

    def current(self) -> ssl.SSLContext | None:
        """A context for one connection; None while there is no usable pair.

        A pair that cannot be used, such as one of which only a half was seen, leaves the one before in force.
        """
        paths = (self._files.certificate, self._files.key, self._files.client_ca)
        with self._lock:
            seen = tuple(look(path) if path is not None else None for path in paths)
            if self._context is not None and seen == self._seen:
                return self._context
            try:
                self._context, self._seen = _context(self._files), seen
            except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
                if seen != self._told:
                    _log.warning("the status server cannot use %s: %s", self._files.certificate, type(error).__name__)
                self._told = seen
            return self._context


def _context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A resumed session would outlive the pair, and the CAs that vouched for its client.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    # Without a callback OpenSSL would ask the terminal for the password of an encrypted key.
    context.load_cert_chain(files.certificate, files.key, password=lambda: b"")
    if files.client_ca is not None:
        # Optional, because health is open to all; what else there is needs a verified one.
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cafile=files.client_ca)
    return context
