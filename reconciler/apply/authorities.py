"""Makes CAs and copies them to where they are wanted."""

from __future__ import annotations

from reconciler.apply.access import repair_access
from reconciler.apply.files import CERTIFICATE_MODE, pair_files
from reconciler.apply.material import authority, issuer
from reconciler.apply.publishing import publish_ready
from reconciler.apply.records import pair_record
from reconciler.apply.requests import ca_request
from reconciler.apply.run import Run
from reconciler.desired.model import CA, Place
from reconciler.issuers.local import LocalIssuer
from reconciler.plan.build import Work
from reconciler.stores.files import OutFile
from reconciler.stores.read import must_read
from reconciler.x509.build import new_serial, self_signed
from reconciler.x509.keys import PrivateKey
from reconciler.x509.read import Certificate


def create(run: Run, work: Work, ca: CA, started: float) -> None:
    """Makes a CA: a new key, and a certificate by itself or by its parent.

    Raises:
        BlockedError, StoreError, UnreadableError, LintError: nothing was published.
    """
    key = PrivateKey.generate(ca.key)
    above: tuple[Certificate, ...] = ()
    if ca.issuer is None:
        request = ca_request(ca, None, now=run.now(), serial=new_serial())
        certificate = self_signed(request, key)
    else:
        parent = issuer(run, ca.issuer)
        request = ca_request(ca, parent.certificate.facts, now=run.now(), serial=new_serial())
        parent.prepare(request)
        certificate = parent.sign(request, key.public_key)
        above = (parent.certificate, *parent.served_chain)
    record = pair_record(ca, ca.place, certificate.facts, issuer=ca.issuer or ca.name, source=run.where(ca.origin))
    files = pair_files((certificate,), key, ca.access)
    publish_ready(run, work, place=ca.place, access=ca.access, files=files, record=record, started=started)
    run.authorities[ca.name] = certificate
    run.issuers[ca.name] = LocalIssuer(certificate, key, tuple(dict.fromkeys(above)))
    run.finish(work, record=record, started=started, detail=certificate.facts.serial)


def copy(run: Run, work: Work, ca: CA, place: Place, started: float) -> None:
    """Puts a CA's certificate and key, as they are in its store, at another place.

    Raises:
        BlockedError, StoreError, UnreadableError: nothing was published.
    """
    certificate = authority(run, ca.name)
    files = (
        OutFile(suffix=".key", data=must_read(f"{ca.place.absolute}.key"), mode=ca.access.mode),
        OutFile(suffix=".crt", data=must_read(f"{ca.place.absolute}.crt"), mode=CERTIFICATE_MODE),
    )
    record = pair_record(ca, place, certificate.facts, issuer=ca.issuer or ca.name, source=run.where(ca.origin))
    publish_ready(run, work, place=place, access=ca.access, files=files, record=record, started=started)
    run.finish(work, record=record, started=started, detail=certificate.facts.serial)


def repair(run: Run, work: Work, ca: CA, place: Place, started: float) -> None:
    """Puts modes and owners of a CA's files right; key and certificate stay.

    Raises:
        LintError, StoreError: what could not be done.
    """
    modes = {f"{place.absolute}.key": ca.access.mode, f"{place.absolute}.crt": CERTIFICATE_MODE}
    repair_access(run, work, ca.access, modes, started)
