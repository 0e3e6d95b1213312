"""Material for trials from disk: the files themselves, read again for the few that a trial is made with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.desired.kubeconfig_reading import read_as
from reconciler.desired.model import Component, DesiredState
from reconciler.proof.credentials import Credentials, certificates_pem
from reconciler.proof.trials import UnavailableError
from reconciler.stores.disk import DISK
from reconciler.stores.read import ReadFile
from reconciler.stores.store import Store
from reconciler.trust.scene import Party, Trust, files_of
from reconciler.x509 import outputs
from reconciler.x509.errors import UnreadableError
from reconciler.x509.keys import PrivateKey
from reconciler.x509.read import Certificate, read_certificates


class Published:
    """What the places of a desired state hold. What has changed since it was looked at is not used."""

    def __init__(self, desired: DesiredState, store: Store = DISK) -> None:
        """Takes where the files are."""
        self._desired = desired
        self._store = store
        self._credentials: dict[str, tuple[tuple[Certificate, ...], PrivateKey]] = {}
        self._anchors: dict[str, tuple[Certificate, ...]] = {}

    def credentials(self, party: Party, signers: Mapping[str, str]) -> Credentials:
        """The certificate and key of a component or kubeconfig."""
        del signers
        if party.address not in self._credentials:
            try:
                self._credentials[party.address] = self._read(party.address)
            except UnreadableError as error:
                msg = f"the files of {party.address} cannot be used any more: {error}"
                raise UnavailableError(msg) from None
        chain, key = self._credentials[party.address]
        return Credentials(chain=_those(chain, [each.fingerprint for each in party.chain], party.address), key=key)

    def anchors(self, trust: Trust, signers: Mapping[str, str]) -> bytes:
        """The certificates of a bundle, kubeconfig or CA."""
        del signers
        if trust.address not in self._anchors:
            try:
                data = self._bytes(trust.file)
                holder = self._desired.kubeconfigs.get(trust.address)
                text = data if holder is None else read_as(holder, data).ca_pem
                self._anchors[trust.address] = read_certificates(text)
            except UnreadableError as error:
                msg = f"{trust.file} cannot be used any more: {error}"
                raise UnavailableError(msg) from None
        return certificates_pem(_those(self._anchors[trust.address], sorted(trust.fingerprints), trust.address))

    def _read(self, address: str) -> tuple[tuple[Certificate, ...], PrivateKey]:
        component = self._desired.components.get(address)
        if component is not None and component.place is not None:
            return self._pair(component)
        holder = self._desired.kubeconfigs[component.kubeconfig if component is not None else address]
        parsed = read_as(holder, self._bytes(holder.place.absolute), address)
        return read_certificates(parsed.certificate_pem), PrivateKey.from_pem(parsed.key_pem)

    def _pair(self, component: Component) -> tuple[tuple[Certificate, ...], PrivateKey]:
        certificate, key = files_of(component)
        if certificate == key:
            chain, secret = outputs.separate(self._bytes(certificate))
        else:
            chain, secret = self._bytes(certificate), self._bytes(key)
        return read_certificates(chain), PrivateKey.from_pem(secret)

    def _bytes(self, path: str) -> bytes:
        found = self._store.read(path)
        if isinstance(found, ReadFile):
            return found.data
        msg = f"{path} is gone, or cannot be read, since it was looked at"
        raise UnavailableError(msg)


def _those(certificates: Sequence[Certificate], fingerprints: Sequence[str], address: str) -> tuple[bytes, ...]:
    """The DER of those that were seen, in the order of the fingerprints."""
    known = {certificate.facts.fingerprint: certificate.der for certificate in certificates}
    if any(fingerprint not in known for fingerprint in fingerprints):
        msg = f"the files of {address} have changed since they were looked at"
        raise UnavailableError(msg)
    return tuple(known[fingerprint] for fingerprint in fingerprints)
