"""Which CA certificates a bundle or kubeconfig should hold, by what was found of its CAs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from reconciler.desired.kubeconfig_entries import KubeCluster
from reconciler.desired.model import Bundle, Kubeconfig
from reconciler.observed.model import Absent, Certificates, CertificateState, Unusable
from reconciler.plan.context import Authority, Situation
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.plan.rotation.lifecycle import Lifecycle
from reconciler.x509.facts import CertificateFacts


class Anchors(msgspec.Struct, frozen=True, kw_only=True):
    """What a trust file should hold."""

    fingerprints: tuple[str, ...]
    """SHA-256 of the certificates that are known, sorted, each once."""
    made: tuple[str, ...] = ()
    """Addresses of CAs that this plan makes or renews: their certificates are not known yet."""
    keys: frozenset[str] = frozenset()
    """SHA-256 of the public keys of every generation that is known, also of those that go out: they are ours."""
    unknown: tuple[Authority, ...] = ()
    """CAs without a usable certificate, which this plan does not make either."""
    unusable: tuple[str, ...] = ()
    """Files with further anchors that cannot be used: path and why, as a clause each."""

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


def anchors(desired: Bundle | Kubeconfig | KubeCluster, lives: Mapping[str, Lifecycle], situation: Situation) -> Anchors:
    """What a bundle or kubeconfig should trust: every generation in use of its CAs, and what its further files hold.

    One that has expired serves nobody, and some verifiers follow it into a dead end (AddTrust, 2020): it is left out,
    unless there is no other.
    """
    now = situation.now
    known = [lives[name] for name in desired.cas]
    involved = [life.authorities[number] for life in known for number in unexpired(life, now)]
    renewed = [life.signing for life in known if life.task == "renew"]
    own = {each.certificate.fingerprint for each in involved if each.certificate is not None}
    files = {path: situation.observed.anchors.get(path, Absent()) for path in desired.files}
    others = {link.fingerprint for state in files.values() if isinstance(state, Certificates) for link in fresh(state.chain, now)}
    return Anchors(
        fingerprints=tuple(sorted(own | others)),
        made=tuple(each.desired.address for each in involved if (each.creating and each.certificate is None) or each in renewed),
        keys=frozenset(key for life in known for key in life.keys),
        unknown=tuple(each for each in involved if each.certificate is None and not each.creating),
        unusable=tuple(f"{path}: {_why(state)}" for path, state in files.items() if not isinstance(state, Certificates)),
    )


def unusable_files(wanted: Anchors) -> Iterator[Finding]:
    """A file with further anchors cannot be used: without it somebody would lose trust, so nothing is written."""
    for problem in wanted.unusable:
        yield Finding(reason=Reason.UNREADABLE, action=Action.NONE, message=problem, path="files")


def fresh(chain: Iterable[CertificateFacts], now: datetime) -> tuple[CertificateFacts, ...]:
    """Foreign anchors without those that have expired."""
    return tuple(link for link in chain if now <= link.not_after)


def _why(state: CertificateState) -> str:
    return state.detail if isinstance(state, Unusable) else "there is no such file"


def unexpired(life: Lifecycle, now: datetime) -> tuple[int, ...]:
    """The generations of a CA that belong into trust outputs: those in use that have not expired, or all when all have."""
    ends = {number: life.authorities[number].not_after for number in life.standing.trusted if number in life.authorities}
    return tuple(number for number, end in ends.items() if end is None or now <= end) or tuple(ends)
