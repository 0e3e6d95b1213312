"""What a kubeconfig holds: one server and one certificate, or several entries of each kind, also beside somebody else's."""

from __future__ import annotations

import msgspec


class KubeCluster(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster entry: a server, and the CAs that its clients trust."""

    name: str
    server: str
    cas: tuple[str, ...]
    """Names of the CAs whose certificates become certificate-authority-data."""
    files: tuple[str, ...] = ()
    """Absolute paths, ``--root`` applied, of files with further anchors."""


class KubeUser(msgspec.Struct, frozen=True, kw_only=True):
    """A user entry: the certificate and key of a component."""

    name: str
    component: str
    """Its address."""
    embed: bool = True
    client_certificate: str = ""
    client_key: str = ""
    """With ``embed=False``: the paths written into the file."""


class KubeContext(msgspec.Struct, frozen=True, kw_only=True):
    """A context: a user on a cluster, in a namespace."""

    name: str
    cluster: str
    user: str
    namespace: str = ""


class Entries(msgspec.Struct, frozen=True, kw_only=True):
    """Everything in a kubeconfig that is ours; the first of each kind are what its plain fields say."""

    clusters: tuple[KubeCluster, ...]
    users: tuple[KubeUser, ...]
    contexts: tuple[KubeContext, ...]
    current: str = ""
    """The current context; empty to leave the one that is there."""
    merge: bool = False
    """Whether the rest of the file is somebody else's, and stays."""


class KubeconfigContent(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a kubeconfig."""

    component: str
    """Address of the component whose certificate and key it holds."""
    cas: tuple[str, ...]
    """Names of the CAs whose certificates become certificate-authority-data."""
    files: tuple[str, ...] = ()
    """Absolute paths, ``--root`` applied, of files with further anchors."""
    server: str
    cluster_name: str
    user_name: str
    embed: bool = True
    client_certificate: str = ""
    client_key: str = ""
    """With ``embed=False``: the paths written into the file, as the node itself sees them (without staging root)."""
    entries: Entries | None = None
    """All entries, when there is more to say than the fields above: further ones, a namespace, a file that is shared."""

    @property
    def components(self) -> tuple[str, ...]:
        """The components of all its users."""
        return (self.component,) if self.entries is None else tuple(each.component for each in self.entries.users)

    def user_of(self, component: str) -> str:
        """The user entry in which a component lives: the first that embeds it."""
        users = () if self.entries is None else self.entries.users
        return next((each.name for each in users if each.embed and each.component == component), self.user_name)

    @property
    def clusters(self) -> tuple[KubeCluster, ...]:
        """All its clusters."""
        first = KubeCluster(name=self.cluster_name, server=self.server, cas=self.cas, files=self.files)
        return (first,) if self.entries is None else self.entries.clusters
