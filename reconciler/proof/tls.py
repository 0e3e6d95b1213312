"""One TLS handshake in memory: both sides, with OpenSSL, and a byte each way.

Dates are left to others: OpenSSL would judge them by the clock of this machine alone, and edges are judged at any time. A
certificate that is trusted is an anchor, self-signed or not, as in Go (X509_V_FLAG_PARTIAL_CHAIN).
"""

from __future__ import annotations

import os
import ssl
from typing import Final

from reconciler.proof.credentials import Credentials
from reconciler.trust.trial import Refusal

#: openssl/x509_vfy.h, which Python has no name for.
_NO_CHECK_TIME: Final = 0x200000
#: What Debian, Go and RFC 9325 section 4.5 agree on; OPENSSL_CONF of the machine must not decide.
_CIPHERS: Final = "DEFAULT@SECLEVEL=2"
_MOST_ROUNDS: Final = 12


class _Side:
    """One end of a connection."""

    def __init__(self, context: ssl.SSLContext, *, server_side: bool, host: str) -> None:
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self.incoming, self.outgoing, server_side=server_side, server_hostname=host or None)
        self.received = b""
        self._shaken = False

    def advance(self) -> None:
        """As far as what has arrived allows.

        Raises:
            ssl.SSLError: this side breaks off, or the other did.
        """
        try:
            if not self._shaken:
                self._tls.do_handshake()
                self._shaken = True
                self._tls.write(b"!")
            # In TLS 1.3 the client is through before the server has judged its certificate: what counts is the byte.
            self.received += self._tls.read(1)
        except ssl.SSLWantReadError:
            return


def handshake(
    *,
    client: Credentials | None,
    client_anchors: bytes | None,
    server: Credentials,
    server_anchors: bytes | None,
    host: str,
    version: ssl.TLSVersion,
    strict: bool = False,
) -> Refusal | None:
    """Connects; None when both sides got the other's byte.

    Args:
        client: what the client presents when it is asked; None for nothing.
        client_anchors: PEM of what it trusts; None when it does not verify.
        server: what the server presents.
        server_anchors: PEM of what it trusts; None when it asks for no certificate.
        host: what the client dials: a DNS name or an IP address; empty when it does not look at names.
        version: the only TLS version that is offered.
        strict: whether to verify as RFC 5280 has it to the letter (X509_V_FLAG_X509_STRICT).
    """
    try:
        near = _context(ssl.PROTOCOL_TLS_CLIENT, client, client_anchors, version, strict=strict)
        near.check_hostname = client_anchors is not None and bool(host)
        near.hostname_checks_common_name = False
        far = _context(ssl.PROTOCOL_TLS_SERVER, server, server_anchors, version, strict=strict)
        far.num_tickets = 0
        return _meet(_Side(near, server_side=False, host=host), _Side(far, server_side=True, host=""))
    except (ssl.SSLError, ValueError) as error:
        return Refusal(by="none", code=0, message=_words(error))


def _meet(client: _Side, server: _Side) -> Refusal | None:
    for _ in range(_MOST_ROUNDS):
        for by, side, other in (("client", client, server), ("server", server, client)):
            try:
                side.advance()
            except ssl.SSLError as error:
                return Refusal(
                    by="client" if by == "client" else "server", code=getattr(error, "verify_code", 0), message=_words(error)
                )
            other.incoming.write(side.outgoing.read())
        if client.received and server.received:
            return None
    return Refusal(by="none", code=0, message="the handshake does not come to an end")


def _context(
    protocol: int, credentials: Credentials | None, anchors: bytes | None, version: ssl.TLSVersion, *, strict: bool
) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.set_ciphers(_CIPHERS)
    context.minimum_version = context.maximum_version = version
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if anchors is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        flags = ssl.VERIFY_X509_PARTIAL_CHAIN | (ssl.VERIFY_X509_STRICT if strict else 0)
        context.verify_flags = ssl.VerifyFlags(int(context.verify_flags & ~ssl.VERIFY_X509_STRICT) | flags | _NO_CHECK_TIME)
        if anchors:
            context.load_verify_locations(cadata=anchors.decode("ascii"))
    if credentials is not None:
        _load(context, credentials)
    return context


def _load(context: ssl.SSLContext, credentials: Credentials) -> None:
    """Python loads from files alone: this one is in memory and has no name, so that no key touches a disk (memfd_create(2))."""
    descriptor = os.memfd_create("credentials", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, credentials.pem())
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


def _words(error: ssl.SSLError | ValueError) -> str:
    """OpenSSL's reason without its file and line."""
    said = getattr(error, "verify_message", "") or getattr(error, "reason", "") or type(error).__name__
    return said.lower().replace("_", " ") if said.isupper() else said
