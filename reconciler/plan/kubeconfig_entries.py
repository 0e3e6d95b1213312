"""Kubeconfigs with several entries, or in a file that others write to: each entry is looked at as a kubeconfig of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Final

import msgspec
from msgspec.structs import replace

from reconciler.desired.kubeconfig_entries import Entries
from reconciler.observed.model import Absent, Certificates, Key, KubeconfigEntries, KubeconfigFile, Unusable
from reconciler.plan import kubeconfig_checks as whole
from reconciler.plan.checks_pair import unreadable_finding
from reconciler.plan.context import Decision, Situation
from reconciler.plan.foreign import blocks, foreign, settle
from reconciler.plan.kubeconfig_checks import KubeconfigContext
from reconciler.plan.kubeconfig_names import is_merged
from reconciler.plan.reasons import Action, Finding
from reconciler.plan.rotation.lifecycle import Lifecycle
from reconciler.plan.trust import anchors


class EntriesContext(msgspec.Struct, frozen=True, kw_only=True):
    """One kubeconfig, as the checks of its entries see it."""

    wanted: Entries
    whole: KubeconfigContext
    clusters: Mapping[str, KubeconfigContext]
    """By name: a kubeconfig that had this cluster alone."""
    users: Mapping[str, KubeconfigContext]
    situation: Situation

    @property
    def found(self) -> KubeconfigEntries | None:
        """The entries that are there; None where there is no usable file."""
        file = self.whole.found
        return file.entries if isinstance(file, KubeconfigFile) else None


def unreadable(context: EntriesContext) -> Iterator[Finding]:
    """The file cannot be used: one of our own is written anew, in one that is shared nothing is touched."""
    if isinstance(context.whole.found, Unusable):
        action = Action.NONE if context.wanted.merge else Action.REPAIR
        yield unreadable_finding(context.whole.found, action=action, path="file")


def entries_missing(context: EntriesContext) -> Iterator[Finding]:
    """Entries of ours are not in it."""
    if context.found is None:
        return
    kinds = _kinds(context.wanted, context.found)
    missing = [f"{kind} {name}" for kind, names, there in kinds for name in names if name not in there]
    if missing:
        yield whole.stale(f"it does not hold {', '.join(missing)}", "entries", planned=", ".join(missing))


def clusters_differ(context: EntriesContext) -> Iterator[Finding]:
    """A cluster entry points at another server, or trusts other CAs."""
    for name, view in context.clusters.items():
        if context.found is not None and name in context.found.clusters:
            findings = chain(whole.server_differs(view), whole.trust_differs(view))
            yield from (_of_entry("cluster", name, finding) for finding in findings)


def users_differ(context: EntriesContext) -> Iterator[Finding]:
    """A user entry does not hold its component's certificate and key, or that gets a new one."""
    for name, view in context.users.items():
        if context.found is not None and name in context.found.users:
            findings = chain(whole.follows_component(view), whole.identity_differs(view))
            yield from (_of_entry("user", name, finding) for finding in findings)


def contexts_differ(context: EntriesContext) -> Iterator[Finding]:
    """A context leads to another user, cluster or namespace."""
    for each in context.wanted.contexts:
        there = context.found.contexts.get(each.name) if context.found is not None else None
        if there is None:
            continue
        for field in ("cluster", "user", "namespace"):
            current, planned = getattr(there, field), getattr(each, field)
            if current != planned:
                message = f'context "{each.name}": it has another {field}'
                yield whole.stale(message, f"contexts.{each.name}.{field}", current=current, planned=planned)


def current_differs(context: EntriesContext) -> Iterator[Finding]:
    """Another context is in use."""
    found, planned = context.found, context.wanted.current
    if found is not None and planned and found.current != planned:
        yield whole.stale("another context is in use", "current_context", current=found.current, planned=planned)


def unusable_anchors(context: EntriesContext) -> Iterator[Finding]:
    """A file of CAs made elsewhere is missing or cannot be used."""
    for view in context.clusters.values():
        yield from whole.unusable_anchors(view)


ENTRIES_CHAIN: Final[tuple[Callable[[EntriesContext], Iterator[Finding]], ...]] = (
    lambda context: whole.missing(context.whole),  # Missing: no file -> create
    unreadable,  # Unreadable: no kubeconfig -> repair; of a shared one nothing is touched
    entries_missing,  # OutputStale: ours are not all there -> repair
    clusters_differ,  # OutputStale: another server, other CAs -> repair
    unusable_anchors,  # Unreadable: a file with further anchors -> held back
    users_differ,  # OutputStale: not its component's certificate and key -> repair
    contexts_differ,  # OutputStale: another user, cluster or namespace -> repair
    current_differs,  # OutputStale: another context in use -> repair
    lambda context: whole.extras(context.whole),  # OutputStale: more in it than there should be -> repair
    lambda context: whole.names_changed(context.whole),  # OutputStale: other names asked for -> repair
    lambda context: whole.reissue_requested(context.whole),  # ReissueRequested: --replace -> repair
    lambda context: whole.file_drift(context.whole),  # ModeDrift, OwnerDrift -> repair
)


