"""Makes keypairs and their generations, and gives every replica the key that signs and the keys that are accepted."""

from __future__ import annotations

from reconciler.apply.access import is_access_only, repair_access
from reconciler.apply.files import keypair_files
from reconciler.apply.publishing import publish_ready
from reconciler.apply.records import keypair_record
from reconciler.apply.run import Run
from reconciler.desired.model import Keypair, Replica, generation_address
from reconciler.desired.place import Place
from reconciler.plan.build import Work
from reconciler.plan.rotation.keypair_life import KeypairLife
from reconciler.stores.store import read_from
from reconciler.x509.keys import PrivateKey


def write(run: Run, work: Work, keypair: Keypair, replica: Replica, started: float) -> None:
    """Brings one replica up to date: with the keys that the keypair has, or with a new one when it has none.

    Raises:
        BlockedError, StoreError, UnreadableError: the old files are untouched.
    """
    if is_access_only(work):
        modes = {replica.place.file(suffix): keypair.access.mode for suffix in (".key", ".pub")}
        repair_access(run, work, keypair.access, modes, started)
        return
    life = run.keypair_lives.get(keypair.name)
    accepted: list[int] = []
    if life is None:
        number = _first(run, work, keypair, started)
    else:
        _settle_beside(run, work, life, started)
        number = life.number
        accepted += (each for each in life.standing.trusted if each != number)
    key = _key(run, keypair, number)
    record = keypair_record(replica.place, keypair.access, spki_sha256=key.facts.spki_sha256, generation=number)
    files = keypair_files(key, keypair.access, accepted=[_key(run, keypair, each) for each in accepted])
    publish_ready(run, work, place=replica.place, access=keypair.access, files=files, record=record, started=started)
    if life is not None:
        for retired in life.standing.retiring if replica is keypair.replicas[0] else ():
            run.store.remove(keypair.replicas[0].place.of_generation(retired), (".key", ".pub"), for_good=True)
    run.finish(work, record=record, started=started)


def _first(run: Run, work: Work, keypair: Keypair, started: float) -> int:
    """Makes the key of a keypair that has none, once a run; a later generation than the first stands for itself too."""
    number = keypair.generation
    if (keypair.name, number) not in run.keypairs:
        run.keypairs[keypair.name, number] = PrivateKey.generate(keypair.key)
        if number > 1:
            _publish_beside(run, work, keypair, number, started)
    return number


def _settle_beside(run: Run, work: Work, life: KeypairLife, started: float) -> None:
    """Before anything else: the generation that comes in is durable, and so is the one that leaves the replicas."""
    keypair, standing = life.desired, life.standing
    if life.making and (keypair.name, standing.target) not in run.keypairs:
        run.keypairs[keypair.name, standing.target] = PrivateKey.generate(keypair.key)
        _publish_beside(run, work, keypair, standing.target, started)
    leaves = standing.signing if standing.signing not in {0, life.number, *life.beside} else 0
    if leaves and (keypair.name, leaves) not in run.keypairs:
        _key(run, keypair, leaves)
        _publish_beside(run, work, keypair, leaves, started)


def _publish_beside(run: Run, work: Work, keypair: Keypair, number: int, started: float) -> None:
    home = keypair.replicas[0].place.of_generation(number)
    key = run.keypairs[keypair.name, number]
    publish_ready(
        run,
        work,
        place=home,
        access=keypair.access,
        files=keypair_files(key, keypair.access),
        record=keypair_record(home, keypair.access, spki_sha256=key.facts.spki_sha256, generation=number),
        started=started,
        address=generation_address(keypair.address, number),
    )


def _key(run: Run, keypair: Keypair, number: int) -> PrivateKey:
    """The private key of a generation: made or read earlier in this run, else read from where it stands."""
    known = run.keypairs.get((keypair.name, number))
    if known is None:
        known = PrivateKey.from_pem(read_from(run.store, _place(run, keypair, number).file(".key")))
        run.keypairs[keypair.name, number] = known
    return known


def _place(run: Run, keypair: Keypair, number: int) -> Place:
    life = run.keypair_lives[keypair.name]
    if number in life.beside:
        return keypair.replicas[0].place.of_generation(number)
    return next(replica.place for replica in keypair.replicas if replica.address == life.reference)
