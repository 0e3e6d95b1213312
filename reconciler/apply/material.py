"""Certificates and keys that are already on disk, read when a step needs them."""

from __future__ import annotations

from reconciler.apply.run import BlockedError, Run
from reconciler.desired.kubeconfig_entries import KubeCluster
from reconciler.desired.kubeconfig_reading import read_as
from reconciler.desired.model import Bundle, Component, Kubeconfig
from reconciler.desired.place import Place
from reconciler.issuers.local import LocalIssuer
from reconciler.issuers.protocol import Issuer
from reconciler.plan.trust import unexpired
from reconciler.stores.read import must_read
from reconciler.stores.store import read_from
from reconciler.x509.keys import PrivateKey
from reconciler.x509.outputs import separate
from reconciler.x509.read import Certificate, read_certificates
from reconciler.x509.verify import signed_by

Pair = tuple[tuple[Certificate, ...], PrivateKey]


def generation(run: Run, name: str, number: int) -> Certificate:
    """The certificate of one generation of a CA.

    Raises:
        BlockedError: it was to be made first, and was not.
        StoreError, UnreadableError: its file cannot be used.
    """
    known = run.generations.get((name, number))
    if known is None:
        place = _place(run, name, number)
        known = read_certificates(read_from(run.store, place.file(".crt")))[0]
        run.generations[name, number] = known
    return known


def generation_files(run: Run, name: str, number: int) -> dict[str, bytes]:
    """What one generation of a CA has in its files, by suffix.

    Raises:
        BlockedError, StoreError: see `generation`.
    """
    place = _place(run, name, number)
    return {suffix: read_from(run.store, place.file(suffix)) for suffix in run.desired.cas[name].suffixes}


def trusted(run: Run, desired: Bundle | Kubeconfig | KubeCluster) -> tuple[Certificate, ...]:
    """The anchors of a bundle, kubeconfig or entry of one, each once, by fingerprint: the same bytes every time.

    Raises:
        BlockedError, StoreError, UnreadableError: see `generation`; or a file with further anchors cannot be used.
    """
    now = run.now()
    held = [generation(run, name, number) for name in desired.cas for number in unexpired(run.lives[name], now)]
    for path in desired.files:
        held += (link for link in read_certificates(must_read(path)) if now <= link.facts.not_after)
    found = {certificate.facts.fingerprint: certificate for certificate in held}
    return tuple(found[fingerprint] for fingerprint in sorted(found))


def issuer(run: Run, name: str, number: int) -> Issuer:
    """The issuer of one generation of a CA, its key read once per run.

    Raises:
        BlockedError, StoreError, UnreadableError, LintError, VaultError: see `generation`; or the key does not fit.
    """
    known = run.issuers.get((name, number))
    if known is None:
        certificate = generation(run, name, number)
        links = above(run, name, certificate)
        if (keyring := run.keyrings.get(name)) is not None:
            known = keyring.open(certificate, links)
        else:
            key = PrivateKey.from_pem(read_from(run.store, _place(run, name, number).file(".key")))
            known = LocalIssuer(certificate, key, links)
        run.issuers[name, number] = known
    return known


def above(run: Run, name: str, certificate: Certificate) -> tuple[Certificate, ...]:
    """The certificates of the CAs above one, up to its root: of each, the generation that signed what is below.

    Raises:
        BlockedError, StoreError, UnreadableError: see `generation`.
    """
    path: list[Certificate] = []
    child, parent = certificate, run.desired.cas[name].issuer
    while parent is not None:
        numbers = sorted(run.lives[parent].authorities, reverse=True)
        found = [link for number in numbers if signed_by(child, link := generation(run, parent, number))]
        child = found[0] if found else generation(run, parent, run.lives[parent].standing.issues(client=False))
        path.append(child)
        parent = run.desired.cas[parent].issuer
    return tuple(path)


def current_pair(run: Run, component: Component) -> Pair:
    """The certificate chain and key of a component, from its pair, its combined file or its kubeconfig.

    Raises:
        BlockedError: it was to be issued first, and was not.
        StoreError, UnreadableError: a file cannot be used.
    """
    if component.address in run.failed or component.address in run.skipped:
        raise BlockedError(component.address)
    if component.place is None:
        holder = run.desired.kubeconfigs[component.kubeconfig]
        parsed = read_as(holder, read_from(run.store, holder.place.absolute), component.address)
        return read_certificates(parsed.certificate_pem), PrivateKey.from_pem(parsed.key_pem)
    certificate_path, key_path = map(component.place.file, component.pair)
    certificates, key = read_from(run.store, certificate_path), read_from(run.store, key_path)
    if certificate_path == key_path:
        certificates, key = separate(certificates)
    return read_certificates(certificates), PrivateKey.from_pem(key)


def current_key(run: Run, component: Component) -> PrivateKey:
    """The key of a component alone: the certificate beside it may be what is broken.

    Raises:
        BlockedError, StoreError, UnreadableError: see `current_pair`.
    """
    if component.place is None or "pem" not in component.outputs:
        return current_pair(run, component)[1]
    return PrivateKey.from_pem(read_from(run.store, component.place.file(component.pair[1])))


def served_chain(run: Run, component: Component) -> tuple[Certificate, ...]:
    """The intermediates that are served with a component's certificate; needs no CA key.

    Raises:
        BlockedError, StoreError, UnreadableError: see `generation`.
    """
    life = run.lives[component.ca]
    pair = run.observed.pairs.get(component.address)
    number = life.behind(component, pair).desired.generation if pair is not None else life.standing.issues(client=False)
    certificate = generation(run, component.ca, number)
    links = (certificate, *above(run, component.ca, certificate))
    return tuple(link for link in links if not link.facts.self_signed)


def _place(run: Run, name: str, number: int) -> Place:
    """Where a generation stands; one that this run was to make and did not stands nowhere.

    Raises:
        BlockedError: see above.
    """
    authority = run.lives[name].authorities[number]
    if authority.creating and run.is_lost(name):
        raise BlockedError(authority.desired.address)
    return run.moved.get((name, number), authority.desired.place)