def decide_entries(
    context: KubeconfigContext,
    entries: Entries,
    situation: Situation,
    lives: Mapping[str, Lifecycle],
    components: Mapping[str, Decision],
) -> Decision | None:
    """Decides about one kubeconfig with entries; None when there is nothing to say."""
    seen = EntriesContext(
        wanted=entries,
        whole=context,
        clusters={each.name: _cluster_view(context, index, situation, lives) for index, each in enumerate(entries.clusters)},
        users={each.name: _user_view(context, index, situation, lives, components) for index, each in enumerate(entries.users)},
        situation=situation,
    )
    findings = tuple(chain.from_iterable(check(seen) for check in ENTRIES_CHAIN))
    if not findings:
        return None
    address, writes = context.desired.address, any(finding.reason not in whole.FILE_ONLY for finding in findings)
    if writes and not situation.may_overwrite(address):
        findings = (*findings, *_strangers(seen))
    views = (*seen.clusters.values(), *seen.users.values())
    if writes and any(map(whole.awaits, views)) and not any(blocks(finding) for finding in findings):
        return Decision(address=address, kind="kubeconfig", action=Action.NONE, findings=findings, waits=True)
    held = next((held_by for view in views if (held_by := whole.held_by(view))), "")
    return settle(address, "kubeconfig", findings, held_by=held if writes else "")


def _cluster_view(
    context: KubeconfigContext, index: int, situation: Situation, lives: Mapping[str, Lifecycle]
) -> KubeconfigContext:
    """The kubeconfig as if it had this cluster, and its first user."""
    entries = context.desired.entries
    assert entries is not None  # noqa: S101 - whoever asks has entries
    cluster = entries.clusters[index]
    desired = replace(context.desired, server=cluster.server, cas=cluster.cas, files=cluster.files, cluster_name=cluster.name)
    wanted = context.wanted if index == 0 else anchors(desired, lives, situation)
    return replace(context, desired=desired, found=_through(context, cluster.name, desired.user_name), wanted=wanted)


def _user_view(
    context: KubeconfigContext,
    index: int,
    situation: Situation,
    lives: Mapping[str, Lifecycle],
    components: Mapping[str, Decision],
) -> KubeconfigContext:
    """The kubeconfig as if it had this user, and its first cluster."""
    entries = context.desired.entries
    assert entries is not None  # noqa: S101 - whoever asks has entries
    user = entries.users[index]
    component, pair = situation.desired.components[user.component], situation.pair(user.component)
    desired = replace(
        context.desired,
        component=user.component,
        user_name=user.name,
        embed=user.embed,
        client_certificate=user.client_certificate,
        client_key=user.client_key,
    )
    return replace(
        context,
        desired=desired,
        component=component,
        authority=lives[component.ca].behind(component, pair),
        pair=pair,
        decision=components.get(user.component),
        found=_through(context, desired.cluster_name, user.name),
    )


def _through(context: KubeconfigContext, cluster: str, user: str) -> KubeconfigFile | Unusable | Absent:
    found = context.found
    return found.entries.through(cluster, user) if isinstance(found, KubeconfigFile) and found.entries is not None else found


def _strangers(context: EntriesContext) -> Iterator[Finding]:
    """What is not ours and would be overwritten."""
    path, found, record = context.whole.desired.place.absolute, context.found, context.whole.record
    if not context.wanted.merge:
        was_shared = record is not None and is_merged(record.requested)
        if (record is None or was_shared) and whole.is_foreign(context.whole):
            yield foreign(path, "it holds entries of somebody else; take them out, or set merge: true")
        return
    if record is not None or found is None:
        return
    for name, view in context.clusters.items():
        if name in found.clusters and not _is_our_cluster(view, found):
            yield foreign(path, f'it has another cluster "{name}", which was not written here; choose another clusterName')
    for name, view in context.users.items():
        if name in found.users and not _is_our_user(view, found):
            yield foreign(path, f'it has another user "{name}", which was not written here; choose another userName')
    for each in context.wanted.contexts:
        there = found.contexts.get(each.name)
        if there is not None and (there.cluster, there.user) != (each.cluster, each.user):
            yield foreign(path, f'it has another context "{each.name}", which was not written here; choose another contextName')


def _is_our_cluster(view: KubeconfigContext, found: KubeconfigEntries) -> bool:
    there = found.clusters[view.desired.cluster_name]
    known = bool(view.wanted.keys & set(there.ca_keys)) or bool(view.desired.files)
    return there.server == view.desired.server and known and not there.extras


def _is_our_user(view: KubeconfigContext, found: KubeconfigEntries) -> bool:
    """Whether a CA of ours issued what the user holds, or it refers to the component's own files."""
    there = found.users[view.desired.user_name]
    if there.extras:
        return False
    if isinstance(there.certificate, Certificates):
        authority, leaf = view.authority.certificate, there.certificate.chain[0]
        elsewhere = view.component.kubeconfig != view.desired.address
        own_key = isinstance(view.pair.key, Key) and view.pair.key.facts.spki_sha256 == leaf.spki_sha256
        return (elsewhere and own_key) or (authority is not None and leaf.aki == authority.ski)
    return (there.certificate_path, there.key_path) == (view.desired.client_certificate, view.desired.client_key)


def _kinds(wanted: Entries, found: KubeconfigEntries) -> Iterator[tuple[str, list[str], Mapping[str, object]]]:
    yield "cluster", [each.name for each in wanted.clusters], found.clusters
    yield "user", [each.name for each in wanted.users], found.users
    yield "context", [each.name for each in wanted.contexts], found.contexts


def _of_entry(kind: str, name: str, finding: Finding) -> Finding:
    return replace(finding, message=f'{kind} "{name}": {finding.message}', path=f"{kind}s.{name}.{finding.path}")
