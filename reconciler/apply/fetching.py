"""Copies of what another view makes: its files, byte for byte, from where they are to this machine."""

from __future__ import annotations

import errno
from collections.abc import Mapping

from reconciler.apply.files import CERTIFICATE_MODE
from reconciler.apply.publishing import Intention, intend
from reconciler.apply.records import bundle_record, kubeconfig_record, pair_record
from reconciler.apply.run import Run
from reconciler.desired.model import OUTPUT_SUFFIX, Bundle, Component, Kubeconfig
from reconciler.desired.place import Place
from reconciler.observed.model import Certificates, ObservedPair, source_address
from reconciler.plan.build import Work
from reconciler.plan.bundles import bundle_request
from reconciler.plan.kubeconfig_names import kubeconfig_request
from reconciler.stores.errors import StoreError
from reconciler.stores.publication import OutFile, in_order
from reconciler.stores.store import read_from
from reconciler.x509.keys import read_key_facts
from reconciler.x509.outputs import separate
from reconciler.x509.read import Certificate, read_certificates

SECRET_SUFFIXES = frozenset({".key", ".pem", ".p12"})


def fetch_component(run: Run, work: Work, component: Component, started: float) -> Intention:
    """The files of a component as they are at its source; nobody signs anything.

    Raises:
        StoreError, UnreadableError: the source is not what the plan saw, or its files do not belong together.
    """
    place, source = component.place, component.source
    if place is None or source is None:
        raise KeyError(component.address)
    found = {suffix: read_from(run.store, source.file(suffix)) for suffix in component.suffixes}
    leaf = _leaf(found, source)
    if leaf.facts.fingerprint != _planned(run.observed.pairs.get(source_address(component.address))):
        raise StoreError(source.absolute, "it was written after it was looked at", errno=errno.ESTALE)
    mode = component.access.mode
    files = tuple(
        OutFile(suffix=suffix, data=found[suffix], mode=mode if suffix in SECRET_SUFFIXES else CERTIFICATE_MODE)
        for suffix in in_order(found)
    )
    record = pair_record(component, place, leaf.facts, issuer=component.ca)
    return intend(run, work, place, component.access, lambda: (files, record), started=started, record=record)


def fetch_bundle(run: Run, work: Work, bundle: Bundle, source: Place, started: float) -> Intention:
    """A bundle as it is at its source.

    Raises:
        StoreError, UnreadableError: the source cannot be used.
    """
    data = read_from(run.store, source.absolute)
    read_certificates(data)
    files = (OutFile(suffix="", data=data, mode=bundle.access.mode),)
    record = bundle_record(bundle, requested=bundle_request(bundle))
    return intend(run, work, bundle.place, bundle.access, lambda: (files, record), started=started, record=record)


def fetch_kubeconfig(run: Run, work: Work, kubeconfig: Kubeconfig, source: Place, started: float) -> Intention:
    """A kubeconfig as it is at its source.

    Raises:
        StoreError: the source cannot be used.
    """
    files = (OutFile(suffix="", data=read_from(run.store, source.absolute), mode=kubeconfig.access.mode),)
    record = kubeconfig_record(kubeconfig, requested=kubeconfig_request(kubeconfig))
    return intend(run, work, kubeconfig.place, kubeconfig.access, lambda: (files, record), started=started, record=record)


def _leaf(found: Mapping[str, bytes], source: Place) -> Certificate:
    """The certificate of a pair, which the key beside it must fit."""
    if ".crt" in found:
        certificates, key = found[".crt"], found[".key"]
    else:
        certificates, key = separate(found[OUTPUT_SUFFIX["combined"]])
    leaf = read_certificates(certificates)[0]
    if read_key_facts(key).spki_sha256 != leaf.facts.spki_sha256:
        raise StoreError(source.absolute, "the key there does not belong to the certificate")
    return leaf


def _planned(pair: ObservedPair | None) -> str:
    return pair.certificate.chain[0].fingerprint if pair is not None and isinstance(pair.certificate, Certificates) else ""
