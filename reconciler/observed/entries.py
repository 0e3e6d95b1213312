"""Kubeconfigs by their entries: from bytes to what each says, and from there to what concerns one desired kubeconfig."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec.structs import replace

from reconciler.desired.kubeconfig_entries import Entries
from reconciler.desired.model import Kubeconfig
from reconciler.observed.interpret import AFRESH, Readers, interpret_certificates, interpret_key
from reconciler.observed.look import KUBECONFIG, Lens, View
from reconciler.observed.model import (
    Absent,
    CertificateState,
    ClusterFacts,
    ContextFacts,
    FileMeta,
    KubeconfigEntries,
    KubeconfigFile,
    KubeconfigState,
    Unusable,
    UserFacts,
)
from reconciler.x509.errors import UnreadableError
from reconciler.x509.read import Certificate, read_certificates

if TYPE_CHECKING:
    from reconciler.x509.kubeconfig_entries import ParsedCluster, ParsedUser

_Facts = TypeVar("_Facts", ClusterFacts, UserFacts, ContextFacts)


def interpret_entries(
    data: bytes, meta: FileMeta, readers: Readers = AFRESH
) -> tuple[KubeconfigEntries | Unusable, Certificate | None]:
    """A kubeconfig, by all its entries; of no certificate in it is it asked here who signed it."""
    from reconciler.x509.kubeconfig_entries import parse_entries  # noqa: PLC0415 - only kubeconfigs for people need it

    try:
        parsed = parse_entries(data)
    except UnreadableError as error:
        return Unusable(problem=error.problem, detail=error.detail), None
    clusters = {name: _cluster(name, each, readers) for name, each in parsed.clusters.items()}
    users = {name: _user(each, meta, readers) for name, each in parsed.users.items()}
    contexts = {
        name: ContextFacts(cluster=each.cluster, user=each.user, namespace=each.namespace, extras=each.extras)
        for name, each in parsed.contexts.items()
    }
    found = KubeconfigEntries(
        clusters=clusters, users=users, contexts=contexts, current=parsed.current, extras=parsed.extras, meta=meta
    )
    return found, None


ENTRIES: Final = Lens(name="kubeconfig-entries", sees=KubeconfigEntries, interpret=interpret_entries)


def see_kubeconfig(
    view: View, wanted: Kubeconfig, path: str, *, user: str = "", afresh: bool = False
) -> tuple[KubeconfigState, Certificate | None]:
    """A desired kubeconfig as it is, and its client certificate if it had to be parsed.

    Args:
        view: the files.
        wanted: decides whether the current context or the entries count.
        path: of the file, or of the one that it is a copy of.
        user: whose certificate it is asked for, when there are several.
        afresh: read and parse it whatever is known of it.
    """
    if wanted.entries is None:
        return view.look(KUBECONFIG, path, afresh=afresh)
    state, _ = view.look(ENTRIES, path, afresh=afresh)
    if not isinstance(state, KubeconfigEntries):
        return state, None
    return as_wanted(state, wanted.entries), _leaf(view.read(path), user or wanted.user_name) if afresh else None


def _leaf(data: bytes, user: str) -> Certificate | None:
    """The certificate of one user."""
    from reconciler.x509.kubeconfig_entries import parse_entries  # noqa: PLC0415 - see above

    try:
        return read_certificates(parse_entries(data).users[user].certificate_pem)[0]
    except (UnreadableError, KeyError):
        return None


def as_wanted(found: KubeconfigEntries, wanted: Entries) -> KubeconfigFile:
    """What concerns a desired kubeconfig in a file: in a merged one the entries of ours, and what is odd about these."""
    ours = {
        "clusters": {each.name for each in wanted.clusters},
        "users": {each.name for each in wanted.users},
        "contexts": {each.name for each in wanted.contexts},
    }
    current, extras = found.current, found.extras
    if wanted.merge:  # then the current context is another's, unless it is asked for
        current, extras = current if wanted.current else "", ()
    else:
        foreign = [
            f"{section}[{name}]" for section, names in ours.items() for name in getattr(found, section) if name not in names
        ]
        extras = (*extras, *foreign)
    kept = replace(
        found,
        clusters=_those(found.clusters, ours["clusters"]),
        users=_those(found.users, ours["users"]),
        contexts=_those(found.contexts, ours["contexts"]),
        current=current,
    )
    for entries in (kept.clusters, kept.users, kept.contexts):
        for each in entries.values():
            extras = (*extras, *each.extras)
    kept = replace(kept, extras=tuple(sorted(extras)))
    return kept.through(wanted.clusters[0].name, wanted.users[0].name)


def _those(entries: Mapping[str, _Facts], names: set[str]) -> dict[str, _Facts]:
    return {name: each for name, each in entries.items() if name in names}


def _cluster(name: str, parsed: ParsedCluster, readers: Readers) -> ClusterFacts:
    if not parsed.ca_pem:
        return ClusterFacts(server=parsed.server, extras=parsed.extras)
    try:
        chain, _ = readers.chain(parsed.ca_pem)
    except UnreadableError:
        extras = tuple(sorted((*parsed.extras, f"clusters[{name}].cluster.certificate-authority-data")))
        return ClusterFacts(server=parsed.server, extras=extras)
    return ClusterFacts(
        server=parsed.server,
        ca_fingerprints=tuple(each.fingerprint for each in chain),
        ca_keys=tuple(each.spki_sha256 for each in chain),
        extras=parsed.extras,
    )


def _user(parsed: ParsedUser, meta: FileMeta, readers: Readers) -> UserFacts:
    certificate: CertificateState = Absent()
    if parsed.certificate_pem:
        certificate, _ = interpret_certificates(parsed.certificate_pem, meta, readers)
    return UserFacts(
        certificate=certificate,
        key=interpret_key(parsed.key_pem, meta, readers) if parsed.key_pem else Absent(),
        certificate_path=parsed.certificate_path,
        key_path=parsed.key_path,
        extras=parsed.extras,
    )
