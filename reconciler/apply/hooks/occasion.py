"""What a hook is run for, and how it ended. Data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec


class Occasion(msgspec.Struct, frozen=True, kw_only=True):
    """Whose files changed: paths and public facts, never a key."""

    address: str
    cluster: str
    name: str
    """Of the component, bundle or kubeconfig: ``apiserver``."""
    node: str | None = None
    paths: Mapping[str, str] = {}
    """Absolute, by the words of the status document: ``certificate``, ``key``, ``bundle``, ``kubeconfig``, …"""
    serial: str = ""
    """Hex; empty for what has no certificate of its own."""
    fingerprint: str = ""
    """SHA-256 over the certificate's DER, hex."""
    not_after: datetime | None = None
    reasons: tuple[str, ...] = ()
    """Words of the plan: ``RenewalDue``."""


class HookResult(msgspec.Struct, frozen=True, kw_only=True):
    """How one run of a hook ended."""

    status: Literal["ok", "skipped", "failed"]
    """skipped: there is no running process that would have to know."""
    detail: str = ""
    """For people, without a full stop: why it failed or was skipped, and the way out; empty when it went well."""
    output: str = ""
    """The end of what a program printed or a server answered: readable characters only, no key, at most 4 KiB."""
