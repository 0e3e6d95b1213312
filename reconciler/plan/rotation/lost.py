"""A signing pair that is gone, or is none of the generations, while others stand beside it: nothing takes its place. Decisions.

What stands beside may be a generation that nobody has been made ready for. To let it sign because there is nothing else
would be a hard replacement of the CA: all certificates at once, and the old one out of all trust files.
"""

from __future__ import annotations

from reconciler.desired.model import CA
from reconciler.observed.model import Absent
from reconciler.plan.checks_authority import told
from reconciler.plan.context import Refusal, Situation
from reconciler.plan.dependents import unsigned_dependent
from reconciler.plan.reasons import Reason
from reconciler.plan.rotation.observe import Family, key_at


def lost_signing_pair(ca: CA, family: Family, situation: Situation) -> Refusal | None:
    """Why nothing may sign for a CA, while generations of it stand beside its place; None when all is as it should be.

    Args:
        ca: the CA.
        family: its generations.
        situation: what was found.
    """
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


def _restore(ca: CA) -> str:
    path = ca.place.absolute
    return (
        f"Restore {path}.crt and {path}.key from a backup. Until then nothing is issued, and nothing is taken out of a trust "
        "file: another generation does not take over before everybody is ready for it."
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
