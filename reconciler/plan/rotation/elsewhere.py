"""CAs whose keys are kept by a server: what that changes about making one, and about one that cannot sign. Decisions.

What signs is a certificate in our store and the key that the server has for it. Where the server keeps a certificate of
a generation too, publishing that makes nothing new.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from reconciler.desired.external import is_external
from reconciler.desired.model import CA, generation_address
from reconciler.desired.vault import ExternalKey, PkiKey
from reconciler.observed.model import HeldKey, Unusable
from reconciler.plan.checks_authority import told
from reconciler.plan.context import Refusal, Situation
from reconciler.plan.reasons import Finding, Reason
from reconciler.plan.rotation.observe import key_at
from reconciler.x509.facts import CertificateFacts


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """That a server decides what becomes of a generation of which our store has nothing."""

    certificate: CertificateFacts | None = None
    """The one that the server keeps: it is only published."""
    refusal: Refusal | None = None
    """Why it cannot be had."""


def engine_of(ca: CA) -> str:
    """Where the key of a CA is, for people."""
    where = ca.key_in
    if isinstance(where, ExternalKey):
        return "somebody else's hands"
    if where is None:
        return ca.place.file(".key")
    name = "" if isinstance(where, PkiKey) else f", key {where.name}"
    return f"{where.mount}{name} behind connection {where.connection}"


def files_of(ca: CA) -> str:
    """What a CA consists of, for people: its files, or its certificate and where the key is."""
    certificate = ca.place.file(".crt")
    if is_external(ca):
        return f"{certificate}, whose key is not here"
    if ca.key_in is None:
        return f"{certificate} and {ca.place.file('.key')}"
    return f"{certificate}, with its key in {engine_of(ca)}"


def kept_elsewhere(ca: CA, situation: Situation) -> Elsewhere | None:
    """What a server says about a generation that our store lacks; None when it says nothing, and it may have to be made.

    Args:
        ca: as the generation is wanted.
        situation: what was found.
    """
    if is_external(ca):
        return Elsewhere(refusal=_not_brought(ca))
    held = situation.observed.held.get(ca.address, ())
    if isinstance(held, Unusable):
        finding = told(Reason.UNREADABLE, f"key: {held.detail.rstrip('.')} ({held.problem})", "key", current=held.problem)
        summary = f"{ca.address} is not here, and its key cannot be asked for: {held.detail.rstrip('.')}"
        return Elsewhere(refusal=_refusal(ca, held.problem, summary, "Nothing is made while that cannot be told.", finding))
    if (kept := taken_over(ca, held)) is not None:
        used = kept.facts.spki_sha256 in {
            key_at(address, situation.observed) for address in (ca.address, *_beside(ca, situation))
        }
        return Elsewhere(refusal=_same_key(ca, kept)) if used else Elsewhere(certificate=kept.certificate)
    if isinstance(ca.key_in, PkiKey) and not ca.key_in.create:
        return Elsewhere(refusal=_nothing_to_take_over(ca, ca.key_in))
    return None


def taken_over(ca: CA, held: tuple[HeldKey, ...]) -> HeldKey | None:
    """The certificate and key that a server has for a generation; None when it has none.

    One that we do not make is the issuer that the document names, else the default of its mount.
    """
    kept = [each for each in held if each.certificate is not None]
    if isinstance(ca.key_in, PkiKey) and not ca.key_in.create:
        return next((each for each in kept if each.named(ca.key_in.issuer)), None)
    return next((each for each in kept if each.generation == ca.generation), None)


def stranger_by_default(ca: CA, situation: Situation) -> HeldKey | None:
    """What signs in the mount of a CA for everybody who names no issuer, when it is none of ours; else None.

    We always name one, so nothing changes for us: somebody has changed it for others, or means to change it for us.
    """
    held = situation.observed.held.get(ca.address, ())
    if not isinstance(ca.key_in, PkiKey) or isinstance(held, Unusable):
        return None
    here = (ca.key_in.connection, ca.key_in.mount)
    ours = {
        key_at(address, situation.observed)
        for other in situation.desired.cas.values()
        if isinstance(other.key_in, PkiKey) and (other.key_in.connection, other.key_in.mount) == here
        for address in (other.address, *_beside(other, situation))
    }
    return next((each for each in held if each.default and each.facts.spki_sha256 not in ours), None)


def another_named(ca: CA, signing: CA, situation: Situation) -> bool:
    """Whether the issuer that the document names is not, or not any more, the one whose certificate we hold.

    The certificate decides who signs, until a rotation puts another one into its place.

    Args:
        ca: as it is desired.
        signing: the generation that signs.
        situation: what was found.
    """
    held = situation.observed.held.get(ca.address, ())
    if not (isinstance(ca.key_in, PkiKey) and ca.taken_as_it_is and ca.key_in.issuer) or isinstance(held, Unusable):
        return False
    if signing.generation != ca.generation:  # it is on its way
        return False
    ours = key_at(ca.address, situation.observed)
    named = [each for each in held if each.named(ca.key_in.issuer)]
    return not any(each.facts.spki_sha256 == ours for each in named)


def _beside(ca: CA, situation: Situation) -> Iterator[str]:
    numbers = situation.observed.generations.get(ca.address, ())
    return (generation_address(ca.address, number) for number in numbers)


def no_key_held(ca: CA) -> Refusal:
    """That the server has no key for a CA."""
    return _refusal(
        ca,
        "ca-key-missing",
        f"{ca.address} cannot sign: there is no key for it in {engine_of(ca)}",
        "The issuer or key was removed there, or the certificate in our store belongs to another one. It is never made anew: "
        "nothing that exists would chain to a new key. Restore it there, or name another with `generation`.",
        told(Reason.MISSING, "there is no key", "key"),
    )


def _same_key(ca: CA, kept: HeldKey) -> Refusal:
    """That the issuer for a further generation is the one of a generation that is there."""
    return _refusal(
        ca,
        "generation-not-there",
        f"generation {ca.generation} of {ca.address} is not in {engine_of(ca)}: {kept.name or kept.reference} is in use already",
        "This CA is made by others. Have a new issuer made there, and name it: issuer: {vault: {issuer: NAME}}.",
        told(Reason.MISSING, "there is no certificate and no key"),
    )


def _not_brought(ca: CA) -> Refusal:
    """That the certificate of an external CA was never put here."""
    return _refusal(
        ca,
        "ca-certificate-missing",
        f"the certificate of {ca.address}, an external CA, is not here",
        f"Put it at {ca.place.file('.crt')}. Its key stays where it is: certificates are asked for by signing requests.",
        told(Reason.MISSING, "there is no certificate", "certificate"),
    )


def _nothing_to_take_over(ca: CA, where: PkiKey) -> Refusal:
    """That the issuer which the document means is not there."""
    which = f"issuer {where.issuer}" if where.issuer else "default issuer"
    return _refusal(
        ca,
        "ca-key-missing",
        f"{ca.address} cannot be taken over: {engine_of(ca)} has no {which} with a key",
        "Name one that is there with `issuer`, or let it be made there with `create: true`.",
        told(Reason.MISSING, "there is no such issuer", "key"),
    )


def _refusal(ca: CA, code: str, summary: str, detail: str, finding: Finding) -> Refusal:
    return Refusal(address=ca.address, code=code, summary=summary, detail=detail, finding=finding, severe=True, keeps_files=False)
