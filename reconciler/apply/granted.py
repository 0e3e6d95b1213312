"""Signing requests that were approved: signed, signed again and repaired. No key is made, read or written."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from reconciler.apply.access import is_access_only, repair_access
from reconciler.apply.components import in_use, signed_chain
from reconciler.apply.files import CERTIFICATE_MODE
from reconciler.apply.material import issuer, served_chain
from reconciler.apply.publishing import Intention, Made, intend
from reconciler.apply.records import pair_record
from reconciler.apply.requests import component_request
from reconciler.apply.run import BlockedError, Run
from reconciler.desired.answers import approved
from reconciler.desired.model import OUTPUT_SUFFIX, Component
from reconciler.desired.place import Place
from reconciler.desired.requested import Requested
from reconciler.issuers.protocol import Issuer
from reconciler.plan.accepted import request_digest
from reconciler.plan.build import Work
from reconciler.plan.inventory import Former, Record
from reconciler.plan.reasons import Action
from reconciler.stores.publication import OutFile
from reconciler.stores.store import read_from
from reconciler.x509.build import new_serial
from reconciler.x509.csr import SigningRequest, read_request
from reconciler.x509.outputs import fullchain
from reconciler.x509.profile import Request
from reconciler.x509.read import Certificate, read_certificates


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was approved, and where its certificate goes."""

    component: Component
    requested: Requested
    place: Place
    former: tuple[Former, ...]
    """What was signed for it before, and works until it ends."""


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """One that is about to be signed: the linted request, its proof, and who signs."""

    granted: Granted
    csr: SigningRequest
    request: Request
    issuer: Issuer
    instead: str
    """Fingerprint of the certificate that is in use now; empty when there is none."""

    def make(self) -> Made:
        """The files and their record.

        Raises:
            LintError: the request must not be signed, or the chain does not verify.
        """
        component = self.granted.component
        usage = component.usages[0]
        chain = signed_chain(self.issuer, self.request, self.csr, usage=usage, instead=self.instead)
        return _files(self.granted, chain), _record(self.granted, chain[0], requested=request_digest(component))


def prepare(run: Run, work: Work, started: float) -> Intention | None:
    """What is to be signed and published for a request; None when modes were all there was to mend.

    Raises:
        BlockedError, LintError, StoreError, UnreadableError: the old files are untouched.
    """
    component = run.desired.components[work.address]
    if component.place is None or component.request is None:
        raise KeyError(work.address)
    known, signs = run.records.get(work.address), work.action != Action.REPAIR
    former = () if known is None else known.alive(run.now()) if signs else known.former
    granted = Granted(component=component, requested=component.request, place=component.place, former=former)
    if signs:
        return _sign(run, work, granted, started)
    if is_access_only(work):
        modes = {granted.place.file(suffix): CERTIFICATE_MODE for suffix in component.suffixes}
        repair_access(run, work, component.access, modes, started)
        return None
    return _republish(run, work, granted, started)


def _sign(run: Run, work: Work, granted: Granted, started: float) -> Intention:
    component = granted.component
    if component.address in run.unsettled:
        why = f"waits until ca.{component.ca} can say whether it has signed what it was asked for before"
        raise BlockedError(component.address, why)
    csr = read_request(granted.requested.pem.encode("ascii"))
    signer = issuer(run, component.ca, run.lives[component.ca].issuing(component).desired.generation)
    request = component_request(component, signer.certificate.facts, now=run.now(), serial=new_serial())
    signer.prepare(request)
    prepared = Prepared(granted=granted, csr=csr, request=request, issuer=signer, instead=in_use(run, component))
    serial, asked = ("", component.ca) if signer.remote else (f"{request.serial:x}", "")
    return intend(
        run,
        work,
        granted.place,
        component.access,
        prepared.make,
        started=started,
        serial=serial,
        spki_sha256=csr.spki_sha256,
        asked=asked,
    )


def _republish(run: Run, work: Work, granted: Granted, started: float) -> Intention:
    """The answer and the served chain anew, from the certificate that stays."""
    component, place = granted.component, granted.place
    leaf = read_certificates(read_from(run.store, place.file(".crt")))[0]
    known = run.records.get(component.address)
    record = _record(granted, leaf, requested=known.requested if known else "")
    files = _files(granted, (leaf, *served_chain(run, component)))
    return intend(run, work, place, component.access, lambda: (files, record), started=started, record=record)


def _record(granted: Granted, leaf: Certificate, *, requested: str) -> Record:
    component = granted.component
    record = pair_record(component, granted.place, leaf.facts, issuer=component.ca, requested=requested)
    return msgspec.structs.replace(record, former=granted.former)


def _files(granted: Granted, chain: Sequence[Certificate]) -> tuple[OutFile, ...]:
    text = fullchain(chain)
    files = [OutFile(suffix=".crt", data=text, mode=CERTIFICATE_MODE)]
    if "answer" in granted.component.outputs:
        answer = approved(granted.requested, text, chain[0].facts)
        files.append(OutFile(suffix=OUTPUT_SUFFIX["answer"], data=answer, mode=CERTIFICATE_MODE))
    return tuple(files)
