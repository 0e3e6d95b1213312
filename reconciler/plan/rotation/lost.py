"""Generations whose files are gone, or are none of them, while others are there: nothing takes their place. Decisions.

What stands beside a lost signing pair may be a generation that nobody has been made ready for. To let it sign because there
is nothing else would be a hard replacement of the CA: all certificates at once, and the old one out of all trust files. In
the same way nobody stops trusting a generation because somebody tidied up its files too early.
"""

from __future__ import annotations

from typing import Final

from reconciler.desired.external import is_external
from reconciler.desired.model import CA
from reconciler.observed.model import Absent
from reconciler.plan.checks_authority import told
from reconciler.plan.context import Authority, Refusal, Situation
from reconciler.plan.dependents import unsigned_dependent, unsigned_leaf
from reconciler.plan.reasons import Reason
from reconciler.plan.rotation.authority import of_generation
from reconciler.plan.rotation.observe import Family, in_use, key_at


def lost_signing_pair(ca: CA, family: Family, situation: Situation) -> Refusal | None:
    """Why nothing may sign for a CA, while generations of it stand beside its place; None when all is as it should be.

    Args:
        ca: the CA.
        family: its generations.
        situation: what was found.
    """
    if is_external(ca):
        return _exchanged(ca, situation)
    if not family.beside:
        return None
    pair, record = situation.pair(ca.address), situation.records.get(ca.address)
    if isinstance(pair.certificate, Absent) and isinstance(pair.key, Absent):
        lost = record.generation not in family.beside if record is not None else unsigned_dependent(ca, situation, family.keys)
        return _refusal(ca, "its signing pair is gone, and does not stand beside its place", _restore(ca)) if lost else None
    if family.signing == 0:
        number = record.generation if record is not None else 0
        beside = f" What it should hold stands in {ca.place.of_generation(number).absolute}.*." if number in family.beside else ""
        return _refusal(ca, "its signing pair cannot be used, or is none of its generations", f"{_restore(ca)}{beside}")
    noted = record.spki_sha256 if record is not None else ""
    if family.signing not in family.beside and noted not in {"", key_at(ca.address, situation.observed)}:
        return _refusal(ca, "another CA was put into its place while it rotates", _restore(ca))
    return None


def _exchanged(ca: CA, situation: Situation) -> Refusal | None:
    """That another CA stands where an external one was, while certificates of that one are alive: all would fail at once."""
    record, key = situation.records.get(ca.address), key_at(ca.address, situation.observed)
    dependent = unsigned_leaf(ca, situation)
    if record is None or record.spki_sha256 in {"", key} or not key or dependent is None:
        return None
    path = ca.place.file(".crt")
    return Refusal(
        address=ca.address,
        code="ca-exchanged",
        summary=f"{ca.address} is another CA than before: the certificate at {path} has another key",
        detail=f"{dependent}. Put the certificate of the old CA back at {path}, and the new one beside it as a CA with a "
        "name and a path of its own: trust both, move the components, then drop the old one. Until then nothing is asked for, "
        "and no trust file is written.",
        finding=told(Reason.KEY_MISMATCH, "its certificate has another key than before", "certificate"),
        severe=True,
        keeps_files=False,
    )


#: What follows from it, for people.
STILL_TRUSTED: Final = (
    "Nothing is taken out of a trust file until they are back: processes may still use what that generation signed. "
    "To end the rotation sooner, restore them and say `rotation: {soak: 0s}`."
)


def lost_authorities(ca: CA, family: Family, situation: Situation) -> dict[int, Authority]:
    """The generations of a CA that are trusted and whose files are gone, by number; none of them may leave a trust file."""
    used = in_use(situation.records.get(ca.address), family.signing, unsigned=unsigned_leaf(ca, situation) is not None)
    return {
        number: Authority(desired=of_generation(ca, number), certificate=None, refusal=_gone(ca, number))
        for number in used - set(family.keys.values())
    }


def _gone(ca: CA, number: int) -> Refusal:
    place = ca.place.of_generation(number)
    why = f"the certificate of generation {number} is gone, or cannot be read, while it is still trusted"
    return Refusal(
        address=ca.address,
        code="ca-certificate-missing",
        summary=f"{ca.address}: {why}",
        detail=f"Restore {place.file('.crt')} and {place.file('.key')}; the certificate stands in every trust file too. "
        f"{STILL_TRUSTED}",
        finding=told(Reason.MISSING, why, "generation"),
        severe=True,
        keeps_files=False,
    )


def _restore(ca: CA) -> str:
    return (
        f"Restore {ca.place.file('.crt')} and {ca.place.file('.key')} from a backup. Until then nothing is issued, and nothing "
        "is taken out of a trust file: another generation does not take over before everybody is ready for it."
    )


def _refusal(ca: CA, why: str, detail: str) -> Refusal:
    return Refusal(
        address=ca.address,
        code="ca-certificate-missing",
        summary=f"{ca.address} cannot sign: {why}",
        detail=detail,
        finding=told(Reason.MISSING, why, "certificate"),
        severe=True,
        keeps_files=False,
    )
