"""A TCP connection under one deadline: names looked up, addresses tried, bytes sent and received."""

from __future__ import annotations

import queue
import socket
import threading
from typing import Any, Final

from reconciler.observed.live.deadline import Deadline

#: The longest line that any of the protocols may send (RFC 5321 section 4.5.3.1.5 has 512; servers chat more than that).
LONGEST_LINE: Final = 4096
_CHUNK: Final = 4096

_Address = tuple[int, int, Any]


class ConversationError(Exception):
    """The peer did not say what its protocol asks for; the text is for people, without a full stop."""


def connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """A connection to the first of a name's addresses that takes one; each gets its share of the time that is left.

    Args:
        host: a name or an IP address, without brackets.
        port: the TCP port.
        deadline: when to give up.

    Raises:
        OSError: none took it; of several errors the last. TimeoutError when the time is over.
    """
    addresses = resolve(host, port, deadline)
    last: OSError = ConnectionError("the name has no address")
    for index, (family, kind, address) in enumerate(addresses):
        one = socket.socket(family, kind)
        try:
            one.settimeout(deadline.left() / (len(addresses) - index))
            one.connect(address)
        except OSError as error:
            one.close()
            last = error
        else:
            return one
    raise last


def resolve(host: str, port: int, deadline: Deadline) -> list[_Address]:
    """The addresses of a name, in the system's order.

    The system's resolver has timeouts of its own and cannot be interrupted, so it is asked in a thread that is left
    behind when it takes too long.

    Raises:
        OSError: there is none; TimeoutError when the time is over.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except OSError:
        found = _look_up(host, port, deadline)
    return [(family, kind, address) for family, kind, _, _, address in found]


def _look_up(host: str, port: int, deadline: Deadline) -> list[Any]:
    answers: queue.SimpleQueue[list[Any] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except OSError as error:
            answers.put(error)
        except UnicodeError:
            answers.put(OSError("the name is not a host name"))

    threading.Thread(target=ask, name="look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.left())
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, OSError):
        raise answer
    return answer


class Conversation:
    """What is said on a connection before or inside TLS. Whatever is read is bounded, and is read before the deadline."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline
        self._unread = b""

    @property
    def own_address(self) -> str:
        """Our end of the connection: an IP address."""
        return str(self._connection.getsockname()[0])

    def send(self, data: bytes) -> None:
        """Sends all of it.

        Raises:
            OSError: it could not; TimeoutError when the time is over.
        """
        self._connection.settimeout(self._deadline.left())
        self._connection.sendall(data)

    def receive(self, most: int = _CHUNK) -> bytes:
        """What has come, at least a byte; empty when the peer has closed.

        Raises:
            OSError: the connection broke; TimeoutError when the time is over.
        """
        if self._unread:
            data, self._unread = self._unread[:most], self._unread[most:]
            return data
        self._connection.settimeout(self._deadline.left())
        return self._connection.recv(most)

    def exactly(self, size: int) -> bytes:
        """So many bytes.

        Raises:
            ConversationError: the peer closed before.
            OSError: as for `receive`.
        """
        data = b""
        while len(data) < size:
            part = self.receive(size - len(data))
            if not part:
                msg = "it closed the connection in the middle of an answer"
                raise ConversationError(msg)
            data += part
        return data

    def line(self) -> str:
        """A line without its end.

        Raises:
            ConversationError: the peer closed before its end, or the line does not end.
            OSError: as for `receive`.
        """
        data = b""
        while b"\n" not in data:
            if len(data) > LONGEST_LINE:
                msg = "it sends a line without an end"
                raise ConversationError(msg)
            part = self.receive()
            if not part:
                msg = "it closed the connection before it said anything" if not data else "it closed the connection in a line"
                raise ConversationError(msg)
            data += part
        line, _, rest = data.partition(b"\n")
        self._unread = rest + self._unread
        return line.rstrip(b"\r").decode("ascii", errors="replace")

    def end(self) -> None:
        """Makes sure that nothing is left over: what came before TLS is no part of it (RFC 3207 section 4.2).

        Raises:
            ConversationError: there is.
        """
        if self._unread:
            msg = "it said more than its protocol asks for before TLS"
            raise ConversationError(msg)
