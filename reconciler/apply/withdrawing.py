"""What a server signed and nobody is to use any more: revoked there, also where we publish no list that would ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from reconciler.apply.run import Run
from reconciler.desired.model import CA
from reconciler.desired.vault import PkiKey
from reconciler.observed.model import Certificates
from reconciler.plan.inventory import REVOKED_THERE, Revoked
from reconciler.vault.errors import VaultError


def withdrawn(run: Run, revoked: Iterable[Revoked]) -> tuple[Revoked, ...]:
    """Revokes what is not revoked yet, by the serial number; what fails is noted, and tried again by the next apply.

    Args:
        run: after its work is done.
        revoked: what is out of use; what git says beside that is added.

    Returns:
        The same, with what the server has done.
    """
    # A view that only fetches has no keyrings: the one that issues sees to it.
    here = (ca for ca in run.desired.cas.values() if isinstance(ca.key_in, PkiKey) and ca.name in run.keyrings)
    silent = {ca.address: ca for ca in here if not ca.publishes}
    known = {(each.issuer, each.serial): each for each in revoked}
    for each in _written(run, silent):
        known.setdefault((each.issuer, each.serial), each)
    return tuple(
        _revoked(run, silent[each.issuer], each) if each.issuer in silent and not each.signer else each for each in known.values()
    )


def _written(run: Run, silent: dict[str, CA]) -> Iterator[Revoked]:
    """What git revokes, and nobody uses."""
    used = set()
    for address in run.desired.components:
        pair = run.observed.pairs.get(address)
        if pair is not None and isinstance(pair.certificate, Certificates) and address not in run.done:
            used.add(pair.certificate.chain[0].serial)
    for entry in run.desired.revocations:
        if f"ca.{entry.ca}" in silent and entry.serial not in used:
            at = entry.at or run.now().replace(microsecond=0)
            yield Revoked(serial=entry.serial, issuer=f"ca.{entry.ca}", at=at, reason=entry.reason, address=entry.component)


def _revoked(run: Run, ca: CA, each: Revoked) -> Revoked:
    if each.not_after is not None and each.not_after < run.now():
        return each
    try:
        run.keyrings[ca.name].revoke_serial(each.serial)
    except VaultError as error:
        run.failed.setdefault(each.address or ca.address, f"serial {each.serial} is not revoked: {error.advice}")
        return each
    return replace(each, signer=REVOKED_THERE)
