"""What is said before TLS, by protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from reconciler.observed.live.connection import Conversation
from reconciler.observed.live.starttls import imap, ldap, postgresql, smtp

DIALOGUES: Final[Mapping[str, Callable[[Conversation], None]]] = {
    "smtp": smtp.start_tls,
    "imap": imap.start_tls,
    "postgresql": postgresql.start_tls,
    "ldap": ldap.start_tls,
}
