"""The certificate that a server presents: a TLS handshake that trusts nobody and is over by its deadline.

Nothing is verified, because nothing is sent: what is presented is compared, byte for byte, with what is on disk.
"""

from __future__ import annotations

import ssl
import stat
from typing import Final

from reconciler.desired.live import Probe
from reconciler.observed.live.connection import Conversation, connect
from reconciler.observed.live.deadline import Deadline
from reconciler.observed.live.starttls.dialogues import DIALOGUES
from reconciler.stores.read import look


class ClientUnusableError(Exception):
    """The client's pair cannot be presented; the text is for people, without a full stop."""


def presented(probe: Probe, *, client: tuple[str, str] | None, deadline: Deadline) -> bytes:
    """The first certificate that the endpoint presents, as DER; empty when it presents none.

    Args:
        probe: the endpoint.
        client: paths of the pair that is presented when the server asks for one.
        deadline: for all of it.

    Raises:
        ClientUnusableError: before anything is sent.
        ConversationError: what comes before TLS went wrong.
        OSError: the connection failed; ``ssl.SSLError`` when TLS did, TimeoutError when the time is over.
        ValueError: the server name cannot be sent.
    """
    context = _context(client)
    # As the standard library sends it; a name that cannot be is found out before anybody is asked.
    name = probe.server_name.encode("idna").decode() or None
    connection = connect(probe.host, probe.port, deadline)
    with connection:
        if probe.starttls is not None:
            peer = Conversation(connection, deadline)
            DIALOGUES[probe.starttls](peer)
            peer.end()
        with context.wrap_socket(
            connection, server_hostname=name, do_handshake_on_connect=False, suppress_ragged_eofs=False
        ) as secured:
            # The whole handshake, however many parts it comes in, has to be over by then.
            secured.settimeout(deadline.left())
            secured.do_handshake()
            return secured.getpeercert(binary_form=True) or b""


#: Old keys and digests are what a stale server presents; that is to be told, not to be refused.
_CIPHERS: Final = "DEFAULT:@SECLEVEL=0"


def _context(client: tuple[str, str] | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    if client is not None:
        _load(context, *client)
    return context


def _load(context: ssl.SSLContext, certificate: str, key: str) -> None:
    for path in (certificate, key):
        found = look(path)
        # OpenSSL opens whatever is there, and would wait for the writer of a FIFO.
        if found is None or not stat.S_ISREG(found.mode):
            msg = f"there is no {path}"
            raise ClientUnusableError(msg)
    try:
        # Without a password of ours, OpenSSL would ask the terminal for that of an encrypted key.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except (OSError, ValueError):
        msg = f"{certificate} and {key} are not a certificate and its key"
        raise ClientUnusableError(msg) from None
