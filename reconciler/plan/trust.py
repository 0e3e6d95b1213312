"""Which CA certificates a bundle or kubeconfig should hold, by what was found of its CAs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from reconciler.plan.context import Authority
from reconciler.plan.rotation.lifecycle import Lifecycle


class Anchors(msgspec.Struct, frozen=True, kw_only=True):
    """What a trust file should hold."""

    fingerprints: tuple[str, ...]
    """SHA-256 of the certificates that are known, sorted, each once."""
    made: tuple[str, ...] = ()
    """Addresses of CAs that this plan makes: their certificates are not known yet."""
    unknown: tuple[Authority, ...] = ()
    """CAs without a usable certificate, which this plan does not make either."""

    @property
    def known(self) -> bool:
        """Whether every certificate is known now."""
        return not self.made and not self.unknown

    @property
    def held_by(self) -> str:
        """Address of the first CA that keeps the file from being written; empty when none does."""
        if not self.unknown:
            return ""
        refusal = self.unknown[0].refusal
        return refusal.address if refusal is not None else self.unknown[0].desired.address


def anchors(names: Iterable[str], lives: Mapping[str, Lifecycle], now: datetime) -> Anchors:
    """What should be trusted where these CAs are: every generation in use.

    One that has expired serves nobody, and some verifiers follow it into a dead end (AddTrust, 2020): it is left out,
    unless there is no other.
    """
    involved = [lives[name].authorities[number] for name in names for number in unexpired(lives[name], now)]
    return Anchors(
        fingerprints=tuple(sorted({each.certificate.fingerprint for each in involved if each.certificate is not None})),
        made=tuple(each.desired.address for each in involved if each.creating),
        unknown=tuple(each for each in involved if each.certificate is None and not each.creating),
    )


def unexpired(life: Lifecycle, now: datetime) -> tuple[int, ...]:
    """The generations of a CA that belong into trust outputs: those in use that have not expired, or all when all have."""
    ends = {number: life.authorities[number].not_after for number in life.standing.trusted if number in life.authorities}
    return tuple(number for number, end in ends.items() if end is None or now <= end) or tuple(ends)
