"""Kubeconfigs with several entries: put together from several certificates and CAs, and merged into files of others."""

from __future__ import annotations

import os

from msgspec.structs import replace

from reconciler.apply.material import Pair, current_pair, trusted
from reconciler.apply.run import BlockedError, Run
from reconciler.desired.kubeconfig_entries import Entries, KubeUser
from reconciler.desired.model import Access, Kubeconfig
from reconciler.desired.place import Place
from reconciler.observed.model import Absent
from reconciler.plan.inventory import Record
from reconciler.plan.kubeconfig_names import recorded_names
from reconciler.stores.errors import StoreError
from reconciler.stores.publication import OutFile, digest_of
from reconciler.stores.read import ReadFile, content_of
from reconciler.stores.single import write_single
from reconciler.x509.errors import UnreadableError
from reconciler.x509.kubeconfig_entries import Contents, cluster_fields, context_fields, render_entries, user_fields
from reconciler.x509.kubeconfig_merge import merge, without
from reconciler.x509.outputs import fullchain


def entries_file(run: Run, desired: Kubeconfig, entries: Entries, pair: Pair | None, *, of: str) -> OutFile:
    """The file of a kubeconfig with entries.

    Args:
        run: for certificates and keys.
        desired: the kubeconfig.
        entries: its entries.
        pair: what the user of a component embeds; None to refer to files.
        of: that component, while it is published: others that are not there yet come later. Empty for the first user's.

    Raises:
        BlockedError, StoreError, UnreadableError: something that it is made from, or the file to merge into, cannot be used.
    """
    contents = _contents(run, entries, pair, of)
    if not entries.merge:
        return OutFile(suffix="", data=render_entries(contents), mode=desired.access.mode)
    record, there = run.records.get(desired.address), _there(run, desired.place)
    data = merge(there, contents, recorded_names(record.requested) if record else {})
    return OutFile(suffix="", data=data, mode=desired.access.mode, made_from=digest_of(there))


def access_of(run: Run, desired: Kubeconfig) -> Access:
    """Whose the file will be: one that is shared stays whose it is, when nothing else is asked for."""
    if desired.entries is None or not desired.entries.merge or desired.access.owner is not None:
        return desired.access
    found = run.store.read(desired.place.absolute)
    if not isinstance(found, ReadFile) or found.identity.uid == os.geteuid():
        return desired.access
    group = found.identity.gid if desired.access.group is None else desired.access.group
    return replace(desired.access, owner=found.identity.uid, group=group)


def take_out(run: Run, record: Record) -> None:
    """Takes our entries out of a file that is shared; a file in which nothing is left goes.

    Raises:
        StoreError, UnreadableError: the file is untouched.
    """
    place = Place(store="", root=record.root, path=record.path, layout=record.layout)
    found = run.store.read(place.absolute)
    if isinstance(found, Absent):
        return
    left = without(content_of(found, place.absolute), recorded_names(record.requested))
    if not left:
        run.store.remove(place, ("",))
    elif isinstance(found, ReadFile):
        identity = found.identity
        own = identity.uid == os.geteuid()
        uid, gid = (None, None) if own else (identity.uid, identity.gid)
        write_single(place, left, mode=found.meta.mode, uid=uid, gid=gid, made_from=digest_of(found.data))


def _contents(run: Run, entries: Entries, pair: Pair | None, of: str) -> Contents:
    bearer = entries.users[0].name if not of else next(each.name for each in entries.users if each.embed and each.component == of)
    users = {}
    for user in entries.users:
        fields = _fields(pair, user) if user.name == bearer else _other(run, user, lenient=bool(of))
        if fields is not None:
            users[user.name] = fields
    clusters = {
        each.name: cluster_fields(each.server, b"".join(certificate.pem for certificate in trusted(run, each)))
        for each in entries.clusters
    }
    contexts = {
        each.name: context_fields(each.cluster, each.user, each.namespace) for each in entries.contexts if each.user in users
    }
    sections = {"clusters": clusters, "contexts": contexts, "users": users}
    return Contents(sections=sections, current=entries.current, otherwise=entries.contexts[0].name)


def _fields(pair: Pair | None, user: KubeUser) -> dict[str, str]:
    if pair is None or not user.embed:
        return user_fields(user.client_certificate, user.client_key)
    return user_fields(fullchain(pair[0]), pair[1].pem())


def _other(run: Run, user: KubeUser, *, lenient: bool) -> dict[str, str] | None:
    """None for a component that is not there yet, while another one is published."""
    if not user.embed:
        return _fields(None, user)
    try:
        return _fields(current_pair(run, run.desired.components[user.component]), user)
    except (BlockedError, StoreError, UnreadableError):
        if not lenient:
            raise
        return None


def _there(run: Run, place: Place) -> bytes:
    found = run.store.read(place.absolute)
    return b"" if isinstance(found, Absent) else content_of(found, place.absolute)
