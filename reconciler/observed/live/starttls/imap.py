"""IMAP: STARTTLS (RFC 9051 section 6.2.1, RFC 3501 section 6.2.1)."""

from __future__ import annotations

from typing import Final

from reconciler.observed.live.connection import Conversation, ConversationError

#: More untagged lines than any server sends before the answer.
_MOST: Final = 100
_TAG: Final = "a1"


def start_tls(peer: Conversation) -> None:
    """Greeting, STARTTLS, and its answer among whatever untagged lines come.

    Raises:
        ConversationError: the server refuses, or is in a state in which STARTTLS is not allowed (PREAUTH).
    """
    greeting = peer.line()
    if not greeting.upper().startswith("* OK"):
        msg = f"the IMAP server greets with {greeting[:80]!r} where OK is expected"
        raise ConversationError(msg)
    peer.send(f"{_TAG} STARTTLS\r\n".encode())
    for _ in range(_MOST):
        line = peer.line()
        if line.startswith(f"{_TAG} "):
            if line[len(_TAG) + 1 :].upper().split(" ")[0] != "OK":
                msg = f"the IMAP server answers STARTTLS with {line[:80]!r}"
                raise ConversationError(msg)
            return
    msg = "the IMAP server does not answer STARTTLS"
    raise ConversationError(msg)
