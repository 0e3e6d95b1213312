"""CAs in the view of a node that fetches what another view makes: they are looked at, and nothing becomes of them. Decisions."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from reconciler.desired.model import CA
from reconciler.desired.store import KV_LAYOUT
from reconciler.observed.model import Unusable
from reconciler.plan.context import Authority, Refusal, Situation
from reconciler.plan.document import DiagnosticEntry
from reconciler.plan.reasons import Action, Finding, Reason
from reconciler.plan.rotation.lifecycle import Lifecycle

#: Code of what is told where a node does not see a CA.
UNSEEN = "ca-not-seen"
ELSEWHERE = "ca-elsewhere"


def only_followed(life: Lifecycle) -> Lifecycle:
    """A CA as its followers see it: it signs nothing here, and there is nothing to be done about it."""
    authorities = {number: _without_signing(authority) for number, authority in life.authorities.items()}
    return replace(life, authorities=authorities, task="")


def tell_unseen(life: Lifecycle, situation: Situation) -> Iterator[DiagnosticEntry]:
    """A hint where the certificate of a CA is not to be had: what is fetched is not checked against it then."""
    ca = life.desired
    if life.signing.certificate is not None:
        return
    yield DiagnosticEntry(
        severity="warning",
        code=UNSEEN,
        summary=f"the certificate of {ca.address} is not seen from this node",
        detail=f"{_why(ca, situation)} What is fetched is taken on the word of its source, and no bundle is put together here "
        "with this CA: fetch bundles too, with `copies`.",
        address=ca.address,
    )


def _why(ca: CA, situation: Situation) -> str:
    found = situation.pair(ca.address).certificate
    if ca.place.layout == KV_LAYOUT and ca.key_in is None:
        return f"{ca.place.absolute} holds its key as well, which a node need not be allowed to read."
    if isinstance(found, Unusable):
        return f"{found.detail.rstrip('.')}."
    return f"It should be at {ca.place.absolute}."


def _without_signing(authority: Authority) -> Authority:
    ca = authority.desired
    seen = authority.certificate is not None
    if not seen and authority.refusal is not None:
        return replace(authority, creating=False, refusal=replace(authority.refusal, address=ca.address, severe=False))
    finding = Finding(reason=Reason.MISSING, action=Action.NONE, message="nothing is signed in the view of a node", path="key")
    refusal = Refusal(
        address=ca.address,
        code=ELSEWHERE,
        summary=f"{ca.address} signs nothing in the view of a node",
        detail="What nodes need is issued by the reconciler without --node, into KV, and fetched: give it `copies`.",
        finding=finding,
        severe=False,
        keeps_files=seen,
    )
    return replace(authority, creating=False, refusal=refusal)
