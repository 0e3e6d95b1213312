"""What is done about running processes: hooks after a change, and probes that ask what is served. Data."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what is done after a change."""

    timeout: timedelta = timedelta(seconds=60)


class ExecHook(Hook, frozen=True, kw_only=True, tag="exec"):
    """Runs a program, without a shell."""

    argv: tuple[str, ...]


class SignalHook(Hook, frozen=True, kw_only=True, tag="signal"):
    """Signals the process of a pid file."""

    pidfile: str
    """Absolute, ``--root`` applied."""
    name: str
    """Without SIG: HUP, USR1."""
    only_if_running: bool = True


class SystemdHook(Hook, frozen=True, kw_only=True, tag="systemd"):
    """Reloads or restarts a unit."""

    unit: str
    action: Literal["reload", "restart", "reload-or-restart", "try-restart"]
    only_if_running: bool = True


class HttpHook(Hook, frozen=True, kw_only=True, tag="http"):
    """Calls an endpoint."""

    url: str
    method: Literal["GET", "POST", "PUT"] = "POST"
    ca_file: str = ""
    """Absolute, ``--root`` applied; empty for the system's CAs."""


class TouchHook(Hook, frozen=True, kw_only=True, tag="touch"):
    """Sets the times of a file, which is made when it is not there."""

    path: str
    """Absolute, ``--root`` applied."""


AnyHook = ExecHook | SignalHook | SystemdHook | HttpHook | TouchHook


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """How to see the certificate that an endpoint presents."""

    host: str
    """A name or an IP address, without brackets."""
    port: int
    server_name: str = ""
    """SNI (RFC 6066 section 3); empty for none."""
    starttls: Literal["smtp", "imap", "postgresql", "ldap"] | None = None
    client: str = ""
    """Address of the component whose pair is presented when the server asks for a certificate; empty for none."""
    timeout: timedelta = timedelta(seconds=5)

    @property
    def endpoint(self) -> str:
        """``host:port``, IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
