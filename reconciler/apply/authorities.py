"""Makes CAs and their generations, lets another generation sign, renews them, and copies them to where they are wanted.

Each of these is a publication of its own: whatever instant a run dies at, the signing pair and every generation beside
it are whole, and what was durable is used by nobody before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from reconciler.apply.access import repair_access
from reconciler.apply.files import CERTIFICATE_MODE, authority_files
from reconciler.apply.material import above, generation, generation_files, issuer
from reconciler.apply.publishing import publish_ready
from reconciler.apply.records import pair_record
from reconciler.apply.requests import ca_request, renewal_request
from reconciler.apply.run import Run
from reconciler.desired.model import CA, generation_address
from reconciler.desired.place import Place
from reconciler.issuers.local import LocalIssuer
from reconciler.issuers.protocol import Issuer
from reconciler.observed.model import Certificates, Key
from reconciler.plan.build import Work
from reconciler.plan.inventory import Record
from reconciler.plan.rotation.observe import key_at
from reconciler.stores.publication import OutFile, in_order
from reconciler.stores.store import read_from
from reconciler.x509.build import new_serial, renewed, self_signed
from reconciler.x509.csr import signing_request
from reconciler.x509.keys import PrivateKey
from reconciler.x509.read import Certificate, read_certificates

#: A certificate, and its key when that is ours.
Made = tuple[Certificate, PrivateKey | None]


def create(run: Run, work: Work, ca: CA, started: float) -> None:
    """Makes a CA. A later generation than the first stands for itself too, so that its number can be told.

    Raises:
        BlockedError, StoreError, UnreadableError, LintError: nothing signs with it yet.
    """
    number = run.lives[ca.name].standing.target
    certificate, key = _make(run, ca, number)
    files = authority_files(certificate, key, ca.access)
    if number > 1:
        _publish(run, work, ca, files, number=number, beside=True, started=started)
    record = _publish(run, work, ca, files, number=number, beside=False, started=started)
    _known(run, ca, number, certificate, key)
    run.finish(work, record=record, started=started, detail=certificate.facts.serial)


def stage(run: Run, work: Work, ca: CA, started: float) -> None:
    """Makes a further generation beside the one that signs: durable before anybody trusts it.

    Raises:
        BlockedError, StoreError, UnreadableError, LintError: nothing was published.
    """
    number = run.lives[ca.name].standing.target
    certificate, key = _make(run, ca, number)
    files = authority_files(certificate, key, ca.access)
    made = _publish(run, work, ca, files, number=number, beside=True, started=started)
    _known(run, ca, number, certificate, key)
    run.finish(work, record=run.records.get(ca.address), started=started, detail=certificate.facts.serial, issued=made)


def promote(run: Run, work: Work, ca: CA, started: float) -> None:
    """Puts another generation into the signing pair; the one that was in it stands for itself first.

    Raises:
        BlockedError, StoreError, UnreadableError: both are where they were, or stand for themselves already.
    """
    standing = run.lives[ca.name].standing
    number = standing.issues(client=False)
    old = standing.signing
    if old and not _stands_beside(run, ca, old):
        _publish(run, work, ca, _copied(run, ca, old), number=old, beside=True, started=started)
    record = _publish(run, work, ca, _copied(run, ca, number), number=number, beside=False, started=started)
    run.finish(work, record=record, started=started, detail=record.serial)


def renew(run: Run, work: Work, ca: CA, started: float) -> None:
    """A new certificate around the same key, by itself or by the generation of its parent that signs now.

    Raises:
        BlockedError, StoreError, UnreadableError, LintError: nothing was published, or the signing pair is still the old one.
    """
    number = run.lives[ca.name].standing.signing
    certificate, key = _renewed(run, ca, number)
    run.generations[ca.name, number] = certificate
    files = authority_files(certificate, key, ca.access)
    if number in run.observed.generations.get(ca.address, ()):
        _publish(run, work, ca, files, number=number, beside=True, started=started)
    record = _publish(run, work, ca, files, number=number, beside=False, started=started)
    run.finish(work, record=record, started=started, detail=certificate.facts.serial)


def retire(run: Run, work: Work, ca: CA, started: float) -> None:
    """Removes the files of generations that nobody uses any more, and what the signing pair was when they were in it.

    Raises:
        StoreError: something could not be removed.
    """
    keyring = run.keyrings.get(ca.name)
    for number in run.lives[ca.name].standing.retiring:
        place = ca.place.of_generation(number)
        if keyring is not None:  # its certificate is how it is found: that goes last
            keyring.destroy(read_certificates(read_from(run.store, place.file(".crt")))[0])
        run.store.remove(place, ca.suffixes, for_good=True)
    for place in (ca.place, *(replica.place for replica in ca.replicas)):
        run.store.remove_previous(place)
    run.finish(work, record=run.records.get(ca.address), started=started)


def copy(run: Run, work: Work, ca: CA, place: Place, started: float) -> None:
    """Puts the signing pair, as it is in its store, at another place.

    Raises:
        BlockedError, StoreError, UnreadableError: nothing was published.
    """
    life = run.lives[ca.name]
    number = life.signing.desired.generation
    files = _copied(run, ca, number)
    certificate = generation(run, ca.name, number)
    record = pair_record(
        ca,
        place,
        certificate.facts,
        issuer=ca.issuer or ca.name,
        source=run.where(ca.origin),
        generation=number,
    )
    publish_ready(run, work, place=place, access=ca.access, files=files, record=record, started=started)
    run.finish(work, record=record, started=started, detail=certificate.facts.serial)


def repair(run: Run, work: Work, ca: CA, place: Place, started: float) -> None:
    """Puts modes and owners of a CA's files right; key and certificate stay.

    Raises:
        LintError, StoreError: what could not be done.
    """
    places = [place]
    if place == ca.place:
        places += [ca.place.of_generation(number) for number in run.observed.generations.get(ca.address, ())]
    modes = {
        each.file(suffix): CERTIFICATE_MODE if suffix == ".crt" else ca.access.mode for each in places for suffix in ca.suffixes
    }
    repair_access(run, work, ca.access, modes, started)


#: What is done about a CA itself, by the plan's word for it.
TASKS: Mapping[str, Callable[[Run, Work, CA, float], None]] = MappingProxyType(
    {"create": create, "stage": stage, "promote": promote, "renew": renew, "retire": retire}
)


def _make(run: Run, ca: CA, number: int) -> Made:
    """A new key, and its certificate by itself or by the parent's generation that signs now."""
    wanted = run.lives[ca.name].authorities[number].desired
    parent = _parent(run, ca)
    facts = parent.certificate.facts if parent is not None else None
    request = ca_request(wanted, facts, now=run.now(), serial=new_serial())
    if (keyring := run.keyrings.get(ca.name)) is not None:
        return keyring.create(wanted, number, request, parent), None
    key = PrivateKey.generate(wanted.key)
    if parent is None:
        return self_signed(request, key), key
    parent.prepare(request)
    return parent.sign_ca(request, signing_request(request, key), None), key


