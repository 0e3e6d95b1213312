"""PostgreSQL: SSLRequest (PostgreSQL documentation, "Message Formats" and "SSL Session Encryption")."""

from __future__ import annotations

import struct
from typing import Final

from reconciler.observed.live.connection import Conversation, ConversationError

#: Length of the message and the request code, 1234 in the high half and 5679 in the low one.
_REQUEST: Final = struct.pack("!ii", 8, (1234 << 16) | 5679)


def start_tls(peer: Conversation) -> None:
    """SSLRequest, and the one byte that answers it.

    Raises:
        ConversationError: the server does not use TLS.
    """
    peer.send(_REQUEST)
    answer = peer.exactly(1)
    if answer == b"N":
        msg = "the PostgreSQL server does not use TLS; set ssl = on"
        raise ConversationError(msg)
    if answer != b"S":
        msg = f"it answers {answer!r} where a PostgreSQL server says S or N"
        raise ConversationError(msg)
