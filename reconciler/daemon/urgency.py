"""Which work comes first: what expires first. Decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.daemon.attempts import Life
from reconciler.desired.model import CA, Component, DesiredState
from reconciler.observed.model import Certificates, ObservedState, RevocationLists
from reconciler.plan.build import Work
from reconciler.plan.inventory import LEAVES
from reconciler.plan.revocation.due import SHARE_LEFT


def lives(desired: DesiredState, observed: ObservedState) -> dict[str, Life]:
    """How each address with a certificate lives; a kubeconfig as the component in it, a revocation list until nextUpdate."""
    found: dict[str, Life] = {}
    everything: tuple[CA | Component, ...] = (*desired.cas.values(), *desired.components.values())
    for wanted in everything:
        pair = observed.pairs.get(wanted.address)
        ends = pair.certificate.chain[0].not_after if pair and isinstance(pair.certificate, Certificates) else None
        found[wanted.address] = Life(ends=ends, used_for=wanted.lifetime - wanted.renew_before)
    for kubeconfig in desired.kubeconfigs.values():
        if kubeconfig.component in found:
            found[kubeconfig.address] = found[kubeconfig.component]
    for crl in desired.crls.values():
        seen = observed.crls.get(crl.address)
        states = seen.files.values() if seen is not None else ()
        until = [facts.next_update for state in states if isinstance(state, RevocationLists) for facts in state.lists]
        found[crl.address] = Life(
            ends=min((end for end in until if end is not None), default=None), used_for=crl.validity - crl.validity / SHARE_LEFT
        )
    return found


def most_urgent_first(work: Iterable[Work], lives_by_address: Mapping[str, Life]) -> tuple[Work, ...]:
    """The same work; of neighbours of one kind those first whose certificate is missing or ends first."""
    ordered: list[Work] = []
    run: list[Work] = []
    for each in work:
        if run and run[0].kind != each.kind:
            ordered += _by_end(run, lives_by_address)
            run = []
        run.append(each)
    return (*ordered, *_by_end(run, lives_by_address))


def _by_end(work: list[Work], lives_by_address: Mapping[str, Life]) -> list[Work]:
    if not work or work[0].kind not in LEAVES:
        return work  # CAs come in the order in which they sign each other

    def key(each: Work) -> tuple[bool, float]:
        ends = lives_by_address.get(each.address, Life()).ends
        return (ends is not None, ends.timestamp() if ends else 0.0)

    return sorted(work, key=key)