def _renewed(run: Run, ca: CA, number: int) -> Made:
    """The key of a generation, and a new certificate around it."""
    old, parent = generation(run, ca.name, number), _parent(run, ca)
    facts = parent.certificate.facts if parent is not None else None
    request = renewal_request(ca, old.facts, facts, now=run.now(), serial=new_serial())
    if (keyring := run.keyrings.get(ca.name)) is not None:
        return keyring.renew(ca, old, request, parent), None
    key = PrivateKey.from_pem(generation_files(run, ca.name, number)[".key"])
    if parent is None:
        return renewed(old, request, key.public_key, None, key), key
    return parent.sign_ca(request, signing_request(request, key, subject=old.parsed.subject), old), key


def _parent(run: Run, ca: CA) -> Issuer | None:
    """The generation of the CA above that signs now; None for a root."""
    return None if ca.issuer is None else issuer(run, ca.issuer, run.lives[ca.issuer].standing.issues(client=False))


def _known(run: Run, ca: CA, number: int, certificate: Certificate, key: PrivateKey | None) -> None:
    """Lets the rest of the run work with a generation, now that it is published."""
    run.generations[ca.name, number] = certificate
    if key is not None:
        run.issuers[ca.name, number] = LocalIssuer(certificate, key, above(run, ca.name, certificate))


def _stands_beside(run: Run, ca: CA, number: int) -> bool:
    """Whether a generation that is in the signing pair can leave it: its own files are whole, and are those of that key."""
    beside = run.observed.pairs.get(generation_address(ca.address, number))
    if beside is None or not isinstance(beside.certificate, Certificates) or not isinstance(beside.key, Key):
        return False
    return key_at(ca.address, run.observed) == beside.certificate.chain[0].spki_sha256 == beside.key.facts.spki_sha256


def _copied(run: Run, ca: CA, number: int) -> tuple[OutFile, ...]:
    """The files of a generation, byte for byte; the key first: a visible certificate always has its key."""
    found = generation_files(run, ca.name, number)
    modes = {".key": ca.access.mode, ".crt": CERTIFICATE_MODE}
    return tuple(OutFile(suffix=suffix, data=found[suffix], mode=modes[suffix]) for suffix in in_order(found))


def _publish(run: Run, work: Work, ca: CA, files: tuple[OutFile, ...], *, number: int, beside: bool, started: float) -> Record:
    """Publishes a generation into the signing pair or for itself, and remembers where it stands now."""
    place = ca.place.of_generation(number) if beside else ca.place
    facts = read_certificates(files[-1].data)[0].facts
    record = pair_record(ca, place, facts, issuer=ca.issuer or ca.name, source=run.where(ca.origin), generation=number)
    address = generation_address(ca.address, number) if beside else ca.address
    publish_ready(run, work, place=place, access=ca.access, files=files, record=record, started=started, address=address)
    run.moved[ca.name, number] = place
    return record
