"""From what is on disk to inventory records: pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from msgspec.structs import replace

from reconciler.desired.model import CA, Access, Bundle, Component, Crl, DesiredState, Kubeconfig, parse_address
from reconciler.desired.place import Place
from reconciler.observed.model import Certificates, FileMeta, Key, KubeconfigFile, ObservedState, RevocationLists
from reconciler.plan.build import Plan
from reconciler.plan.inventory import Record
from reconciler.plan.kubeconfig_names import kubeconfig_request
from reconciler.plan.rotation.keypair_life import KeypairLife
from reconciler.plan.rotation.lifecycle import Lifecycle, Standing
from reconciler.x509.facts import CertificateFacts, CrlFacts


def pair_record(
    desired: CA | Component,
    place: Place,
    leaf: CertificateFacts,
    *,
    issuer: str,
    requested: str = "",
    source: str = "",
    generation: int = 1,
) -> Record:
    """The record of a published pair.

    Args:
        desired: the CA or component.
        place: where it was published; a CA's copy has a place of its own.
        leaf: the certificate.
        issuer: name of the CA that signed.
        requested: digest of the request.
        source: where it stands in the document.
        generation: of a CA.
    """
    is_ca = isinstance(desired, CA)
    return Record(
        kind=parse_address(desired.address)[0],
        paths=tuple(place.file(suffix) for suffix in desired.suffixes),
        fingerprint=leaf.fingerprint,
        spki_sha256=leaf.spki_sha256,
        serial=leaf.serial,
        issuer=f"ca.{issuer}",
        not_after=leaf.not_after,
        reissue=desired.reissue if isinstance(desired, Component) else "",
        generation=generation,
        mode=desired.access.mode,
        prevent_destroy=is_ca,
        source=source,
        requested=requested,
        root=place.root,
        path=place.path,
        layout=place.layout,
    )


def embedded_record(component: Component, kubeconfig: Kubeconfig, leaf: CertificateFacts, *, requested: str = "") -> Record:
    """The record of a component that lives only in its kubeconfig; the file belongs to the kubeconfig's record."""
    return Record(
        kind="component",
        paths=(kubeconfig.place.absolute,),
        fingerprint=leaf.fingerprint,
        spki_sha256=leaf.spki_sha256,
        serial=leaf.serial,
        issuer=f"ca.{component.ca}",
        not_after=leaf.not_after,
        reissue=component.reissue,
        requested=requested,
    )


def bundle_record(bundle: Bundle, *, requested: str = "") -> Record:
    """The record of a bundle; `requested` is empty for one that we did not write."""
    return _file_record("bundle", bundle.place, bundle.access, requested)


def kubeconfig_record(kubeconfig: Kubeconfig, *, requested: str = "") -> Record:
    """The record of a kubeconfig; `requested` is empty for one that we did not write."""
    return _file_record("kubeconfig", kubeconfig.place, kubeconfig.access, requested)


def _file_record(kind: str, place: Place, access: Access, requested: str = "") -> Record:
    return Record(
        kind=kind,
        paths=(place.absolute,),
        mode=access.mode,
        requested=requested,
        root=place.root,
        path=place.path,
        layout=place.layout,
    )


def crl_record(crl: Crl, facts: CrlFacts) -> Record:
    """The record of a revocation list at one place."""
    return Record(
        kind="crl",
        paths=tuple(crl.paths.values()),
        fingerprint=facts.fingerprint,
        issuer=f"ca.{crl.name}",
        not_after=facts.next_update,
        number=facts.number or 0,
        mode=crl.access.mode,
        root=crl.place.root,
        path=crl.place.path,
        layout=crl.place.layout,
    )


def keypair_record(place: Place, access: Access, *, spki_sha256: str, generation: int) -> Record:
    """The record of one replica of a keypair."""
    return Record(
        kind="keypair",
        paths=(place.file(".key"), place.file(".pub")),
        spki_sha256=spki_sha256,
        generation=generation,
        mode=access.mode,
        root=place.root,
        path=place.path,
        layout=place.layout,
    )


def adopted(
    desired: DesiredState,
    observed: ObservedState,
    records: Mapping[str, Record],
    unsettled: frozenset[str],
    plan: Plan,
) -> dict[str, Record]:
    """The records with everything added that fits on disk and is not known yet, or was replaced by something that fits.

    Args:
        desired: what should be.
        observed: what was found before this run.
        records: the records so far.
        unsettled: addresses that this run changed, or that have findings: their records are not this function's.
        plan: for the numbers of the generations that sign.
    """
    known = dict(records)
    for address, leaf, make in _certificates(desired, observed, plan.lives):
        record = known.get(address)
        if address not in unsettled and (record is None or record.fingerprint != leaf.fingerprint):
            known[address] = make(leaf)
    for address, fresh in _files(desired, observed, plan.keypairs):
        if address not in unsettled and address not in known:
            known[address] = fresh
    return known


