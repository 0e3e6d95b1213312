"""What can be wrong with a kubeconfig, one small check a finding; and what keeps it from being written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from reconciler.desired.model import Component, Kubeconfig
from reconciler.observed.model import (
    Absent,
    Certificates,
    Key,
    KubeconfigFile,
    KubeconfigState,
    ObservedPair,
    ObservedState,
    Unusable,
)
from reconciler.plan.checks_files import owners, secret_mode
from reconciler.plan.checks_pair import unreadable_finding
from reconciler.plan.context import Authority, Decision
from reconciler.plan.inventory import Record
from reconciler.plan.kubeconfig_names import kubeconfig_request
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.plan.trust import Anchors, unusable_files

FILE_ONLY: Final = frozenset({Reason.MODE_DRIFT, Reason.OWNER_DRIFT})


class KubeconfigContext(msgspec.Struct, frozen=True, kw_only=True):
    """One kubeconfig, as its checks see it."""

    desired: Kubeconfig
    component: Component
    authority: Authority
    """The CA of the component."""
    pair: ObservedPair
    """Of the component."""
    decision: Decision | None
    """About the component."""
    found: KubeconfigState
    wanted: Anchors
    record: Record | None
    observed: ObservedState
    replace: bool

    @property
    def follows(self) -> bool:
        """Whether the component gets a new certificate that is embedded here."""
        return self.desired.embed and self.decision is not None and self.decision.brings


def missing(context: KubeconfigContext) -> Iterator[Finding]:
    """The file is not there."""
    if isinstance(context.found, Absent):
        yield Finding(reason=Reason.MISSING, action=Action.CREATE, message="there is no file", path="file")


def unreadable(context: KubeconfigContext) -> Iterator[Finding]:
    """The file cannot be used."""
    if isinstance(context.found, Unusable):
        yield unreadable_finding(context.found, action=Action.REPAIR, path="file")


def follows_component(context: KubeconfigContext) -> Iterator[Finding]:
    """Its component gets a new certificate."""
    if isinstance(context.found, KubeconfigFile) and context.follows:
        yield stale(f"follows {context.component.address}", "client_certificate")


def server_differs(context: KubeconfigContext) -> Iterator[Finding]:
    """It points at another server."""
    if isinstance(context.found, KubeconfigFile) and context.found.server != context.desired.server:
        yield stale("it points at another server", "server", current=context.found.server, planned=context.desired.server)


def unusable_anchors(context: KubeconfigContext) -> Iterator[Finding]:
    """A file of CAs made elsewhere is missing or cannot be used."""
    yield from unusable_files(context.wanted)


def trust_differs(context: KubeconfigContext) -> Iterator[Finding]:
    """It trusts other CAs; their order does not matter."""
    if not isinstance(context.found, KubeconfigFile) or context.wanted.unknown:
        return
    if context.wanted.made:
        yield stale(f"follows {', '.join(context.wanted.made)}", "certificate_authorities")
    elif (found := set(context.found.ca_fingerprints)) != set(context.wanted.fingerprints):
        yield stale(
            "it trusts other CAs",
            "certificate_authorities",
            current=", ".join(sorted(found)),
            planned=", ".join(context.wanted.fingerprints),
        )


def identity_differs(context: KubeconfigContext) -> Iterator[Finding]:
    """The embedded certificate and key, or the files it refers to, are not the component's."""
    found, desired = context.found, context.desired
    if not isinstance(found, KubeconfigFile) or context.follows:
        return
    references = (found.client_certificate_path, found.client_key_path)
    if not desired.embed:
        wanted = (desired.client_certificate, desired.client_key)
        if references != wanted or not isinstance(found.certificate, Absent) or not isinstance(found.key, Absent):
            yield stale(
                "it does not refer to the component's files",
                "client_certificate",
                current=", ".join(references),
                planned=", ".join(wanted),
            )
        return
    if references != ("", ""):
        yield stale("it refers to files instead of holding certificate and key", "client_certificate")
        return
    if context.component.kubeconfig == desired.address:  # then what it holds is what was checked as the component
        return
    yield from _embedded(context, found)


