"""The check of what control-plane nodes share. Decisions."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.health.context import Context
from reconciler.health.effects import effect
from reconciler.health.model import HealthFinding
from reconciler.health.shared import Version, common_keys, differing
from reconciler.health.words import instant, setting_of


def shared_files_differ(context: Context) -> Iterator[HealthFinding]:
    """A CA or token key is not the same on every node that has it."""
    for versions in differing(context):
        first = versions[0].files[0]
        same_keys = len({version.keys for version in versions}) == 1
        what = "the same key in different certificates" if same_keys else "different keys"
        yield HealthFinding(
            code="CPK613",
            severity="warning" if common_keys(versions) else "error",
            node="",
            path=first.path,
            setting=setting_of(first.uses),
            message=f"{first.path} is not the same on every node, it holds {what}: "
            f"{'; '.join(map(_dates if same_keys else _keys, versions))}",
            breaks="a copy that was not renewed ends before the others"
            if same_keys
            else f"what one node issued or signed is refused by another: {effect(first.uses)}",
            mend="copy the newest certificate to the other nodes"
            if same_keys
            else "find out which of them signed what is in use, and copy it with its key to the other nodes",
        )


def _keys(version: Version) -> str:
    return f"{_where(version)} has {', '.join(f'sha256:{each[:16]}…' for each in sorted(version.keys))}"


def _dates(version: Version) -> str:
    ends = [facts.not_after for file in version.files for facts in file.chain]
    return f"{_where(version)} ends on {', '.join(map(instant, ends))}"


def _where(version: Version) -> str:
    return f"{version.node}:{', '.join(file.path for file in version.files)}"
