"""SMTP: STARTTLS (RFC 3207)."""

from __future__ import annotations

from typing import Final

from reconciler.observed.live.connection import Conversation, ConversationError

#: More lines than any reply has.
_MOST: Final = 100


def start_tls(peer: Conversation) -> None:
    """Greeting, EHLO, STARTTLS.

    Raises:
        ConversationError: the server does not offer it, or refuses.
    """
    _reply(peer, "220")
    peer.send(f"EHLO {_literal(peer.own_address)}\r\n".encode())
    offered = {line[4:].split(" ")[0].upper() for line in _reply(peer, "250")}
    if "STARTTLS" not in offered:
        msg = "the SMTP server does not offer STARTTLS"
        raise ConversationError(msg)
    peer.send(b"STARTTLS\r\n")
    _reply(peer, "220")


def _literal(address: str) -> str:
    """Ourselves, without a name (RFC 5321 section 4.1.3)."""
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def _reply(peer: Conversation, code: str) -> list[str]:
    """The lines of a reply with that code: ``250-`` goes on, ``250`` and a space ends (RFC 5321 section 4.2.1)."""
    lines: list[str] = []
    for _ in range(_MOST):
        line = peer.line()
        if line[:3] != code or line[3:4] not in {"-", " ", ""}:
            msg = f"the SMTP server answers {line[:80]!r} where {code} is expected"
            raise ConversationError(msg)
        lines.append(line)
        if line[3:4] != "-":
            return lines
    msg = "the SMTP server's reply does not end"
    raise ConversationError(msg)
