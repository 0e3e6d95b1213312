"""Checks of files as such: are they there, can they be understood. Decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.cluster.model import File, Kubeconfig
from reconciler.health.context import Context, is_left_behind
from reconciler.health.effects import effect
from reconciler.health.model import HealthFinding
from reconciler.health.words import setting_of, users_of
from reconciler.observed.model import Absent, CombinedPair, Unusable

#: kubeadm removes bootstrap-kubelet.conf after the join, and kubelet's unit goes on naming it.
_OPTIONAL: Final = frozenset({"bootstrap"})


def missing(context: Context) -> Iterator[HealthFinding]:
    """A setting names a file that is not there."""
    for node, file in context.files():
        if isinstance(file.content, Absent) and any(use.purpose not in _OPTIONAL for use in file.uses):
            what = f"is a link to {file.link}, which is not there" if file.link else "is not there"
            yield HealthFinding(
                code="CPK601",
                severity="error",
                node=node.name,
                path=file.path,
                setting=setting_of(file.uses),
                message=f"{file.path} {what}; it is named by {users_of(file)}",
                breaks=f"the process does not start, or starts without it: {effect(file.uses)}",
                mend=f"put the file back from a backup, or issue it again; the setting stands in {_sources(file)}",
            )


def unreadable(context: Context) -> Iterator[HealthFinding]:
    """A file that is used cannot be understood: empty, cut short, encrypted, of another kind."""
    for node, file in context.files():
        if (problem := _problem(file)) and (file.uses or node.layout == "files"):
            yield HealthFinding(
                code="CPK602",
                severity="error" if file.uses else "warning",
                node=node.name,
                path=file.path,
                setting=setting_of(file.uses),
                message=f"{file.path} cannot be used: {problem}",
                breaks=effect(file.uses),
                mend=_mend_unreadable(file),
            )


def configuration(context: Context) -> Iterator[HealthFinding]:
    """A manifest, unit or configuration could not be understood, so that what it names was not looked at."""
    for node in context.cluster.nodes:
        for unread in node.unread:
            yield HealthFinding(
                code="CPK603",
                severity="warning",
                node=node.name,
                path=unread.path,
                message=f"{unread.path} was not understood: {unread.problem.rstrip('.')}",
                breaks="what it names was not looked at: these findings may be incomplete",
                mend="correct the file, or run this as a user who may read it",
            )


def _problem(file: File) -> str:
    content = file.content
    if is_left_behind(file):
        return ""
    if isinstance(content, Unusable):
        return _told(content)
    if isinstance(content, CombinedPair):
        halves = {"certificate": content.certificate, "key": content.key}
        return next((f"its {name}: {_told(half)}" for name, half in halves.items() if isinstance(half, Unusable)), "")
    if isinstance(content, Kubeconfig):
        return _problem_within(content)
    return ""


def _problem_within(content: Kubeconfig) -> str:
    for entry in content.entries:
        for what, found, path in (
            ("certificate-authority-data", entry.trust, entry.trust_path),
            ("client-certificate-data", entry.certificate, entry.certificate_path),
            ("client-key-data", entry.key, entry.key_path),
        ):
            if isinstance(found, Unusable) and not path:
                return f"{what} of user {entry.user}: {_told(found)}"
    return ""


def _told(found: Unusable) -> str:
    return found.detail.rstrip(".") or found.problem


def _mend_unreadable(file: File) -> str:
    if isinstance(file.content, Unusable) and file.content.problem == "permission-denied":
        return "run this as a user who may read it"
    if isinstance(file.content, Unusable) and file.content.problem == "encrypted":
        return f"write it without its passphrase, as `openssl pkey -in {file.path}` prints it, or issue it again"
    return "put it back from a backup or another node, or issue it again"


def _sources(file: File) -> str:
    return " and ".join(sorted({use.source for use in file.uses}))
