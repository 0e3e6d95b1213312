"""Components: issued, reissued and repaired."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import partial

import msgspec

from reconciler.apply import outside
from reconciler.apply.access import is_access_only, repair_access
from reconciler.apply.fetching import SECRET_SUFFIXES, fetch_component
from reconciler.apply.files import CERTIFICATE_MODE, component_files
from reconciler.apply.kubeconfigs import access_of, kubeconfig_file
from reconciler.apply.material import current_key, current_pair, issuer, served_chain
from reconciler.apply.publishing import Intention, Made, intend
from reconciler.apply.records import embedded_record, pair_record
from reconciler.apply.requests import component_request
from reconciler.apply.run import BlockedError, Run
from reconciler.desired.external import is_external
from reconciler.desired.model import Component
from reconciler.desired.place import Place
from reconciler.issuers.protocol import Issuer
from reconciler.observed.model import Certificates
from reconciler.plan.accepted import request_digest
from reconciler.plan.build import Work
from reconciler.plan.reasons import Action
from reconciler.stores.publication import OutFile
from reconciler.stores.read import must_read
from reconciler.x509.build import new_serial
from reconciler.x509.csr import SigningRequest
from reconciler.x509.errors import LintError
from reconciler.x509.keys import PrivateKey
from reconciler.x509.profile import Request
from reconciler.x509.read import Certificate
from reconciler.x509.verify import chain_problem


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A component that is about to be signed: its key, the linted request and who signs."""

    component: Component
    key: PrivateKey
    request: Request
    issuer: Issuer
    instead: str
    """Fingerprint of the certificate that is in use now; empty when there is none."""

    def sign(self) -> tuple[Certificate, ...]:
        """The certificate, and the intermediates that are served with it; verified as a client would.

        Raises:
            LintError: the request must not be signed, or the chain does not verify.
        """
        return signed_chain(self.issuer, self.request, self.key, usage=self.component.usages[0], instead=self.instead)


def signed_chain(
    issuer: Issuer, request: Request, key: PrivateKey | SigningRequest, *, usage: str, instead: str
) -> tuple[Certificate, ...]:
    """A new certificate, and the intermediates that are served with it; verified as a client would.

    Raises:
        LintError: see `Prepared.sign`.
    """
    chain = (issuer.sign(request, key, instead=instead), *issuer.served_chain)
    # From when all of it is valid: a server may date what it signs back to before its own certificate was made.
    at = max(each.facts.not_before for each in (*chain, issuer.root))
    problem = chain_problem(chain, (issuer.root,), at=at, usage=usage)
    if problem is not None:
        raise LintError((f"the new certificate does not verify: {problem}",))
    return chain


def make_keys(run: Run, batch: Sequence[Work], pool: Executor | None) -> None:
    """A new key for each component that gets one: on all cores, because an RSA key takes fifty times its signature.

    Components whose CA cannot sign get none: it would never be used.
    """
    components = [(work, run.desired.components[work.address]) for work in batch if work.action != Action.REPAIR]
    wanted = [
        each
        for work, each in components
        if not is_outside(run, each) and each.source is None and not _keeps_key(work, each) and not _is_unsigned(run, each)
    ]
    algorithms = [component.key for component in wanted]
    slow = pool is not None and any(algorithm.startswith("rsa-") for algorithm in algorithms)
    made = pool.map(PrivateKey.generate, algorithms) if pool is not None and slow else map(PrivateKey.generate, algorithms)
    run.new_keys.update(zip((component.address for component in wanted), made, strict=True))


def apart(run: Run, group: Sequence[Work]) -> Iterator[tuple[Work, ...]]:
    """The work in parts: of components that live in one kubeconfig each part has one, because each writes the file."""
    waiting = list(group)
    while waiting:
        part: dict[str, Work] = {}
        for work in waiting:
            part.setdefault(run.desired.components[work.address].kubeconfig or work.address, work)
        taken = {work.address for work in part.values()}
        yield tuple(part.values())
        waiting = [work for work in waiting if work.address not in taken]


def prepare(run: Run, work: Work, started: float) -> Intention | None:
    """What is to be signed and published for a component; None when modes were all there was to mend.

    Raises:
        BlockedError, LintError, StoreError, UnreadableError: the old files are untouched.
    """
    component = run.desired.components[work.address]
    if component.source is not None and not is_access_only(work):
        return fetch_component(run, work, component, started)
    if is_outside(run, component):
        if work.action != Action.REPAIR:
            return outside.answered(run, work, component, started)
        work = outside.withdraw(run, work)
        if not work.findings:
            run.finish(work, record=run.records.get(work.address), started=started)
            return None
    if work.action != Action.REPAIR:
        return _issue(run, work, component, run.new_keys.pop(component.address, None), started)
    if is_access_only(work):
        repair_access(run, work, component.access, _modes(component), started)
        return None
    return _republish(run, work, component, started)


