"""Which work comes first: what expires first. Decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.daemon.attempts import Life
from reconciler.desired.model import CA, Component, DesiredState
from reconciler.observed.model import Certificates, ObservedState
from reconciler.plan.build import Work


def lives(desired: DesiredState, observed: ObservedState) -> dict[str, Life]:
    """How each address with a certificate lives; a kubeconfig as the component in it."""
    found: dict[str, Life] = {}
    everything: tuple[CA | Component, ...] = (*desired.cas.values(), *desired.components.values())
    for wanted in everything:
        pair = observed.pairs.get(wanted.address)
        ends = pair.certificate.chain[0].not_after if pair and isinstance(pair.certificate, Certificates) else None
        found[wanted.address] = Life(ends=ends, used_for=wanted.lifetime - wanted.renew_before)
    for kubeconfig in desired.kubeconfigs.values():
        if kubeconfig.component in found:
            found[kubeconfig.address] = found[kubeconfig.component]
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
    if not work or work[0].kind != "component":
        return work  # CAs come in the order in which they sign each other

    def key(each: Work) -> tuple[bool, float]:
        ends = lives_by_address.get(each.address, Life()).ends
        return (ends is not None, ends.timestamp() if ends else 0.0)

    return sorted(work, key=key)
