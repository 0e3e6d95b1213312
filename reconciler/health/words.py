"""How findings name things. Decisions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from reconciler.cluster.model import File, Use
from reconciler.health.context import Copies, Held
from reconciler.x509.facts import CertificateFacts

_SHOWN: Final = 3


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC with whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def setting_of(uses: Iterable[Use]) -> str:
    """The first process with its shortest setting, such as ``kube-apiserver --tls-cert-file``; empty for none."""
    named = [use for use in uses if use.process]
    if not named:
        return ""
    own = [use for use in named if use.process == named[0].process]
    return f"{own[0].process} {min(own, key=lambda use: (use.role == 'key', len(use.setting))).setting}"


def listed(values: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``; beyond three how many more."""
    every = list(dict.fromkeys(values))
    if len(every) > _SHOWN:
        every = [*every[:_SHOWN], f"{len(every) - _SHOWN} more"]
    return every[0] if len(every) == 1 else f"{', '.join(every[:-1])} and {every[-1]}" if every else ""


def spelled(values: Iterable[str]) -> str:
    """All of them, separated by commas; ``nothing`` for none."""
    return ", ".join(values) or "nothing"


def subject_of(facts: CertificateFacts) -> str:
    """The subject, or the serial of a certificate without one."""
    return str(facts.subject) or f"the certificate with serial {facts.serial}"


def where(place: Held, *, beside: str = "") -> str:
    """A path, with the node in front when it is not the one that is spoken of."""
    return place.path if place.node == beside else f"{place.node}:{place.path}"


def also_in(copies: Copies) -> str:
    """``, also in …`` for a certificate with further copies, else nothing."""
    others = [where(place, beside=copies.node) for place in copies.places[1:] if place.path != copies.main.path]
    return f" (also in {listed(others)})" if others else ""


def users_of(file: File) -> str:
    """Who uses a file, for a sentence: processes and settings."""
    return listed(f"{use.process} {use.setting}" if use.process else use.setting for use in file.uses)