def is_outside(run: Run, component: Component) -> bool:
    """Whether nobody here signs for it."""
    return is_external(run.desired.cas[component.ca])


def _is_unsigned(run: Run, component: Component) -> bool:
    """Whether whoever would sign for it was to be made in this run, and was not."""
    return run.is_lost(component.ca) and run.lives[component.ca].issuing(component).creating


def _keeps_key(work: Work, component: Component) -> bool:
    return work.action == Action.REISSUE and not component.rotate_key


def _issue(run: Run, work: Work, component: Component, key: PrivateKey | None, started: float) -> Intention:
    if component.address in run.unsettled:
        why = f"waits until ca.{component.ca} can say whether it has signed what it was asked for before"
        raise BlockedError(component.address, why)
    prepared = _prepare(run, component, key)
    spki = prepared.key.facts.spki_sha256
    remote = prepared.issuer.remote
    serial, asked = ("", component.ca) if remote else (f"{prepared.request.serial:x}", "")
    if component.place is None:
        kubeconfig = run.desired.kubeconfigs[component.kubeconfig]
        run.carried.add(kubeconfig.address)
        return intend(
            run,
            work,
            kubeconfig.place,
            access_of(run, kubeconfig),
            partial(_make_embedded, run, prepared),
            started=started,
            serial=serial,
            spki_sha256=spki,
            asked=asked,
        )
    make = partial(_make, prepared, component.place)
    place, access = component.place, component.access
    return intend(run, work, place, access, make, started=started, serial=serial, spki_sha256=spki, asked=asked)


def _prepare(run: Run, component: Component, key: PrivateKey | None) -> Prepared:
    life = run.lives[component.ca]
    signer = issuer(run, component.ca, life.issuing(component).desired.generation)
    request = component_request(component, signer.certificate.facts, now=run.now(), serial=new_serial())
    signer.prepare(request)
    key = key or current_key(run, component)
    return Prepared(component=component, key=key, request=request, issuer=signer, instead=in_use(run, component))


def in_use(run: Run, component: Component) -> str:
    """Fingerprint of the certificate that is there now; empty when there is none."""
    pair = run.observed.pairs.get(component.address)
    found = pair.certificate if pair is not None else None
    return found.chain[0].fingerprint if isinstance(found, Certificates) else ""


def _make(prepared: Prepared, place: Place) -> Made:
    component = prepared.component
    chain = prepared.sign()
    record = pair_record(component, place, chain[0].facts, issuer=component.ca, requested=request_digest(component))
    return _files(component, chain, prepared.key), record


def _make_embedded(run: Run, prepared: Prepared) -> Made:
    component = prepared.component
    kubeconfig = run.desired.kubeconfigs[component.kubeconfig]
    chain = prepared.sign()
    record = embedded_record(component, kubeconfig, chain[0].facts, requested=request_digest(component))
    return (kubeconfig_file(run, kubeconfig, (chain, prepared.key), of=component.address),), record


def _republish(run: Run, work: Work, component: Component, started: float) -> Intention:
    """Derived files and the served chain anew, from the certificate and key that stay."""
    place = component.place
    if place is None:
        raise BlockedError(component.kubeconfig)
    chain, key = current_pair(run, component)
    known = run.records.get(component.address)
    record = pair_record(
        component,
        place,
        chain[0].facts,
        issuer=component.ca,
        requested=known.requested if known else "",
    )
    files = _files(component, (chain[0], *served_chain(run, component)), key)
    return intend(run, work, place, component.access, lambda: (files, record), started=started, record=record)


def _modes(component: Component) -> dict[str, int]:
    place = component.place
    return {
        place.file(suffix): component.access.mode if suffix in SECRET_SUFFIXES else CERTIFICATE_MODE
        for suffix in component.suffixes
        if place is not None
    }


def _files(component: Component, chain: Sequence[Certificate], key: PrivateKey) -> tuple[OutFile, ...]:
    password = None
    if "pkcs12" in component.outputs:
        password = must_read(component.pkcs12_password_file).rstrip(b"\r\n")
    return component_files(component, chain, key, password=password)