def noted(record: Record, standing: Standing) -> Record:
    """The record of a CA or keypair with where it stands between its generations; as it is while git asks for another one."""
    if standing.error:
        return record
    return replace(
        record,
        settled=standing.settled,
        settled_generation=standing.target if standing.settled is not None else 0,
        trusted=standing.trusted if len(standing.trusted) > 1 else (),
    )


def settle_rotations(records: Mapping[str, Record], plan: Plan) -> dict[str, Record]:
    """The records with what is trusted, and since when rotations soak: a renewal in the meantime must not begin it anew."""
    known = dict(records)
    standings = {life.desired.address: life.standing for life in plan.lives.values()}
    standings |= {life.desired.replicas[0].address: life.standing for life in plan.keypairs.values()}
    for address, standing in standings.items():
        record = known.get(address)
        if record is not None:
            known[address] = noted(record, standing)
    return known


def _certificates(
    desired: DesiredState, observed: ObservedState, lives: Mapping[str, Lifecycle]
) -> Iterator[tuple[str, CertificateFacts, Callable[[CertificateFacts], Record]]]:
    """Everything with a certificate that was found: address, certificate, and what makes its record."""
    for ca in desired.cas.values():
        number = lives[ca.name].standing.signing if ca.name in lives else ca.generation
        if number == 0:  # it is none that we know
            continue
        for address, place in ((ca.address, ca.place), *((copy.address, copy.place) for copy in ca.replicas)):
            leaf = _leaf(observed, address)
            if leaf is not None:
                yield address, leaf, partial(pair_record, ca, place, issuer=ca.issuer or ca.name, generation=number)
    for component in desired.components.values():
        leaf = _leaf(observed, component.address)
        if leaf is None:
            continue
        if component.place is None:
            yield component.address, leaf, partial(embedded_record, component, desired.kubeconfigs[component.kubeconfig])
        else:
            yield component.address, leaf, partial(pair_record, component, component.place, issuer=component.ca)


def _files(desired: DesiredState, observed: ObservedState, lives: Mapping[str, KeypairLife]) -> Iterator[tuple[str, Record]]:
    """Everything else that was found, with its record."""
    for keypair in desired.keypairs.values():
        number = lives[keypair.name].standing.signing if keypair.name in lives else keypair.generation
        for copy in keypair.replicas:
            found = observed.keypairs.get(copy.address)
            if found is not None and isinstance(found.key, Key):
                spki = found.key.facts.spki_sha256
                yield (
                    copy.address,
                    keypair_record(copy.place, keypair.access, spki_sha256=spki, generation=number),
                )
    for bundle in desired.bundles.values():
        there = observed.bundles.get(bundle.address)
        if there is not None and isinstance(there.certificates, Certificates):
            yield bundle.address, _as_found(bundle_record(bundle), there.certificates.meta)
    for kubeconfig in desired.kubeconfigs.values():
        file = observed.kubeconfigs.get(kubeconfig.address)
        if isinstance(file, KubeconfigFile):
            # The names in a file that is shared are kept whoever wrote them: they are how ours are taken out again.
            merged = kubeconfig.entries is not None and kubeconfig.entries.merge
            record = kubeconfig_record(kubeconfig, requested=kubeconfig_request(kubeconfig) if merged else "")
            yield kubeconfig.address, _as_found(record, file.meta)
    yield from _lists(desired, observed)


def _as_found(record: Record, meta: FileMeta) -> Record:
    """The record of a file that somebody else made, perhaps narrower than we would: drift is what changes from now on."""
    return replace(record, mode=meta.mode)


def _lists(desired: DesiredState, observed: ObservedState) -> Iterator[tuple[str, Record]]:
    for crl in desired.crls.values():
        seen = observed.crls.get(crl.address)
        states = tuple(seen.files.values()) if seen is not None else ()
        found = next((state for state in states if isinstance(state, RevocationLists)), None)
        if found is not None:
            yield crl.address, crl_record(crl, found.lists[0])


def _leaf(observed: ObservedState, address: str) -> CertificateFacts | None:
    pair = observed.pairs.get(address)
    if pair is None or not isinstance(pair.certificate, Certificates):
        return None
    return pair.certificate.chain[0]
