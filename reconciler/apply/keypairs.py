"""Makes keypairs, and gives every replica the same key."""

from __future__ import annotations

from reconciler.apply.access import is_access_only, repair_access
from reconciler.apply.files import keypair_files
from reconciler.apply.publishing import publish_ready
from reconciler.apply.records import keypair_record
from reconciler.apply.run import Run
from reconciler.desired.model import Keypair, Replica
from reconciler.observed.model import Key
from reconciler.plan.build import Work
from reconciler.plan.keypairs import reference_replica
from reconciler.stores.read import must_read
from reconciler.x509.keys import PrivateKey


def write(run: Run, work: Work, keypair: Keypair, replica: Replica, started: float) -> None:
    """Brings one replica up to date: with the key that the keypair has, or with a new one when it has none.

    Raises:
        BlockedError, StoreError, UnreadableError: the old files are untouched.
    """
    if is_access_only(work):
        modes = {f"{replica.place.absolute}{suffix}": keypair.access.mode for suffix in (".key", ".pub")}
        repair_access(run, work, keypair.access, modes, started)
        return
    key = _key_of(run, keypair)
    record = keypair_record(replica.place, keypair.access, spki_sha256=key.facts.spki_sha256, generation=keypair.generation)
    files = keypair_files(key, keypair.access)
    publish_ready(run, work, place=replica.place, access=keypair.access, files=files, record=record, started=started)
    run.finish(work, record=record, started=started)


def _key_of(run: Run, keypair: Keypair) -> PrivateKey:
    """The keypair's key: one made or read earlier in this run, else the reference replica's, else a new one."""
    known = run.keypairs.get(keypair.name)
    if known is None:
        reference = reference_replica(keypair, run.observed, run.records)
        if reference is not None and isinstance(run.observed.keypairs[reference.address].key, Key):
            known = PrivateKey.from_pem(must_read(f"{reference.place.absolute}.key"))
        else:
            known = PrivateKey.generate(keypair.key)
        run.keypairs[keypair.name] = known
    return known
