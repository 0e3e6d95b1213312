"""The check of pairs. Decisions."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.health.context import Context
from reconciler.health.effects import effect
from reconciler.health.model import HealthFinding
from reconciler.health.pairs import pairs
from reconciler.health.words import setting_of, subject_of


def pair_mismatch(context: Context) -> Iterator[HealthFinding]:
    """A key is not that of the certificate it is used with."""
    for node in context.cluster.nodes:
        for pair in pairs(node):
            if pair.key.spki_sha256 == pair.certificate.spki_sha256:
                continue
            key = f"the key in {pair.path}" if pair.key_path == pair.path else pair.key_path
            yield HealthFinding(
                code="CPK608",
                severity="error" if pair.uses or node.layout == "files" else "warning",
                node=node.name,
                path=pair.path,
                setting=setting_of(pair.uses),
                message=f"{key} is not the key of {subject_of(pair.certificate)}: its public key is sha256:"
                f"{pair.key.spki_sha256[:16]}…, the certificate's is sha256:{pair.certificate.spki_sha256[:16]}…",
                breaks=f"a process that starts with this pair stops at once; {effect(pair.uses)}",
                mend="put back the key that the certificate was issued for, or issue a new certificate for a new key",
            )
