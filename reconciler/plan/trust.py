"""Which CA certificates a bundle or kubeconfig should hold, by what was found of its CAs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from reconciler.plan.context import Authority


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


def anchors(names: Iterable[str], authorities: Mapping[str, Authority]) -> Anchors:
    """What should be trusted where these CAs are."""
    involved = [authorities[name] for name in names]
    return Anchors(
        fingerprints=tuple(sorted({each.certificate.fingerprint for each in involved if each.certificate is not None})),
        made=tuple(each.desired.address for each in involved if each.creating),
        unknown=tuple(each for each in involved if each.certificate is None and not each.creating),
    )
