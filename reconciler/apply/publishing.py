"""Journaled publication: intent, staging, verification, one swap. Alone or many at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import msgspec
from msgspec.structs import replace

from reconciler.apply.journal import Abandoned, Intent, Issued, Published
from reconciler.apply.run import FAILURES, Run
from reconciler.desired.model import Access
from reconciler.desired.place import Place
from reconciler.plan.build import Work
from reconciler.plan.inventory import Record
from reconciler.stores.errors import PartlyCommittedError, StoreError
from reconciler.stores.publication import OutFile, Publication, Staged
from reconciler.vault.errors import Kind, VaultError
from reconciler.x509.errors import UnreadableError
from reconciler.x509.keys import read_key_facts
from reconciler.x509.read import read_certificates

Made = tuple[tuple[OutFile, ...], Record]

#: Answers after which a server has signed nothing.
_NOTHING_DONE: Final = frozenset(
    {Kind.UNREACHABLE, Kind.SEALED, Kind.BUSY, Kind.DENIED, Kind.REFUSED, Kind.ABSENT, Kind.CONFIGURATION}
)


class Intention(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is about to be published."""

    work: Work
    intent: Intent
    access: Access
    make: Callable[[], Made]
    """Signs; returns the files and the record of what they are."""
    started: float


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """An intention whose files are ready, and nowhere yet."""

    publication: Publication
    record: Record


def publish_ready(
    run: Run,
    work: Work,
    *,
    place: Place,
    access: Access,
    files: tuple[OutFile, ...],
    record: Record,
    started: float,
    address: str = "",
) -> None:
    """Publishes one set of files whose content is ready.

    Args:
        run: names the cluster and makes the id.
        work: what asks for it.
        place: where it will be published.
        access: who may read it.
        files: what will be published.
        record: of what they are.
        started: when the step began.
        address: whose they are, when that is not the work's.

    Raises:
        StoreError, UnreadableError, LintError: the old files are untouched.
    """
    intention = intend(run, work, place, access, lambda: (files, record), started=started, record=record)
    if address:
        intention = replace(intention, intent=replace(intention.intent, address=address))
    result = _publish(run, [intention])[intention.intent.id]
    if isinstance(result, Exception):
        raise result


def publish_all(run: Run, intentions: Sequence[Intention]) -> None:
    """Publishes a batch: one journal write before anything is signed, one round of directory syncs for all swaps."""
    published = _publish(run, intentions)
    for intention in intentions:
        result = published[intention.intent.id]
        if isinstance(result, Exception):
            run.fail(intention.work, result)
        else:
            run.finish(intention.work, record=result, started=intention.started, detail=result.serial)


def intend(
    run: Run,
    work: Work,
    place: Place,
    access: Access,
    make: Callable[[], Made],
    *,
    started: float,
    record: Record | None = None,
    serial: str = "",
    spki_sha256: str = "",
    asked: str = "",
) -> Intention:
    """An intention with the journal record that will stand before anything is signed.

    Args:
        run: names the cluster and makes the id.
        work: what asks for it.
        place: where it will be published.
        access: who may read it.
        make: signs, in any thread.
        started: when the step began.
        record: of files that are ready; gives serial and key.
        serial: reserved for what will be signed.
        spki_sha256: of the key that will be certified.
        asked: name of the CA whose server signs; empty when we do.
    """
    return Intention(
        work=work,
        intent=Intent(
            id=run.new_id(),
            address=work.address,
            cluster=run.desired.cluster,
            serial=record.serial if record else serial,
            spki_sha256=record.spki_sha256 if record else spki_sha256,
            reasons=tuple(dict.fromkeys(finding.reason.value for finding in work.findings)),
            place=place,
            asked=asked,
            at=run.now() if asked else None,
        ),
        access=access,
        make=make,
        started=started,
    )


def pair_problem(files: Mapping[str, bytes]) -> str | None:
    """What is wrong with the files of a pair, by suffix: a key that is not the certificate's; None when all is well."""
    certificate, key = files.get(".crt"), files.get(".key")
    if certificate is None or key is None:
        return None
    try:
        if read_key_facts(key).spki_sha256 != read_certificates(certificate)[0].facts.spki_sha256:
            return "the key is not the certificate's"
    except UnreadableError as error:
        return f"it cannot be read back: {error}"
    return None


