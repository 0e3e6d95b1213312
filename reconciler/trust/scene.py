"""A scene: what each party presents and trusts at one moment, by address, from what was observed or is planned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

import msgspec

from reconciler.desired.model import CA, Component, DesiredState, Kubeconfig
from reconciler.observed.model import (
    Absent,
    Certificates,
    CertificateState,
    Key,
    KeyState,
    KubeconfigFile,
    KubeconfigState,
    ObservedState,
    Unusable,
)
from reconciler.x509.facts import CertificateFacts
from reconciler.x509.names import NameConstraints


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why something cannot be used, or does not do."""

    code: str
    """PascalCase; of a plan's reasons where one fits."""
    message: str
    """One sentence without a full stop."""


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody presents."""

    address: str
    """Of the component or kubeconfig."""
    file: str
    chain: tuple[CertificateFacts, ...] = ()
    """Leaf first; empty when there is none that can be used."""
    signed_by: str = ""
    """SPKI SHA-256 of the CA that verifiably signed the leaf; empty when none of ours did."""
    trouble: Trouble | None = None
    """Why nothing can be presented."""


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody trusts."""

    address: str
    """Of the bundle, kubeconfig or CA."""
    file: str
    fingerprints: frozenset[str] = frozenset()
    """SHA-256 of each certificate in it."""
    anchors: tuple[CertificateFacts, ...] = ()
    """Those that are known: a kubeconfig is observed by fingerprints, and may hold a CA that is nowhere else."""
    url: str = ""
    """Of a kubeconfig: the server in it."""
    trouble: Trouble | None = None


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody at one moment."""

    at: datetime
    """Aware."""
    parties: Mapping[str, Party]
    trusts: Mapping[str, Trust]
    urls: Mapping[str, str] = {}
    """Of each kubeconfig: the server that should be in it."""
    loose: Mapping[str, str] = {}
    """Of a kubeconfig that switches verification off or changes it: how."""
    subjects: Mapping[str, frozenset[str]] = {}
    """Of each CA by name: SPKI SHA-256 of its key and of those above it."""
    constraints: frozenset[NameConstraints] = frozenset()
    """Of every CA certificate: they decide, name by name, whom it can certify."""
    signers: Mapping[str, str] = {}
    """Of each CA certificate by fingerprint: SPKI SHA-256 of its signer; it is absent when that is unknown."""


def scene_of(desired: DesiredState, observed: ObservedState, *, at: datetime) -> Scene:
    """Puts together what was found.

    Args:
        desired: what was looked for.
        observed: what was found, or what a plan will leave behind.
        at: the time of the scene, aware.
    """
    return _Setting(desired, observed).scene(at)


class _Setting:
    def __init__(self, desired: DesiredState, observed: ObservedState) -> None:
        self._desired: Final = desired
        self._observed: Final = observed
        self._known: Final = dict(_everything(observed))
        self._sets: Final[dict[tuple[str, ...], tuple[frozenset[str], tuple[CertificateFacts, ...]]]] = {}

    def scene(self, at: datetime) -> Scene:
        desired, observed = self._desired, self._observed
        ours = (component for component in desired.components.values() if component.request is None)  # who has the key connects
        parties = {component.address: self._component(component) for component in ours}
        trusts: dict[str, Trust] = {}
        loose: dict[str, str] = {}
        for address, kubeconfig in desired.kubeconfigs.items():
            state = observed.kubeconfigs.get(address, Absent())
            parties[address], trusts[address] = self._holder(kubeconfig, state), self._kubeconfig(kubeconfig, state)
            extras = state.extras if isinstance(state, KubeconfigFile) else ()
            if how := ", ".join(extra for extra in extras if extra.endswith(_LOOSE)):
                loose[address] = how
        for address, bundle in desired.bundles.items():
            seen = observed.bundles.get(address)
            trusts[address] = self._anchors(address, bundle.place.absolute, seen.certificates if seen else Absent())
        for ca in desired.cas.values():
            for address, place in ((ca.address, ca.place), *((copy.address, copy.place) for copy in ca.replicas)):
                pair = observed.pairs.get(address)
                trusts[address] = self._anchors(address, place.file(".crt"), pair.certificate if pair else Absent())
        return Scene(
            at=at,
            parties=parties,
            trusts=trusts,
            urls={address: kubeconfig.server for address, kubeconfig in desired.kubeconfigs.items()},
            loose=loose,
            subjects={name: frozenset(self._above(ca)) for name, ca in desired.cas.items()},
            constraints=frozenset(each.name_constraints for each in self._known.values() if each.name_constraints is not None),
            signers=self._signers(),
        )

    def _component(self, component: Component) -> Party:
        pair = self._observed.pairs.get(component.address)
        certificate: CertificateState = pair.certificate if pair is not None else Absent()
        key: KeyState = pair.key if pair is not None else Absent()
        if component.place is not None:
            file, key_file = files_of(component)
        else:
            holder = self._desired.kubeconfigs.get(component.kubeconfig)
            file = key_file = holder.place.absolute if holder is not None else component.kubeconfig
        return Party(
            address=component.address,
            file=file,
            chain=certificate.chain if isinstance(certificate, Certificates) else (),
            signed_by=pair.signed_by if pair is not None else "",
            trouble=_trouble(component.address, certificate, key, file, key_file),
        )

    def _holder(self, kubeconfig: Kubeconfig, state: KubeconfigState) -> Party:
        """Who connects with a kubeconfig: what is embedded, or the files of its component."""
        file = kubeconfig.place.absolute
        if not isinstance(state, KubeconfigFile):
            trouble = _file_trouble(kubeconfig.address, "the kubeconfig", state, file)
            return Party(address=kubeconfig.address, file=file, trouble=trouble)
        pair = self._observed.pairs.get(kubeconfig.component)
        chain = state.certificate.chain if isinstance(state.certificate, Certificates) else ()
        same = (
            chain
            and pair is not None
            and isinstance(pair.certificate, Certificates)
            and pair.certificate.chain[0].fingerprint == chain[0].fingerprint
        )
        return Party(
            address=kubeconfig.address,
            file=file,
            chain=chain,
            signed_by=pair.signed_by if same and pair is not None else "",
            trouble=_trouble(kubeconfig.address, state.certificate, state.key, file, file),
        )

    def _kubeconfig(self, kubeconfig: Kubeconfig, state: KubeconfigState) -> Trust:
        file = kubeconfig.place.absolute
        if not isinstance(state, KubeconfigFile):
            trouble = _file_trouble(kubeconfig.address, "the kubeconfig", state, file)
            return Trust(address=kubeconfig.address, file=file, trouble=trouble)
        if not state.ca_fingerprints:
            message = f"{kubeconfig.address} ({file}) holds no CA certificate"
            return Trust(address=kubeconfig.address, file=file, trouble=Trouble(code="Missing", message=message))
        if state.ca_fingerprints not in self._sets:
            found = (self._known.get(each) for each in state.ca_fingerprints)
            self._sets[state.ca_fingerprints] = frozenset(state.ca_fingerprints), tuple(each for each in found if each)
        fingerprints, anchors = self._sets[state.ca_fingerprints]
        return Trust(address=kubeconfig.address, file=file, fingerprints=fingerprints, anchors=anchors, url=state.server)

    def _anchors(self, address: str, file: str, state: CertificateState) -> Trust:
        if not isinstance(state, Certificates):
            return Trust(address=address, file=file, trouble=_file_trouble(address, "the trust file", state, file))
        key = tuple(each.fingerprint for each in state.chain)
        if key not in self._sets:
            self._sets[key] = frozenset(key), state.chain
        fingerprints, anchors = self._sets[key]
        return Trust(address=address, file=file, fingerprints=fingerprints, anchors=anchors)

    def _above(self, ca: CA) -> Iterator[str]:
        """Whoever of these is trusted, clients of this CA are."""
        above: CA | None = ca
        while above is not None:
            pair = self._observed.pairs.get(above.address)
            if pair is not None and isinstance(pair.certificate, Certificates):
                yield pair.certificate.chain[0].spki_sha256
            above = self._desired.cas.get(above.issuer) if above.issuer else None

    def _signers(self) -> dict[str, str]:
        """Who signed a CA certificate: its own key, what the look has found, else whoever has the key that it names."""
        by_key = {(each.subject, each.ski): each.spki_sha256 for each in self._known.values() if each.is_ca}
        signers: dict[str, str] = {}
        for each in self._known.values():
            if each.is_ca and (spki := each.spki_sha256 if each.self_signed else by_key.get((each.issuer, each.aki), "")):
                signers[each.fingerprint] = spki
        for ca in self._desired.cas.values():
            for address in (ca.address, *(copy.address for copy in ca.replicas)):
                pair = self._observed.pairs.get(address)
                if pair is not None and pair.signed_by and isinstance(pair.certificate, Certificates):
                    signers[pair.certificate.chain[0].fingerprint] = pair.signed_by
        return signers


#: Ends of the paths of what makes a client verify less, or another name (k8s.io/client-go/tools/clientcmd/api/v1 Cluster).
_LOOSE: Final = ("insecure-skip-tls-verify", "tls-server-name", "certificate-authority")


def files_of(component: Component) -> tuple[str, str]:
    """Where the certificate and the key of a component with a place are."""
    certificate, key = (component.place.file(end) if component.place is not None else "" for end in component.pair)
    return certificate, key


def _everything(observed: ObservedState) -> Iterator[tuple[str, CertificateFacts]]:
    """Every certificate that was seen, by fingerprint."""
    states: Iterable[CertificateState] = (
        *(pair.certificate for pair in observed.pairs.values()),
        *(bundle.certificates for bundle in observed.bundles.values()),
        *(state.certificate for state in observed.kubeconfigs.values() if isinstance(state, KubeconfigFile)),
    )
    for state in states:
        if isinstance(state, Certificates):
            yield from ((facts.fingerprint, facts) for facts in state.chain)


def _trouble(address: str, certificate: CertificateState, key: KeyState, file: str, key_file: str) -> Trouble | None:
    """Why a certificate and key cannot be presented."""
    if not isinstance(certificate, Certificates):
        return _file_trouble(address, "the certificate", certificate, file)
    if not isinstance(key, Key):
        return _file_trouble(address, "the key", key, key_file)
    if key.facts.spki_sha256 != certificate.chain[0].spki_sha256:
        files = f"{file} and {key_file}" if key_file != file else file
        message = f"the certificate and the key of {address} do not belong together ({files})"
        return Trouble(code="KeyMismatch", message=message)
    return None


def _file_trouble(address: str, what: str, state: Unusable | Absent, file: str) -> Trouble:
    if isinstance(state, Absent):
        return Trouble(code="Missing", message=f"{what} of {address} is missing ({file})")
    return Trouble(code="Unreadable", message=f"{what} of {address} cannot be used: {state.detail} ({file})")