def _embedded(context: KubeconfigContext, found: KubeconfigFile) -> Iterator[Finding]:
    pair, served = context.pair, context.authority.served
    if not isinstance(pair.certificate, Certificates) or not isinstance(pair.key, Key):
        return  # nothing to compare with: the component has findings of its own
    behind = pair.certificate.chain[1:] if served is None else served
    wanted = (pair.certificate.chain[0].fingerprint, *(link.fingerprint for link in behind))
    held = tuple(link.fingerprint for link in found.certificate.chain) if isinstance(found.certificate, Certificates) else ()
    if held != wanted:
        yield stale(
            f"it does not hold the certificate of {context.component.address}",
            "client_certificate",
            current=held[0] if held else None,
            planned=wanted[0],
        )
    elif not isinstance(found.key, Key) or found.key.facts.spki_sha256 != pair.key.facts.spki_sha256:
        yield stale(f"it does not hold the key of {context.component.address}", "client_key")


def extras(context: KubeconfigContext) -> Iterator[Finding]:
    """It holds more than it should, such as a second user or ``insecure-skip-tls-verify``."""
    if isinstance(context.found, KubeconfigFile) and context.found.extras:
        names = ", ".join(context.found.extras)
        yield stale(f"it holds more than it should: {names}", "extras", current=names, planned="")


def names_changed(context: KubeconfigContext) -> Iterator[Finding]:
    """The desired names of its entries are others than when we wrote it; names in files that we did not write are free."""
    record = context.record
    if not isinstance(context.found, KubeconfigFile) or record is None or not record.requested:
        return
    wanted = kubeconfig_request(context.desired)
    if record.requested != wanted:
        yield stale("its entries have other names", "names", current=record.requested, planned=wanted)


def reissue_requested(context: KubeconfigContext) -> Iterator[Finding]:
    """``--replace`` names it."""
    if context.replace and not isinstance(context.found, Absent):
        yield Finding(reason=Reason.REISSUE_REQUESTED, action=Action.REPAIR, message="--replace asks for it", path="replace")


def file_drift(context: KubeconfigContext) -> Iterator[Finding]:
    """Its mode or owner is another."""
    if isinstance(context.found, KubeconfigFile):
        yield from secret_mode(context.found.meta, context.desired.access.mode, "mode")
        yield from owners(context.desired.access, [context.found.meta], context.observed)


def awaits(context: KubeconfigContext) -> bool:
    """Whether there is nothing to embed before somebody outside has signed for its component."""
    if not context.desired.embed or context.decision is None or not context.decision.asks:
        return False
    return not isinstance(context.pair.certificate, Certificates) or not isinstance(context.pair.key, Key)


def held_by(context: KubeconfigContext) -> str:
    """What keeps the file from being written: a CA, or whatever holds its component back."""
    if context.wanted.held_by or not context.desired.embed:
        return context.wanted.held_by
    decision = context.decision
    if decision is None or not decision.blocked:
        return ""
    pair = context.pair
    usable = isinstance(pair.certificate, Certificates) and isinstance(pair.key, Key)
    if usable and not any(finding.reason == Reason.KEY_MISMATCH for finding in decision.findings):
        return ""  # what it has now can be written once more
    return decision.held_by or decision.address


def is_foreign(context: KubeconfigContext) -> bool:
    """Whether writing would take something from somebody: contexts and users of their own, or an unknown identity."""
    if isinstance(context.found, Absent):
        return False
    if isinstance(context.found, Unusable) or context.found.extras:
        return True
    decision = context.decision if context.component.kubeconfig == context.desired.address else None
    return decision is not None and any(finding.reason == Reason.FOREIGN for finding in decision.findings)


def stale(message: str, path: str, *, current: str | None = None, planned: str | None = None) -> Finding:
    """The file, or an entry in it, says something else than it should."""
    return Finding(reason=Reason.OUTPUT_STALE, action=Action.REPAIR, message=message, path=path, current=current, planned=planned)
