"""Certificates of external CAs: keys and requests are made, what came back is published, and what is left of it removed.

Nothing of this is in the journal but the publication. A key and its request on disk are the intent, and every instant between
two of these steps is one that the next plan knows how to go on from:

1. the key, durable before anything is asked for it; one that a run before left without its request is taken up again
2. the request
3. published as one: the key and its certificate, like everything else
4. what is left is removed: the request, then the key, then the answer, which says to the last that all of it is done
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from reconciler.apply.files import component_files
from reconciler.apply.kubeconfigs import access_of, kubeconfig_file
from reconciler.apply.material import above, current_key, generation
from reconciler.apply.publishing import Intention, Made, intend
from reconciler.apply.records import embedded_record, pair_record
from reconciler.apply.requests import component_request
from reconciler.apply.run import Run
from reconciler.desired.external import ANSWER, KEY, REQUEST, is_external, place_beside, waiting_of
from reconciler.desired.model import Component
from reconciler.desired.place import Place
from reconciler.observed.model import Certificates, Key, Returned
from reconciler.observed.requests import leaf_of
from reconciler.plan.accepted import request_digest
from reconciler.plan.build import Work
from reconciler.plan.external.progress import NOTHING, Stage, progress_at, reusable_key
from reconciler.plan.inventory import Record
from reconciler.plan.reasons import Action, Reason
from reconciler.stores.errors import StoreError
from reconciler.stores.read import must_read
from reconciler.stores.single import write_single
from reconciler.x509.build import new_serial
from reconciler.x509.csr import signing_request
from reconciler.x509.errors import LintError
from reconciler.x509.keys import PrivateKey
from reconciler.x509.profile import lint
from reconciler.x509.read import Certificate, read_certificates
from reconciler.x509.verify import chain_problem

#: A request is for others to read.
_REQUEST_MODE: Final = 0o644


def ask(run: Run, work: Work, started: float) -> None:
    """Makes a key and a signing request for whoever keeps the CA; certificate and key that are in use stay.

    Raises:
        BlockedError, LintError, StoreError, UnreadableError: nothing was asked.
    """
    component = run.desired.components[work.address]
    issuer = generation(run, component.ca, _number(run, component)).facts
    request = component_request(component, issuer, now=run.now(), serial=new_serial())
    if problems := lint(request, issuer):
        raise LintError(problems)
    place = place_beside(component, run.desired)
    run.store.ensure_space(place)
    if _stage(run, component) is Stage.DONE:
        _remove(run, component)
    key, is_there = _key(run, work, component)
    uid, gid = run.ids(component.access)
    if not is_there:
        write_single(_named(place, KEY), key.pem(), mode=0o600, uid=uid, gid=gid)
    csr = signing_request(request, key)
    write_single(_named(place, REQUEST), csr.pem.encode(), mode=_REQUEST_MODE, uid=uid, gid=gid)
    record = run.records.get(work.address) or _taken_over(run, component)
    run.finish(work, record=record, started=started, detail=place.file(REQUEST))


def answered(run: Run, work: Work, component: Component, started: float) -> Intention:
    """What is to be published of a certificate that came back: it and the key that waited for it.

    Raises:
        BlockedError, LintError, StoreError, UnreadableError: nothing is published, and nothing is lost.
    """
    leaf, key = _returned(run, component)
    certificate = generation(run, component.ca, _number(run, component))
    links = (certificate, *above(run, component.ca, certificate))
    chain = (leaf, *(link for link in links if not link.facts.self_signed))
    if (problem := chain_problem(chain, links[-1:], at=run.now(), usage=component.usages[0])) is not None:
        # Not for good: another answer may take its place without any change in git.
        raise LintError((f"what came back does not verify: {problem}",))
    requested = request_digest(component)
    if component.place is None:
        kubeconfig = run.desired.kubeconfigs[component.kubeconfig]
        run.carried.add(kubeconfig.address)
        record = embedded_record(component, kubeconfig, leaf.facts, requested=requested)

        def embedded() -> Made:
            return (kubeconfig_file(run, kubeconfig, (chain, key), of=component.address),), record

        access = access_of(run, kubeconfig)
        return intend(run, work, kubeconfig.place, access, embedded, started=started, record=record)
    record = pair_record(component, component.place, leaf.facts, issuer=component.ca, requested=requested)
    password = must_read(component.pkcs12_password_file).rstrip(b"\r\n") if "pkcs12" in component.outputs else None
    files = component_files(component, chain, key, password=password)
    return intend(run, work, component.place, component.access, lambda: (files, record), started=started, record=record)


def withdraw(run: Run, work: Work) -> Work:
    """Removes a request that nobody needs any more, where the work says so; the rest of the work.

    Raises:
        StoreError: something could not be removed.
    """
    rest = tuple(finding for finding in work.findings if finding.reason != Reason.REQUEST_STALE)
    if len(rest) < len(work.findings):
        _remove(run, run.desired.components[work.address])
    return replace(work, findings=rest)


def tidy(run: Run, addresses: Iterable[str]) -> None:
    """Removes what is left of requests whose certificates are published; what stays is told, and the next plan finds it."""
    done = frozenset(run.done)
    for address in addresses:
        component = run.desired.components[address]
        if address in done and is_external(run.desired.cas[component.ca]):
            try:
                _remove(run, component)
            except StoreError as error:
                run.failed.setdefault(address, f"it is published, and its request could not be removed: {error.advice}")


def _taken_over(run: Run, component: Component) -> Record | None:
    """The record of what is in use and was there before us: its successor may be long in coming, and git may change before."""
    pair = run.observed.pairs.get(component.address)
    if pair is None or not isinstance(pair.certificate, Certificates) or pair.signed_by not in run.lives[component.ca].keys:
        return None
    leaf = pair.certificate.chain[0]
    if component.place is None:
        return embedded_record(component, run.desired.kubeconfigs[component.kubeconfig], leaf)
    return pair_record(component, component.place, leaf, issuer=component.ca)


def _number(run: Run, component: Component) -> int:
    return run.lives[component.ca].issuing(component).desired.generation


def _stage(run: Run, component: Component) -> Stage:
    seen, pair = run.observed.requests.get(component.address, NOTHING), run.observed.pairs.get(component.address)
    return progress_at(component, seen, pair).stage


def _key(run: Run, work: Work, component: Component) -> tuple[PrivateKey, bool]:
    """The key that the certificate is asked for, and whether it waits beside the component already."""
    keeps = not component.rotate_key and max(finding.action for finding in work.findings) == Action.REISSUE
    if keeps:
        return current_key(run, component), False
    where, seen = waiting_of(component, run.desired), run.observed.requests.get(component.address, NOTHING)
    if reusable_key(seen, component) and _stage(run, component) is not Stage.DONE:
        return PrivateKey.from_pem(must_read(where.key)), True
    return PrivateKey.generate(component.key), False


def _returned(run: Run, component: Component) -> tuple[Certificate, PrivateKey]:
    """The answer and its key, as they were looked at.

    Raises:
        StoreError, UnreadableError: they are others by now.
    """
    where = waiting_of(component, run.desired)
    key = PrivateKey.from_pem(must_read(where.key))
    leaf = leaf_of(read_certificates(must_read(where.answer)), key.facts.spki_sha256)
    seen = run.observed.requests.get(component.address, NOTHING)
    same = isinstance(seen.answer, Returned) and seen.answer.leaf.fingerprint == leaf.facts.fingerprint
    if not same or not isinstance(seen.key, Key) or seen.key.facts != key.facts:
        raise StoreError(where.answer, "it was written after it was looked at", errno=errno.ESTALE)
    return leaf, key


def _remove(run: Run, component: Component) -> None:
    place = place_beside(component, run.desired)
    for suffix in (REQUEST, KEY, ANSWER):
        run.store.remove(place, (suffix,), for_good=True)


def _named(place: Place, suffix: str) -> Place:
    return replace(place, path=f"{place.path}{suffix}")