def _fits(file: OutFile, record: Record) -> bool:
    """Whether a key file, as it will be read, is the key of the certificate that was signed."""
    return file.suffix != ".key" or read_key_facts(file.data).spki_sha256 == record.spki_sha256


def _publish(run: Run, intentions: Sequence[Intention]) -> dict[str, Record | Exception]:
    """1. journal the intents, 2. sign, 3. stage, 4. journal what is durable, 5. swap, 6. journal what is visible.

    Dying before 4 undoes the intents, dying after it completes them; see `reconciler.apply.recovery`. A lease that is lost is
    as good as a death before 4: it is asked for before each signature, and before files may become visible.

    Raises:
        LeaseLostError: nothing was made visible.
    """
    run.leadership.ensure()
    run.journal.append([intention.intent for intention in intentions])
    made = _made_all(run, intentions)
    signed = {id_: result for id_, result in made.items() if isinstance(result, Signed)}
    staged = dict(zip(signed, run.store.stage_all([each.publication for each in signed.values()]), strict=True))
    results: dict[str, Record | Exception] = {}
    asked = {intention.intent.id: intention.intent.asked for intention in intentions}
    staging: list[Abandoned | Issued] = []
    for id_, result in made.items():
        outcome = staged[id_] if isinstance(result, Signed) else result
        if isinstance(result, Signed) and isinstance(outcome, Staged):
            results[id_] = result.record
            staging.append(Issued(id=id_, record=result.record, digests=outcome.digests, made_from=outcome.made_from))
        elif isinstance(outcome, Exception):
            results[id_] = outcome
            if not (asked[id_] and _may_be_signed(result)):
                staging.append(Abandoned(id=id_, why=str(outcome)))
    run.leadership.ensure()
    run.journal.append(staging)
    try:
        run.store.commit_all([one for one in staged.values() if isinstance(one, Staged)])
    except PartlyCommittedError as error:
        # These may be visible without being durable: they stay open in the journal, and recovery completes them.
        results.update(error.failed)
    run.journal.append([Published(id=id_) for id_, result in results.items() if isinstance(result, Record)])
    return results


def _made_all(run: Run, intentions: Sequence[Intention]) -> dict[str, Signed | Exception]:
    """Signs: what a server signs in several threads, which wait for it most of the time."""
    far = [intention for intention in intentions if intention.intent.asked]
    near = (intention for intention in intentions if not intention.intent.asked)
    made = {intention.intent.id: _made(run, intention) for intention in near}
    if len(far) > 1 and run.parallelism > 1:
        with ThreadPoolExecutor(min(run.parallelism, len(far)), "issuers") as pool:
            signed = list(pool.map(partial(_made, run), far))
    else:
        signed = [_made(run, intention) for intention in far]
    return made | {intention.intent.id: each for intention, each in zip(far, signed, strict=True)}


def _may_be_signed(result: Signed | Exception) -> bool:
    """Whether a server may have signed something that will not be published: its intent stays open until that is told."""
    return not (isinstance(result, StoreError) or (isinstance(result, VaultError) and result.kind in _NOTHING_DONE))


def _labels(run: Run, record: Record) -> dict[str, str]:
    known = {
        "serial": record.serial,
        "not_after": record.not_after.isoformat() if record.not_after else "",
        "issuer": record.issuer,
        "revision": run.revision,
    }
    return {name: value for name, value in known.items() if value}


def _made(run: Run, intention: Intention) -> Signed | Exception:
    place = intention.intent.place
    run.leadership.ensure()
    try:
        run.store.ensure_space(place)  # before anything is signed that could not be kept
        files, record = intention.make()
        if not all(_fits(file, record) for file in files):
            return StoreError(place.absolute, "the key is not the certificate's")
        uid, gid = run.ids(intention.access)
    except FAILURES as error:
        return error
    publication = Publication(
        address=intention.intent.address,
        cluster=run.desired.cluster,
        intent=intention.intent.id,
        place=place,
        files=files,
        uid=uid,
        gid=gid,
        fingerprint=record.fingerprint,
        labels=_labels(run, record),
        created_at=run.now().replace(microsecond=0),
    )
    return Signed(publication=publication, record=record)
