"""The check of modes: who else may read keys, and write what is trusted. Decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.cluster.model import File
from reconciler.health.context import Context, is_left_behind, private_key
from reconciler.health.model import HealthFinding
from reconciler.health.words import setting_of
from reconciler.observed.model import Absent, CombinedPair, FileMeta, Unusable

_GROUP_READS: Final = 0o040
_GROUP_WRITES: Final = 0o020
_OTHERS: Final = 0o007
_OTHERS_WRITE: Final = 0o002


def open_mode(context: Context) -> Iterator[HealthFinding]:
    """A private key that more than its owner can read, or a file in use that anybody can write."""
    for node, file in context.files():
        meta = _meta(file)
        if meta is None or is_left_behind(file):
            continue
        if private_key(file) is not None:
            yield from _key(node.name, file, meta)
        elif file.uses and meta.mode & _OTHERS_WRITE:
            yield HealthFinding(
                code="CPK615",
                severity="warning",
                node=node.name,
                path=file.path,
                setting=setting_of(file.uses),
                message=f"{file.path} can be written by anybody on the node: its mode is {meta.mode:04o}, not 0644",
                breaks="who writes it decides who is trusted or what is presented",
                mend=f"run `chmod 0644 {file.path}` on {node.name}, and look whether it is still what it was",
            )


def _key(node: str, file: File, meta: FileMeta) -> Iterator[HealthFinding]:
    """Beyond 0600; a group that is root's own may read (k0s has 0640), another one is worth knowing of."""
    everybody = meta.mode & _OTHERS
    wide = everybody or meta.mode & _GROUP_WRITES
    if not wide and not (meta.mode & _GROUP_READS and meta.gid):
        return
    yield HealthFinding(
        code="CPK615",
        severity="warning" if wide else "notice",
        node=node,
        path=file.path,
        setting=setting_of(file.uses),
        message=f"{file.path} holds a private key and is open to {'anybody' if everybody else f'group {meta.gid}'} on the node: "
        f"its mode is {meta.mode:04o}, not 0600",
        breaks="who reads the key can act as its owner until the certificate ends",
        mend=f"run `chmod 0600 {file.path}` on {node}, and replace the key if others were on the node",
    )


def _meta(file: File) -> FileMeta | None:
    content = file.content
    if isinstance(content, CombinedPair):
        return next((half.meta for half in (content.key, content.certificate) if not isinstance(half, Unusable)), None)
    return None if isinstance(content, Unusable | Absent) else content.meta
