"""What was found: one case per kind of surprise, facts instead of bytes, and never a key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

import msgspec

from reconciler.x509.facts import AskedFacts, CertificateFacts, CrlFacts, KeyFacts


def source_address(address: str) -> str:
    """``component.api[w-1]@source``: where what was found of the original of a copy stands among what was found."""
    return f"{address}@source"


class Struct(msgspec.Struct, frozen=True, kw_only=True):
    """Base: immutable, and storable in the observation cache."""


class FileMeta(Struct, frozen=True, kw_only=True):
    """What `stat` says about a file that was read (through symlinks)."""

    mode: int
    """Permission bits only, such as 0o600; `desired.vault.NO_MODE` where a store keeps none."""
    uid: int
    gid: int


class Absent(Struct, frozen=True, kw_only=True, tag="absent"):
    """Nothing there (a dangling symlink counts as nothing)."""


#: The problem of what stands on a server that cannot be asked now.
UNREACHABLE: Final = "unreachable"


class Unusable(Struct, frozen=True, kw_only=True, tag="unusable"):
    """Something is there that cannot be used, or it cannot be told what is there."""

    problem: str
    """One of: ``not-a-file``, ``too-large``, ``permission-denied``, ``io-error``, ``unreachable``, ``empty``, ``not-pem``,
    ``truncated``, ``wrong-type``, ``encrypted``, ``unparsable``."""
    detail: str
    """One sentence for people; never file content."""


class Certificates(Struct, frozen=True, kw_only=True, tag="certificates"):
    """One or more certificates of a file, in its order (leaf first)."""

    chain: tuple[CertificateFacts, ...]
    meta: FileMeta
    plain: bool = True
    """Whether the file is these certificates and nothing else, byte for byte as we write them."""


class Key(Struct, frozen=True, kw_only=True, tag="key"):
    """A private key, by its facts."""

    facts: KeyFacts
    meta: FileMeta


class HeldKey(Struct, frozen=True, kw_only=True):
    """The key of a CA that an engine of a server keeps and signs with."""

    reference: str
    """What the server calls it: an issuer's id, a key's name."""
    facts: KeyFacts
    certificate: CertificateFacts | None = None
    """The one that it keeps beside it; None without one."""
    generation: int = 0
    """By its name; 0 when the name does not say."""
    name: str = ""
    """What people call it there; empty when it has no name."""
    default: bool = False
    """Whether the server signs with it unless told otherwise."""

    def named(self, reference: str) -> bool:
        """Whether it is the one that a reference means: its id or name, or the default where there is no reference."""
        return reference in {self.reference, self.name} if reference else self.default


class CombinedPair(Struct, frozen=True, kw_only=True, tag="combined-pair"):
    """A file with certificates and their key, each half judged for itself."""

    certificate: Certificates | Unusable
    key: Key | Unusable


class PublicKey(Struct, frozen=True, kw_only=True, tag="public-key"):
    """The .pub of a keypair: whose signatures are accepted."""

    spki_sha256: str
    """Of the first key in it."""
    others: tuple[str, ...] = ()
    """Of each further key."""
    meta: FileMeta

    @property
    def keys(self) -> tuple[str, ...]:
        """SHA-256 of every key in the file, in its order."""
        return (self.spki_sha256, *self.others)


class DerivedOutput(Struct, frozen=True, kw_only=True, tag="derived"):
    """A derived file by what it says: certificates in order by SHA-256 fingerprint, and the key in it if any."""

    fingerprints: tuple[str, ...]
    spki_sha256: str
    """Of the private key it carries; empty when none."""
    digest: str = ""
    """Of what it says beside the certificates; empty where that is nothing."""
    meta: FileMeta


class KubeconfigFile(Struct, frozen=True, kw_only=True, tag="kubeconfig"):
    """A kubeconfig by the meaning of its current context."""

    server: str
    ca_fingerprints: tuple[str, ...]
    """SHA-256 of each certificate in certificate-authority-data, in order; empty when there is none."""
    ca_keys: tuple[str, ...] = ()
    """SHA-256 of the public key of each."""
    cluster_name: str
    user_name: str
    context: str
    certificate: Certificates | Unusable | Absent
    """What client-certificate-data holds."""
    key: Key | Unusable | Absent
    client_certificate_path: str
    client_key_path: str
    """File references of the user entry; empty when data is embedded."""
    extras: tuple[str, ...]
    """Everything that a generated kubeconfig would not hold, by its place (``users[1]``,
    ``clusters[0].cluster.insecure-skip-tls-verify``); sorted."""
    meta: FileMeta
    entries: KubeconfigEntries | None = None
    """Of a kubeconfig that is desired with entries: those that are ours by name."""

    def of_user(self, user: str) -> UserFacts:
        """The certificate and key of a user; without entries there is one."""
        if self.entries is None or user == self.user_name:
            return UserFacts(certificate=self.certificate, key=self.key)
        return self.entries.users.get(user, UserFacts())

    def trusted_in(self, cluster: str) -> tuple[str, ...]:
        """SHA-256 of the public key of each CA that is trusted in a cluster."""
        return self.ca_keys if self.entries is None else self.entries.clusters.get(cluster, ClusterFacts()).ca_keys


class ClusterFacts(Struct, frozen=True, kw_only=True):
    """A cluster entry of a kubeconfig."""

    server: str = ""
    ca_fingerprints: tuple[str, ...] = ()
    ca_keys: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()


class UserFacts(Struct, frozen=True, kw_only=True):
    """A user entry of a kubeconfig."""

    certificate: Certificates | Unusable | Absent = Absent()
    key: Key | Unusable | Absent = Absent()
    certificate_path: str = ""
    key_path: str = ""
    extras: tuple[str, ...] = ()


class ContextFacts(Struct, frozen=True, kw_only=True):
    """A context of a kubeconfig."""

    cluster: str
    user: str
    namespace: str = ""
    extras: tuple[str, ...] = ()


class KubeconfigEntries(Struct, frozen=True, kw_only=True, tag="kubeconfig-entries"):
    """A kubeconfig by its entries, each by its name."""

    clusters: Mapping[str, ClusterFacts]
    users: Mapping[str, UserFacts]
    contexts: Mapping[str, ContextFacts]
    current: str
    extras: tuple[str, ...]
    """Of the file itself, and of each entry in it."""
    meta: FileMeta

    def through(self, cluster: str, user: str) -> KubeconfigFile:
        """The file as it is for somebody who uses one cluster and one user of it; what is not there is empty."""
        server, identity = self.clusters.get(cluster, ClusterFacts()), self.users.get(user, UserFacts())
        return KubeconfigFile(
            server=server.server,
            ca_fingerprints=server.ca_fingerprints,
            ca_keys=server.ca_keys,
            cluster_name=cluster,
            user_name=user,
            context=self.current,
            certificate=identity.certificate,
            key=identity.key,
            client_certificate_path=identity.certificate_path,
            client_key_path=identity.key_path,
            extras=self.extras,
            meta=self.meta,
            entries=self,
        )


class RevocationLists(Struct, frozen=True, kw_only=True, tag="revocation-lists"):
    """A file with one revocation list, or with one of each generation of a CA."""

    lists: tuple[CrlFacts, ...]
    """In the order of the file."""
    signers: tuple[str, ...]
    """SPKI SHA-256 of the CA of ours that verifiably signed each; empty when none did."""
    meta: FileMeta


CertificateState = Certificates | Unusable | Absent
KeyState = Key | Unusable | Absent
DerivedState = DerivedOutput | Unusable | Absent
KubeconfigState = KubeconfigFile | Unusable | Absent
PublicKeyState = PublicKey | Unusable | Absent
CrlState = RevocationLists | Unusable | Absent


class ObservedPair(Struct, frozen=True, kw_only=True):
    """The files of a CA, a CA replica or a component."""

    certificate: CertificateState
    key: KeyState
    outputs: Mapping[str, DerivedState] = {}
    """Of each wanted output other than pem."""
    owned: bool = False
    """Whether the files stand in a generation of ours that names this address (survives the loss of the state directory)."""
    signed_by: str = ""
    """SPKI SHA-256 of the desired CA whose key verifiably signed the first certificate; empty when none did."""


class ObservedBundle(Struct, frozen=True, kw_only=True):
    """A bundle file."""

    certificates: CertificateState


class ObservedKeypair(Struct, frozen=True, kw_only=True):
    """The files of one replica of a keypair."""

    key: KeyState
    public: PublicKeyState


class AskedFile(Struct, frozen=True, kw_only=True, tag="asked"):
    """A signing request that waits for its certificate."""

    asked: AskedFacts


class Returned(Struct, frozen=True, kw_only=True, tag="returned"):
    """What an external CA is said to have answered, at the place where its certificate is expected."""

    leaf: CertificateFacts
    """The certificate of the key that waits, wherever it stands in the file; else the first one."""
    signed_by: str
    """SPKI SHA-256 of the desired CA whose key verifiably signed it; empty when none did."""


class ObservedRequest(Struct, frozen=True, kw_only=True):
    """What stands beside a component whose certificate is asked of an external CA."""

    key: KeyState
    request: AskedFile | Unusable | Absent
    answer: Returned | Unusable | Absent


class ObservedCrl(Struct, frozen=True, kw_only=True):
    """The files of a revocation list at one place."""

    files: Mapping[str, CrlState]
    """By format."""
    owned: bool = False
    """Whether they stand in a generation of ours that names this address."""


class Served(Struct, frozen=True, kw_only=True):
    """What an endpoint presented when it was last asked, against what is on disk."""

    state: Literal["ok", "stale", "unreachable"]
    """ok: the certificate on disk; stale: another one; unreachable: none was seen."""
    endpoint: str
    """``host:port``."""
    at: datetime
    presented: str = ""
    """SHA-256 fingerprint of the certificate that was presented; empty when none was seen."""
    expected: str = ""
    """SHA-256 fingerprint of the certificate on disk."""
    detail: str = ""
    """One sentence for people: why it could not be reached, or which certificate it presents instead."""


class ObservedState(Struct, frozen=True, kw_only=True):
    """Everything that was looked at, by address.

    CA replicas stand under their own addresses in `pairs`, and the generations beside a CA under ``ca.NAME@gN``; likewise
    those of keypairs.
    """

    pairs: Mapping[str, ObservedPair]
    bundles: Mapping[str, ObservedBundle]
    kubeconfigs: Mapping[str, KubeconfigState]
    keypairs: Mapping[str, ObservedKeypair]
    """By replica address."""
    anchors: Mapping[str, CertificateState] = {}
    """Files with anchors of CAs made elsewhere, by absolute path."""
    generations: Mapping[str, tuple[int, ...]] = {}
    """The numbers of the generations that stand beside a CA's or keypair's own files, by its address; ascending."""
    crls: Mapping[str, ObservedCrl] = {}
    held: Mapping[str, tuple[HeldKey, ...] | Unusable] = {}
    """The keys that servers keep for CAs, by the CA's address: all those in the same engine; or why that cannot be told."""
    requests: Mapping[str, ObservedRequest] = {}
    """What waits for an external CA, by the address of its component; only where anything does."""
    owners: Mapping[str, int] = {}
    groups: Mapping[str, int] = {}
    """Ids of the user and group names that the desired state mentions; a name that does not exist is left out."""
