"""Whether anything still rests on a CA of which nothing is there."""

from __future__ import annotations

from collections.abc import Container
from itertools import chain

from reconciler.desired.model import CA
from reconciler.observed.model import Absent, Certificates
from reconciler.plan.checks_time import instant
from reconciler.plan.context import Situation
from reconciler.x509.facts import CertificateFacts


def live_dependent(ca: CA, situation: Situation) -> str | None:
    """What would be cut off if the CA were made anew, as a sentence without a full stop; None when nothing is.

    Args:
        ca: a CA whose certificate and key are both absent.
        situation: what was found.
    """
    if ca.address in situation.records:
        return "It was made or taken over here before, and its files are gone"
    for replica in ca.replicas:
        copy = situation.pair(replica.address)
        if not isinstance(copy.certificate, Absent) or not isinstance(copy.key, Absent):
            return f"A copy of it is at {replica.place.absolute}"
    return unsigned_dependent(ca, situation)


def unsigned_dependent(ca: CA, situation: Situation, known: Container[str] = ()) -> str | None:
    """What leads to a key of this CA that is not there any more, as a sentence without a full stop; None when nothing does."""
    return unsigned_leaf(ca, situation) or _trusted(ca, situation, known)


def unsigned_leaf(ca: CA, situation: Situation) -> str | None:
    """A certificate below this CA that none of our CAs signed, as a sentence without a full stop; None when there is none."""
    below = chain(
        (child.address for child in situation.desired.cas.values() if child.issuer == ca.name),
        (component.address for component in situation.desired.components.values() if component.ca == ca.name),
    )
    for address in below:
        if (found := _alive(address, situation)) is not None:
            return f"{address} is below it and valid until {instant(found.not_after)}"
    return None


def lost_generation(ca: CA, situation: Situation) -> str | None:
    """What a generation that is to be made left behind when it was there before; None when it never was, or nobody can tell.

    By its name, which it shares with no other generation unless people wrote it by hand.

    Args:
        ca: as the generation is wanted; nothing of it is there.
        situation: what was found.
    """
    if not ca.numbered or ca.generation == 1:
        return None
    for address, component in situation.desired.components.items():
        leaf = _alive(address, situation) if component.ca == ca.name else None
        if leaf is not None and leaf.issuer.same_as(ca.subject):
            return f"{address} was signed by it and is valid until {instant(leaf.not_after)}"
    return _trusted(ca, situation, ())


def _trusted(ca: CA, situation: Situation, known: Container[str]) -> str | None:
    """A bundle that holds a certificate of this CA's name, around none of these keys."""
    for bundle in situation.desired.bundles.values():
        seen = situation.observed.bundles.get(bundle.address) if ca.name in bundle.cas else None
        if seen is not None and isinstance(seen.certificates, Certificates):
            for anchor in seen.certificates.chain:
                named = anchor.subject.same_as(ca.subject) and anchor.spki_sha256 not in known
                if named and anchor.not_after >= situation.now:
                    return f"{bundle.address} holds a certificate of it that is valid until {instant(anchor.not_after)}"
    return None


def _alive(address: str, situation: Situation) -> CertificateFacts | None:
    """The certificate at an address, if it has not expired and may be the CA's.

    One that signed itself is not (the kubelet makes such), nor is one that another of our CAs signed.
    """
    pair = situation.pair(address)
    if not isinstance(pair.certificate, Certificates) or pair.signed_by:
        return None
    leaf = pair.certificate.chain[0]
    return None if leaf.self_signed or situation.now > leaf.not_after else leaf
