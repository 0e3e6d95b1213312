"""Kubeconfigs with entries are seen entry by entry; in a shared file nothing is looked at but what is ours."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from reconciler.desired.kubeconfig_entries import Entries, KubeCluster, KubeContext, KubeUser
from reconciler.desired.model import DesiredState
from reconciler.observed.cache import Cache
from reconciler.observed.gather import gather
from reconciler.observed.model import Absent, Certificates, KubeconfigEntries, KubeconfigFile, Unusable
from tests.observed.cluster import ADMIN, AUTHORITY, CLIENT, CONF, Cluster

LATER: Final = 10_000_000_000
FOREIGN: Final = "- name: other\n  user: {token: x}\n"


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """Everything in its place."""
    return Cluster(root=tmp_path).write()


def wanted(cluster: Cluster, **fields: object) -> DesiredState:
    """The administrator's kubeconfig, said by its entries."""
    desired = cluster.desired()
    plain = desired.kubeconfigs[CONF]
    entries = Entries(
        clusters=(KubeCluster(name="kubernetes", server=plain.server, cas=plain.cas),),
        users=(KubeUser(name="admin", component=ADMIN),),
        contexts=(KubeContext(name="admin@kubernetes", cluster="kubernetes", user="admin"),),
        current="admin@kubernetes",
    )
    return replace(desired, kubeconfigs={CONF: replace(plain, entries=replace(entries, **fields))})


def seen(desired: DesiredState, cache: Cache | None = None) -> KubeconfigFile | Unusable | Absent:
    """What was found of the kubeconfig."""
    return gather(desired, cache=cache).kubeconfigs[CONF]


def entries_of(desired: DesiredState) -> KubeconfigEntries:
    """The entries, of a file that can be used."""
    state = seen(desired)
    assert isinstance(state, KubeconfigFile)
    assert state.entries is not None
    return state.entries


def test_the_same_is_seen_as_by_the_current_context(cluster: Cluster) -> None:
    """What a client gets does not depend on how it is said; the component in it is the same, its signer checked."""
    plain, named = gather(cluster.desired()), gather(wanted(cluster))
    by_name = named.kubeconfigs[CONF]
    assert isinstance(by_name, KubeconfigFile)
    assert replace(by_name, entries=None) == plain.kubeconfigs[CONF]
    assert named.pairs[ADMIN] == plain.pairs[ADMIN]
    assert named.pairs[ADMIN].signed_by == AUTHORITY.certificate.facts.spki_sha256


@pytest.mark.parametrize(("merge", "extras"), [(True, ()), (False, ("users[other]",))])
def test_what_is_foreign(cluster: Cluster, merge: bool, extras: tuple[str, ...]) -> None:
    """In a shared file it is not there for us, in one of our own it is more than there should be."""
    cluster.put("admin.conf", cluster.kubeconfig() + FOREIGN.encode(), mode=0o600)
    found = entries_of(wanted(cluster, merge=merge))
    assert (sorted(found.users), found.extras) == (["admin"], extras)


@pytest.mark.parametrize(
    ("before", "added", "extra"),
    [
        ("    server:", "    insecure-skip-tls-verify: true\n", "clusters[kubernetes].cluster.insecure-skip-tls-verify"),
        ("    client-key-data:", "    token: x\n", "users[admin].user.token"),
        ("    client-key-data:", "    client-key: x\n", "users[admin].user.client-key"),
        ("    user: admin", "    extensions: []\n", "contexts[admin@kubernetes].context.extensions"),
    ],
)
def test_what_is_odd_about_our_own_entries(cluster: Cluster, before: str, added: str, extra: str) -> None:
    """By its place, also in a shared file."""
    text = cluster.path("admin.conf").read_text().replace(before, f"{added}{before}")
    cluster.put("admin.conf", text.encode(), mode=0o600)
    assert entries_of(wanted(cluster, merge=True)).extras == (extra,)


@pytest.mark.parametrize(
    ("current", "file", "expected"),
    [("", "kind", ""), ("", "", ""), ("admin@kubernetes", "kind", "kind"), ("admin@kubernetes", "", "")],
)
def test_the_context_in_use(cluster: Cluster, current: str, file: str, expected: str) -> None:
    """In a shared file it is ours only when it is asked for."""
    text = cluster.path("admin.conf").read_text().replace("current-context: admin@kubernetes", f'current-context: "{file}"')
    cluster.put("admin.conf", text.encode(), mode=0o600)
    assert entries_of(wanted(cluster, merge=True, current=current)).current == expected


def test_entries_that_are_not_there(cluster: Cluster) -> None:
    """Their component is missing, and so is what they hold."""
    cluster.put("admin.conf", b"kind: Config\n", mode=0o600)
    found = gather(wanted(cluster, merge=True))
    assert entries_of(wanted(cluster, merge=True)).users == {}
    assert (found.pairs[ADMIN].certificate, found.pairs[ADMIN].key) == (Absent(), Absent())


def test_a_name_that_stands_twice_makes_the_file_unusable(cluster: Cluster) -> None:
    """As it does for kubectl."""
    cluster.put("admin.conf", cluster.kubeconfig() + 2 * FOREIGN.encode(), mode=0o600)
    assert seen(wanted(cluster, merge=True)) == Unusable(
        problem="unparsable", detail="users holds one name twice, which kubectl refuses"
    )


def test_what_is_remembered_is_what_was_seen(cluster: Cluster) -> None:
    """Through the cache's file, and for a component that lives in the kubeconfig as well."""
    desired = wanted(cluster)
    first = Cache(now_ns=time.time_ns() + LATER)
    before = gather(desired, cache=first)
    second = Cache(now_ns=time.time_ns() + LATER)
    second.decode(first.encode())
    assert gather(desired, cache=second) == before
    leaf = before.pairs[ADMIN].certificate
    assert isinstance(leaf, Certificates)
    assert leaf.chain[0] == CLIENT.certificate.facts
