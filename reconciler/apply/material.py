"""Certificates and keys that are already on disk, read when a step needs them."""

from __future__ import annotations

from reconciler.apply.run import BlockedError, Run
from reconciler.desired.model import CA, OUTPUT_SUFFIX, Component, Place
from reconciler.issuers.local import LocalIssuer
from reconciler.issuers.protocol import Issuer
from reconciler.stores.read import must_read
from reconciler.x509 import kubeconfig
from reconciler.x509.keys import PrivateKey
from reconciler.x509.outputs import separate
from reconciler.x509.read import Certificate, read_certificates

Pair = tuple[tuple[Certificate, ...], PrivateKey]


def authority(run: Run, name: str) -> Certificate:
    """A CA's certificate as it stands in its store.

    Raises:
        BlockedError: the CA was to be made first, and was not.
        StoreError, UnreadableError: its file cannot be used.
    """
    known = run.authorities.get(name)
    if known is not None:
        return known
    ca = run.desired.cas[name]
    _refuse_failed(run, ca)
    certificate = read_certificates(must_read(f"{ca.place.absolute}.crt"))[0]
    run.authorities[name] = certificate
    return certificate


def issuer(run: Run, name: str) -> Issuer:
    """The issuer of a CA, its key read once per run.

    Raises:
        BlockedError, StoreError, UnreadableError, LintError: see `authority`; or the key does not fit.
    """
    known = run.issuers.get(name)
    if known is not None:
        return known
    ca = run.desired.cas[name]
    certificate = authority(run, name)
    key = PrivateKey.from_pem(must_read(f"{ca.place.absolute}.key"))
    above: list[Certificate] = []
    parent = ca.issuer
    while parent is not None:
        above.append(authority(run, parent))
        parent = run.desired.cas[parent].issuer
    opened = LocalIssuer(certificate, key, tuple(above))
    run.issuers[name] = opened
    return opened


def current_pair(run: Run, component: Component) -> Pair:
    """The certificate chain and key of a component, from its pair, its combined file or its kubeconfig.

    Raises:
        BlockedError: it was to be issued first, and was not.
        StoreError, UnreadableError: a file cannot be used.
    """
    if component.address in run.failed or component.address in run.skipped:
        raise BlockedError(component.address)
    if component.place is None:
        place = run.desired.kubeconfigs[component.kubeconfig].place
        parsed = kubeconfig.parse(must_read(place.absolute))
        return read_certificates(parsed.certificate_pem), PrivateKey.from_pem(parsed.key_pem)
    certificate_path, key_path = pair_paths(component.place, component.outputs)
    certificates, key = must_read(certificate_path), must_read(key_path)
    if certificate_path == key_path:
        certificates, key = separate(certificates)
    return read_certificates(certificates), PrivateKey.from_pem(key)


def served_chain(run: Run, component: Component) -> tuple[Certificate, ...]:
    """The intermediates that are served with a component's certificate; needs no CA key.

    Raises:
        BlockedError, StoreError, UnreadableError: see `authority`.
    """
    chain: list[Certificate] = []
    name: str | None = component.ca
    while name is not None:
        link = authority(run, name)
        if not link.facts.self_signed:
            chain.append(link)
        name = run.desired.cas[name].issuer
    return tuple(chain)


def pair_paths(place: Place, outputs: tuple[str, ...]) -> tuple[str, str]:
    """Where the certificate and the key of a component stand: the pem pair, else the combined file for both."""
    if "pem" in outputs:
        return f"{place.absolute}.crt", f"{place.absolute}.key"
    combined = f"{place.absolute}{OUTPUT_SUFFIX['combined']}"
    return combined, combined


def _refuse_failed(run: Run, ca: CA) -> None:
    if run.is_lost(ca.name):
        raise BlockedError(ca.address)
